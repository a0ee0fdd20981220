//! [`Ascent`]: the directories of which one resolution has seen that they are in its scope.
//!
//! Where the scope is a part of a filesystem, `..` has to climb up to it, to prove that the parent is still inside: a
//! directory may have been moved out since the path went down. A path of 4096 bytes holds 1365 times `..`, and a
//! directory may be thousands deep, so that to climb all the way for each of them would be millions of steps. Therefore
//! a climb leaves a few rungs behind, and the next one ends at the first of them. They are no older than the resolution;
//! that a directory was inside at some time during it is all that a climb to the top could prove, either, by the time
//! that its answer is used.
//!
//! A rung holds its directory, so that its number cannot become another's.

use super::Resolver;
use crate::{Place, Result};

/// Rungs that are kept: on hosts each is a descriptor.
const MAX_RUNGS: usize = 64;

/// Directories in the scope, some way apart.
#[derive(Debug)]
pub(super) struct Ascent {
    rungs: Vec<Place>,
    /// How many steps lie between two rungs.
    apart: usize,
}

impl Default for Ascent {
    fn default() -> Ascent {
        Ascent { rungs: Vec::new(), apart: 1 }
    }
}

impl Ascent {
    fn has(&self, place: &Place) -> bool {
        self.rungs.iter().any(|rung| rung.is_same(place))
    }

    /// Leaves a rung, and every second one of all if there are too many.
    fn leave(&mut self, place: &Place) {
        if self.rungs.len() == MAX_RUNGS {
            let mut stays = false;
            self.rungs.retain(|_| {
                stays = !stays;
                stays
            });
            self.apart *= 2;
        }
        self.rungs.push(place.clone());
    }
}

impl Resolver<'_> {
    /// Whether `place` is `root` or below it.
    pub(super) fn is_beneath(&mut self, place: &Place, root: &Place) -> Result<bool> {
        let mut at = place.clone();
        // What lies on the way counts only when the way has been seen to lead there.
        let mut passed = Ascent { rungs: Vec::new(), apart: self.ascent.apart };
        for step in 0_usize.. {
            if at.is_same(root) || self.ascent.has(&at) {
                break;
            }
            // A filesystem's root is its own parent; without this check a part of it, mounted alone, would not end.
            if !at.is_mount_root() && at.node() == at.fs().root() {
                return Ok(false);
            }
            if step.is_multiple_of(passed.apart) {
                passed.leave(&at);
            }
            match self.parent(&at)? {
                Some(up) => at = up,
                None => return Ok(false),
            }
        }
        // A short climb leaves nothing: the next one will be short, too.
        if passed.rungs.len() > 1 {
            self.ascent.apart = passed.apart;
            passed.rungs.iter().for_each(|rung| self.ascent.leave(rung));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use crate::*;

    /// Counts how often it is asked for a parent.
    #[derive(Debug)]
    struct Counting(MemFs, AtomicUsize);

    impl FileSystem for Counting {
        forward_fs! { 0: info, root, retain, forget, lookup, walk, readlink, getattr, setattr, create, make, link, remove,
        rename, open, statfs, sync, xattrs, snapshots }

        fn parent(&self, dir: NodeId) -> Result<NodeId> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.parent(dir)
        }
    }

    const DEPTH: usize = 5000;

    /// Directories `s/d/d/…`: the filesystem, the scope `s`, and the deepest.
    fn deep() -> (Arc<Counting>, Place, Place) {
        let fs = Arc::new(Counting(MemFs::default(), AtomicUsize::new(0)));
        let top = Mount::detached(fs.clone(), MountOptions::default());
        let below = |place: &Place, name: &[u8]| {
            let new = NewNode::Directory { mode: 0o755 };
            let made = fs.create(&Ctx::ROOT, place.node(), Name::new(name).unwrap(), &new).unwrap();
            Place::adopt(top.mount(), made.node)
        };
        let scope = below(&top, b"s");
        let deepest = (0..DEPTH).fold(scope.clone(), |place, _| below(&place, b"d"));
        (fs, scope, deepest)
    }

    fn stat(path: &str, scope: Scope<'_>, place: &Place) -> Result<Metadata> {
        let namespace = Namespace::new();
        Start { namespace: &namespace, cx: Ctx::ROOT, place, scope }.stat(path.as_bytes(), true)
    }

    #[test]
    fn a_path_of_dots_does_not_climb_to_the_top_each_time() {
        let (fs, scope, deepest) = deep();
        let way = |n: usize, up: &str, down: &str| up.repeat(n) + &down.repeat(n);
        let paths = [
            "../".repeat(1300) + ".",
            "../d/".repeat(800) + ".",
            way(800, "../", "d/") + ".",
            way(400, "../", "d/") + &way(400, "../", "d/"),
            way(100, "../", "d/").repeat(8) + "..",
        ];
        for path in &paths {
            assert!(path.len() <= PATH_MAX, "{} bytes", path.len());
            for kind in [Scope::Beneath(&scope), Scope::Root(&scope)] {
                fs.1.store(0, Ordering::Relaxed);
                stat(path, kind, &deepest).unwrap();
                let steps = fs.1.load(Ordering::Relaxed);
                assert!((DEPTH..100_000).contains(&steps), "{steps} steps for {}…", &path[..12]);
            }
        }
    }

    #[test]
    fn rungs_are_proof_of_nothing_outside() {
        let (fs, scope, deepest) = deep();
        let to_scope = "../".repeat(1000);
        // From 1000 below the scope: there, and then out.
        let mut near = scope.clone();
        for _ in 0..1000 {
            let next = fs.lookup(&Ctx::ROOT, near.node(), Name::new(b"d").unwrap()).unwrap();
            near = Place::adopt(scope.mount(), next.node);
        }
        assert_eq!(stat(&to_scope, Scope::Beneath(&scope), &near).unwrap().ino, scope.node());
        assert_eq!(stat(&(to_scope.clone() + ".."), Scope::Beneath(&scope), &near), Err(Errno::PERM));
        assert_eq!(stat(&(to_scope + "../.."), Scope::Root(&scope), &near).unwrap().ino, scope.node());
        // A scope in which the place has never been.
        assert_eq!(stat("..", Scope::Beneath(&deepest), &near), Err(Errno::PERM));
        assert_eq!(stat("..", Scope::Root(&deepest), &near), Err(Errno::NOENT));
    }
}
