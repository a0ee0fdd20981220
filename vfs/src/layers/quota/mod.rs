//! [`QuotaFs`]: a limit on what the users of a filesystem may add to it, for filesystems that have none: a directory of
//! the host.
//!
//! # What is counted
//! * **Bytes**: content in blocks of 4096 bytes, each from the first byte written to it, or when it is reserved; holes
//!   are free. Targets of symbolic links. Extended attributes, 64 bytes and name and value.
//! * **Nodes**: every name that is made: of files, directories and links.
//!
//! What was there before is free, and stays so until it is cut off: overwriting it, filling the holes in it too:
//! whoever has such files underneath does not limit them. Removing it gives no room for something else. What is cut off
//! or removed of what was added is given back at once, that of a file which is open when it is closed. All of it is
//! exact under concurrency, and counted in memory: a new `QuotaFs` begins at 0. What others do to the filesystem
//! underneath is not seen.
//!
//! [`CLONE`](FsCaps::CLONE), [`SNAPSHOT`](FsCaps::SNAPSHOT) and [`WHITEOUT`](FsCaps::WHITEOUT) are not offered.
//!
//! # Lock order
//! 1. `Shared::names`, while a name is made, moved or removed
//! 2. `Shared::accounts`
//! 3. `Account::state`, while content is written
//! 4. the locks of the filesystem underneath
//!
//! A later one may be taken while an earlier one is held, never the other way round.

mod account;
mod file;

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;

use self::{
    account::{Account, BLOCK, Limit, State},
    file::QuotaFile,
};
use crate::{
    Components, Ctx, Entry, Errno, FileSystem, FileType, FsCaps, FsInfo, Goal, Metadata, MountPoints, Name, NewNode,
    NodeId, OpenFlags, Remove, Rename, Result, SetAttr, SetXattr, Snapshots, StatFs, VirtualFile, Walked, Xattrs,
    sync::Mutex, walk_by_lookup,
};

/// What may be added. `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuotaOptions {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Names.
    pub nodes: Option<u64>,
}

/// A filesystem with a limit: [`quota`](self).
#[derive(Debug)]
pub struct QuotaFs {
    shared: Arc<Shared>,
    info: FsInfo,
}

#[derive(Debug)]
struct Shared {
    inner: Arc<dyn FileSystem>,
    bytes: Limit,
    nodes: Limit,
    /// Held while a name is made, moved or removed.
    names: Mutex<()>,
    accounts: Mutex<HashMap<NodeId, Arc<Account>, foldhash::fast::RandomState>>,
}

impl QuotaFs {
    /// Around `inner`.
    pub fn new(inner: Arc<dyn FileSystem>, options: QuotaOptions) -> QuotaFs {
        let info = inner.info();
        let caps = info.caps - (FsCaps::CLONE | FsCaps::SNAPSHOT | FsCaps::WHITEOUT);
        let info = FsInfo { caps, ..info.clone() };
        let limit = |limit: Option<u64>| Limit::new(limit.unwrap_or(u64::MAX));
        let (bytes, nodes) = (limit(options.bytes), limit(options.nodes));
        let shared = Shared { inner, bytes, nodes, names: Mutex::default(), accounts: Mutex::default() };
        QuotaFs { shared: Arc::new(shared), info }
    }

    /// Bytes and names that have been added.
    pub fn used(&self) -> (u64, u64) {
        (self.shared.bytes.used(), self.shared.nodes.used())
    }
}

impl Shared {
    /// The account of a node, which stays until it is [closed](Self::close).
    ///
    /// # Errors
    /// What keeps the filesystem underneath from telling about a node that is new here.
    fn open(&self, node: NodeId) -> Result<Arc<Account>> {
        if let Some(known) = self.accounts.lock().get(&node) {
            known.state.lock().open += 1;
            return Ok(known.clone());
        }
        // Nobody takes its last name meanwhile, or it could not be told whether it has one.
        let _names = self.names.lock();
        let now = self.inner.getattr(node)?;
        let mut accounts = self.accounts.lock();
        let account = accounts.entry(node).or_insert_with(|| {
            let account = Account::default();
            let mut state = account.state.lock();
            (state.free, state.gone) = (now.size, now.nlink == 0);
            drop(state);
            Arc::new(account)
        });
        account.state.lock().open += 1;
        Ok(account.clone())
    }

    /// Does something with the account of a node, which is locked meanwhile.
    ///
    /// # Errors
    /// As [`open`](Self::open); those of `f`.
    fn with<R>(&self, node: NodeId, f: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
        let account = self.open(node)?;
        let done = f(&mut account.state.lock());
        self.close(node, &account);
        done
    }

    fn close(&self, node: NodeId, account: &Arc<Account>) {
        let mut accounts = self.accounts.lock();
        let mut state = account.state.lock();
        state.open -= 1;
        if state.open > 0 {
            return;
        }
        if state.gone {
            self.settle_gone(&mut state);
        }
        // A new node may have the number by now.
        if state.is_empty() && accounts.get(&node).is_some_and(|known| Arc::ptr_eq(known, account)) {
            accounts.remove(&node);
        }
    }

