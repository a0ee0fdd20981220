//! `gangplank fs unpack`: everything goes into a new directory first, beside where it belongs; then it is moved to its
//! place. So an image that turns out to be damaged changes nothing.
//!
//! Both steps are taken through a `host_fs` on the directory: whatever the image says, nothing outside is reached.

use std::{
    fs,
    io::ErrorKind,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use gangplank::vfs::{
    FileType, SetAttr, SetTime, Tree, TreeError,
    tree::{WalkEntry, copy_tree_with},
};

use super::{FAILED, args::Unpack, shown};
use crate::cli::{
    args::HostResolver,
    progress,
    report::{Failure, warn},
    sources,
};

pub(super) fn unpack(args: &Unpack) -> Result<u8, Failure> {
    if args.image.is_dir() {
        let failure = Failure::failed(FAILED, format!("cannot open `{}`: it is a directory", args.image.display()));
        return Err(failure.help("a directory that holds an OCI image is `oci:PATH`; others are for `cp`"));
    }
    let image = sources::tree(&args.image, FAILED)?;
    let target = Target::make(&args.dir, args.force)?;
    match into(&image, &target.tree) {
        Ok(skipped) => {
            for path in &skipped {
                warn(&format!("`{}` is left out: it cannot be made here", shown::path(path)));
            }
            Ok(0)
        }
        Err(error) => {
            target.undo();
            Err(Failure::failed(FAILED, format!("cannot unpack `{}`: {error}", args.image.display())))
        }
    }
}

struct Target<'a> {
    tree: Tree,
    path: &'a Path,
    /// Whether it was not there before.
    made: bool,
}

impl<'a> Target<'a> {
    fn make(path: &'a Path, force: bool) -> Result<Target<'a>, Failure> {
        let cannot = |why: &dyn core::fmt::Display| {
            Failure::failed(FAILED, format!("cannot unpack into `{}`: {why}", path.display()))
        };
        let made = match fs::create_dir(path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(cannot(&error)),
        };
        if !made && !force {
            let mut entries = fs::read_dir(path).map_err(|error| cannot(&error))?;
            if entries.next().is_some() {
                return Err(
                    cannot(&"it is not empty").help("--force unpacks into it, and replaces what has the same name")
                );
            }
        }
        let host = sources::host(path, HostResolver::Auto).map_err(|failure| cannot(&failure.message()))?;
        Ok(Target { tree: Tree::new(host), path, made })
    }

    fn undo(&self) {
        if self.made {
            // Only if it is as empty as we made it.
            let _ = fs::remove_dir(self.path);
        }
    }
}

/// Answers what had to be left out.
fn into(image: &Tree, target: &Tree) -> Result<Vec<Vec<u8>>, TreeError> {
    let part = fresh_name(image, target)?;
    target.create_dir(&part)?;
    let done = fill(image, target, &part);
    let removed = target.remove_all(&part).or_else(|_| {
        open_up(target, &part)?;
        target.remove_all(&part)
    });
    let skipped = done?;
    removed.map(|()| skipped)
}

/// Lets directories be emptied by a user who is bound by their bits.
fn open_up(target: &Tree, part: &str) -> Result<(), TreeError> {
    let closed: Vec<_> = target.walk(part)?.filter_map(Result::ok).filter(is_closed).collect();
    closed.iter().try_for_each(|closed| set_mode(target, &closed.path, closed.metadata.mode | OWNER))
}

/// What the owner of a directory needs to change it.
const OWNER: u16 = 0o700;

fn is_closed(entry: &WalkEntry) -> bool {
    entry.metadata.file_type == FileType::Directory && entry.metadata.mode & OWNER != OWNER
}

fn set_mode(target: &Tree, path: &[u8], mode: u16) -> Result<(), TreeError> {
    target.set_attr(path, &SetAttr { mode: Some(mode), ..SetAttr::default() })
}

/// One that neither of the two has.
fn fresh_name(image: &Tree, target: &Tree) -> Result<String, TreeError> {
    let mut number = std::process::id();
    loop {
        let name = format!(".gangplank-unpack.{number}");
        if !image.exists(&name)? && !target.exists(&name)? {
            return Ok(name);
        }
        number = number.wrapping_add(1);
    }
}

fn fill(image: &Tree, target: &Tree, part: &str) -> Result<Vec<Vec<u8>>, TreeError> {
    let fresh = target.dir(part)?;
    let bytes = AtomicU64::new(0);
    let copied = progress::bytes(
        "unpacking",
        || bytes.load(Ordering::Relaxed),
        || copy_tree_with(image.place(), fresh.place(), &mut |copied| bytes.store(copied.bytes, Ordering::Relaxed)),
    )?;
    settle(target, part)?;
    Ok(copied.skipped)
}

/// Moves everything from below `part` to its place, directories into those that are there.
fn settle(target: &Tree, part: &str) -> Result<(), TreeError> {
    // Pairs of a directory in the part and its place; what is told of a directory is set when all is in it.
    let mut left = vec![(part.as_bytes().to_vec(), Vec::new())];
    let mut merged = Vec::new();
    while let Some((from, to)) = left.pop() {
        for entry in target.entries(&from)? {
            let to = [&*to, if to.is_empty() { b"" } else { b"/" }, entry.name()].concat();
            let directory = entry.metadata.file_type == FileType::Directory;
            match target.symlink_metadata(&to) {
                Ok(there) if directory && there.file_type == FileType::Directory => {
                    merged.push((to.clone(), entry.metadata));
                    left.push((entry.path, to));
                    continue;
                }
                // A file takes the place of a file in one step.
                Ok(there) if directory || there.file_type == FileType::Directory => target.remove_all(&to)?,
                _ => {}
            }
            if is_closed(&entry) {
                // To move a directory is to change it.
                set_mode(target, &entry.path, entry.metadata.mode | OWNER)?;
                target.rename(&entry.path, &to)?;
                set_mode(target, &to, entry.metadata.mode)?;
            } else {
                target.rename(&entry.path, &to)?;
            }
        }
    }
    for (path, metadata) in merged.iter().rev() {
        let times = SetAttr {
            mode: Some(metadata.mode),
            atime: SetTime::To(metadata.atime),
            mtime: SetTime::To(metadata.mtime),
            ..SetAttr::default()
        };
        target.set_attr(path, &times)?;
    }
    Ok(())
}
