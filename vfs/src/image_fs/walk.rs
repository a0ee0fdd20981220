//! Walking an index: no lock, no allocation.

use super::index::{Body, Index, id};
use crate::{
    Component, Components, Entry, Errno, FileType, Goal, MountPoints, NodeId, OpenFlags, OpenHow, Result, Walked,
};

/// How a walk ended, but for opening.
pub(super) enum End {
    Walked(Walked),
    /// To be opened.
    Open {
        node: NodeId,
        file_type: FileType,
        flags: OpenFlags,
    },
}

#[inline]
pub(super) fn walk(
    index: &Index,
    dev: u64,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<End> {
    let mounts = (!mounts.is_empty()).then_some(mounts);
    let reached = |node, file_type| Ok(End::Walked(Walked::Node(Entry { node, file_type })));
    if !matches!(path.peek()?, Component::Name(_)) {
        return reached(dir, index.node(dir)?.1.body.file_type());
    }
    let mut at = index.dir(dir)?;
    loop {
        let (Component::Name(name), rest) = path.split_first()? else { return reached(id(at), FileType::Directory) };
        let last = rest.is_empty();
        let Some(&found) = index.find(at, name) else {
            return match goal {
                Goal::Open(OpenHow { create: Some(_), .. }) if last => Err(Errno::ROFS),
                _ => Ok(End::Walked(Walked::Missing)),
            };
        };
        let (node, file_type) = (id(found.node), found.file_type);
        *path = rest;
        if mounts.is_some_and(|mounts| mounts.contains(node)) {
            return Ok(End::Walked(Walked::MountPoint(node)));
        }
        if file_type == FileType::Symlink && (!last || goal.follows()) {
            let (_, link) = index.node(node)?;
            let Body::Symlink { at: text, len } = link.body else { return Err(Errno::IO) };
            return Ok(End::Walked(Walked::Symlink { dir: id(at), target: index.target(text, len) }));
        }
        if !last {
            if file_type != FileType::Directory {
                return Err(Errno::NOTDIR);
            }
            at = found.node;
            continue;
        }
        return match goal {
            Goal::Node { .. } => reached(node, file_type),
            Goal::Stat { .. } => {
                let (at, of) = index.node(node)?;
                Ok(End::Walked(Walked::Stat(index.metadata(dev, at, of))))
            }
            Goal::Open(OpenHow { create: Some(_), exclusive: true, .. }) => Err(Errno::EXIST),
            Goal::Open(OpenHow { create: Some(_), .. }) if file_type == FileType::Directory => Err(Errno::ISDIR),
            Goal::Open(how) => Ok(End::Open { node, file_type, flags: how.flags }),
        };
    }
}
