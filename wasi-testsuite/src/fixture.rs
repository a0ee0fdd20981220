//! Fresh copies of `root` directories on the host's filesystem.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A copy of a directory, removed when dropped.
///
/// # Errors
/// If something cannot be copied, with its path; a FIFO, socket or device cannot.
pub fn fresh_copy(of: &Path) -> Result<TempDir> {
    let copy = tempfile::Builder::new().prefix("gangplank-suite-").tempdir().context("no temporary directory")?;
    copy_dir(of, copy.path())?;
    Ok(copy)
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        let copied = if kind.is_dir() {
            fs::create_dir(&target)?;
            copy_dir(&source, &target)?;
            Ok(())
        } else if kind.is_symlink() {
            copy_link(&source, &target)
        } else if kind.is_file() {
            fs::copy(&source, &target).map(drop)
        } else {
            bail!("{} is neither a file nor a directory nor a link", source.display());
        };
        copied.with_context(|| format!("cannot copy {}", source.display()))?;
    }
    Ok(())
}

/// As it is, wherever it points.
#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

#[cfg(windows)]
fn copy_link(from: &Path, to: &Path) -> std::io::Result<()> {
    let target = fs::read_link(from)?;
    match fs::metadata(from) {
        Ok(found) if found.is_dir() => std::os::windows::fs::symlink_dir(target, to),
        _ => std::os::windows::fs::symlink_file(target, to),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::PathBuf};

    use super::*;

    #[test]
    fn everything_is_copied_as_it_is() {
        let source = tempfile::tempdir().unwrap();
        let at = |name: &str| source.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/b/file"), "content").unwrap();
        fs::set_permissions(at("a/b/file"), fs::Permissions::from_mode(0o640)).unwrap();
        for (target, name) in [("..", "a/up"), ("/nowhere", "dangling"), ("a", "to_a")] {
            std::os::unix::fs::symlink(target, at(name)).unwrap();
        }
        let copy = fresh_copy(source.path()).unwrap();
        let there = |name: &str| copy.path().join(name);
        assert_eq!(fs::read(there("a/b/file")).unwrap(), b"content");
        assert_eq!(fs::metadata(there("a/b/file")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_link(there("a/up")).unwrap(), PathBuf::from(".."));
        assert_eq!(fs::read_link(there("dangling")).unwrap(), PathBuf::from("/nowhere"));
        assert!(fs::symlink_metadata(there("to_a")).unwrap().is_symlink());

        // What happens to the copy does not happen to the original, nor does the copy stay.
        fs::write(there("a/b/file"), "changed").unwrap();
        assert_eq!(fs::read(at("a/b/file")).unwrap(), b"content");
        let path = copy.path().to_owned();
        drop(copy);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = format!("{:#}", fresh_copy(Path::new("/no/such/fixture")).unwrap_err());
        assert!(error.contains("/no/such/fixture"), "{error}");
    }
}
