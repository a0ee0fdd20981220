//! [`Target`]: a directory that is written to, one name at a time, following nothing.

use std::sync::Arc;

use crate::{
    Cred, Ctx, Entry, Errno, FileSystem, FileType, FsCaps, Metadata, Name, NodeId, Place, Remove, Rename, Result,
    tree::Tree,
};

/// On behalf of nobody: permission bits are taken as they are.
pub(super) const CX: Ctx<'static> = Ctx { cred: &Cred { uid: 0, gid: 0, umask: 0 } };

/// What the names begin with under which things are made.
const TEMPORARY: &str = ".gangplank-commit-";

/// A node with a reference that goes with it.
#[derive(Debug)]
pub(super) struct Held {
    fs: Arc<dyn FileSystem>,
    pub(super) node: NodeId,
    pub(super) file_type: FileType,
}

impl Held {
    fn adopt(fs: &Arc<dyn FileSystem>, entry: Entry) -> Held {
        Held { fs: fs.clone(), node: entry.node, file_type: entry.file_type }
    }

    pub(super) fn metadata(&self) -> Result<Metadata> {
        self.fs.getattr(self.node)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.fs.forget(self.node, 1);
    }
}

/// A directory that is written to.
pub(super) struct Target {
    top: Place,
    temporary: u64,
}

impl Target {
    /// # Errors
    /// `ROFS`.
    pub(super) fn new(tree: &Tree) -> Result<Target> {
        if tree.place().mount().read_only() {
            return Err(Errno::ROFS);
        }
        Ok(Target { top: tree.place().clone(), temporary: 0 })
    }

    pub(super) fn reading(tree: &Tree) -> Target {
        Target { top: tree.place().clone(), temporary: 0 }
    }

    pub(super) fn fs(&self) -> &Arc<dyn FileSystem> {
        self.top.fs()
    }

    pub(super) fn has(&self, caps: FsCaps) -> bool {
        self.fs().info().caps.contains(caps)
    }

    /// The node at a path.
    ///
    /// # Errors
    /// `NOENT`; `NOTDIR` where a directory is expected and something else is, a symbolic link to one as well.
    pub(super) fn find(&self, path: &[u8]) -> Result<Held> {
        self.fs().retain(self.top.node());
        let mut at = Held { fs: self.fs().clone(), node: self.top.node(), file_type: FileType::Directory };
        for name in path.split(|&b| b == b'/').filter(|name| !name.is_empty()) {
            if at.file_type != FileType::Directory {
                return Err(Errno::NOTDIR);
            }
            at = self.look(&at, Name::new(name)?)?;
        }
        Ok(at)
    }

    pub(super) fn look(&self, dir: &Held, name: Name<'_>) -> Result<Held> {
        Ok(Held::adopt(self.fs(), self.fs().lookup(&CX, dir.node, name)?))
    }

    /// The node at a path, if there is one.
    pub(super) fn at(&self, path: &[u8]) -> Result<Option<Held>> {
        match self.find(path) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The directory that holds a path, and the last name.
    pub(super) fn slot<'p>(&self, path: &'p [u8]) -> Result<(Held, Name<'p>)> {
        let cut = path.iter().rposition(|&b| b == b'/');
        let (dir, name) = cut.map_or((&b""[..], path), |cut| (&path[..cut], &path[cut + 1..]));
        let dir = self.find(dir)?;
        if dir.file_type != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        Ok((dir, Name::new(name)?))
    }

    /// A name in `dir` that nobody has, found by `make`.
    pub(super) fn temporary<T>(&mut self, make: impl Fn(Name<'_>) -> Result<T>) -> Result<(Vec<u8>, T)> {
        loop {
            let name = format!("{TEMPORARY}{}", self.temporary).into_bytes();
            self.temporary += 1;
            match make(Name::new(&name)?) {
                Err(Errno::EXIST) => continue,
                made => return made.map(|made| (name, made)),
            }
        }
    }

    pub(super) fn rename(&self, from: (&Held, Name<'_>), to: (&Held, Name<'_>), how: Rename) -> Result<()> {
        self.fs().rename(&CX, (from.0.node, from.1), (to.0.node, to.1), how)
    }

    /// Lets `from` have the name `to`, whatever has it now, which goes with all that is in it. In one step if the
    /// filesystem can, or if no directory is in the way.
    pub(super) fn replace(&self, from: (&Held, Name<'_>), to: (&Held, Name<'_>)) -> Result<()> {
        match self.rename(from, to, Rename::Replace) {
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => {}
            done => return done,
        }
        if self.has(FsCaps::EXCHANGE) {
            self.rename(from, to, Rename::Exchange)?;
            return self.remove(from.0, from.1);
        }
        self.remove(to.0, to.1)?;
        self.rename(from, to, Rename::Replace)
    }

    /// Removes a name, with everything below, in a loop. What is gone already is fine.
    pub(super) fn remove(&self, dir: &Held, name: Name<'_>) -> Result<()> {
        match self.fs().remove(&CX, dir.node, name, Remove::NonDirectory) {
            Err(Errno::ISDIR) => {}
            Err(Errno::NOENT) => return Ok(()),
            done => return done,
        }
        let enter = |dir: Held| -> Result<_> {
            let place = crate::Mount::subtree(self.fs().clone(), dir.node, crate::MountOptions::default());
            let names = super::super::trees::list(&place)?.into_iter();
            Ok((dir, names))
        };
        let mut levels = vec![enter(self.look(dir, name)?)?];
        let mut path: Vec<Box<[u8]>> = Vec::new();
        while let Some((at, names)) = levels.last_mut() {
            let Some(entry) = names.next() else {
                levels.pop();
                let Some(done) = path.pop() else { break };
                if let Some((above, _)) = levels.last() {
                    self.fs().remove(&CX, above.node, Name::new(&done)?, Remove::Directory).or_else(gone)?;
                }
                continue;
            };
            let inside = Name::new(&entry.name)?;
            match self.fs().remove(&CX, at.node, inside, Remove::NonDirectory) {
                Err(Errno::ISDIR) => {
                    let below = enter(self.look(at, inside)?)?;
                    path.push(entry.name);
                    levels.push(below);
                }
                done => done.or_else(gone)?,
            }
        }
        self.fs().remove(&CX, dir.node, name, Remove::Directory).or_else(gone)
    }
}

fn gone(e: Errno) -> Result<()> {
    if e == Errno::NOENT { Ok(()) } else { Err(e) }
}
