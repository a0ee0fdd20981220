//! [`Server`]: what the kernel asks about nodes and names.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, sync::Arc};

use fuser::{FileAttr, FileHandle, INodeNo, Request};

use super::{
    FuseOptions, convert,
    files::{Files, Handle},
    forgetting,
    nodes::Nodes,
};
use crate::{
    Bytes, Components, Cred, Ctx, Errno, FileSystem, FileType, Goal, Metadata, Name, NewNode, NoMounts, NodeId,
    OpenFlags, OpenHow, Place, Remove, Result, SetAttr, SetTime, SetXattr, Walked, Xattrs,
};

const SET_GROUP_ID: u16 = 0o2000;

/// Answers one mount.
#[derive(Debug)]
pub(super) struct Server {
    /// First to go: it gives back references.
    pub(super) nodes: Nodes,
    pub(super) files: Files,
    pub(super) options: FuseOptions,
    pub(super) place: Place,
}

/// A node that the kernel is told of.
pub(super) type Told = FileAttr;

impl Server {
    pub(super) fn new(place: Place, options: FuseOptions) -> Server {
        let bound = forgetting::bound(&**place.fs());
        let nodes = Nodes::new(Arc::clone(place.fs()), place.node(), bound);
        Server { nodes, files: Files::default(), options, place }
    }

    pub(super) fn fs(&self) -> &dyn FileSystem {
        &**self.place.fs()
    }

    pub(super) fn lookup(&self, who: &Cred, dir: INodeNo, name: &OsStr) -> Result<Told> {
        let entry = self.fs().lookup(&Ctx { cred: who }, self.nodes.ours(dir)?, Name::new(name.as_bytes())?)?;
        self.tell(entry.node)
    }

    /// Hands a reference over to the kernel.
    fn tell(&self, node: NodeId) -> Result<Told> {
        match self.fs().getattr(node) {
            Ok(found) => Ok(self.told(node, &found)),
            Err(e) => {
                self.fs().forget(node, 1);
                Err(e)
            }
        }
    }

    pub(super) fn told(&self, node: NodeId, found: &Metadata) -> Told {
        self.nodes.told(node);
        convert::attr(found, self.nodes.theirs(node))
    }

    pub(super) fn getattr(&self, ino: INodeNo, handle: Option<FileHandle>) -> Result<FileAttr> {
        let node = self.nodes.ours(ino)?;
        let found = match handle.and_then(|handle| self.files.get(handle).ok()) {
            Some(handle) => handle.file.getattr()?,
            None => self.fs().getattr(node)?,
        };
        Ok(convert::attr(&found, ino))
    }

    pub(super) fn setattr(
        &self,
        who: &Cred,
        ino: INodeNo,
        handle: Option<FileHandle>,
        attr: &SetAttr,
    ) -> Result<FileAttr> {
        let (cx, node) = (Ctx { cred: who }, self.nodes.ours(ino)?);
        // Through the file where there is one: it may be open for writing though its mode forbids that by now.
        match handle.map(|handle| self.files.get(handle)).transpose()? {
            Some(handle) => handle.file.setattr(&cx, attr)?,
            None => self.fs().setattr(&cx, node, attr)?,
        }
        self.getattr(ino, handle)
    }

    pub(super) fn readlink(&self, ino: INodeNo) -> Result<Bytes> {
        self.fs().readlink(self.nodes.ours(ino)?)
    }

    /// Makes anything but what is opened at once.
    pub(super) fn create(&self, who: &Cred, dir: INodeNo, name: &OsStr, new: NewNode<'_>) -> Result<Told> {
        let dir = self.nodes.ours(dir)?;
        let (owner, new) = self.inherited(who, dir, new)?;
        let entry = self.fs().create(&Ctx { cred: &owner }, dir, Name::new(name.as_bytes())?, &new)?;
        self.settle(&owner, entry.node, new).inspect_err(|_| self.fs().forget(entry.node, 1))?;
        self.tell(entry.node)
    }

