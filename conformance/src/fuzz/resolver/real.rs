//! [`Real`]: the same trees and mounts in filesystems.

use core::{fmt::Debug, ops::ControlFlow};
use std::{collections::BTreeMap, sync::Arc};

use gangplank_vfs::{
    Cookie, Ctx, Errno, FileSystem, FileType, Metadata, Mount, MountOptions, Name, Namespace, NewNode, OpenFlags,
    OpenHow, Place, Rename, Result, Scope, Start,
    host_fs::{HostFs, Options, Resolver},
    mem_fs::MemFs,
};

use super::naive::{At, Kind, Naive, Open, View};

/// Filesystems, with the mounts in the order of the naive ones.
pub(super) struct Real {
    /// Each as a whole, mounted nowhere, with the node that is its root.
    trees: Vec<(Place, usize)>,
    /// The roots of the mounts.
    roots: Vec<Place>,
    namespace: Arc<Namespace>,
    host: Option<tempfile::TempDir>,
}

impl Real {
    /// Each tree as a memory filesystem.
    pub(super) fn in_memory(naive: &Naive) -> Real {
        let roots = (0..naive.nodes.len()).filter(|node| naive.nodes[*node].parent.is_none());
        let trees = roots.map(|root| (Arc::new(MemFs::new()) as Arc<dyn FileSystem>, root)).collect();
        Real::filled(naive, trees, None)
    }

    /// The first tree as a directory of the host.
    pub(super) fn on_host(naive: &Naive, resolver: Resolver) -> Real {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let fs = HostFs::open_with(dir.path(), Options { resolver, ..Options::default() });
        let fs: Arc<dyn FileSystem> = fs.expect("open the temporary directory");
        Real::filled(naive, vec![(fs, naive.mounts[0].root)], Some(dir))
    }

    fn filled(naive: &Naive, trees: Vec<(Arc<dyn FileSystem>, usize)>, host: Option<tempfile::TempDir>) -> Real {
        let whole = |fs: &Arc<dyn FileSystem>| Mount::detached(fs.clone(), MountOptions::default());
        let roots = vec![whole(&trees[0].0)];
        let trees = trees.iter().map(|(fs, root)| (whole(fs), *root)).collect();
        let real = Real { trees, roots, namespace: Namespace::new(), host };
        for node in 0..naive.nodes.len() {
            real.create(naive, node);
        }
        real
    }

    /// Makes a node, whose directory is there.
    fn create(&self, naive: &Naive, node: usize) {
        let (Some((dir, name)), true) = (&naive.nodes[node].parent, self.has(naive, node)) else { return };
        let new = match &naive.nodes[node].kind {
            Kind::Dir(_) => NewNode::Directory { mode: 0o755 },
            Kind::File => NewNode::Regular { mode: 0o644 },
            Kind::Link(target) => NewNode::Symlink { target },
        };
        let dir = self.whole(naive, *dir);
        dir.fs().make(&Ctx::ROOT, dir.node(), plain(name), &new).expect("make a node");
    }

    fn has(&self, naive: &Naive, node: usize) -> bool {
        self.trees.iter().any(|(_, root)| naive.is_in(node, *root))
    }

    pub(super) fn mounts_may_be(&self) -> bool {
        self.host.is_none()
    }

    pub(super) fn mount(&mut self, naive: &Naive, on: At, tree: usize, read_only: bool) {
        let options = MountOptions { read_only, ..MountOptions::default() };
        let fs = self.trees[tree].0.fs().clone();
        let root = self.namespace.mount(&self.place(naive, on), fs, options).expect("mount a tree");
        self.roots.push(root);
    }

    pub(super) fn bind(&mut self, naive: &Naive, on: At, what: At, read_only: bool) {
        let options = MountOptions { read_only, ..MountOptions::default() };
        let root = self.namespace.bind(&self.place(naive, on), &self.place(naive, what), options);
        self.roots.push(root.expect("mount a part"));
    }

    /// Gives a node another name, past everybody who looks through mounts. Answers whether it is somewhere here.
    pub(super) fn rename(&self, naive: &Naive, node: usize, to: usize, name: &[u8]) -> bool {
        let Some((dir, old)) = naive.nodes[node].parent.as_ref().filter(|_| self.has(naive, node)) else {
            return false;
        };
        let (dir, to) = (self.whole(naive, *dir), self.whole(naive, to));
        let done = dir.fs().rename(&Ctx::ROOT, (dir.node(), plain(old)), (to.node(), plain(name)), Rename::Replace);
        done.expect("rename a node");
        true
    }

    /// A node, seen through no mount.
    fn whole(&self, naive: &Naive, node: usize) -> Place {
        let (root, top) =
            self.trees.iter().find(|(_, top)| naive.is_in(node, *top)).expect("it is in one of the trees");
        descend(naive, root, *top, node)
    }

    /// A node, seen through a mount.
    fn place(&self, naive: &Naive, at: At) -> Place {
        descend(naive, &self.roots[at.mount], naive.mounts[at.mount].root, at.node)
    }

