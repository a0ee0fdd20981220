//! The kit on filesystems with a quota around them: in memory, and a directory of the host, which has none of its own.

use std::sync::Arc;

use gangplank_conformance::{HostFixture, MemFixture, QuotaFixture, suite};
use gangplank_vfs::{
    Errno, Tree,
    host_fs::HostFs,
    layers::quota::{QuotaFs, QuotaOptions},
};

suite! { mod quota_mem, fixture: QuotaFixture(MemFixture) }
suite! { mod quota_host, fixture: QuotaFixture(HostFixture::BEST) }

#[test]
fn differs_in_nothing_while_there_is_room() {
    gangplank_conformance::differential::fuzz(&[&MemFixture, &QuotaFixture(MemFixture)], 7_000_000, 100, 60);
}

fn on_host(bytes: u64, nodes: u64, fill: impl FnOnce(&std::path::Path)) -> (tempfile::TempDir, Arc<QuotaFs>, Tree) {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let host = HostFs::open(dir.path()).unwrap();
    let fs = Arc::new(QuotaFs::new(host, QuotaOptions { bytes: Some(bytes), nodes: Some(nodes) }));
    let tree = Tree::new(fs.clone());
    (dir, fs, tree)
}

/// Eight threads that write all they can: together they get the limit, to the block, and no more.
#[test]
fn a_limit_is_exact_under_concurrency() {
    let (dir, fs, tree) = on_host(100 << 12, 50, |_| ());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let tree = &tree;
            scope.spawn(move || {
                let name = format!("f{thread}");
                let mut appended = 0u64;
                while tree.append(&name, vec![1; 3000]).is_ok() {
                    appended += 3000;
                }
                assert!(tree.metadata(&name).unwrap().size >= appended);
            });
        }
    });
    let blocks =
        |tree: &Tree| -> u64 { tree.entries("").unwrap().iter().map(|entry| entry.metadata.size.div_ceil(4096)).sum() };
    assert_eq!((blocks(&tree), fs.used()), (100, (100 << 12, 8)));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let tree = &tree;
            scope.spawn(move || {
                for n in 0..100 {
                    let name = format!("n{thread}-{n}");
                    if tree.write(&name, "").is_ok() && n % 2 == 0 {
                        tree.remove(&name).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!((fs.used().1, std::fs::read_dir(dir.path()).unwrap().count()), (50, 50));
    tree.remove_all("").unwrap();
    assert_eq!(fs.used(), (0, 0));
}

#[test]
fn what_was_there_before_is_free() {
    let (_dir, fs, tree) = on_host(8 << 12, 3, |dir| {
        std::fs::create_dir(dir.join("d")).unwrap();
        std::fs::write(dir.join("d/old"), vec![1; 50_000]).unwrap();
        std::fs::write(dir.join("gone"), vec![1; 50_000]).unwrap();
    });
    tree.append("d/old", vec![2; 10_000]).unwrap();
    let added = fs.used().0;
    assert!((8_192..=12_288).contains(&added), "{added}");
    tree.remove("gone").unwrap();
    assert_eq!(fs.used(), (added, 0), "it makes no room");
    // Cut off, it is new when it comes again.
    tree.write("d/old", vec![3; 20_000]).unwrap();
    assert_eq!(fs.used(), (5 << 12, 0));
    assert_eq!(tree.write("big", vec![4; 20_000]).unwrap_err().errno, Errno::NOSPC);
    assert_eq!(tree.metadata("big").unwrap().size, 3 << 12);
    tree.remove("big").unwrap();
    tree.remove("d/old").unwrap();
    assert_eq!(fs.used(), (0, 0));
    for name in ["1", "2", "3"] {
        tree.create_dir(name).unwrap();
    }
    assert_eq!(tree.create_dir("4").unwrap_err().errno, Errno::NOSPC);
    assert_eq!(tree.create_dir("3").unwrap_err().errno, Errno::EXIST);
}
