//! Whether two files hold the same.

use crate::{Ctx, Errno, FsCaps, OpenFlags, Place, Result, Seek, VirtualFile};

/// Bytes compared at a time.
const CHUNK: usize = 1 << 20;

/// Whether two files of this size hold the same, where both have a hole without reading it. Leaves no trace in them.
pub(super) fn same_bytes(a: &Place, b: &Place, size: u64) -> Result<bool> {
    let open = |place: &Place| place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ | OpenFlags::NOATIME);
    let (file_a, file_b) = (open(a)?, open(b)?);
    let mut at = 0;
    while at < size {
        at = data(&*file_a, a, at, size)?.min(data(&*file_b, b, at, size)?);
        if at >= size {
            break;
        }
        let want = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        let (left, right) = (file_a.read_bytes(at, want)?, file_b.read_bytes(at, want)?);
        // What one of the two has given is compared; it may have given less than was asked for.
        let n = left.len().min(right.len());
        if n == 0 {
            // One has become shorter.
            return Ok(left.len() == right.len());
        }
        if left.as_ptr() != right.as_ptr() && left[..n] != right[..n] {
            return Ok(false);
        }
        at += n as u64;
    }
    Ok(true)
}

/// Where the next data is, at or after `at`.
fn data(file: &dyn VirtualFile, place: &Place, at: u64, size: u64) -> Result<u64> {
    if !place.fs().info().caps.contains(FsCaps::SEEK_HOLE) {
        return Ok(at);
    }
    match file.seek_data(at, Seek::Data) {
        Err(Errno::NXIO) => Ok(size),
        found => found,
    }
}
