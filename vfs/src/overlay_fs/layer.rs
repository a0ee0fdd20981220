//! [`Layers`]: what an overlay is made of; [`NodeRef`]: a node of one of them, held.

use std::sync::Arc;

use core::{fmt, ops::ControlFlow};

use bytes::Bytes;

use super::marks::{Marks, Opacity};
use crate::{Cookie, Cred, Ctx, Entry, Errno, FileSystem, FileType, Metadata, Name, NodeId, OpenFlags, Result};

/// On whose behalf the overlay itself acts: permission bits are taken as they are.
pub(super) const INTERNAL: Ctx<'static> = Ctx { cred: &Cred { uid: 0, gid: 0, umask: 0 } };

/// How the overlay itself lists a directory: nobody notices.
pub(super) const LIST: OpenFlags = OpenFlags::READ.union(OpenFlags::DIRECTORY).union(OpenFlags::NOATIME);

/// A node of a layer, with a reference that is given back on drop.
pub(super) struct NodeRef {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) id: NodeId,
}

impl NodeRef {
    /// Takes over a reference.
    pub(super) fn adopt(fs: &Arc<dyn FileSystem>, id: NodeId) -> NodeRef {
        NodeRef { fs: fs.clone(), id }
    }

    /// Takes a further reference.
    pub(super) fn retain(fs: &Arc<dyn FileSystem>, id: NodeId) -> NodeRef {
        fs.retain(id);
        NodeRef::adopt(fs, id)
    }

