//! The fuzz targets without a fuzzer: each on its seeds, on everything that was once found, and on seeds damaged at
//! random, the same in every run. `SEEDS=100` damages a hundred times as many.
//!
//! # What this has been seen to find
//! Bugs that were made on purpose, each alone:
//!
//! | bug | test | input |
//! |---|---|---|
//! | `image_fs/build.rs`: a second hard link is not counted | `tar` | seed `everything` |
//! | `image_fs/tar/sparse.rs`: data begins where the map does | `tar`, `archives_among_the_seeds_hold_…` | seed `old-sparse` |
//! | `image_fs/zip`: a stored file may have two sizes | `zip` | round 140 |
//! | `image_fs/zip`: content begins before the end of the name | `archives_among_the_seeds_hold_…` | seed `plain` |
//! | `image_fs/build.rs`: an opaque directory hides nothing | `oci` | seed `hiding` |
//! | `image_fs/build.rs`: a whiteout hides what its own layer has | `oci` | seed `hiding` |
//! | `wasi/memory`: an address may end one byte beyond the memory | `syscalls` | seed `edges` |
//! | `wasi/memory`: a listing is written beyond the end of its buffer | `syscalls` | round 6 |
//!
//! | `image_fs/tar/sparse.rs`: pieces may overlap | `pieces_that_overlap_are_refused` | – |
//!
//! Not found: a file in a zip archive whose content ends in the directory. It is read, or cannot be, like any other.
//!
//! `BLESS=1 cargo test -p gangplank-conformance --features fuzz --test fuzz seeds` writes the seeds again.

#[path = "../../fuzz/src/heap.rs"]
mod heap;
mod seeds;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use gangplank_conformance::{
    differential::{self, Rng},
    fuzz::{self, TARGETS, Target, mutate::mutated},
};
use gangplank_vfs::{
    Time, Tree,
    image_fs::{ImageFs, ImageOptions},
};
#[cfg(unix)]
use gangplank_wasi::GuestMemory;

/// Seeds or regressions of a target, by name.
fn files(kind: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target);
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// Runs a target on one input. If it fails, the input is kept and its place told.
fn run(target: &Target, what: &str, bytes: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| heap::limited(target, bytes))) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.found", target.name));
        std::fs::write(&kept, bytes).expect("keep what was found");
        eprintln!(
            "{}: {what} fails. Again: cargo run -p gangplank-conformance --features fuzz --example fuzz -- {} {}\n\
             Once it is fixed, it belongs into conformance/fuzz/regressions/{}.",
            target.name,
            target.name,
            kept.display(),
            target.name
        );
        resume_unwind(panic);
    }
}

/// All that is kept of a target, and `rounds` ([`differential::seeds`]) damaged inputs.
fn smoke(name: &str, rounds: u64) {
    let target = fuzz::find(name).expect("a target");
    let seeds = files("seeds", name);
    assert!(!seeds.is_empty(), "there are no seeds for {name}");
    let inputs: Vec<_> = seeds.into_iter().chain(files("regressions", name)).collect();
    for (path, bytes) in &inputs {
        run(target, &path.display().to_string(), bytes);
    }
    for round in 0..differential::seeds(rounds) {
        let mut rng = Rng::new(round);
        let mut pick = || &inputs[rng.below(inputs.len() as u64) as usize].1;
        let (one, other) = (pick(), pick());
        run(target, &format!("round {round}"), &mutated(one, other, &mut rng, target.max_len));
    }
}

#[test]
fn scripts() {
    smoke("scripts", 60);
}

#[cfg(unix)]
#[test]
fn syscalls() {
    smoke("syscalls", 300);
}

/// What a fuzzer finds can be shown again: nothing but the input decides what a guest does and is told. (Where it waited for
/// ever it was ended after some time, and that may come earlier or later.)
#[cfg(unix)]
#[test]
fn the_same_syscalls_answer_the_same() {
    for (path, bytes) in files("seeds", "syscalls").into_iter().chain(files("regressions", "syscalls")) {
        let run = || fuzz::syscalls::run_with(&bytes, |memory| GuestMemory::exclusive(memory));
        for (one, other) in run().iter().zip(&run()) {
            if one.ends_with("EXIT") || other.ends_with("EXIT") {
                break;
            }
            assert_eq!(one, other, "{}", path.display());
        }
    }
}

#[test]
fn resolver() {
    smoke("resolver", 400);
}

#[test]
fn tar() {
    smoke("tar", 500);
}

#[test]
fn zip() {
    smoke("zip", 3000);
}

#[test]
fn oci() {
    smoke("oci", 400);
}

