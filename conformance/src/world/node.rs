//! [`Node`]: a node that a case holds.

use core::fmt;
use std::sync::Arc;

use gangplank_vfs::{Ctx, FileSystem, FileType, Metadata, NodeId, OpenFlags, Result, SetAttr};

use super::File;

/// A node, with a reference that is given back on drop.
pub struct Node {
    pub(super) fs: Arc<dyn FileSystem>,
    /// Its identity.
    pub id: NodeId,
    /// Its type, as it was looked up.
    pub file_type: FileType,
}

impl Node {
    /// `getattr`.
    ///
    /// # Errors
    /// As `getattr`.
    pub fn stat(&self) -> Result<Metadata> {
        self.fs.getattr(self.id)
    }

    /// `setattr`.
    ///
    /// # Errors
    /// As `setattr`.
    pub fn setattr(&self, attr: SetAttr) -> Result<()> {
        self.fs.setattr(&Ctx::ROOT, self.id, &attr)
    }

    /// `open`.
    ///
    /// # Errors
    /// As `open`.
    pub fn open(&self, flags: OpenFlags) -> Result<File> {
        self.fs.open(&Ctx::ROOT, self.id, flags).map(File)
    }

    /// `parent`.
    ///
    /// # Errors
    /// As `parent`.
    pub fn parent(&self) -> Result<Node> {
        let id = self.fs.parent(self.id)?;
        Ok(Node { fs: self.fs.clone(), id, file_type: FileType::Directory })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.file_type, self.id)
    }
}

impl Clone for Node {
    fn clone(&self) -> Node {
        self.fs.retain(self.id);
        Node { fs: self.fs.clone(), ..*self }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.fs.forget(self.id, 1);
    }
}
