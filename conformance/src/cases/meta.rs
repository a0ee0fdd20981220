//! The filesystem as a whole: `statfs`, `sync`.

use gangplank_vfs::{FsCaps, OpenFlags};

cases! { meta, __cases_meta, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/fstatvfs.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/fsync.html";

/// Free is never more than all, and there is something to count with.
fn statfs_adds_up(w) {
    let s = w.fs().statfs().unwrap();
    assert!(s.bsize > 0 && s.bavail <= s.bfree && s.bfree <= s.blocks, "{s:?}");
    assert!(s.ffree <= s.files, "{s:?}");
}

/// A megabyte of a private filesystem is taken and given back.
fn statfs_counts(w) {
    if !w.has(FsCaps::LOCAL) {
        return;
    }
    let free = || {
        let s = w.fs().statfs().unwrap();
        (s.bfree.saturating_mul(s.bsize.into()), s.ffree)
    };
    let before = free();
    w.put("a", vec![1; 1 << 20]);
    let during = free();
    assert!(during.0 <= before.0 && during.1 <= before.1, "{before:?} {during:?}");
    w.unlink("a").unwrap();
    assert_eq!(free(), before);
}

/// `fsync` of files and of directories, by data alone and whole; `syncfs`.
fn everything_can_be_synced(w) {
    let file = w.put("a", "x").open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    let dir = w.root().open(OpenFlags::READ).unwrap();
    for data_only in [false, true] {
        assert_eq!(file.sync(data_only), Ok(()));
        assert_eq!(dir.sync(data_only), Ok(()));
        assert_eq!(w.node("a").unwrap().open(OpenFlags::READ).unwrap().sync(data_only), Ok(()), "opened for reading");
    }
    assert_eq!(w.fs().sync(), Ok(()));
    assert_eq!(w.read("a").unwrap(), b"x");
}

/// Blocks are units of 512 bytes of what is really there.
fn blocks_count_what_is_there(w) {
    let a = w.put("a", vec![1; 1 << 20]);
    w.fs().sync().unwrap();
    let blocks = a.stat().unwrap().blocks;
    // A host may compress, or not have allocated yet.
    assert!(blocks * 512 >= 1 << 20 || !w.has(FsCaps::LOCAL), "{blocks} blocks");
    assert!(blocks * 512 <= 2 << 20, "{blocks} blocks");
    assert_eq!(a.stat().unwrap().size, 1 << 20);
    assert_eq!(a.stat().unwrap().rdev, 0);
}
}