    /// Corrects what was reserved to what was used.
    fn settle(&self, reserved: u64, used: u64) {
        if reserved > used {
            self.bytes.refund(reserved - used);
        } else if used > reserved {
            // Somebody underneath has moved the end of the file meanwhile.
            self.bytes.add(used - reserved);
        }
    }

    /// A node has lost a name, of `links` that it had.
    fn unnamed(&self, node: NodeId, file_type: FileType, links: u64) {
        let mut accounts = self.accounts.lock();
        let Some(account) = accounts.get(&node).cloned() else { return };
        let mut state = account.state.lock();
        if file_type != FileType::Directory && links > 1 {
            if state.names > 0 {
                state.names -= 1;
                self.nodes.refund(1);
            }
            return;
        }
        state.gone = true;
        // Else whoever opens it without a name finds it, and the last one closes it.
        if state.open == 0 {
            self.settle_gone(&mut state);
            accounts.remove(&node);
        }
    }

    /// Gives back what was charged for a node that has no name and is not open.
    fn settle_gone(&self, state: &mut State) {
        self.bytes.refund(state.bytes());
        self.nodes.refund(state.names);
        *state = State::default();
    }

    /// What has a name, with how many it has; `None` where there is no such name, which the filesystem underneath says
    /// in its own way. It is asked before the name is taken away, because afterwards nothing may fail.
    fn named(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Option<(NodeId, FileType, u64)>> {
        let found = match self.inner.lookup(cx, dir, name) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(e) => return Err(e),
        };
        let links = self.inner.getattr(found.node).map(|m| m.nlink);
        self.inner.forget(found.node, 1);
        Ok(Some((found.node, found.file_type, links?)))
    }

    /// A node has got a further name; `size` is how large it was when it is new here.
    fn linked(&self, node: NodeId, size: u64) {
        // With the accounts locked: one without names goes when the last who has it open closes it.
        let mut accounts = self.accounts.lock();
        let account = accounts.entry(node).or_default();
        let mut state = account.state.lock();
        if state.is_empty() {
            state.free = size;
        }
        if state.gone {
            // Of the names that it had none is left.
            self.nodes.refund(state.names);
            (state.gone, state.names) = (false, 0);
        }
        state.names += 1;
    }

    /// Reserves a name, and `bytes`, unless something else is wrong with the name.
    fn reserve(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, bytes: u64) -> Result<()> {
        let reserved =
            self.nodes.reserve(1).and_then(|()| self.bytes.reserve(bytes).inspect_err(|_| self.nodes.refund(1)));
        reserved.map_err(|full| match self.inner.lookup(cx, dir, name) {
            Ok(found) => {
                self.inner.forget(found.node, 1);
                Errno::EXIST
            }
            Err(Errno::NOENT) => full,
            Err(e) => e,
        })
    }

    fn open_file(
        self: &Arc<Self>,
        node: NodeId,
        flags: OpenFlags,
        open: impl FnOnce() -> Result<Arc<dyn VirtualFile>>,
    ) -> Result<Arc<dyn VirtualFile>> {
        let account = self.open(node)?;
        let mut state = account.state.lock();
        let opened = open();
        if let (Ok(_), true) = (&opened, flags.contains(OpenFlags::TRUNC)) {
            self.bytes.refund(state.cut(0));
        }
        drop(state);
        match opened {
            Ok(inner) if inner.seekable() => {
                Ok(Arc::new(QuotaFile { shared: self.clone(), account, node, inner, flags }))
            }
            other => {
                self.close(node, &account);
                other
            }
        }
    }
}

impl FileSystem for QuotaFs {
    fn info(&self) -> &FsInfo {
        &self.info
    }

    fn root(&self) -> NodeId {
        self.shared.inner.root()
    }

    fn retain(&self, node: NodeId) {
        self.shared.inner.retain(node);
    }

    fn forget(&self, node: NodeId, n: u64) {
        self.shared.inner.forget(node, n);
    }

