//! Where a directory is in the layers, for whoever compares the view with what is below it.

use super::{OverlayError, OverlayFs, Prefix};
use crate::{FileSystem, Mount, MountOptions, NodeId, Place, Result};

/// Where a directory is in the layers.
#[derive(Debug)]
pub(crate) struct Parts {
    /// As it is in the upper layer, marks and all.
    pub(crate) upper: Option<Place>,
    /// What merges with it, topmost first: layers counted from the bottom, and numbers there.
    pub(crate) lowers: Vec<(u32, NodeId)>,
}

impl OverlayFs {
    /// Of a node to which the caller holds a reference.
    ///
    /// # Errors
    /// `STALE` for a node that is not known.
    pub(crate) fn parts(&self, node: NodeId) -> Result<Parts> {
        let node = self.shared.get(node)?;
        let options = MountOptions { read_only: true, ..MountOptions::default() };
        let upper = node.upper.get().map(|upper| Mount::subtree(upper.fs.clone(), upper.id, options));
        Ok(Parts { upper, lowers: node.lowers.iter().map(|lower| (lower.layer, lower.node.id)).collect() })
    }

    /// What is below the upper layer, as a read-only view in which nodes have the numbers that they have here; `None` if
    /// there is nothing below.
    ///
    /// # Errors
    /// Those of making an overlay.
    pub(crate) fn below(&self) -> Result<Option<OverlayFs>, OverlayError> {
        let lowers = self.lowers();
        if lowers.is_empty() {
            return Ok(None);
        }
        let trusted = self.marks().is_mark(b"trusted.overlay.opaque");
        let prefix = if trusted { Prefix::Trusted } else { Prefix::User };
        let builder = OverlayFs::builder().prefix(prefix);
        lowers.into_iter().fold(builder, |builder, lower| builder.lower_at(lower)).build().map(Some)
    }

    /// The same overlay, once more: everything that one of the two does the other has done.
    pub(crate) fn same(&self) -> OverlayFs {
        OverlayFs { shared: self.shared.clone() }
    }

    /// Whether the node is as it was in the layers below.
    pub(crate) fn is_whole(&self, node: NodeId) -> bool {
        node != self.root() && self.parts(node).is_ok_and(|parts| parts.upper.is_none())
    }
}
