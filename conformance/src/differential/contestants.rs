//! Who can be called into a long differential run, by name.

use std::path::{Path, PathBuf};

use gangplank_vfs::host_fs::{HostFs, Options, Resolver};

use super::Player;
use crate::{Fixture, ForkFixture, Made, MemFixture, OverlayFixture, model::ModelPlayer};

/// A player with the name that a command line knows it by.
pub struct Contestant {
    /// Short, without blanks.
    pub name: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What it costs, and whom it can be compared with.
    pub class: Class,
    /// Itself.
    pub player: Box<dyn Player + Send + Sync>,
}

/// Contestants of one class play in the same rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// In this process, and with everything that a filesystem can have.
    Memory,
    /// In this process too; directories have no counts of links.
    Overlay,
    /// On the host, through `host_fs`.
    Host,
    /// Overlays with a layer on the host.
    HostOverlay,
    /// The kernel itself, by the rules of a `chroot`.
    Kernel,
}

/// All that can be had here, the judge first. Why the kernel cannot play, if it cannot.
pub fn all() -> (Vec<Contestant>, Option<String>) {
    let (memory, disk) = (memory(), std::env::temp_dir());
    let host = |name, parent: &Path, resolver| HostAt {
        name,
        parent: parent.to_owned(),
        options: Options { resolver, ..Options::default() },
    };
    let exclusive = Options { exclusive: true, ..Options::default() };
    let mut all = vec![
        one("model", "the reference model", Class::Memory, ModelPlayer),
        one("mem", "mem_fs", Class::Memory, MemFixture),
        one("fork", "a fork of mem_fs, whose original goes on", Class::Memory, ForkFixture),
        one("overlay", "an overlay over an empty layer", Class::Overlay, OverlayFixture::Mem),
        one("overlay-emptied", "over a full layer, all of it removed", Class::Overlay, OverlayFixture::Emptied),
        one("overlay-buried", "over an upper layer that hides a full one", Class::Overlay, OverlayFixture::Buried),
        one("overlay-fork", "a fork of one that was emptied", Class::Overlay, OverlayFixture::Fork),
        one("host", "host_fs on tmpfs", Class::Host, host("host on tmpfs", &memory, Resolver::Auto)),
        one("host-disk", "host_fs on disk", Class::Host, host("host on disk", &disk, Resolver::Auto)),
        one(
            "host-portable",
            "host_fs on tmpfs, with the fallback forced",
            Class::Host,
            host("host, portable", &memory, Resolver::Portable),
        ),
        one(
            "host-exclusive",
            "host_fs on tmpfs, which remembers names",
            Class::Host,
            HostAt { name: "host, exclusive", parent: memory.clone(), options: exclusive },
        ),
        one("overlay-mem-host", "memory over a directory", Class::HostOverlay, OverlayFixture::MemOverHost),
        one("overlay-host", "a directory over a directory", Class::HostOverlay, OverlayFixture::Host),
    ];
    let why = kernels(&mut all, memory, disk).err();
    (all, why)
}

fn one(
    name: &'static str,
    what: &'static str,
    class: Class,
    player: impl Player + Send + Sync + 'static,
) -> Contestant {
    Contestant { name, what, class, player: Box::new(player) }
}

#[cfg(target_os = "linux")]
fn kernels(all: &mut Vec<Contestant>, memory: PathBuf, disk: PathBuf) -> Result<(), String> {
    use super::kernel::{Bare, check};
    check()?;
    let bare = |name, what, parent| one(name, what, Class::Kernel, Bare::new(what, parent));
    all.push(bare("kernel", "the bare kernel on tmpfs", memory));
    all.push(bare("kernel-disk", "the bare kernel on disk", disk));
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn kernels(_: &mut Vec<Contestant>, _: PathBuf, _: PathBuf) -> Result<(), String> {
    Err("it is asked on Linux only".to_owned())
}

/// Where a filesystem in memory is mounted; else where temporary files are.
pub(crate) fn memory() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if cfg!(target_os = "linux") && shm.is_dir() { shm } else { std::env::temp_dir() }
}

/// Directories of the host, below one that decides what filesystem they are on.
#[derive(Clone, Debug)]
pub(crate) struct HostAt {
    pub(crate) name: &'static str,
    pub(crate) parent: PathBuf,
    pub(crate) options: Options,
}

impl Fixture for HostAt {
    fn name(&self) -> &str {
        self.name
    }

    fn make(&self) -> Made {
        let dir = tempfile::tempdir_in(&self.parent).expect("a temporary directory");
        let fs = HostFs::open_with(dir.path(), self.options).expect("open the temporary directory");
        Made::new(fs).keeping(dir)
    }
}