    /// Makes a regular file, if it is not there, and opens it.
    pub(super) fn open_new(
        &self,
        who: &Cred,
        dir: INodeNo,
        name: &OsStr,
        mode: u16,
        flags: OpenFlags,
        exclusive: bool,
    ) -> Result<(Told, FileHandle)> {
        let dir = self.nodes.ours(dir)?;
        let name = Name::new(name.as_bytes())?;
        let (owner, new) = self.inherited(who, dir, NewNode::Regular { mode })?;
        let cx = Ctx { cred: &owner };
        // Tried first, so that we know whether it is new. A host refuses to open a file again that has just been made
        // without the permission to write it; that is why it is made and opened in one.
        let how = OpenHow { flags: self.access(flags), create: Some(new), exclusive: true, follow: false };
        let opened = |how: &OpenHow<'_>| {
            let mut path = Components::new(name.as_bytes())?;
            match self.fs().walk(&cx, dir, &mut path, &NoMounts, Goal::Open(how))? {
                Walked::Opened(opened) => Ok(opened),
                // Not one of the others is the end of such a walk.
                _ => Err(Errno::IO),
            }
        };
        let (opened, is_new) = match opened(&how) {
            Err(Errno::EXIST) if !exclusive => (opened(&OpenHow { exclusive: false, ..how })?, false),
            opened => (opened?, true),
        };
        if opened.file_type == FileType::Directory {
            self.fs().forget(opened.node, 1);
            return Err(Errno::ISDIR);
        }
        // The walk gives no reference to a file. If the name means something else by now, the kernel asks again.
        let entry = self.fs().lookup(&cx, dir, name).map_err(|_| Errno::STALE)?;
        let settled = match () {
            () if entry.node != opened.node => Err(Errno::STALE),
            () if is_new => self.settle(&owner, entry.node, new),
            () => Ok(()),
        };
        settled.inspect_err(|_| self.fs().forget(entry.node, 1))?;
        let told = self.tell(entry.node)?;
        Ok((told, self.files.add(Handle { file: opened.file, dir: None })))
    }

    pub(super) fn open(&self, who: &Cred, ino: INodeNo, flags: OpenFlags) -> Result<FileHandle> {
        let node = self.nodes.ours(ino)?;
        let file = self.fs().open(&Ctx { cred: who }, node, self.access(flags))?;
        let dir = flags.contains(OpenFlags::DIRECTORY).then_some(node);
        Ok(self.files.add(Handle { file, dir }))
    }

    /// What opening means through this mount.
    fn access(&self, flags: OpenFlags) -> OpenFlags {
        if self.place.mount().noatime() { flags | OpenFlags::NOATIME } else { flags }
    }

    /// As whom, and with which bits, something is made in a directory: in one with the set-group-ID bit, it belongs to
    /// the directory's group, and a directory gets the bit itself
    /// (<https://man7.org/linux/man-pages/man2/mkdir.2.html>).
    fn inherited<'a>(&self, who: &Cred, dir: NodeId, mut new: NewNode<'a>) -> Result<(Cred, NewNode<'a>)> {
        let parent = self.fs().getattr(dir)?;
        let mut owner = who.clone();
        if parent.mode & SET_GROUP_ID != 0 {
            owner.gid = parent.gid;
            if let NewNode::Directory { mode } = &mut new {
                *mode |= SET_GROUP_ID;
            }
        }
        Ok((owner, new))
    }

    /// Gives what has been made the owner and the bits that a filesystem left out: a host makes everything as its own
    /// user, and takes away its umask. Where that user is not root, it cannot give anything away, and the owner stays.
    fn settle(&self, owner: &Cred, node: NodeId, new: NewNode<'_>) -> Result<()> {
        let wanted = match new {
            NewNode::Regular { mode } | NewNode::Directory { mode } | NewNode::Special { mode, .. } => Some(mode),
            NewNode::Symlink { .. } => None,
        };
        let cx = Ctx { cred: owner };
        let found = self.fs().getattr(node)?;
        let (uid, gid) = ((found.uid != owner.uid).then_some(owner.uid), (found.gid != owner.gid).then_some(owner.gid));
        if uid.is_some() || gid.is_some() {
            match self.fs().setattr(&cx, node, &SetAttr { uid, gid, ..SetAttr::default() }) {
                Ok(()) | Err(Errno::PERM | Errno::ACCES | Errno::NOTSUP) => {}
                Err(e) => return Err(e),
            }
        }
        // After the owner, with whom some bits go.
        match wanted {
            Some(mode) if mode != found.mode => {
                self.fs().setattr(&cx, node, &SetAttr { mode: Some(mode), ..SetAttr::default() })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn link(&self, who: &Cred, ino: INodeNo, dir: INodeNo, name: &OsStr) -> Result<Told> {
        let (node, dir) = (self.nodes.ours(ino)?, self.nodes.ours(dir)?);
        self.fs().link(&Ctx { cred: who }, node, dir, Name::new(name.as_bytes())?)?;
        self.fs().retain(node);
        self.tell(node)
    }

    pub(super) fn remove(&self, who: &Cred, dir: INodeNo, name: &OsStr, what: Remove) -> Result<()> {
        self.fs().remove(&Ctx { cred: who }, self.nodes.ours(dir)?, Name::new(name.as_bytes())?, what)
    }

    pub(super) fn rename(
        &self,
        who: &Cred,
        from: (INodeNo, &OsStr),
        to: (INodeNo, &OsStr),
        flags: fuser::RenameFlags,
    ) -> Result<()> {
        let how = convert::rename(flags)?;
        let from = (self.nodes.ours(from.0)?, Name::new(from.1.as_bytes())?);
        let to = (self.nodes.ours(to.0)?, Name::new(to.1.as_bytes())?);
        self.fs().rename(&Ctx { cred: who }, from, to, how)
    }

    /// # Errors
    /// `NOSYS` where there are none: the kernel does not ask again, and answers `NOTSUP` by itself.
    pub(super) fn xattrs(&self) -> Result<&dyn Xattrs> {
        self.fs().xattrs().ok_or(Errno::NOSYS)
    }

    pub(super) fn set_xattr(&self, ino: INodeNo, name: &OsStr, value: &[u8], flags: i32) -> Result<()> {
        use rustix::fs::XattrFlags;

        let how = match XattrFlags::from_bits_retain(flags as u32) {
            XattrFlags::CREATE => SetXattr::Create,
            XattrFlags::REPLACE => SetXattr::Replace,
            flags if flags.is_empty() => SetXattr::Any,
            _ => return Err(Errno::INVAL),
        };
        self.xattrs()?.set(self.nodes.ours(ino)?, name.as_bytes(), value, how)
    }

    /// The names, each with a NUL behind it (`listxattr(2)`).
    pub(super) fn list_xattrs(&self, ino: INodeNo) -> Result<Vec<u8>> {
        let mut names = Vec::new();
        self.xattrs()?.list(self.nodes.ours(ino)?, &mut |name| {
            names.extend_from_slice(name);
            names.push(0);
        })?;
        Ok(names)
    }

    /// Takes the set-user-ID and set-group-ID bits away from a file that somebody without privileges has written to
    /// (<https://man7.org/linux/man-pages/man2/write.2.html>).
    pub(super) fn take_privileges(&self, who: &Cred, handle: &Handle) -> Result<()> {
        const SET_USER_ID: u16 = 0o4000;
        const GROUP_EXECUTE: u16 = 0o010;

        let mode = handle.file.getattr()?.mode;
        let mut left = mode & !SET_USER_ID;
        // Without it the bit means something else: mandatory locking, once.
        if mode & GROUP_EXECUTE != 0 {
            left &= !SET_GROUP_ID;
        }
        match left == mode {
            true => Ok(()),
            false => handle.file.setattr(&Ctx { cred: who }, &SetAttr { mode: Some(left), ..SetAttr::default() }),
        }
    }
}

/// On whose behalf a request is. The kernel has taken the umask away already.
pub(super) fn who(request: &Request) -> Cred {
    Cred { uid: request.uid(), gid: request.gid(), umask: 0 }
}

/// What a request changes of a node's attributes.
pub(super) fn changes(
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    size: Option<u64>,
    times: [SetTime; 2],
) -> SetAttr {
    SetAttr { mode: mode.map(convert::bits), uid, gid, size, atime: times[0], mtime: times[1] }
}
