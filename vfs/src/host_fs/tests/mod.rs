//! What only the host can show: confinement against its symbolic links and moves, FIFOs, descriptors. Behaviour that
//! all filesystems share is tested by the conformance kit. Every test runs on every resolver that is here.

mod escape;
mod exclusive;
mod files;
mod listing;

use std::{ops::ControlFlow, path::Path};

use super::*;
use crate::{FsCaps, Mount, MountOptions, Namespace, OpenFile, Place, Scope, Start};

/// A host directory `root` beside a secret, seen through one resolver.
pub(super) struct World {
    dir: tempfile::TempDir,
    pub(super) fs: Arc<HostFs>,
    namespace: Arc<Namespace>,
    place: Place,
}

pub(super) const CX: Ctx<'static> = Ctx::ROOT;
pub(super) const SECRET: &[u8] = b"secret";

impl World {
    fn new(options: Options) -> World {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("root")).unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        std::fs::write(dir.path().join("outside/secret"), SECRET).unwrap();
        std::fs::write(dir.path().join("secret"), SECRET).unwrap();
        let fs = HostFs::open_with(dir.path().join("root"), options).unwrap();
        let place = Mount::detached(fs.clone(), MountOptions::default());
        World { dir, fs, namespace: Namespace::new(), place }
    }

    /// A path on the host, beginning at the directory around the root.
    pub(super) fn host(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join(path)
    }

    pub(super) fn start(&self) -> Start<'_> {
        Start { namespace: &self.namespace, cx: CX, place: &self.place, scope: Scope::Beneath(&self.place) }
    }

    pub(super) fn open(&self, path: &str, flags: OpenFlags) -> Result<OpenFile> {
        let how = OpenHow { flags, create: None, exclusive: false, follow: true };
        self.start().open(path.as_bytes(), &how)
    }

    pub(super) fn create(&self, path: &str, flags: OpenFlags) -> Result<OpenFile> {
        let create = Some(NewNode::Regular { mode: 0o666 });
        self.start().open(path.as_bytes(), &OpenHow { flags, create, exclusive: false, follow: true })
    }

    pub(super) fn read(&self, path: &str) -> Result<Bytes> {
        self.open(path, OpenFlags::READ)?.file().read_bytes(0, 100)
    }

    pub(super) fn lookup(&self, dir: NodeId, name: &str) -> Result<Entry> {
        self.fs.lookup(&CX, dir, name_of(name))
    }
}

pub(super) fn name_of(name: &str) -> Name<'_> {
    Name::new(name.as_bytes()).unwrap()
}

pub(super) fn list(file: &OpenFile) -> Vec<Vec<u8>> {
    let mut names = vec![];
    let all = |e: crate::DirEntry<'_>| {
        names.push(e.name.as_bytes().to_vec());
        ControlFlow::Continue(())
    };
    file.readdir(crate::Cookie::START, &mut { all }).unwrap();
    names.sort();
    names
}

/// Runs `test` with every resolver.
pub(super) fn everywhere(test: impl Fn(&World)) {
    test(&World::new(Options::default()));
    test(&World::new(Options { resolver: Resolver::Portable, ..Options::default() }));
    // As on a kernel before 5.6, or under a filter.
    let mut world = World::new(Options::default());
    let root = File::open(world.host("root")).unwrap();
    world.fs = HostFs::with_sys(root, Options::default(), Box::new(linux::Linux::without_openat2())).unwrap();
    world.place = Mount::detached(world.fs.clone(), MountOptions::default());
    test(&world);
}

pub(super) fn symlink(target: impl AsRef<Path>, at: impl AsRef<Path>) {
    std::os::unix::fs::symlink(target, at).unwrap();
}
