//! Two directories of the host as an upper layer: one [`HostFs`] on the directory that holds both, since a rename works
//! inside of one filesystem only.

use std::path::{Component, Path, PathBuf};

use super::{
    layer::{INTERNAL, NodeRef},
    marks::Prefix,
    options::OverlayError,
};
use crate::{
    FileSystem, Mount, MountOptions, Name, Place,
    host_fs::{HostFs, Options},
};

/// The two directories, in one filesystem.
pub(super) fn upper(upper: &Path, work: &Path, prefix: Prefix) -> Result<(Place, Place), OverlayError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| OverlayError::Host { path, error }
    };
    let whole = |path: &Path| uninterrupted(|| path.canonicalize()).map_err(failed(path));
    let (upper, work) = (whole(upper)?, whole(work)?);
    for path in [&upper, &work] {
        if !uninterrupted(|| path.metadata()).map_err(failed(path))?.is_dir() {
            return Err(OverlayError::Host { path: path.clone(), error: std::io::ErrorKind::NotADirectory.into() });
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let device = |path: &Path| uninterrupted(|| path.metadata()).map(|m| m.dev()).map_err(failed(path));
        if device(&upper)? != device(&work)? {
            return Err(OverlayError::TwoFilesystems);
        }
    }
    let common: PathBuf =
        upper.components().zip(work.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    if common == upper || common == work {
        return Err(OverlayError::Nested);
    }
    let options = Options { overlay_xattrs: prefix == Prefix::Trusted, ..Options::default() };
    let fs: std::sync::Arc<dyn FileSystem> = HostFs::open_with(&common, options).map_err(failed(&common))?;
    let place = |path: &Path| -> Result<Place, OverlayError> {
        let mut at = NodeRef::retain(&fs, fs.root());
        let rest = path.strip_prefix(&common).unwrap_or(path);
        for component in rest.components() {
            let Component::Normal(name) = component else { continue };
            let name = name.as_encoded_bytes();
            let entry = fs.lookup(&INTERNAL, at.id, Name::new(name)?)?;
            at = NodeRef::adopt(&fs, entry.node);
        }
        Ok(Mount::subtree(fs.clone(), at.id, MountOptions::default()))
    };
    Ok((place(&upper)?, place(&work)?))
}

/// What the standard library does not try again after a signal, as it does with reading. It has been seen to be
/// interrupted, in a process in which JavaScriptCore ran, too.
fn uninterrupted<T>(mut act: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_signal_is_no_answer() {
        let mut answers = vec![Ok(7), Err(ErrorKind::Interrupted), Err(ErrorKind::Interrupted)];
        let next = super::uninterrupted(|| answers.pop().expect("asked too often").map_err(Error::from));
        assert_eq!(next.expect("an answer"), 7);
        let refused = super::uninterrupted(|| Err::<(), _>(ErrorKind::NotFound.into()));
        assert_eq!(refused.expect_err("an error").kind(), ErrorKind::NotFound);
    }
}
