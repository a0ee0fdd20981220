//! The model against everybody: every answer of every filesystem must be one that the model allows. The kernel keeps
//! the model honest.

use gangplank_conformance::{
    ForkFixture, HostFixture, MemFixture, OverlayFixture,
    differential::{Script, seeds},
    model::{check, random_scripts},
};

const LEN: usize = 60;

#[test]
fn mem() {
    random_scripts(&MemFixture, 11_000_000, seeds(400), LEN);
}

#[test]
fn fork() {
    random_scripts(&ForkFixture, 12_000_000, seeds(200), LEN);
}

#[test]
fn host() {
    random_scripts(&HostFixture::BEST, 13_000_000, seeds(150), LEN);
}

#[test]
fn host_portable() {
    random_scripts(&HostFixture::PORTABLE, 14_000_000, seeds(80), LEN);
}

#[test]
fn host_exclusive() {
    random_scripts(&HostFixture::EXCLUSIVE, 19_000_000, seeds(150), LEN);
}

#[test]
fn overlays() {
    use OverlayFixture::{Buried, Emptied, Fork, Mem, MemOverHost};
    for (i, overlay) in [Mem, Emptied, Buried, Fork, MemOverHost].iter().enumerate() {
        random_scripts(overlay, 15_000_000 + 1000 * i as u64, seeds(60), LEN);
    }
}

#[test]
fn overlay_on_the_host() {
    for (i, overlay) in [OverlayFixture::Host, OverlayFixture::HostEmptied].iter().enumerate() {
        random_scripts(overlay, 16_000_000 + 1000 * i as u64, seeds(15), LEN);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_itself() {
    use gangplank_conformance::differential::kernel::{self, Bare};
    if let Err(why) = kernel::check() {
        return eprintln!("skipped: {why}");
    }
    random_scripts(&Bare::new("kernel on tmpfs", "/dev/shm"), 17_000_000, seeds(300), LEN);
    random_scripts(&Bare::new("kernel on disk", std::env::temp_dir()), 18_000_000, seeds(60), LEN);
}

#[test]
fn saved_scripts() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in std::fs::read_dir(dir).expect("the saved scripts") {
        let path = entry.expect("an entry").path();
        let script: Script = std::fs::read_to_string(&path).expect("a file").parse().expect("a script");
        check(&script, &MemFixture, &path.display().to_string());
    }
}
