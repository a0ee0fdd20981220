//! [`layer_entries`]: what an overlay changed, as a layer of an image.

use std::{collections::BTreeMap, sync::Arc};

use super::{Changes, Kind, overlay};
use crate::{
    Errno, FileType, OverlayFs,
    image_fs::{LayerEntry, LayerKind},
    tree::{Result, Tree, TreeError},
};

/// What an overlay changed, as the entries of a layer that can be put on top of an image of the layers below: for
/// [`pack_layer`](crate::image_fs::pack_layer). A directory comes before what is in it, and before each entry come the
/// directories above it.
///
/// A layer knows no renames: what has moved is told whole, and so is everything in a directory that has.
///
/// ```
/// use std::sync::Arc;
/// use gangplank_vfs::{MemFsOptions, OverlayFs, Tree, diff::layer_entries, dir, image_fs::{PackOptions, pack_layer}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let base = dir! { "etc": { "motd": "hello", "old": "" } }.tree()?;
/// let overlay = Arc::new(OverlayFs::builder().lower_at(base.into()).upper_mem(MemFsOptions::new()).build()?);
/// let view = Tree::new(overlay.clone());
/// view.write("etc/motd", "good bye")?;
/// view.remove("etc/old")?;
/// let mut tar = Vec::new();
/// pack_layer(layer_entries(&overlay)?, &mut tar, PackOptions::new())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`of_overlay`](super::of_overlay). Later ones come out of the iterator.
pub fn layer_entries(overlay: &OverlayFs) -> Result<LayerEntries> {
    overlay::with_below(overlay, |before, after, below| {
        let changes = overlay::changes(overlay, before, after, below)?;
        let plan = Plan { before, after, entries: BTreeMap::new() }.of(&changes)?;
        let todo = plan.into_iter().flat_map(|(path, what)| {
            let (node, mark) = match what {
                What::Gone => (None, Some(LayerMark::Whiteout)),
                What::Node { opaque } => (Some(LayerMark::Node), opaque.then_some(LayerMark::Opaque)),
            };
            let path = join(&path);
            node.into_iter().chain(mark).map(move |mark| (path.clone(), mark))
        });
        let todo: Vec<_> = todo.collect();
        Ok(LayerEntries { after: Tree::new(Arc::new(overlay.same())), todo: todo.into_iter() })
    })
}

/// The entries of a layer: [`layer_entries`].
#[derive(Debug)]
pub struct LayerEntries {
    after: Tree,
    todo: std::vec::IntoIter<(Vec<u8>, LayerMark)>,
}

#[derive(Clone, Copy, Debug)]
enum LayerMark {
    Whiteout,
    Opaque,
    Node,
}

impl Iterator for LayerEntries {
    type Item = Result<LayerEntry>;

    fn next(&mut self) -> Option<Result<LayerEntry>> {
        let (path, mark) = self.todo.next()?;
        let kind = match mark {
            LayerMark::Whiteout => LayerKind::Whiteout,
            LayerMark::Opaque => LayerKind::Opaque,
            LayerMark::Node => match self.after.at(&path, |start, path| start.place(path, false)) {
                Ok(place) => LayerKind::Node(place),
                Err(e) => return Some(Err(TreeError::new("examine", &path, e))),
            },
        };
        Some(Ok(LayerEntry { path, kind }))
    }
}

/// A path by its names, so that a directory comes directly before what is in it.
type Names = Vec<Box<[u8]>>;

fn names(path: &[u8]) -> Names {
    path.split(|&b| b == b'/').filter(|name| !name.is_empty()).map(Box::from).collect()
}

fn join(names: &Names) -> Vec<u8> {
    names.join(&b'/')
}

enum What {
    /// There is nothing now.
    Gone,
    /// There is this now; `opaque` if it is a directory that has nothing to do with the one below.
    Node { opaque: bool },
}

struct Plan<'t> {
    before: &'t Tree,
    after: &'t Tree,
    entries: BTreeMap<Names, What>,
}

impl Plan<'_> {
    fn of(mut self, changes: &Changes) -> Result<BTreeMap<Names, What>> {
        // Directories that are told whole: nothing else need be said of what is in them.
        let mut whole: Vec<&[u8]> = Vec::new();
        for change in changes {
            let path = &*change.path;
            let inside = whole.iter().any(|dir| path.strip_prefix(*dir).is_some_and(|rest| rest.starts_with(b"/")));
            if let Kind::Renamed { from, .. } = &change.kind {
                self.gone(from)?;
            }
            if inside {
                continue;
            }
            match &change.kind {
                Kind::Deleted { .. } => self.gone(path)?,
                Kind::Changed(_) => self.node(path, false),
                Kind::Created | Kind::TypeChanged { .. } => {
                    let opaque = change.file_type == FileType::Directory && self.is_dir_below(path)?;
                    self.node(path, opaque);
                }
                Kind::Renamed { .. } if change.file_type == FileType::Directory => {
                    whole.push(path);
                    self.node(path, self.is_dir_below(path)?);
                    for entry in self.after.walk(path)? {
                        let entry = entry?;
                        let opaque =
                            entry.metadata.file_type == FileType::Directory && self.is_dir_below(&entry.path)?;
                        self.node(&entry.path, opaque);
                    }
                }
                Kind::Renamed { .. } => self.node(path, false),
            }
        }
        // What is in something that is gone, or no directory any more, needs no mark of its own.
        let mut above: Option<Names> = None;
        self.entries.retain(|path, what| {
            let covered = above.as_ref().is_some_and(|above| path.len() > above.len() && path.starts_with(above));
            if !covered && matches!(what, What::Gone) {
                above = Some(path.clone());
            }
            !covered
        });
        Ok(self.entries)
    }

    fn node(&mut self, path: &[u8], opaque: bool) {
        let path = names(path);
        self.above(&path);
        self.entries.insert(path, What::Node { opaque });
    }

    /// The layers below have something there, and the view does not.
    fn gone(&mut self, path: &[u8]) -> Result<()> {
        let there = |tree: &Tree, path: &[u8]| match tree.at(path, |start, path| start.stat(path, false)) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(e) => Err(TreeError::new("examine", path, e)),
        };
        if there(self.after, path)? || !there(self.before, path)? {
            return Ok(());
        }
        let path = names(path);
        // Up to what is there: the first directory that is gone hides the others.
        for len in 1..path.len() {
            let above = path[..len].to_vec();
            if !there(self.after, &join(&above))? {
                self.above(&above);
                self.entries.entry(above).or_insert(What::Gone);
                return Ok(());
            }
        }
        self.above(&path);
        self.entries.entry(path).or_insert(What::Gone);
        Ok(())
    }

    /// Directories above an entry, as they are.
    fn above(&mut self, path: &Names) {
        for len in 1..path.len() {
            self.entries.entry(path[..len].to_vec()).or_insert(What::Node { opaque: false });
        }
    }

    fn is_dir_below(&self, path: &[u8]) -> Result<bool> {
        match self.before.at(path, |start, path| start.stat(path, false)) {
            Ok(found) => Ok(found.file_type == FileType::Directory),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(e) => Err(TreeError::new("examine", path, e)),
        }
    }
}
