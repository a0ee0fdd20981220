//! What files of one shape have in common: the methods that each answers with one documented error (see `file`).
//!
//! The macros stand inside an `impl VirtualFile`, and take the name of a method `fn(&self, OpenFlags) -> Result<()>`
//! that answers `BADF` for access the file was not opened with. A method that they do not write is still missing, and
//! one that the trait gains is missing here: neither is inherited silently.

/// `append` and `appended` of a file whose `write_at` knows where the end was: the one is the other at
/// [`At::End`](crate::At::End), and there is nothing left to ask.
#[macro_export]
macro_rules! eager_append {
    () => {
        fn append(&self, bufs: &[::std::io::IoSlice<'_>]) -> $crate::Result<(usize, Option<u64>)> {
            $crate::VirtualFile::write_at(self, bufs, $crate::At::End).map(|(n, end)| (n, Some(end)))
        }

        fn appended(&self) -> $crate::Result<u64> {
            Err($crate::Errno::INVAL)
        }
    };
}

/// The methods that have no meaning for a stream: a FIFO, a socket, a terminal.
#[macro_export]
macro_rules! stream_shape {
    ($needs:ident) => {
        $crate::eager_append!();

        fn seekable(&self) -> bool {
            false
        }

        fn read_at(&self, _: &mut [::std::io::IoSliceMut<'_>], _: u64) -> $crate::Result<usize> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::SPIPE)
        }

        fn write_at(&self, _: &[::std::io::IoSlice<'_>], _: $crate::At) -> $crate::Result<(usize, u64)> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::SPIPE)
        }

        fn read_bytes(&self, _: u64, _: usize) -> $crate::Result<$crate::Bytes> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::SPIPE)
        }

        fn set_len(&self, _: u64) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::INVAL)
        }

        fn allocate(&self, _: u64, _: u64) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::SPIPE)
        }

        fn clone_to(&self, _: &dyn $crate::VirtualFile) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::SPIPE)
        }

        fn seek_data(&self, _: u64, _: $crate::Seek) -> $crate::Result<u64> {
            Err($crate::Errno::SPIPE)
        }

        fn readdir(
            &self,
            _: $crate::Cookie,
            _: &mut dyn FnMut($crate::DirEntry<'_>) -> ::core::ops::ControlFlow<()>,
        ) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::NOTDIR)
        }

        fn sync(&self, _: bool) -> $crate::Result<()> {
            Err($crate::Errno::INVAL)
        }

        fn advise(&self, _: u64, _: u64, _: $crate::Advice) -> $crate::Result<()> {
            Err($crate::Errno::SPIPE)
        }
    };
}

/// The methods that have no meaning for a directory, and those that mean the same for each.
#[macro_export]
macro_rules! directory_shape {
    ($needs:ident) => {
        $crate::eager_append!();

        fn seekable(&self) -> bool {
            false
        }

        fn read_at(&self, _: &mut [::std::io::IoSliceMut<'_>], _: u64) -> $crate::Result<usize> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::ISDIR)
        }

        fn write_at(&self, _: &[::std::io::IoSlice<'_>], _: $crate::At) -> $crate::Result<(usize, u64)> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::ISDIR)
        }

        fn read_bytes(&self, _: u64, _: usize) -> $crate::Result<$crate::Bytes> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::ISDIR)
        }

        fn set_len(&self, _: u64) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::ISDIR)
        }

        fn allocate(&self, _: u64, _: u64) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::ISDIR)
        }

        fn clone_to(&self, _: &dyn $crate::VirtualFile) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::ISDIR)
        }

        fn seek_data(&self, _: u64, _: $crate::Seek) -> $crate::Result<u64> {
            Err($crate::Errno::ISDIR)
        }

        fn read_stream(&self, _: &mut [::std::io::IoSliceMut<'_>]) -> $crate::Result<usize> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::ISDIR)
        }

        fn write_stream(&self, _: &[::std::io::IoSlice<'_>]) -> $crate::Result<usize> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::ISDIR)
        }

        fn poll(&self, interest: $crate::Events, _: Option<&::core::task::Waker>) -> $crate::Result<$crate::Events> {
            Ok(interest & ($crate::Events::READ | $crate::Events::WRITE))
        }

        // Nothing is ever delayed.
        fn flush(&self) -> $crate::Result<()> {
            Ok(())
        }

        // None of them means anything here.
        fn set_flags(&self, _: $crate::OpenFlags) -> $crate::Result<()> {
            Ok(())
        }

        fn advise(&self, _: u64, _: u64, _: $crate::Advice) -> $crate::Result<()> {
            Err($crate::Errno::ISDIR)
        }

        fn socket(&self) -> Option<&dyn $crate::Socket> {
            None
        }

        fn is_terminal(&self) -> bool {
            false
        }
    };
}

/// The methods that have no meaning for a regular file, and those that mean the same for each.
#[macro_export]
macro_rules! regular_shape {
    ($needs:ident) => {
        fn seekable(&self) -> bool {
            true
        }

        fn readdir(
            &self,
            _: $crate::Cookie,
            _: &mut dyn FnMut($crate::DirEntry<'_>) -> ::core::ops::ControlFlow<()>,
        ) -> $crate::Result<()> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::NOTDIR)
        }

        fn read_stream(&self, _: &mut [::std::io::IoSliceMut<'_>]) -> $crate::Result<usize> {
            self.$needs($crate::OpenFlags::READ)?;
            Err($crate::Errno::INVAL)
        }

        fn write_stream(&self, _: &[::std::io::IoSlice<'_>]) -> $crate::Result<usize> {
            self.$needs($crate::OpenFlags::WRITE)?;
            Err($crate::Errno::INVAL)
        }

        fn poll(&self, interest: $crate::Events, _: Option<&::core::task::Waker>) -> $crate::Result<$crate::Events> {
            Ok(interest & ($crate::Events::READ | $crate::Events::WRITE))
        }

        // Every write has been answered already.
        fn flush(&self) -> $crate::Result<()> {
            Ok(())
        }

        fn socket(&self) -> Option<&dyn $crate::Socket> {
            None
        }

        fn is_terminal(&self) -> bool {
            false
        }
    };
}
