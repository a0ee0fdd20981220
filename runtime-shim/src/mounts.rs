//! What [`Runner::mount`](crate::Runner::mount) puts together.

use std::{borrow::Cow, sync::Arc};

use gangplank_vfs::{Ctx, Errno, Namespace, Place, Scope, Start};

use crate::RunError;

/// One mount that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct MountAt {
    pub(crate) path: Vec<u8>,
    pub(crate) dir: Place,
    /// If there is no directory at that path, it is preopened.
    pub(crate) or_preopen: bool,
}

/// A directory, and its name.
type Preopen = (Vec<u8>, Place);

/// What a run sees, and what it has descriptors of.
type Together<'p> = (Option<Arc<Namespace>>, Cow<'p, [Preopen]>);

/// The namespace and the directories of one run: `base`, or a copy of it with `mounts`, in their order, on directories
/// below `preopens`; and those with what found no directory.
pub(crate) fn put_together<'p>(
    base: Option<&Arc<Namespace>>,
    preopens: &'p [Preopen],
    mounts: &[MountAt],
) -> Result<Together<'p>, RunError> {
    let mut preopens = Cow::Borrowed(preopens);
    if mounts.is_empty() {
        return Ok((base.map(Arc::clone), preopens));
    }
    let namespace = base.map_or_else(Namespace::new, |base| base.fork());
    for MountAt { path, dir, or_preopen } in mounts {
        let at = match target(&namespace, &preopens, path) {
            Err(Errno::NOENT | Errno::NOTDIR) if *or_preopen => {
                preopens.to_mut().push((path.clone(), dir.clone()));
                continue;
            }
            found => found,
        };
        let mounted = at.and_then(|at| namespace.bind(&at, dir, dir.mount().options()));
        mounted.map_err(|errno| RunError::Mount { path: path.clone(), errno })?;
    }
    Ok((Some(namespace), preopens))
}

/// The directory that a guest finds at `path`: as a C library looks for it, below the longest name that is a prefix.
fn target(namespace: &Namespace, preopens: &[(Vec<u8>, Place)], path: &[u8]) -> Result<Place, Errno> {
    let below = preopens.iter().filter_map(|(name, place)| Some((name.len(), place, rest(name, path)?)));
    let (_, place, rest) = below.max_by_key(|(length, ..)| *length).ok_or(Errno::NOENT)?;
    let start = Start { namespace, cx: Ctx::ROOT, place, scope: Scope::Beneath(place) };
    start.place(if rest.is_empty() { b"." } else { rest }, true)
}

/// What is left of `path` below `name`.
fn rest<'p>(name: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let end = name.iter().rposition(|&b| b != b'/').map_or(0, |last| last + 1);
    let rest = match &name[..end] {
        b"." if !path.starts_with(b"/") => path,
        name => path.strip_prefix(name)?,
    };
    let below = end == 0 || name == b"." || rest.is_empty() || rest.starts_with(b"/");
    let relative = rest.iter().position(|&b| b != b'/').unwrap_or(rest.len());
    below.then_some(&rest[relative..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prefixes_at_slashes_only() {
        for (name, path, left) in [
            ("/", "/a/b", Some("a/b")),
            ("/a", "/a/b", Some("b")),
            ("/a/", "/a//b", Some("b")),
            ("/a", "/a", Some("")),
            ("/a", "/ab", None),
            (".", "a", Some("a")),
            (".", "/a", None),
            ("a", "a/b", Some("b")),
        ] {
            assert_eq!(rest(name.as_bytes(), path.as_bytes()), left.map(str::as_bytes), "{name} {path}");
        }
    }
}
