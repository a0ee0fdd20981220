//! Character devices with number 0 that a guest made: they look like whiteouts, and are none.

use core::ops::ControlFlow;

use super::*;
use crate::{Cookie, diff, tree::copy_tree};

const ZERO: NewNode<'static> = NewNode::Special { file_type: FileType::CharDevice, mode: 0o640, rdev: 0 };

fn make(tree: &Tree, path: &str, new: &NewNode<'_>) -> Result<()> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let dir = tree.dir(dir).unwrap();
    tree.fs().make(&Ctx::ROOT, dir.place().node(), Name::new(name.as_bytes()).unwrap(), new)
}

#[track_caller]
fn is_zero(tree: &Tree, path: &str) {
    let m = tree.symlink_metadata(path).unwrap();
    assert_eq!((m.file_type, m.rdev), (FileType::CharDevice, 0), "{path}");
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let listed = listed(tree, dir);
    assert!(listed.contains(&(name.as_bytes().to_vec(), FileType::CharDevice)), "{path}: {listed:?}");
}

fn listed(tree: &Tree, dir: &str) -> Vec<(Vec<u8>, FileType)> {
    let (dir, mut listed) = (tree.dir(dir).unwrap(), Vec::new());
    let open = tree.fs().open(&Ctx::ROOT, dir.place().node(), OpenFlags::READ).unwrap();
    open.readdir(Cookie::START, &mut |entry| {
        listed.push((entry.name.as_bytes().to_vec(), entry.file_type));
        ControlFlow::Continue(())
    })
    .unwrap();
    listed
}

fn marks_of(tree: &Tree, path: &str) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let node = tree.symlink_metadata(path).unwrap().ino;
    tree.fs().xattrs().unwrap().list(node, &mut |name| names.push(name.to_vec())).unwrap();
    names
}

#[test]
fn they_last_and_show_no_mark() {
    let layers = Layers::new();
    let tree = layers.open();
    // Where nothing is, over a whiteout, and in a directory of its own.
    tree.remove("top").unwrap();
    tree.create_dir("dir").unwrap();
    for path in ["zero", "top", "dir/zero", "usr/lib/zero"] {
        make(&tree, path, &ZERO).unwrap();
        is_zero(&tree, path);
        assert_eq!(marks_of(&tree, path), [b""; 0], "{path}");
        assert_eq!(tree.symlink_metadata(path).unwrap().mode, 0o640);
    }
    assert_eq!(make(&tree, "top", &ZERO), Err(Errno::EXIST));
    let fork = Tree::new(tree.fs().snapshots().unwrap().fork().unwrap());
    drop(tree);
    let again = layers.open();
    for path in ["zero", "top", "dir/zero", "usr/lib/zero"] {
        is_zero(&again, path);
        is_zero(&fork, path);
    }
    // The layer has the mark, and nothing is left of how they were made.
    let top = Tree::of(layers.upper.clone());
    assert_eq!(marks_of(&top, "zero"), [b"user.overlay.device"]);
    assert_eq!(Tree::of(layers.work.clone()).walk("work").unwrap().count(), 0);
    // Removed, they are gone, and hide nothing; what they stood on is hidden still.
    for path in ["zero", "top", "dir/zero", "usr/lib/zero"] {
        again.remove(path).unwrap();
        assert!(!again.exists(path).unwrap(), "{path}");
    }
    again.remove("dir").unwrap();
    is_zero(&fork, "top");
}

