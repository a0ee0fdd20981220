//! A promise that is broken at once: `exclusive` for a directory that another option lets the program change.

use std::path::{Path, PathBuf};

use super::{
    dirs::Dir,
    grammar::Spanned,
    spec::{Kind, Spec},
};
use crate::cli::{
    args::{Fs, Run},
    report::Failure,
};

/// Refuses it.
pub(super) fn kept(args: &Run, dirs: &[(Dir, String)], specs: &[Spec]) -> Result<(), Failure> {
    let promised = specs.iter().enumerate().filter(|(_, spec)| spec.exclusive);
    for (i, spec) in promised {
        let Some(src) = spec.src.first() else { continue };
        let by_dirs = dirs.iter().filter(|(dir, _)| args.fs == Fs::Host && !dir.read_only);
        let by_dirs = by_dirs.map(|(dir, option)| (&*dir.host, option.clone()));
        let others = specs.iter().enumerate().filter(|(other, _)| *other != i);
        let by_specs = others.flat_map(|(_, other)| changed(other).map(|path| (path, other.option())));
        if let Some((_, option)) = by_dirs.chain(by_specs).find(|(path, _)| overlap(path, &src.value)) {
            let why = Failure::usage(format!("`{option}` lets the program change the same files"))
                .help("leave `exclusive` out, or let the program read there only: `ro`");
            return Err(spec.wrong_path(src, "nobody else is to change", why));
        }
    }
    Ok(())
}

/// The directories of the host that a mount changes.
fn changed(spec: &Spec) -> impl Iterator<Item = &Path> {
    let itself = spec.src.iter().filter(|_| spec.kind.value == Kind::Host);
    let kept = spec.upper.iter().flat_map(|(upper, work): &(Spanned<PathBuf>, Spanned<PathBuf>)| [upper, work]);
    itself.chain(kept).filter(|_| !spec.read_only).map(|path| &*path.value)
}

/// Whether one of them is the other, or lies in it.
fn overlap(one: &Path, other: &Path) -> bool {
    // What cannot be found is refused later, for that.
    let (Ok(one), Ok(other)) = (one.canonicalize(), other.canonicalize()) else { return false };
    one.starts_with(&other) || other.starts_with(&one)
}
