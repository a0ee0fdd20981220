//! [`merged`]: what layers show together, told from what each of them holds alone.
//!
//! Each layer is mounted as an archive, in which `.wh.` files are files. Laying one over the other is then a matter of
//! paths: what a layer hides goes from what is below, and what it holds comes. It is compared with the stack, as far as
//! files and links go; a directory that is there for a whiteout alone may be there or not.

use std::collections::{BTreeMap, BTreeSet};

use gangplank_vfs::{FileType, image_fs::ImageFs};

use super::images::{Fact, facts, options};

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// What stands at a path: its type, and what is in it.
type Leaves = BTreeMap<String, (FileType, Vec<u8>)>;

/// Compares a stack of layers with what they are alone.
pub(super) fn merged(layers: &[&[u8]], stack: &ImageFs) {
    let Some(expected) = expected(layers) else { return };
    let Some((leaves, _)) = read(stack) else { return };
    assert_eq!(leaves, expected, "what the layers show together");
}

/// `None` where an archive alone is not what it is as a layer.
fn expected(layers: &[&[u8]]) -> Option<Leaves> {
    let mut below = Leaves::new();
    for layer in layers {
        let (leaves, directories) = read(&ImageFs::open(layer.to_vec(), options()).ok()?)?;
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        // A directory with such a name, or a file below it, is no whiteout.
        if directories.iter().any(|path| name(path).starts_with(WHITEOUT)) {
            return None;
        }
        let (hiding, own): (Leaves, Leaves) =
            leaves.into_iter().partition(|(path, _)| name(path).starts_with(WHITEOUT));
        for path in hiding.keys() {
            let (dir, name) = path.rsplit_once('/')?;
            match name.strip_prefix(WHITEOUT) {
                Some(_) if name == OPAQUE => remove(&mut below, dir),
                // What aufs keeps for itself, and names that are none.
                Some(hidden) if hidden.starts_with(WHITEOUT) => {}
                Some("" | "." | "..") | None => return None,
                Some(hidden) => {
                    below.remove(&format!("{dir}/{hidden}"));
                    remove(&mut below, &format!("{dir}/{hidden}"));
                }
            }
        }
        let holds = |dir: &String| own.keys().any(|path| path.strip_prefix(&**dir).is_some_and(|p| p.starts_with('/')));
        for dir in &directories {
            // It may be there for a whiteout alone, and then a file below stays.
            if !holds(dir) && below.contains_key(dir) {
                return None;
            }
            below.remove(dir);
        }
        for (path, leaf) in own {
            remove(&mut below, &path);
            below.insert(path, leaf);
        }
    }
    Some(below)
}

/// Takes away what is below a directory.
fn remove(leaves: &mut Leaves, dir: &str) {
    leaves.retain(|path, _| path.strip_prefix(dir).is_none_or(|rest| !rest.starts_with('/')));
}

/// Everything but directories, and these; `None` if something is damaged.
fn read(image: &ImageFs) -> Option<(Leaves, BTreeSet<String>)> {
    let (facts, damaged) = facts(image);
    let (mut leaves, mut directories) = (Leaves::new(), BTreeSet::new());
    for Fact { path, metadata, content, .. } in facts {
        match metadata.file_type {
            FileType::Directory => drop(directories.insert(path)),
            file_type => drop(leaves.insert(path, (file_type, content))),
        }
    }
    (!damaged).then_some((leaves, directories))
}
