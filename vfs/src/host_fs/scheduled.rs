//! [`Scheduled`]: a host whose every call is a step, which a checker of schedules puts where it likes
//! (`cargo xtask shuttle`). Between two steps other threads may do anything.

use std::{fs::File, sync::Arc};

use bytes::Bytes;

use super::{
    meta::Attr,
    node::Node,
    sys::{Request, Sys},
};
use crate::{
    FileType, Name, OpenFlags, Remove, Rename, Result, SetAttr,
    sync::atomic::{AtomicBool, Ordering},
};

#[derive(Debug)]
pub(super) struct Scheduled {
    sys: Box<dyn Sys>,
    /// Whoever looks at it lets the checker choose who goes on.
    step: AtomicBool,
}

impl Scheduled {
    pub(super) fn new(sys: Box<dyn Sys>) -> Scheduled {
        Scheduled { sys, step: AtomicBool::new(false) }
    }

    fn step(&self) -> &dyn Sys {
        self.step.load(Ordering::SeqCst);
        &*self.sys
    }
}

impl Sys for Scheduled {
    fn pins_all(&self) -> bool {
        self.sys.pins_all()
    }

    fn appends(&self) -> bool {
        self.sys.appends()
    }

    fn open_run(&self, dir: &File, run: &[u8], how: Request) -> Option<Result<File>> {
        self.step().open_run(dir, run, how)
    }

    fn pin_run(&self, dir: &File, run: &[u8], directory: bool) -> Option<Result<File>> {
        self.step().pin_run(dir, run, directory)
    }

    fn stat_run(&self, dir: &File, run: &[u8], follow: bool) -> Option<Result<Attr>> {
        self.step().stat_run(dir, run, follow)
    }

    fn open(&self, dir: &File, name: Name<'_>, how: Request) -> Result<File> {
        self.step().open(dir, name, how)
    }

    fn pin(&self, dir: &Arc<File>, name: Name<'_>) -> Result<Node> {
        self.step().pin(dir, name)
    }

    fn reopen(&self, node: &Node, flags: OpenFlags) -> Result<File> {
        self.step().reopen(node, flags)
    }

    fn readlink_at(&self, dir: &File, name: Name<'_>) -> Result<Bytes> {
        self.step().readlink_at(dir, name)
    }

    fn readlink(&self, node: &Node) -> Result<Bytes> {
        self.step().readlink(node)
    }

    fn set_attr(&self, node: &Node, attr: &SetAttr) -> Result<()> {
        self.step().set_attr(node, attr)
    }

    fn mkdir(&self, dir: &File, name: Name<'_>, mode: u16) -> Result<()> {
        self.step().mkdir(dir, name, mode)
    }

    fn mknod(&self, dir: &File, name: Name<'_>, new: (FileType, u16, u64)) -> Result<()> {
        self.step().mknod(dir, name, new)
    }

    fn symlink(&self, dir: &File, name: Name<'_>, target: &[u8]) -> Result<()> {
        self.step().symlink(dir, name, target)
    }

    fn link(&self, node: &Node, dir: &Arc<File>, name: Name<'_>) -> Result<()> {
        self.step().link(node, dir, name)
    }

    fn remove(&self, dir: &File, name: Name<'_>, what: Remove) -> Result<()> {
        self.step().remove(dir, name, what)
    }

    fn rename(&self, from: (&File, Name<'_>), to: (&File, Name<'_>), how: Rename) -> Result<()> {
        self.step().rename(from, to, how)
    }
}