#[test]
fn from_a_layer_below_they_are_copied_up_moved_and_hidden() {
    let lower = Layers::new();
    let below = lower.open();
    below.create_dir("dev").unwrap();
    for name in ["changed", "moved", "gone", "linked", "replaced", "dir"] {
        make(&below, &format!("dev/{name}"), &ZERO).unwrap();
    }
    // The upper layer of one is a lower layer of the other, marks and all.
    let open = || {
        let middle = lower.upper.clone();
        let builder = OverlayFs::builder().lower_at(middle).lower(lower.below.fs().clone());
        Tree::new(Arc::new(builder.upper_mem(MemFsOptions::new()).build().unwrap()))
    };
    for tree in [open(), Tree::new(Arc::new(in_memory(&below)))] {
        let number = tree.symlink_metadata("dev/changed").unwrap().ino;
        tree.set_attr("dev/changed", &SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
        is_zero(&tree, "dev/changed");
        assert_eq!(tree.symlink_metadata("dev/changed").unwrap().ino, number);
        assert_eq!(marks_of(&tree, "dev/changed"), [b""; 0]);
        tree.rename("dev/moved", "usr/lib/moved").unwrap();
        is_zero(&tree, "usr/lib/moved");
        tree.rename("dev/linked", "linked").unwrap();
        link(&tree, "linked", "dev/other");
        is_zero(&tree, "dev/other");
        assert_eq!(tree.symlink_metadata("linked").unwrap().nlink, 2);
        tree.remove("dev/gone").unwrap();
        tree.write("new", "new").unwrap();
        tree.rename("new", "dev/replaced").unwrap();
        assert_eq!(tree.read_to_string("dev/replaced").unwrap(), "new");
        tree.remove("dev/dir").unwrap();
        tree.create_dir("dev/dir").unwrap();
        // `changed`, `dir`, `other` and `replaced`.
        let listed = listed(&tree, "dev");
        assert_eq!(listed.len(), 4, "{listed:?}");
        tree.rename("dev", "devices").unwrap();
        is_zero(&tree, "devices/changed");
        let fork = Tree::new(tree.fs().snapshots().unwrap().fork().unwrap());
        for path in ["devices/changed", "devices/other", "linked", "usr/lib/moved"] {
            is_zero(&fork, path);
        }
        assert_eq!(self::listed(&fork, "devices").len(), 4);
    }
    is_zero(&below, "dev/gone");
}

#[test]
fn differences_and_copies_have_them() {
    let below = base();
    let overlay = in_memory(&below);
    let tree = Tree::new(Arc::new(overlay.fork().unwrap()));
    make(&tree, "zero", &ZERO).unwrap();
    let view = Tree::new(Arc::new(overlay));
    make(&view, "zero", &ZERO).unwrap();
    make(&view, "usr/lib/zero", &ZERO).unwrap();
    let told: Vec<_> = diff::compare(&below, &view).unwrap().iter().map(|change| change.to_string()).collect();
    assert_eq!(told, ["+ usr/lib/zero", "+ zero"]);
    let copy = Tree::new(Arc::new(in_memory(&base())));
    let target = copy.create_dir("copy").and_then(|()| copy.dir("copy")).unwrap();
    copy_tree(view.place(), target.place()).unwrap();
    is_zero(&copy, "copy/zero");
    is_zero(&copy, "copy/usr/lib/zero");
}

/// Linux has no attributes of users on devices.
#[cfg(target_os = "linux")]
#[test]
fn on_a_host_they_take_the_attributes_of_root() {
    use crate::host_fs::{HostFs, Options};

    let open = |prefix: Prefix, options: Options| {
        let dir = tempfile::tempdir().unwrap();
        let upper: Arc<dyn FileSystem> = HostFs::open_with(dir.path(), options).unwrap();
        let below = base();
        let layers = Layers::over(below, upper);
        (layers.builder().prefix(prefix).sync(false).build().map(|fs| Tree::new(Arc::new(fs))), dir)
    };
    let (tree, _dir) = open(Prefix::User, Options::default());
    assert_eq!(make(&tree.unwrap(), "zero", &ZERO), Err(Errno::NOTSUP), "devices are not allowed");
    let devices = Options { devices: true, overlay_xattrs: true, ..Options::default() };
    let (tree, dir) = open(Prefix::User, devices);
    let tree = tree.unwrap();
    let before = picture(&tree);
    assert_eq!(make(&tree, "zero", &ZERO), Err(Errno::PERM), "as Linux answers");
    assert_eq!(picture(&tree), before);
    assert_eq!(std::fs::read_dir(dir.path().join("work/work")).unwrap().count(), 0);
    let (tree, _dir) = open(Prefix::Trusted, devices);
    // Whoever is not root cannot have such an overlay at all.
    let Ok(tree) = tree else { return };
    make(&tree, "zero", &ZERO).unwrap();
    is_zero(&tree, "zero");
    tree.rename("zero", "usr/zero").unwrap();
    is_zero(&tree, "usr/zero");
    assert_eq!(tree.symlink_metadata("usr/zero").unwrap().mode, 0o640);
    tree.remove("top").unwrap();
    tree.remove("usr/zero").unwrap();
    assert!(!tree.exists("usr/zero").unwrap() && !tree.exists("top").unwrap());
}