    /// The same directory in a copy of its filesystem. It has the same number; but a copy may know only what it has
    /// been asked for by name, since references stay with the original.
    pub(super) fn in_copy(&self, copy: &Arc<dyn FileSystem>) -> Result<NodeRef> {
        if copy.getattr(self.id).is_ok() {
            return Ok(NodeRef::retain(copy, self.id));
        }
        let (mut names, mut at) = (Vec::new(), self.clone());
        while at.id != self.fs.root() {
            let parent = NodeRef::adopt(&self.fs, self.fs.parent(at.id)?);
            let mut name = None;
            self.fs.open(&INTERNAL, parent.id, LIST)?.readdir(Cookie::START, &mut |entry| {
                if entry.node == at.id {
                    name = Some(entry.name.as_bytes().to_vec());
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            names.push(name.ok_or(Errno::NOENT)?);
            at = parent;
        }
        let mut found = NodeRef::retain(copy, copy.root());
        for name in names.iter().rev() {
            found = found.lookup(Name::from_checked(name))?.ok_or(Errno::NOENT)?.0;
        }
        Ok(found)
    }

    #[inline]
    pub(super) fn getattr(&self) -> Result<Metadata> {
        self.fs.getattr(self.id)
    }

    /// Looks up one name.
    pub(super) fn lookup(&self, name: Name<'_>) -> Result<Option<(NodeRef, FileType)>> {
        match self.fs.lookup(&INTERNAL, self.id, name) {
            Ok(Entry { node, file_type }) => Ok(Some((NodeRef::adopt(&self.fs, node), file_type))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl Clone for NodeRef {
    fn clone(&self) -> NodeRef {
        NodeRef::retain(&self.fs, self.id)
    }
}

impl Drop for NodeRef {
    fn drop(&mut self) {
        self.fs.forget(self.id, 1);
    }
}

impl fmt::Debug for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.fs.info().fs_type, self.id)
    }
}

/// A node of a lower layer.
#[derive(Clone, Debug)]
pub(super) struct Lower {
    /// Counted from the bottom, which is 1: so that a layer keeps its number when others are put on top.
    pub(super) layer: u32,
    pub(super) node: NodeRef,
    /// Of a directory: whether its whiteouts may be marked files.
    pub(super) marked: bool,
}

/// What a directory of one layer says about a name.
pub(super) enum Said {
    Nothing,
    /// There is nothing, and nothing below counts.
    Whiteout,
    Node(NodeRef, FileType),
}

/// The lower layers, and the names of the marks: shared by an overlay and its forks.
#[derive(Debug)]
pub(super) struct Layers {
    /// The roots, topmost first.
    pub(super) lowers: Vec<Lower>,
    pub(super) marks: Marks,
}

/// How deep redirects may lead into each other, as with symbolic links.
const MAX_REDIRECTS: u32 = 40;

/// What the lower layers hold under one name.
pub(super) enum Below {
    Nothing,
    Node(Lower, FileType),
    /// The directories that merge, topmost first; never empty.
    Dirs(Vec<Lower>),
}

impl Layers {
    /// Asks one directory of one layer. `marked`: whether a file in it may be a whiteout.
    pub(super) fn ask(&self, dir: &NodeRef, marked: bool, name: Name<'_>) -> Result<Said> {
        let Some((node, file_type)) = dir.lookup(name)? else { return Ok(Said::Nothing) };
        let whiteout = self.marks.is_whiteout(&*node.fs, node.id, file_type, marked)?;
        Ok(if whiteout { Said::Whiteout } else { Said::Node(node, file_type) })
    }

    /// What `dirs`, which merge, hold under `name`: the topmost node, or all directories down to the first that ends
    /// the search.
    pub(super) fn below(&self, dirs: &[Lower], name: Name<'_>) -> Result<Below> {
        self.below_at(dirs, name, 0)
    }

    fn below_at(&self, dirs: &[Lower], name: Name<'_>, depth: u32) -> Result<Below> {
        if depth > MAX_REDIRECTS {
            return Err(Errno::LOOP);
        }
        let mut found: Vec<Lower> = Vec::new();
        for (i, dir) in dirs.iter().enumerate() {
            match self.ask(&dir.node, dir.marked, name)? {
                Said::Nothing => continue,
                Said::Whiteout => break,
                Said::Node(node, FileType::Directory) => {
                    let marks = self.marks.read(&*node.fs, node.id)?;
                    found.push(Lower { layer: dir.layer, node, marked: marks.opacity == Opacity::Marked });
                    if marks.opacity == Opacity::Opaque {
                        break;
                    }
                    if let Some(redirect) = marks.redirect {
                        let rest = self.redirected(&dirs[i + 1..], dir.layer, &redirect, depth + 1)?;
                        if let Below::Dirs(mut rest) = rest {
                            found.append(&mut rest);
                        }
                        break;
                    }
                }
                Said::Node(node, file_type) if found.is_empty() => {
                    return Ok(Below::Node(Lower { layer: dir.layer, node, marked: false }, file_type));
                }
                Said::Node(..) => break,
            }
        }
        Ok(if found.is_empty() { Below::Nothing } else { Below::Dirs(found) })
    }

    /// What a redirect in `layer` leads to, in the layers below it. `siblings` are those that merge with the parent of
    /// the directory that has the redirect.
    pub(super) fn follow(&self, siblings: &[Lower], layer: u32, redirect: &Bytes) -> Result<Below> {
        self.redirected(siblings, layer, redirect, 0)
    }

    fn redirected(&self, siblings: &[Lower], layer: u32, redirect: &Bytes, depth: u32) -> Result<Below> {
        let Some(path) = redirect.strip_prefix(b"/") else {
            let name = Name::new(redirect).map_err(|_| Errno::IO)?;
            return self.below_at(siblings, name, depth);
        };
        let skip = self.lowers.iter().take_while(|root| root.layer >= layer).count();
        let mut dirs = self.lowers[skip..].to_vec();
        let mut names = path.split(|&b| b == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let name = Name::new(name).map_err(|_| Errno::IO)?;
            match self.below_at(&dirs, name, depth)? {
                Below::Dirs(next) => dirs = next,
                found if names.peek().is_none() => return Ok(found),
                _ => return Ok(Below::Nothing),
            }
        }
        Ok(if dirs.is_empty() { Below::Nothing } else { Below::Dirs(dirs) })
    }
}
