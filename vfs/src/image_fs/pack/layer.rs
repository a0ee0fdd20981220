//! [`pack_layer`]: what is different from the layers below.

use std::io::Write;

use super::{PackError, PackOptions, Packed, Writer, finished, header::Entry};
use crate::{Errno, Place, Time, TreeError};

/// One difference from the layers below.
#[derive(Clone, Debug)]
pub struct LayerEntry {
    /// From the root, which is the empty path.
    pub path: Vec<u8>,
    /// What is different.
    pub kind: LayerKind,
}

/// What is different from the layers below.
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// What they have there is gone.
    Whiteout,
    /// What they have in this directory is gone.
    Opaque,
    /// There is this now. Of a directory, it itself: what is in it comes as entries of its own.
    Node(Place),
}

/// Writes differences as a layer of an OCI image: a tar archive in which `.wh.name` stands for what is gone. Entries are
/// written as they come: a directory goes before what is in it.
///
/// # Errors
/// [`PackError`]: `INVAL` for a whiteout of the root; `INVAL` for a node whose name begins with `.wh.`, which a layer
/// cannot hold; the first error that comes instead of an entry.
pub fn pack_layer(
    entries: impl IntoIterator<Item = Result<LayerEntry, TreeError>>,
    out: &mut dyn Write,
    options: PackOptions<'_>,
) -> Result<Packed, PackError> {
    finished(out, options, |writer| {
        for entry in entries {
            let LayerEntry { path, kind } = entry?;
            let start = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
            let (dir, name) = path.split_at(start);
            let invalid = |what| PackError::Tree(TreeError { path: path.clone(), what, errno: Errno::INVAL });
            if name.starts_with(b".wh.") {
                return Err(invalid("put into a layer, where the name has a meaning of its own,"));
            }
            match kind {
                LayerKind::Node(place) => writer.node(&path, &place)?,
                LayerKind::Whiteout if name.is_empty() => return Err(invalid("remove in a layer")),
                LayerKind::Whiteout => writer.mark(&[dir, b".wh.", name].concat())?,
                LayerKind::Opaque if path.is_empty() => writer.mark(b".wh..wh..opq")?,
                LayerKind::Opaque => writer.mark(&[&*path, b"/.wh..wh..opq"].concat())?,
            }
        }
        Ok(())
    })
}

impl Writer<'_, '_> {
    /// An empty file whose name says it all.
    fn mark(&mut self, path: &[u8]) -> Result<(), PackError> {
        let entry = Entry {
            path,
            kind: b'0',
            link: b"",
            size: 0,
            mode: 0,
            owner: self.options.owner.unwrap_or((0, 0)),
            mtime: self.options.times.unwrap_or(Time::EPOCH),
            rdev: 0,
            records: Vec::new(),
        };
        entry.write(self.out)?;
        self.done(0)
    }
}
