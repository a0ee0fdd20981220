//! What read-only filesystems answer to those who want to change something: the error that a filesystem that can be
//! changed would answer, if there is one, and else `ROFS`.
//!
//! Like `shapes`: the macros stand inside an `impl`, and a method that they do not write is still missing. Whoever writes
//! a filesystem that cannot be changed has them as `gangplank_vfs::read_only_fs!` and so on.

/// The methods of a [`FileSystem`](crate::FileSystem) that change something, each of which is refused.
#[macro_export]
macro_rules! read_only_fs {
    () => {
        fn setattr(&self, _: &$crate::Ctx<'_>, node: $crate::NodeId, attr: &$crate::SetAttr) -> $crate::Result<()> {
            let file_type = self.getattr(node)?.file_type;
            match attr.size {
                Some(_) if file_type == $crate::FileType::Directory => Err($crate::Errno::ISDIR),
                Some(_) if file_type != $crate::FileType::Regular => Err($crate::Errno::INVAL),
                _ => Err($crate::Errno::ROFS),
            }
        }

        fn create(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
            _: &$crate::NewNode<'_>,
        ) -> $crate::Result<$crate::Entry> {
            match self.lookup(cx, dir, name) {
                Ok(found) => {
                    self.forget(found.node, 1);
                    Err($crate::Errno::EXIST)
                }
                Err($crate::Errno::NOENT) => Err($crate::Errno::ROFS),
                Err(e) => Err(e),
            }
        }

        fn make(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
            new: &$crate::NewNode<'_>,
        ) -> $crate::Result<()> {
            self.create(cx, dir, name, new).map(drop)
        }

        fn link(
            &self,
            cx: &$crate::Ctx<'_>,
            _: $crate::NodeId,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
        ) -> $crate::Result<()> {
            match self.lookup(cx, dir, name) {
                Ok(found) => {
                    self.forget(found.node, 1);
                    Err($crate::Errno::EXIST)
                }
                Err($crate::Errno::NOENT) => Err($crate::Errno::ROFS),
                Err(e) => Err(e),
            }
        }

        fn remove(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
            _: $crate::Remove,
        ) -> $crate::Result<()> {
            let found = self.lookup(cx, dir, name)?;
            self.forget(found.node, 1);
            Err($crate::Errno::ROFS)
        }

        fn rename(
            &self,
            cx: &$crate::Ctx<'_>,
            from: ($crate::NodeId, $crate::Name<'_>),
            to: ($crate::NodeId, $crate::Name<'_>),
            _: $crate::Rename,
        ) -> $crate::Result<()> {
            if self.getattr(to.0)?.file_type != $crate::FileType::Directory {
                return Err($crate::Errno::NOTDIR);
            }
            let found = self.lookup(cx, from.0, from.1)?;
            self.forget(found.node, 1);
            Err($crate::Errno::ROFS)
        }
    };
}

/// The methods of a regular file that change something: it is never open for writing.
#[macro_export]
macro_rules! read_only_file {
    () => {
        fn setattr(&self, _: &$crate::Ctx<'_>, attr: &$crate::SetAttr) -> $crate::Result<()> {
            if attr.size.is_some() { Err($crate::Errno::BADF) } else { Err($crate::Errno::ROFS) }
        }

        fn write_at(&self, _: &[::std::io::IoSlice<'_>], _: $crate::At) -> $crate::Result<(usize, u64)> {
            Err($crate::Errno::BADF)
        }

        fn set_len(&self, _: u64) -> $crate::Result<()> {
            Err($crate::Errno::BADF)
        }

        fn allocate(&self, _: u64, _: u64) -> $crate::Result<()> {
            Err($crate::Errno::BADF)
        }

        // Nothing can have been written.
        fn sync(&self, _: bool) -> $crate::Result<()> {
            Ok(())
        }

        fn set_flags(&self, _: $crate::OpenFlags) -> $crate::Result<()> {
            Ok(())
        }

        fn advise(&self, _: u64, _: u64, _: $crate::Advice) -> $crate::Result<()> {
            Ok(())
        }
    };
}

/// The methods of a directory that change something, or would make it durable.
#[macro_export]
macro_rules! read_only_directory {
    () => {
        fn setattr(&self, _: &$crate::Ctx<'_>, attr: &$crate::SetAttr) -> $crate::Result<()> {
            if attr.size.is_some() { Err($crate::Errno::BADF) } else { Err($crate::Errno::ROFS) }
        }

        fn sync(&self, _: bool) -> $crate::Result<()> {
            Ok(())
        }
    };
}
