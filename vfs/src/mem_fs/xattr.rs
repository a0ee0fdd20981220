//! Extended attributes: a small map beside the other attributes of a node, charged to the quota.

use bytes::Bytes;
use triomphe::Arc;

use super::{
    node::{Attrs, Node, xattr_cost},
    shared::Shared,
};
use crate::{Errno, NodeId, Result, SetXattr, Xattrs};

const NAME_MAX: usize = 255;
const VALUE_MAX: usize = 64 << 10;
/// Most attributes of one node: a change copies the map if a fork sees it too.
const COUNT_MAX: usize = 256;

impl Xattrs for Shared {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        check_space(name)?;
        self.with_attrs(node, |attrs| attrs.xattrs.as_ref()?.get(name).cloned())?.ok_or(Errno::NODATA)
    }

    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(Errno::RANGE);
        }
        if value.len() > VALUE_MAX {
            return Err(Errno::TOOBIG);
        }
        let now = self.now();
        self.tree.write().change(node, self.owner(), |attrs, _| {
            let old = attrs.xattrs.as_ref().and_then(|map| map.get(name)).map(|old| xattr_cost(name, old));
            match (how, old) {
                (SetXattr::Create, Some(_)) => return Err(Errno::EXIST),
                (SetXattr::Replace, None) => return Err(Errno::NODATA),
                _ => check_space(name)?,
            }
            let count = attrs.xattrs.as_ref().map_or(0, |map| map.len());
            if old.is_none() && count == COUNT_MAX {
                return Err(Errno::NOSPC);
            }
            let (old, new) = (old.unwrap_or_default(), xattr_cost(name, value));
            self.quota.reserve_bytes(new.saturating_sub(old))?;
            self.quota.refund_bytes(old.saturating_sub(new));
            let map = Arc::make_mut(attrs.xattrs.get_or_insert_default());
            map.insert(name.into(), Bytes::copy_from_slice(value));
            attrs.ctime = now;
            Ok(())
        })?
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        check_space(name)?;
        let now = self.now();
        self.tree.write().change(node, self.owner(), |attrs, _| {
            let map = attrs.xattrs.as_mut().filter(|map| map.contains_key(name)).ok_or(Errno::NODATA)?;
            let map = Arc::make_mut(map);
            if let Some(old) = map.remove(name) {
                self.quota.refund_bytes(xattr_cost(name, &old));
            }
            if map.is_empty() {
                attrs.xattrs = None;
            }
            attrs.ctime = now;
            Ok(())
        })?
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        // A picture, so that no lock is held while it is shown.
        let map = self.with_attrs(node, |attrs| attrs.xattrs.clone())?;
        map.iter().flat_map(|map| map.keys()).for_each(|name| sink(name));
        Ok(())
    }
}

impl Shared {
    fn with_attrs<R>(&self, node: NodeId, f: impl FnOnce(&Attrs) -> R) -> Result<R> {
        let tree = self.tree.read();
        Ok(match tree.node(node)? {
            Node::Dir(dir) => f(&dir.attrs),
            Node::Other(other) => f(&other.attrs),
            Node::File(file) => f(&file.state.read().attrs),
        })
    }
}

/// # Errors
/// `NOTSUP` outside the name spaces of Linux that are no more than names.
fn check_space(name: &[u8]) -> Result<()> {
    let known = [&b"user."[..], b"trusted.", b"security."];
    if known.iter().any(|space| name.len() > space.len() && name.starts_with(space)) {
        Ok(())
    } else {
        Err(Errno::NOTSUP)
    }
}
