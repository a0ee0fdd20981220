//! Files below that have several names: they stay one file, and leave nothing behind when the last name goes.

use gangplank_conformance::{
    World,
    differential::overlay::{Kind, Rig},
    layers::{Item, Layer},
};
use gangplank_vfs::OpenFlags;

const LEN: usize = 200_000;

fn layers() -> Vec<Layer> {
    let file = Item::File { mode: 0o644, mtime: 1_000_000_007, text: vec![b'A'; LEN] };
    let mut layer = Layer::default();
    layer.0.insert("a".to_owned(), file);
    layer.0.insert("b".to_owned(), Item::Link("a".to_owned()));
    layer.0.insert("d".to_owned(), Item::Directory { mode: 0o755, opaque: false });
    layer.0.insert("d/c".to_owned(), Item::Link("a".to_owned()));
    vec![layer]
}

/// On every make.
fn on_all(act: impl Fn(&Rig)) {
    for kind in Kind::all() {
        println!("{kind:?}");
        let rig = Rig::new(kind, &layers(), &std::env::temp_dir());
        act(&rig);
        assert_eq!(rig.lower_written_to(), None, "who wrote to a lower layer?");
    }
}

fn write(w: &World, path: &str, text: &[u8]) {
    w.open(path, OpenFlags::WRITE).expect("open").write(0, text).expect("write");
}

fn nlink(w: &World, path: &str) -> u64 {
    w.stat(path).expect("stat").nlink
}

/// Whichever name is written through, all show it; after opening again too.
#[test]
fn one_file_under_all_names() {
    on_all(|rig| {
        let w = rig.open();
        let number = w.stat("a").expect("stat").ino;
        write(&w, "d/c", b"X");
        for name in ["a", "b", "d/c"] {
            assert_eq!(w.read(name).expect("read")[..2], *b"XA");
            assert_eq!((nlink(&w, name), w.stat(name).expect("stat").ino), (3, number));
        }
        w.unlink("d/c").expect("unlink");
        w.link("b", "e").expect("link");
        w.unlink("a").expect("unlink");
        drop(w);
        let w = rig.open();
        write(&w, "b", b"YY");
        assert_eq!(w.read("e").expect("read")[..3], *b"YYA");
        assert_eq!((nlink(&w, "b"), nlink(&w, "e")), (2, 2));
        assert_eq!(w.stat("e").expect("stat").ino, number);
    });
}

/// When its last name goes, a file that was copied up takes no room any more.
#[test]
fn nothing_is_left_of_a_file_without_names() {
    on_all(|rig| {
        let w = rig.open();
        let room = || w.fs().statfs().expect("statfs");
        let before = room();
        write(&w, "a", b"X");
        for name in ["a", "b", "d/c"] {
            w.unlink(name).expect("unlink");
        }
        // On a host others take and give back room too.
        if rig.is_memory() {
            let now = room();
            let taken = (before.bfree - now.bfree) * u64::from(now.bsize);
            assert!(taken < LEN as u64 / 2, "{taken} bytes are still taken");
        }
        drop(w);
        assert_eq!(rig.open().names("").expect("list"), ["d"]);
        assert_eq!(rig.indexed(), 0, "files that nobody can see are kept");
    });
}

/// An open file outlives its names, and then nothing is left either.
#[test]
fn an_open_file_outlives_its_names() {
    on_all(|rig| {
        let w = rig.open();
        let file = w.open("b", OpenFlags::READ | OpenFlags::WRITE).expect("open");
        write(&w, "a", b"X");
        for name in ["a", "b", "d/c"] {
            w.unlink(name).expect("unlink");
        }
        assert_eq!(file.getattr().expect("stat").nlink, 0);
        file.write(1, b"Y").expect("write");
        assert_eq!(file.read(0, 3).expect("read"), b"XYA");
        drop((file, w));
        drop(rig.open());
        assert_eq!(rig.indexed(), 0, "files that nobody can see are kept");
    });
}

/// A rename over the last name is a removal too.
#[test]
fn replacing_the_last_name_leaves_nothing() {
    on_all(|rig| {
        let w = rig.open();
        write(&w, "a", b"X");
        w.unlink("a").expect("unlink");
        w.unlink("d/c").expect("unlink");
        w.put("new", "new");
        w.mv("new", "b").expect("rename");
        drop(w);
        assert_eq!(rig.open().read("b").expect("read"), b"new");
        assert_eq!(rig.indexed(), 0, "files that nobody can see are kept");
    });
}
