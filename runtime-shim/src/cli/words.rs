//! Words of the command line as bytes, which is what guests have, and as paths, which is what the host has.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use super::report::Failure;

/// The bytes of a word of the command line.
pub(crate) fn bytes(word: &OsStr) -> Result<&[u8], Failure> {
    #[cfg(unix)]
    {
        Ok(std::os::unix::ffi::OsStrExt::as_bytes(word))
    }
    #[cfg(not(unix))]
    match word.to_str() {
        Some(text) => Ok(text.as_bytes()),
        None => Err(Failure::usage(format!("`{}` is not valid Unicode", word.display()))),
    }
}

/// The reverse of [`bytes`].
pub(crate) fn path(bytes: &[u8]) -> Result<PathBuf, Failure> {
    #[cfg(unix)]
    {
        Ok(PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes.to_vec())))
    }
    #[cfg(not(unix))]
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PathBuf::from(OsString::from(text))),
        Err(_) => Err(Failure::usage("a path is not valid Unicode")),
    }
}
