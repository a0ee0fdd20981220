//! What is different between two trees: [`Changes`], and the ways to them.
//!
//! | between | with | costs |
//! |---|---|---|
//! | any two trees | [`compare`] | both trees |
//! | two trees with the same numbers for the same nodes | [`compare_related`] | both trees, or what is said to be touched |
//! | an overlay and the layers below it | [`of_overlay`] | what was touched |
//! | two forks of one memory filesystem | [`MemFs::changes_since`](crate::MemFs::changes_since) | what was touched |
//!
//! A change is told once: a directory that is gone is one entry that says how much went with it, a node that has moved
//! is one entry that says from where. Paths are those of the later tree; of what is gone, those of the earlier one,
//! with the present name of a directory above it that has moved.
//!
//! Renames are recognised where the two trees have nodes in common: forks, and an overlay and what is below it. Between
//! unrelated trees a file that moved is one deleted and one created.
//!
//! ```
//! use gangplank_vfs::{MemFs, Tree};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let before = Arc::new(MemFs::new());
//! let tree = Tree::new(before.clone());
//! tree.create_dir_all("old/deep")?;
//! tree.write("old/deep/a", "1")?;
//! tree.write("notes", "draft")?;
//!
//! let after = Arc::new(before.fork());
//! let tree = Tree::new(after.clone());
//! tree.write("notes", "final")?;
//! tree.rename("old/deep/a", "kept")?;
//! tree.remove_all("old")?;
//!
//! let changes = after.changes_since(&before)?;
//! assert_eq!(changes.to_string(), "> old/deep/a → kept\n~ notes (content)\n- old/ (1 entry below)\n");
//! assert_eq!(changes.summary().to_string(), "1 changed, 1 deleted, 1 renamed");
//! # Ok(())
//! # }
//! ```

mod commit;
mod content;
mod display;
pub(crate) mod engine;
#[cfg(feature = "images")]
mod layer;
mod overlay;
pub(crate) mod path;
#[cfg(test)]
mod tests;
mod trees;

use crate::FileType;
pub use commit::{Commit, CommitError, Committed, Conflict, Progress};
use content::same_bytes;
pub use display::escape;
#[cfg(feature = "images")]
pub use layer::{LayerEntries, layer_entries};
pub use overlay::of_overlay;
pub use trees::{compare, compare_related};

/// What is different, in the order of the paths.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    entries: Vec<Change>,
}

/// One thing that is different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// From the top, without a slash in front; empty for the top itself.
    pub path: Vec<u8>,
    /// What has happened to it.
    pub kind: Kind,
    /// Its type; of what is deleted the one it had.
    pub file_type: FileType,
    /// Bytes in a file or in the target of a symbolic link, now; else 0.
    pub size: u64,
    /// The same before.
    pub size_before: u64,
}

/// What has happened to a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It is new. What is in a new directory is listed, too.
    Created,
    /// It is what it was, but for these aspects.
    Changed(Aspects),
    /// It is gone.
    Deleted {
        /// How many entries of a directory went with it, at any depth; what has moved elsewhere does not count.
        below: u64,
    },
    /// It had another path.
    Renamed {
        /// Which one.
        from: Vec<u8>,
        /// What is different beside the path.
        aspects: Aspects,
    },
    /// Something of another type has the path. What was in a directory, or is in one now, is listed, too.
    TypeChanged {
        /// What it was.
        from: FileType,
    },
}

bitflags::bitflags! {
    /// What can be different about one node. The time of the last change of a directory is not looked at, because it
    /// only says that there are other changes; nor are the times of files in trees that have nothing to do with each
    /// other, because copying changes them.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct Aspects: u32 {
        /// The bytes of a file, the target of a symbolic link, the number of a device.
        const CONTENT = 1;
        /// Permission bits; not of symbolic links, where they mean nothing.
        const MODE = 2;
        /// Owner or group.
        const OWNER = 4;
        /// `mtime`, though the content is the same.
        const TIMES = 8;
        /// Extended attributes of users (`user.…`).
        const XATTRS = 16;
    }
}

/// How many of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// [`Kind::Created`].
    pub created: u64,
    /// [`Kind::Changed`] and [`Kind::TypeChanged`].
    pub changed: u64,
    /// [`Kind::Deleted`]; a directory counts once.
    pub deleted: u64,
    /// [`Kind::Renamed`].
    pub renamed: u64,
}

impl Changes {
    /// Puts entries into their order.
    pub(crate) fn new(mut entries: Vec<Change>) -> Changes {
        // What is gone comes before what took its place.
        entries.sort_by(|a, b| components(&a.path).cmp(components(&b.path)).then(b.is_gone().cmp(&a.is_gone())));
        Changes { entries }
    }

    /// How many of each.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for change in &self.entries {
            *match change.kind {
                Kind::Created => &mut summary.created,
                Kind::Changed(_) | Kind::TypeChanged { .. } => &mut summary.changed,
                Kind::Deleted { .. } => &mut summary.deleted,
                Kind::Renamed { .. } => &mut summary.renamed,
            } += 1;
        }
        summary
    }
}

/// Names of a path: in their order a directory comes directly before what is in it.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&b| b == b'/')
}

impl Change {
    /// `+` created, `~` changed, `-` deleted, `>` renamed.
    pub const fn sign(&self) -> char {
        match self.kind {
            Kind::Created => '+',
            Kind::Changed(_) | Kind::TypeChanged { .. } => '~',
            Kind::Deleted { .. } => '-',
            Kind::Renamed { .. } => '>',
        }
    }

    const fn is_gone(&self) -> bool {
        matches!(self.kind, Kind::Deleted { .. })
    }
}

impl core::ops::Deref for Changes {
    type Target = [Change];

    fn deref(&self) -> &[Change] {
        &self.entries
    }
}

impl<const N: usize> PartialEq<[Change; N]> for Changes {
    fn eq(&self, other: &[Change; N]) -> bool {
        self.entries == other
    }
}

impl IntoIterator for Changes {
    type Item = Change;
    type IntoIter = std::vec::IntoIter<Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = core::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}
