//! One node made like another.

use std::{io::IoSlice, sync::Arc};

use super::target::CX;
use crate::{
    At, Errno, FileSystem, FileType, Metadata, NodeId, Place, Result, Seek, SetAttr, SetTime, SetXattr, VirtualFile,
};

const CHUNK: usize = 1 << 20;

/// Gives `to`, which is empty, the first `size` bytes of `from`, holes as holes if `from` can tell them; answers how
/// many bytes of content these were.
pub(super) fn copy_content(from: &dyn VirtualFile, to: &dyn VirtualFile, size: u64, holes: bool) -> Result<u64> {
    match from.clone_to(to) {
        Ok(()) => return Ok(size),
        Err(Errno::NOTSUP) => {}
        Err(e) => return Err(e),
    }
    let (mut at, mut copied) = (0, 0);
    while at < size {
        let mut end = size;
        if holes {
            at = match from.seek_data(at, Seek::Data) {
                Err(Errno::NXIO) => break,
                found => found?,
            };
            end = from.seek_data(at, Seek::Hole)?.min(size);
        }
        let begin = at;
        while at < end {
            let bytes = from.read_bytes(at, usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK))?;
            if bytes.is_empty() {
                break;
            }
            write_all(to, &bytes, at)?;
            at += bytes.len() as u64;
        }
        copied += at - begin;
        if at == begin {
            break;
        }
    }
    if to.getattr()?.size < size {
        to.set_len(size)?;
    }
    Ok(copied)
}

fn write_all(to: &dyn VirtualFile, mut bytes: &[u8], mut at: u64) -> Result<()> {
    while !bytes.is_empty() {
        let (n, next) = to.write_at(&[IoSlice::new(bytes)], At::Offset(at))?;
        if n == 0 {
            return Err(Errno::IO);
        }
        (bytes, at) = (&bytes[n..], next);
    }
    Ok(())
}

/// Gives a node the attributes of the original, as far as the filesystem has a place for them: extended attributes of
/// users, owner if it is let, permission bits, times.
pub(super) fn copy_attributes(
    original: &Place,
    metadata: &Metadata,
    fs: &Arc<dyn FileSystem>,
    node: NodeId,
    owner: bool,
) -> Result<()> {
    copy_xattrs(original, fs, node)?;
    let have = fs.getattr(node)?;
    if owner && (have.uid, have.gid) != (metadata.uid, metadata.gid) {
        let attr = SetAttr { uid: Some(metadata.uid), gid: Some(metadata.gid), ..SetAttr::default() };
        match fs.setattr(&CX, node, &attr) {
            // Who may not give files away keeps them.
            Ok(()) | Err(Errno::PERM | Errno::ACCES | Errno::NOTSUP | Errno::INVAL) => {}
            Err(e) => return Err(e),
        }
    }
    if metadata.file_type != FileType::Symlink {
        fs.setattr(&CX, node, &SetAttr { mode: Some(metadata.mode), ..SetAttr::default() })?;
    }
    let (atime, mtime) = (SetTime::To(metadata.atime), SetTime::To(metadata.mtime));
    fs.setattr(&CX, node, &SetAttr { atime, mtime, ..SetAttr::default() })
}

fn copy_xattrs(original: &Place, fs: &Arc<dyn FileSystem>, node: NodeId) -> Result<()> {
    let (Some(source), Some(target)) = (original.fs().xattrs(), fs.xattrs()) else { return Ok(()) };
    let list = |xattrs: &dyn crate::Xattrs, node| -> Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        match xattrs.list(node, &mut |name| names.push(name.to_vec())) {
            Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
            Err(e) => return Err(e),
        }
        names.retain(|name| name.starts_with(b"user."));
        Ok(names)
    };
    let wanted = list(source, original.node())?;
    for name in list(target, node)?.into_iter().filter(|name| !wanted.contains(name)) {
        match target.remove(node, &name) {
            Ok(()) | Err(Errno::NODATA) => {}
            Err(e) => return Err(e),
        }
    }
    for name in wanted {
        let value = match source.get(original.node(), &name) {
            Err(Errno::NODATA) => continue,
            value => value?,
        };
        match target.set(node, &name, &value, SetXattr::Any) {
            Ok(()) | Err(Errno::NOTSUP) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
