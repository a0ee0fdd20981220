//! Fuzz targets: functions that take any bytes whatever, and panic if something is wrong.
//!
//! | target | the bytes are | what must hold |
//! |---|---|---|
//! | `scripts` | operations | all filesystems agree on every answer and on the tree in the end |
//! | `syscalls` | calls of a guest, and what is in its memory | [`syscalls`] lists it |
//! | `resolver` | a tree with links and mounts, a scope, and paths | the resolver agrees with a naive one |
//! | `tar`, `zip` | an archive | it is refused, or can be read to the last byte, and packed, and is the same again |
//! | `oci` | an index, and blobs | the same, and layers show together what paths say that they do |
//! | `module` | a WebAssembly module | what is valid can be read, and is valid once it has been rewritten |
//!
//! The functions are here, so that whoever has a fuzzer can use them; `conformance/fuzz` is the package in which
//! cargo-fuzz runs them (`cargo xtask fuzz --help`). `tests/fuzz` runs each on its seeds, on what was once found, and
//! on some thousands of damaged seeds, without a fuzzer.

pub mod images;
mod input;
mod merged;
pub mod module;
pub mod mutate;
pub mod oci;
pub mod resolver;
pub mod scripts;
#[cfg(unix)]
pub mod syscalls;
#[cfg(unix)]
mod watchdog;

/// Something to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called, here and in the folders of seeds and of findings.
    pub name: &'static str,
    /// Has a go at these bytes. Panics if something is wrong.
    pub run: fn(&[u8]),
    /// How many bytes of memory it may use at once, for an input of this length.
    pub heap: fn(usize) -> usize,
    /// The longest input that makes sense.
    pub max_len: usize,
}

/// All of them.
pub static TARGETS: &[Target] = &[
    Target { name: "scripts", run: scripts::run, heap: |len| (64 << 20) + 64 * len, max_len: 512 },
    #[cfg(unix)]
    Target { name: "syscalls", run: syscalls::run, heap: syscalls::heap, max_len: 2 << 10 },
    Target { name: "resolver", run: resolver::run, heap: |len| (8 << 20) + 64 * len, max_len: 1 << 10 },
    Target { name: "tar", run: images::tar, heap: images::heap, max_len: 16 << 10 },
    Target { name: "zip", run: images::zip, heap: images::heap, max_len: 16 << 10 },
    Target { name: "oci", run: oci::oci, heap: images::heap, max_len: 32 << 10 },
    Target { name: "module", run: module::run, heap: module::heap, max_len: 4 << 10 },
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
