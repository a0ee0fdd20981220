//! Archives that are files of the host.

use std::{path::Path, sync::Arc};

use super::{Backing, ImageError, ImageFs, ImageOptions};
use crate::{Errno, OpenFlags, OpenHow, Tree, host_fs::HostFs};

impl ImageFs {
    /// Mounts an archive that is a file of the host, or the only image of an OCI layout that is a directory of it. Of a
    /// plain tar archive, and of zip, only the headers are read now; the file stays open, and must not change.
    ///
    /// # Errors
    /// [`ImageError`], of what the host says too.
    pub fn open_path(path: impl AsRef<Path>, options: ImageOptions<'_>) -> Result<ImageFs, ImageError> {
        let path = path.as_ref();
        if path.is_dir() {
            let layout = HostFs::open(path).map_err(|e| ImageError::at(0, Errno::from(e)))?;
            return ImageFs::oci(&Tree::new(layout), None, options);
        }
        let file = open(path).map_err(|e| ImageError::at(0, e))?;
        ImageFs::open(file, options)
    }
}

/// Opens a file of the host for reading. Symbolic links are followed: the path is the embedder's.
fn open(path: &Path) -> Result<Backing, Errno> {
    let path = std::fs::canonicalize(path)?;
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::ISDIR) };
    let tree = Tree::new(HostFs::open(dir)?);
    let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: false };
    let file = tree.open(name.as_encoded_bytes(), &how).map_err(|e| e.errno)?;
    match file.file().seekable() {
        true => Ok(Backing::File(Arc::clone(file.file()))),
        false => Err(Errno::ISDIR),
    }
}
