//! What filesystems have in common whose content is computed and not stored: nothing has to be kept for a reference, a
//! walk is its lookups, and the content of a file is at hand as a whole.
//!
//! Like `shapes` and `read_only`: the macros stand inside an `impl`, and a method that they do not write is still
//! missing.

/// The methods of a [`FileSystem`](crate::FileSystem) that stores nothing, holds no symbolic links, and has no facets.
#[macro_export]
macro_rules! generated_fs {
    () => {
        fn retain(&self, _: $crate::NodeId) {}

        fn forget(&self, _: $crate::NodeId, _: u64) {}

        $crate::forward_fs! { self: walk_by_lookup }

        fn readlink(&self, _: $crate::NodeId) -> $crate::Result<$crate::Bytes> {
            Err($crate::Errno::INVAL)
        }

        // No room is taken, and none is free.
        fn statfs(&self) -> $crate::Result<$crate::StatFs> {
            Ok($crate::StatFs { bsize: 4096, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0 })
        }

        // Nothing can have been written.
        fn sync(&self) -> $crate::Result<()> {
            Ok(())
        }

        fn xattrs(&self) -> Option<&dyn $crate::Xattrs> {
            None
        }

        fn snapshots(&self) -> Option<&dyn $crate::Snapshots> {
            None
        }
    };
}

/// The methods of a regular file that read, if the name given is that of a method `fn(&self) -> Bytes`, which answers
/// the whole content; and `needs` as in [`regular_shape`](crate::regular_shape).
#[macro_export]
macro_rules! generated_file {
    ($needs:ident, $content:ident) => {
        fn read_at(&self, bufs: &mut [::std::io::IoSliceMut<'_>], offset: u64) -> $crate::Result<usize> {
            let len = bufs.iter().fold(0, |len: usize, buf| len.saturating_add(buf.len()));
            let (bytes, mut done) = (self.read_bytes(offset, len)?, 0);
            for buf in bufs {
                let n = buf.len().min(bytes.len() - done);
                buf[..n].copy_from_slice(&bytes[done..done + n]);
                done += n;
            }
            Ok(done)
        }

        fn read_bytes(&self, offset: u64, len: usize) -> $crate::Result<$crate::Bytes> {
            self.$needs($crate::OpenFlags::READ)?;
            if offset > i64::MAX as u64 {
                return Err($crate::Errno::INVAL);
            }
            let content = self.$content();
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
            Ok(content.slice(from..from.saturating_add(len).min(content.len())))
        }

        fn clone_to(&self, _: &dyn $crate::VirtualFile) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::NOTSUP)
        }

        // It is all data.
        fn seek_data(&self, offset: u64, what: $crate::Seek) -> $crate::Result<u64> {
            let size = self.$content().len() as u64;
            match what {
                _ if offset >= size => Err($crate::Errno::NXIO),
                $crate::Seek::Data => Ok(offset),
                $crate::Seek::Hole => Ok(size),
            }
        }
    };
}
