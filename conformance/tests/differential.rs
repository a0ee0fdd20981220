//! Random scripts on several filesystems at once, and the scripts that once told them apart.

use gangplank_conformance::{
    ForkFixture, HostFixture, MemFixture,
    differential::{self, Player},
};

const ALL: [&dyn Player; 4] = [&MemFixture, &ForkFixture, &HostFixture::BEST, &HostFixture::PORTABLE];

#[test]
fn mem_and_fork() {
    differential::fuzz(&[&MemFixture, &ForkFixture], 1_000_000, 600, 60);
}

#[test]
fn mem_and_host() {
    differential::fuzz(&[&MemFixture, &HostFixture::BEST], 2_000_000, 300, 60);
}

#[test]
fn mem_and_host_portable() {
    differential::fuzz(&[&MemFixture, &HostFixture::PORTABLE], 3_000_000, 150, 60);
}

#[test]
fn all_four() {
    differential::fuzz(&ALL, 4_000_000, 60, 60);
}

#[test]
fn regressions() {
    let mut count = 0;
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in std::fs::read_dir(dir).expect("the saved scripts") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "txt") {
            println!("{}", path.display());
            differential::replay(&std::fs::read_to_string(&path).expect("a script"), &ALL);
            count += 1;
        }
    }
    assert!(count > 0, "there is at least one");
}
