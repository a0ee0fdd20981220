//! Nothing is left of what has been removed, closed and given back.
//!
//! * [`script`]: what `statfs` counts is what is there, and nothing once all is removed.
//! * [`references`]: whoever stands on a filesystem gives back every reference, and closes every file, whatever fails.

use std::sync::Arc;

use gangplank_vfs::{
    Errno, FileSystem, FileType,
    layers::fault::{Calls, Fault},
};

use crate::{
    Fixture, Made, World,
    differential::{Rng, Rules, Run as _, Script, step::Env},
    faults::Stack,
};

/// The seeds of [`script`] that are tried.
pub const SCRIPTS: core::ops::Range<u64> = 8_000_000..8_000_060;

/// The seeds of [`references`] that are tried.
pub const REFERENCES: core::ops::Range<u64> = 9_000_000..9_000_080;

/// How many lines each of these scripts has.
pub const LEN: usize = 120;

/// Blocks and nodes that are used, as `statfs` says.
///
/// # Panics
/// If it fails.
pub fn used(fs: &dyn FileSystem) -> (u64, u64) {
    let statfs = fs.statfs().expect("how much is used");
    (statfs.blocks - statfs.bfree, statfs.files - statfs.ffree)
}

impl World {
    /// Removes everything.
    ///
    /// # Panics
    /// If the filesystem fails.
    pub fn remove_all(&self) {
        // What is below comes first.
        for path in self.paths().iter().rev() {
            let directory = self.node(path).expect("look up what is listed").file_type == FileType::Directory;
            let removed = if directory { self.rmdir(path) } else { self.unlink(path) };
            removed.unwrap_or_else(|e| panic!("remove {path}: {e}"));
        }
    }
}

/// Runs a random script, closes all files, and removes everything: in between what is used must be what is there, and
/// in the end nothing. For filesystems of which `statfs` counts every name, as [`MemFs`](gangplank_vfs::MemFs) and
/// [`QuotaFs`](gangplank_vfs::layers::quota::QuotaFs) do, and nothing but their own.
///
/// # Panics
/// If something else is used.
pub fn script(fixture: &dyn Fixture, seed: u64, len: usize) {
    let made = fixture.make();
    let fs: Arc<dyn FileSystem> = made.fs.clone();
    let script = Script::random(&mut Rng::new(seed), len, fs.info().caps);
    let before = used(&*fs);
    let world = World::new(made);
    {
        let mut env = Env::new(World::new(Made::new(fs.clone())), Rules { caps: fs.info().caps, rooted: false });
        for op in script.0.iter().filter(|op| op.verb != "fork") {
            env.step(op);
        }
        env.close_all();
    }
    let (names, there) = (used(&*fs).1 - before.1, world.paths().len() as u64);
    assert_eq!(names, there, "names used, and names that are there, after seed {seed}:\n{script}");
    world.remove_all();
    assert_eq!(used(&*fs), before, "blocks and names, when all is removed, after seed {seed}:\n{script}");
}

/// Runs a random script on a stack, one call in ten failing, drops everything, and looks into the ledger.
///
/// # Panics
/// If a reference has not been given back, or was given back twice; or a file is still open.
pub fn references(stack: Stack, seed: u64, len: usize) {
    let faults = stack.faults;
    let mut rng = Rng::new(seed);
    let world = World::new(stack.top);
    let caps = world.fs().info().caps;
    let script = Script::random(&mut rng, len, caps);
    let mut env = Env::new(world, Rules { caps, rooted: seed % 2 == 1 });
    for op in &script.0 {
        faults.arm(Calls::LOOKS | Calls::CHANGES, 1 + rng.below(20), Fault::Fail(Errno::IO));
        env.step(op);
    }
    faults.disarm();
    drop(env);
    let held = faults.ledger().held();
    assert!(held.is_empty(), "not given back after seed {seed}: {held:?}\n{script}");
}
