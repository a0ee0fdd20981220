//! Extended attributes: the guest's own, and never a mark. What a guest gives a mark's name is kept under another.

use std::borrow::Cow;

use bytes::Bytes;

use super::{layer::NodeRef, marks::Marks, shared::Shared};
use crate::{Errno, NodeId, Result, SetXattr, Xattrs};

const NAME_MAX: usize = 255;
const VALUE_MAX: usize = 64 << 10;

/// The name under which a layer keeps a guest's attribute.
fn kept<'a>(marks: &Marks, name: &'a [u8]) -> Cow<'a, [u8]> {
    if marks.is_plain(name) { Cow::Borrowed(name) } else { Cow::Owned(marks.escape(name)) }
}

fn get(real: &NodeRef, name: &[u8]) -> Result<Bytes> {
    match real.fs.xattrs() {
        Some(xattrs) => xattrs.get(real.id, name),
        // A layer that has none at all.
        None => Err(Errno::NODATA),
    }
}

impl Xattrs for Shared {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        get(Shared::get(self, node)?.real()?, &kept(&self.layers.marks, name))
    }

    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        let name = kept(&self.layers.marks, name);
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(Errno::RANGE);
        }
        if value.len() > VALUE_MAX {
            return Err(Errno::TOOBIG);
        }
        let node = Shared::get(self, node)?;
        if node.upper.get().is_none() {
            // A refusal is no reason to copy anything.
            match (how, get(node.real()?, &name)) {
                (SetXattr::Create, Ok(_)) => return Err(Errno::EXIST),
                (SetXattr::Replace, Err(e)) => return Err(e),
                _ => {}
            }
            self.copy_up(&node, u64::MAX)?;
        }
        let real = node.real()?;
        real.fs.xattrs().ok_or(Errno::NOTSUP)?.set(real.id, &name, value, how)?;
        node.changed();
        Ok(())
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        let name = kept(&self.layers.marks, name);
        let node = Shared::get(self, node)?;
        if node.upper.get().is_none() {
            get(node.real()?, &name)?;
            self.copy_up(&node, u64::MAX)?;
        }
        let real = node.real()?;
        real.fs.xattrs().ok_or(Errno::NOTSUP)?.remove(real.id, &name)?;
        node.changed();
        Ok(())
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        let node = Shared::get(self, node)?;
        let real = node.real()?;
        let Some(xattrs) = real.fs.xattrs() else { return Ok(()) };
        let marks = &self.layers.marks;
        xattrs.list(real.id, &mut |name| {
            if marks.is_plain(name) {
                sink(name);
            } else if let Some(name) = marks.unescape(name) {
                sink(&name);
            }
        })
    }
}
