//! [`Tree::remove_all`].

use super::{
    Result, Tree, TreeError,
    walk::{child, names},
};
use crate::{Ctx, Errno, FileType, Name, Place, Remove};

/// A directory being emptied.
struct Level {
    place: Place,
    names: std::vec::IntoIter<Box<[u8]>>,
    /// How long the path of the directory is.
    path: usize,
}

pub(super) fn remove_all(tree: &Tree, path: &[u8]) -> Result<()> {
    let failed = |errno| TreeError::new("remove", path, errno);
    let found = tree.at(path, |start, path| start.stat(path, false)).map_err(failed)?;
    if found.file_type != FileType::Directory {
        return tree.remove(path);
    }
    let top = tree.dir(path)?;
    let mut path_now = path[..path.iter().rposition(|&b| b != b'/').map_or(0, |last| last + 1)].to_vec();
    empty(tree, top.place.clone(), &mut path_now).map_err(|errno| TreeError::new("remove", &path_now, errno))?;
    if top.place.is_same(&tree.place) {
        return Ok(());
    }
    tree.on("remove", path, |start, path| start.remove_dir(path))
}

/// Removes what is in a directory. `path` is what is being removed, if it fails.
fn empty(tree: &Tree, top: Place, path: &mut Vec<u8>) -> crate::Result<()> {
    if top.mount().read_only() {
        return Err(Errno::ROFS);
    }
    let level = |place: Place, path: usize| -> crate::Result<Level> {
        let names = names(&**place.fs(), place.node())?.into_iter();
        Ok(Level { place, names, path })
    };
    let mut levels = vec![level(top, path.len())?];
    while let Some(last) = levels.last_mut() {
        path.truncate(last.path);
        let Some(name) = last.names.next() else {
            let done = levels.pop().map_or(0, |done| done.path);
            if let Some(above) = levels.last() {
                let at = above.path + usize::from(above.path > 0);
                remove(&above.place, path.get(at..done).unwrap_or_default(), Remove::Directory)?;
            }
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        let below = match child(tree, &last.place, Name::new(&name)?) {
            Ok(below) => below,
            // Somebody else has been faster.
            Err(Errno::NOENT) => continue,
            Err(e) => return Err(e),
        };
        if !std::sync::Arc::ptr_eq(below.mount(), last.place.mount()) {
            return Err(Errno::BUSY);
        }
        match below.metadata()?.file_type {
            FileType::Directory => {
                let below = level(below, path.len())?;
                levels.push(below);
            }
            _ => remove(&last.place, &name, Remove::NonDirectory)?,
        }
    }
    Ok(())
}

fn remove(dir: &Place, name: &[u8], what: Remove) -> crate::Result<()> {
    match dir.fs().remove(&Ctx::ROOT, dir.node(), Name::new(name)?, what) {
        // Somebody else has been faster.
        Err(Errno::NOENT) => Ok(()),
        done => done,
    }
}
