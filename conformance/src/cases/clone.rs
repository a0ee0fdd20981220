//! `clone_to`: content that moves without its bytes.

use gangplank_vfs::{FsCaps, OpenFlags, Seek};

use crate::World;

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

fn claimed(w: &World) -> bool {
    w.has(FsCaps::CLONE)
}

cases! { clone, __cases_clone, "VirtualFile::clone_to; FICLONE(2const)";

/// <https://man7.org/linux/man-pages/man2/FICLONE.2const.html>: the target is the source, and afterwards each goes its
/// own way.
fn both_go_their_own_ways(w) {
    let big: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
    for (i, content) in [&b""[..], b"hello", &big].into_iter().enumerate() {
        let a = w.put(&format!("a{i}"), content).open(RW).unwrap();
        let b = w.put(&format!("b{i}"), "what was there, and is longer than hello").open(RW).unwrap();
        if !claimed(w) {
            refused!(a.clone_to(&*b.0), NOTSUP);
            assert_eq!(b.read(0, 99).unwrap(), b"what was there, and is longer than hello");
            continue;
        }
        a.clone_to(&*b.0).unwrap();
        assert!(b.read(0, 200_000).unwrap() == content && b.size() == content.len() as u64, "{i}");
        a.write(3, b"A").unwrap();
        b.write(4, b"B").unwrap();
        b.append(b"end").unwrap();
        assert_eq!((a.read(3, 1).unwrap(), b.read(4, 1).unwrap()), (b"A".to_vec(), b"B".to_vec()), "{i}");
        assert_ne!(a.read(4, 1).unwrap(), b"B", "{i}");
        assert_eq!(a.size(), content.len().max(4) as u64, "{i}");
    }
}

/// A sparse file stays one.
fn holes_stay_holes(w) {
    if !w.has(FsCaps::CLONE | FsCaps::SEEK_HOLE) {
        return;
    }
    let (a, b) = (w.put("a", "head").open(RW).unwrap(), w.put("b", "").open(RW).unwrap());
    a.write(10 << 20, &[7; 5000]).unwrap();
    a.set_len(20 << 20).unwrap();
    a.clone_to(&*b.0).unwrap();
    assert_eq!(b.size(), 20 << 20);
    assert_eq!(b.read((10 << 20) - 2, 4).unwrap(), [0, 0, 7, 7]);
    let hole = b.seek_data(0, Seek::Hole).unwrap();
    assert!((4..1 << 20).contains(&hole), "a hole at {hole}");
    assert!(b.getattr().unwrap().blocks * 512 < 1 << 20, "{} blocks", b.getattr().unwrap().blocks);
}

/// `BADF` without the access that each side needs, and nothing happens; `ISDIR` for a directory.
fn access_is_needed(w) {
    let (a, b) = (w.put("a", "hello"), w.put("b", "there"));
    refused!(a.open(OpenFlags::WRITE).unwrap().clone_to(&*b.open(RW).unwrap().0), BADF);
    refused!(a.open(RW).unwrap().clone_to(&*b.open(OpenFlags::READ).unwrap().0), BADF | NOTSUP);
    refused!(w.root().open(OpenFlags::READ).unwrap().clone_to(&*b.open(RW).unwrap().0), ISDIR);
    assert_eq!(w.read("b").unwrap(), b"there");
}

/// Onto itself: nothing is lost.
fn onto_itself(w) {
    if !claimed(w) {
        return;
    }
    let file = w.put("a", [b'x'; 50_000]).open(RW).unwrap();
    file.clone_to(&*file.0).unwrap();
    assert!(w.read("a").unwrap() == [b'x'; 50_000], "the content is lost");
    // Nor is it added to what was opened to append.
    let other = w.put("b", "there").open(RW | OpenFlags::APPEND).unwrap();
    file.clone_to(&*other.0).unwrap();
    assert!(w.read("b").unwrap() == [b'x'; 50_000], "another content");
}

/// What is shared counts for whoever has it: a small filesystem does not hold more by cloning, and a refusal leaves
/// the target empty or as it was.
fn a_clone_is_counted(w) {
    let Some(w) = w.small().filter(|w| claimed(w)) else { return };
    let before = w.fs().statfs().unwrap();
    let a = w.mkfile("a").unwrap().open(RW).unwrap();
    a.append(&vec![b'x'; 100_000]).unwrap();
    let (mut copies, mut full) = (vec![], false);
    for i in 0..40 {
        let copy = w.mkfile(&format!("c{i}")).unwrap().open(RW).unwrap();
        full = a.clone_to(&*copy.0).is_err();
        copies.push(copy);
        if full {
            break;
        }
    }
    assert!(full, "forty copies of 100 kB fit");
    assert_eq!(copies.last().unwrap().size(), 0);
    for i in 0..copies.len() {
        w.unlink(&format!("c{i}")).unwrap();
    }
    w.unlink("a").unwrap();
    drop((a, copies));
    assert_eq!(w.fs().statfs().unwrap(), before);
}
}
