//! The kernel as the judge: random scripts on memory, on the host through host_fs, and on a bare directory.
#![cfg(target_os = "linux")]

use gangplank_conformance::{
    ForkFixture, HostFixture, MemFixture,
    differential::{
        self, Player,
        kernel::{self, Bare},
    },
};

/// Whether the kernel can play here; says why not.
fn possible() -> bool {
    kernel::check().map_err(|why| eprintln!("skipped: {why}")).is_ok()
}

#[test]
fn mem_fork_and_kernel_on_tmpfs() {
    if possible() {
        let kernel = Bare::new("kernel on tmpfs", "/dev/shm");
        differential::fuzz(&[&MemFixture, &ForkFixture, &kernel], 5_000_000, 300, 60);
    }
}

#[test]
fn host_and_kernel_on_disk() {
    if possible() {
        let kernel = Bare::new("kernel", std::env::temp_dir());
        let players: [&dyn Player; 3] = [&HostFixture::BEST, &HostFixture::PORTABLE, &kernel];
        differential::fuzz(&players, 6_000_000, 100, 60);
    }
}