    /// Does something from where a view starts.
    pub(super) fn start<T>(&self, naive: &Naive, view: &View, action: impl FnOnce(&Start<'_>) -> T) -> T {
        let (root, start) = (self.place(naive, view.root), self.place(naive, view.start));
        // The same place, not only an equal one: a process has it once.
        let start = if view.start == view.root { root.clone() } else { start };
        let scope = if view.beneath { Scope::Beneath(&root) } else { Scope::Root(&root) };
        action(&Start { namespace: &self.namespace, cx: Ctx::ROOT, place: &start, scope })
    }

    /// Opens, and answers what has been opened.
    pub(super) fn open(&self, naive: &Naive, view: &View, path: &[u8], how: Open) -> Result<Metadata> {
        let mut flags = if how.write { OpenFlags::READ | OpenFlags::WRITE } else { OpenFlags::READ };
        flags.set(OpenFlags::TRUNC, how.truncate);
        flags.set(OpenFlags::DIRECTORY, how.directory);
        let create = how.create.then_some(NewNode::Regular { mode: 0o644 });
        let how = OpenHow { flags, create, exclusive: how.exclusive, follow: how.follow };
        self.start(naive, view, |start| start.open(path, &how)?.metadata())
    }

    /// Whether a place is the one that was expected.
    pub(super) fn check_place(&self, naive: &Naive, expected: &Result<At>, found: Result<Place>, what: &dyn Debug) {
        match (expected, found) {
            (Ok(at), Ok(found)) => {
                let same_mount = Arc::ptr_eq(found.mount(), self.roots[at.mount].mount());
                assert!(same_mount, "place {what:?}: {found:?} is in another mount than {at:?}");
                assert_eq!(found.node(), self.whole(naive, at.node).node(), "place {what:?}: not {at:?}");
            }
            (expected, found) => assert_eq!(found.err(), expected.err(), "place {what:?}: {expected:?}"),
        }
    }

    /// Whether metadata is that of the node that was expected. What Linux answers for links that must be directories is
    /// either of two.
    pub(super) fn check_metadata(
        &self,
        naive: &Naive,
        expected: &Result<At>,
        found: Result<Metadata>,
        what: &dyn Debug,
    ) {
        match (expected, found) {
            (Ok(at), Ok(found)) => {
                let node = self.whole(naive, at.node);
                assert_eq!(found.ino, node.node(), "metadata of {what:?}: not {at:?}");
                assert_eq!(found.dev, node.fs().info().dev, "metadata of {what:?}: not of {at:?}");
                let file_type = match naive.nodes[at.node].kind {
                    Kind::Dir(_) => FileType::Directory,
                    Kind::File => FileType::Regular,
                    Kind::Link(_) => FileType::Symlink,
                };
                assert_eq!(found.file_type, file_type, "metadata of {what:?}");
            }
            (Err(Errno::LOOP), Err(Errno::NOTDIR)) if self.host.is_some() => {}
            (expected, found) => {
                assert_eq!(found.map(|m| m.ino).err(), expected.err(), "metadata of {what:?}: {expected:?}");
            }
        }
    }

    /// Whether all trees are as they should be.
    pub(super) fn check_trees(&self, naive: &Naive) {
        for (root, top) in &self.trees {
            check_tree(naive, root, *top, *top);
        }
    }
}

fn check_tree(naive: &Naive, root: &Place, top: usize, node: usize) {
    let place = descend(naive, root, top, node);
    match &naive.nodes[node].kind {
        Kind::Dir(entries) => {
            let dir = place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ).expect("open a directory");
            let mut listed = BTreeMap::new();
            dir.readdir(Cookie::START, &mut |e| {
                listed.insert(e.name.as_bytes().to_vec(), e.file_type);
                ControlFlow::Continue(())
            })
            .expect("list a directory");
            assert!(listed.keys().eq(entries.keys()), "{:?} instead of {:?}", listed.keys(), entries.keys());
            entries.values().for_each(|below| check_tree(naive, root, top, *below));
        }
        Kind::File => assert_eq!(place.metadata().map(|m| m.file_type), Ok(FileType::Regular)),
        Kind::Link(target) => assert_eq!(place.fs().readlink(place.node()).as_deref(), Ok(&**target)),
    }
}

/// The place of a node, from the root of a mount on, by names and nothing else.
fn descend(naive: &Naive, root: &Place, top: usize, node: usize) -> Place {
    let (mut path, mut at) = (vec![], node);
    while at != top {
        let (up, name) = naive.nodes[at].parent.as_ref().expect("it is below the root of the mount");
        path.push(&**name);
        at = *up;
    }
    let mut place = root.clone();
    let nothing = Namespace::new();
    for name in path.iter().rev() {
        let start = Start { namespace: &nothing, cx: Ctx::ROOT, place: &place, scope: Scope::Root(root) };
        let next = start.place(name, false).expect("a node that is known");
        place = next;
    }
    place
}

fn plain(name: &[u8]) -> Name<'_> {
    Name::new(name).expect("a name")
}