#[test]
fn module() {
    smoke("module", 6000);
}

/// What the fuzzer knows is what there is.
#[cfg(unix)]
#[test]
fn every_target_is_one_of_the_fuzzer() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    let bins: Vec<&str> = manifest.split("[[bin]]\nname = \"").skip(1).filter_map(|s| s.split('"').next()).collect();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(bins, names);
}

/// Seeds that are refused would lead nowhere.
#[test]
fn archives_among_the_seeds_can_be_mounted() {
    for (path, bytes) in files("seeds", "tar").into_iter().chain(files("seeds", "zip")) {
        let image = ImageFs::open(bytes, ImageOptions::new());
        image.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

/// What is in an archive is what was put there: a reader that is wrong agrees with itself.
#[test]
fn archives_among_the_seeds_hold_what_was_put_into_them() {
    let mounted = |target: &str, name: &str| {
        let (_, bytes) = seeds::of(target).into_iter().find(|(known, _)| *known == name).expect("a seed");
        Tree::new(Arc::new(ImageFs::open(bytes, ImageOptions::new()).unwrap_or_else(|e| panic!("{name}: {e}"))))
    };
    for name in ["everything", "everything.gz"] {
        let changes = mounted("tar", name).changes_since(&seeds::tree()).expect("compare");
        assert!(changes.is_empty(), "{name}: {changes:?}");
    }
    for name in ["sparse", "old-sparse"] {
        let content = mounted("tar", name).read("s").expect("read it");
        let data: Vec<(usize, u8)> = content.iter().copied().enumerate().filter(|(_, byte)| *byte != 0).collect();
        assert_eq!((content.len(), data.len()), (200_000, 6), "{name}");
        assert_eq!((&content[..3], &content[100_000..100_003]), (&b"abc"[..], &b"def"[..]), "{name}");
    }
    let (gnu, pax) = (mounted("tar", "gnu"), mounted("tar", "pax"));
    let long = format!("{}/x", "n".repeat(120));
    assert_eq!(gnu.read_link(&long).expect("a link"), b"a/long/target"[..]);
    assert_eq!(gnu.metadata("d/h").expect("a hard link").nlink, 2);
    assert_eq!(pax.read("a/b").expect("read it"), b"abc"[..]);
    let of = pax.metadata("a/b").expect("a file");
    assert_eq!((of.uid, of.gid, of.mtime), (7, 4_000_000_000, Time(-1_500_000_000)));
    for name in ["plain", "zip64"] {
        let zip = mounted("zip", name);
        for path in ["d/s", "f"] {
            assert_eq!(zip.read(path).expect("read it"), b"hello hello"[..], "{name}: {path}");
        }
        assert_eq!(zip.read_link("l").expect("a link"), b"hello hello"[..], "{name}");
        let modes = ["d", "d/s", "f"].map(|path| zip.metadata(path).expect("it is there").mode);
        assert_eq!(modes, [0o755, 0o644, 0o600], "{name}");
    }
}

/// Bytes would be there twice; chance takes long to bring that about.
#[test]
fn pieces_that_overlap_are_refused() {
    let (_, mut archive) = seeds::of("tar").into_iter().find(|(name, _)| *name == "close-pieces").expect("a seed");
    let (map, overlapping) = (b"1\n2\n3\n2\n", b"1\n2\n2\n2\n");
    let at = archive.windows(map.len()).position(|bytes| bytes == map).expect("the map of the pieces");
    archive[at..at + map.len()].copy_from_slice(overlapping);
    let refused = ImageFs::open(archive, ImageOptions::new()).expect_err("its pieces overlap").to_string();
    assert!(refused.contains("overlap"), "{refused}");
}

/// The seeds in the tree are those that are made here.
#[test]
fn seeds_are_those_that_are_made() {
    for target in TARGETS {
        let made = seeds::of(target.name);
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target.name);
        if std::env::var_os("BLESS").is_some() {
            // What is no longer made goes.
            let _ = std::fs::remove_dir_all(&dir);
            std::fs::create_dir_all(&dir).expect("a directory for seeds");
            made.iter().for_each(|(name, bytes)| std::fs::write(dir.join(name), bytes).expect("write a seed"));
        }
        let there = files("seeds", target.name);
        let names = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        let there: Vec<_> = there.iter().map(|(path, bytes)| (names(path), bytes.clone())).collect();
        let mut made: Vec<_> = made.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        made.sort();
        assert!(there == made, "the seeds of {} are others than those that are made; BLESS=1 writes them", target.name);
        for (name, bytes) in &there {
            assert!(bytes.len() <= target.max_len, "{}/{name} is too long", target.name);
        }
    }
}