    fn lookup(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        self.shared.inner.lookup(cx, dir, name)
    }

    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        self.shared.inner.parent(dir)
    }

    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        match goal {
            // What is opened has to be known before it is.
            Goal::Open(_) => walk_by_lookup(self, cx, dir, path, mounts, goal),
            Goal::Node { .. } | Goal::Stat { .. } => self.shared.inner.walk(cx, dir, path, mounts, goal),
        }
    }

    fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.shared.inner.readlink(node)
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.shared.inner.getattr(node)
    }

    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        let Some(len) = attr.size else { return self.shared.inner.setattr(cx, node, attr) };
        self.shared.with(node, |state| {
            self.shared.inner.setattr(cx, node, attr)?;
            self.shared.bytes.refund(state.cut(len));
            Ok(())
        })
    }

    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        let target = if let NewNode::Symlink { target } = new { target.len() as u64 } else { 0 };
        let shared = &self.shared;
        if let NewNode::Special { file_type: FileType::CharDevice, rdev: 0, .. } = new
            && !self.info.caps.contains(FsCaps::DEVICES)
        {
            // A whiteout, which is not offered, though the filesystem underneath may make it.
            return Err(match shared.named(cx, dir, name)? {
                Some(_) => Errno::EXIST,
                None => Errno::NOTSUP,
            });
        }
        let _names = shared.names.lock();
        shared.reserve(cx, dir, name, target)?;
        let made = shared.inner.create(cx, dir, name, new).inspect_err(|_| {
            shared.nodes.refund(1);
            shared.bytes.refund(target);
        })?;
        let account = Account::default();
        {
            let mut state = account.state.lock();
            (state.names, state.target) = (1, target);
        }
        let before = shared.accounts.lock().insert(made.node, Arc::new(account));
        if let Some(before) = before {
            // Of a node that somebody has removed underneath, and whose number is used again.
            let mut state = before.state.lock();
            state.gone = true;
            if state.open == 0 {
                shared.settle_gone(&mut state);
            }
        }
        Ok(made)
    }

    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        let made = self.create(cx, dir, name, new)?;
        self.forget(made.node, 1);
        Ok(())
    }

    fn link(&self, cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        let shared = &self.shared;
        let _names = shared.names.lock();
        // Asked now: once it is linked nothing may fail.
        let size = shared.inner.getattr(node)?.size;
        shared.reserve(cx, dir, name, 0)?;
        shared.inner.link(cx, node, dir, name).inspect_err(|_| shared.nodes.refund(1))?;
        shared.linked(node, size);
        Ok(())
    }

    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        let _names = self.shared.names.lock();
        let found = self.shared.named(cx, dir, name)?;
        self.shared.inner.remove(cx, dir, name, what)?;
        if let Some((node, file_type, links)) = found {
            self.shared.unnamed(node, file_type, links);
        }
        Ok(())
    }

    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        if how == Rename::Whiteout {
            return Err(Errno::INVAL);
        }
        let _names = self.shared.names.lock();
        let source = self.shared.named(cx, from.0, from.1)?;
        let target = self.shared.named(cx, to.0, to.1)?;
        self.shared.inner.rename(cx, from, to, how)?;
        if let (Some((node, file_type, links)), Rename::Replace, Some((moved, ..))) = (target, how, source)
            && node != moved
        {
            self.shared.unnamed(node, file_type, links);
        }
        Ok(())
    }

    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        let open = || self.shared.inner.open(cx, node, flags);
        match self.shared.inner.getattr(node)?.file_type {
            FileType::Regular | FileType::BlockDevice => self.shared.open_file(node, flags, open),
            _ => open(),
        }
    }

    fn statfs(&self) -> Result<StatFs> {
        let (inner, shared) = (self.shared.inner.statfs()?, &self.shared);
        let unit = u64::from(inner.bsize.max(1));
        let room = |free: u64| free.saturating_mul(unit) / BLOCK;
        let (bytes, nodes) = (&shared.bytes, &shared.nodes);
        let left = (bytes.limit - bytes.used().min(bytes.limit)) / BLOCK;
        let files = nodes.limit - nodes.used().min(nodes.limit);
        Ok(StatFs {
            bsize: BLOCK as u32,
            blocks: (bytes.limit / BLOCK).min(room(inner.blocks)),
            bfree: left.min(room(inner.bfree)),
            bavail: left.min(room(inner.bavail)),
            files: nodes.limit.min(inner.files),
            ffree: files.min(inner.ffree),
        })
    }

    fn sync(&self) -> Result<()> {
        self.shared.inner.sync()
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        self.shared.inner.xattrs().map(|_| self as &dyn Xattrs)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}

impl QuotaFs {
    fn inner_xattrs(&self) -> Result<&dyn Xattrs> {
        self.shared.inner.xattrs().ok_or(Errno::NOTSUP)
    }
}

impl Xattrs for QuotaFs {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        self.inner_xattrs()?.get(node, name)
    }

    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        let (inner, shared) = (self.inner_xattrs()?, &self.shared);
        let cost = 64 + name.len() as u64 + value.len() as u64;
        shared.with(node, |state| {
            let before = state.xattrs.get(name).copied().unwrap_or(0);
            // One that was there before is free; its successor is not.
            let more = cost.saturating_sub(before);
            shared.bytes.reserve(more)?;
            inner.set(node, name, value, how).inspect_err(|_| shared.bytes.refund(more))?;
            shared.bytes.refund(before.saturating_sub(cost));
            state.xattrs.insert(name.into(), cost);
            Ok(())
        })
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        let inner = self.inner_xattrs()?;
        self.shared.with(node, |state| {
            inner.remove(node, name)?;
            if let Some(cost) = state.xattrs.remove(name) {
                self.shared.bytes.refund(cost);
            }
            Ok(())
        })
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.inner_xattrs()?.list(node, sink)
    }
}
