//! Copying a tree from one filesystem into another.

use std::{fs, sync::Arc, time::Duration};

use gangplank::{
    seed::{Copied, CopyError, copy_tree},
    vfs::{
        Cookie, Ctx, Errno, FileSystem, FileType, Metadata, Mount, MountOptions, Name, OpenFlags, Place,
        host_fs::HostFs,
        mem_fs::{MemFs, MemFsOptions},
    },
};

fn whole(fs: Arc<dyn FileSystem>) -> Place {
    Mount::detached(fs, MountOptions::default())
}

/// Metadata and content (of a file its bytes, of a link its target, of a directory its names) of a path.
fn look(fs: &dyn FileSystem, path: &str) -> (Metadata, Vec<u8>) {
    let mut node = fs.root();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        node = fs.lookup(&Ctx::ROOT, node, Name::new(name.as_bytes()).unwrap()).unwrap().node;
    }
    let metadata = fs.getattr(node).unwrap();
    let content = match metadata.file_type {
        FileType::Symlink => fs.readlink(node).unwrap().to_vec(),
        FileType::Directory => {
            let mut names = Vec::new();
            let open = fs.open(&Ctx::ROOT, node, OpenFlags::READ).unwrap();
            open.readdir(Cookie::START, &mut |entry| {
                names.push(entry.name.as_bytes().to_vec());
                core::ops::ControlFlow::Continue(())
            })
            .unwrap();
            names.sort();
            names.join(&b' ')
        }
        _ => fs.open(&Ctx::ROOT, node, OpenFlags::READ).unwrap().read_bytes(0, 1 << 24).unwrap().to_vec(),
    };
    (metadata, content)
}

#[cfg(unix)]
#[test]
fn a_host_tree_arrives_whole() {
    use std::os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
        net::UnixListener,
    };
    let host = tempfile::tempdir().unwrap();
    let at = |name: &str| host.path().join(name);
    fs::create_dir_all(at("a/b/c")).unwrap();
    fs::write(at("a/one"), "1").unwrap();
    fs::write(at("big"), vec![7; (3 << 20) + 5]).unwrap();
    fs::write(at("a/b/c/empty"), "").unwrap();
    fs::hard_link(at("a/one"), at("a/b/again")).unwrap();
    symlink("../../etc/passwd", at("a/link")).unwrap();
    symlink("/nowhere", at("dangling")).unwrap();
    let _socket = UnixListener::bind(at("a/socket")).unwrap();
    fs::set_permissions(at("a/one"), fs::Permissions::from_mode(0o4751)).unwrap();
    let sparse = fs::File::create(at("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let then = std::time::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    let times = fs::FileTimes::new().set_accessed(then).set_modified(then);
    for name in ["a/one", "a/b", "a"] {
        fs::File::open(at(name)).unwrap().set_times(times).unwrap();
    }

    let mem = Arc::new(MemFs::new());
    let from = whole(HostFs::open(host.path()).unwrap());
    let copied = copy_tree(&from, &whole(mem.clone())).unwrap();
    let kinds = (copied.files, copied.directories, copied.symlinks, copied.special);
    assert_eq!(kinds, (4, 3, 2, 1), "{copied:?}");
    assert!(copied.skipped.is_empty(), "{copied:?}");
    assert!(copied.bytes < 4 << 20, "holes stay holes: {copied:?}");

    assert_eq!(look(&*mem, "").1, b"a big dangling sparse");
    assert_eq!(look(&*mem, "a").1, b"b link one socket");
    assert_eq!(look(&*mem, "a/link").1, b"../../etc/passwd");
    assert_eq!(look(&*mem, "dangling").1, b"/nowhere");
    assert_eq!(look(&*mem, "big").1, vec![7; (3 << 20) + 5]);
    assert_eq!(look(&*mem, "a/b/c/empty").0.size, 0);
    let (one, content) = look(&*mem, "a/one");
    assert_eq!((one.mode, one.nlink, &*content), (0o4751, 2, &b"1"[..]));
    assert_eq!(look(&*mem, "a/b/again").0.ino, one.ino);
    for name in ["a/one", "a/b", "a"] {
        let (metadata, real) = (look(&*mem, name).0, fs::metadata(at(name)).unwrap());
        assert_eq!(metadata.mtime.to_parts(), (real.mtime(), real.mtime_nsec() as u32), "{name}");
        assert_eq!(metadata.mtime.to_parts(), (1_234_567_890, 123_456_789), "{name}");
    }
    let root = fs::metadata(host.path()).unwrap();
    assert_eq!(look(&*mem, "").0.mtime.to_parts(), (root.mtime(), root.mtime_nsec() as u32));
}

#[test]
fn a_copy_that_does_not_fit_names_the_path() {
    let host = tempfile::tempdir().unwrap();
    fs::create_dir(host.path().join("dir")).unwrap();
    fs::write(host.path().join("dir/large"), vec![1; 1 << 20]).unwrap();
    let from = whole(HostFs::open(host.path()).unwrap());
    let small = Arc::new(MemFsOptions::new().max_bytes(Some(1 << 16)).build());
    let error = copy_tree(&from, &whole(small)).unwrap_err();
    assert!(matches!(&error, CopyError { errno: Errno::NOSPC | Errno::DQUOT, .. }), "{error:?}");
    assert_eq!(error.path, b"dir/large");
    assert!(error.to_string().starts_with("cannot write the copy of `dir/large`: "), "{error}");
}

#[test]
fn a_deep_tree_needs_no_stack() {
    let deep = Arc::new(MemFs::new());
    let new = gangplank::vfs::NewNode::Directory { mode: 0o755 };
    let name = Name::new(b"d").unwrap();
    let mut node = deep.root();
    for _ in 0..20_000 {
        node = deep.create(&Ctx::ROOT, node, name, &new).unwrap().node;
    }
    let copy = Arc::new(MemFs::new());
    let copied = copy_tree(&whole(deep), &whole(copy)).unwrap();
    assert_eq!(copied, Copied { directories: 20_000, ..Copied::default() });
}
