//! [`Start`]: every operation that takes a path.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    Components, Ctx, Errno, FileType, Goal, Metadata, Name, Namespace, NewNode, NoMounts, OpenFile, OpenFlags, OpenHow,
    Place, Remove, Rename, Result, Scope, SetAttr, Walked,
    resolve::{Found, Quick, Resolver},
};

/// A directory from which paths are resolved, and on whose behalf. Made for one call; borrows everything.
///
/// Paths are bytes. Every method may answer the errors of the resolution first: `NOENT` for an empty path, `PERM` where
/// the path leaves a [`Scope::Beneath`], `NAMETOOLONG`, `INVAL` for a NUL, `LOOP`, `NOTDIR`, `NOENT`. Then come its
/// own, in the order given. A trailing slash means "a directory, followed if it is a link", for every method.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Whose mounts are seen.
    pub namespace: &'a Namespace,
    /// On whose behalf.
    pub cx: Ctx<'a>,
    /// Where relative paths start.
    pub place: &'a Place,
    /// Where they must stay.
    pub scope: Scope<'a>,
}

/// The last component of a path, where it names what is to be made, removed or moved.
enum Last<'p> {
    Name(Name<'p>),
    Dot,
    DotDot,
    Root,
}

/// Where a name is to be made, removed or moved.
struct Slot<'s, 'p> {
    dir: Cow<'s, Place>,
    last: Last<'p>,
    /// Whether slashes follow the name.
    slash: bool,
}

impl Slot<'_, '_> {
    fn check_writable(&self) -> Result<()> {
        if self.dir.mount().read_only() { Err(Errno::ROFS) } else { Ok(()) }
    }

    /// The type of what has the name now.
    fn type_of(&self, cx: &Ctx<'_>, name: Name<'_>) -> Result<FileType> {
        let entry = self.dir.fs().lookup(cx, self.dir.node(), name)?;
        self.dir.fs().forget(entry.node, 1);
        Ok(entry.file_type)
    }

    /// `BUSY` if something is mounted on the name. A mount made at the same moment may slip through; it then shows a
    /// removed directory, as in Linux after `umount --lazy`.
    fn check_not_mounted(&self, resolver: &Resolver<'_>, name: Name<'_>) -> Result<()> {
        if !resolver.has_mounts() {
            return Ok(());
        }
        match self.dir.fs().lookup(resolver.cx(), self.dir.node(), name) {
            Ok(entry) => {
                self.dir.fs().forget(entry.node, 1);
                if resolver.is_mount_point(&self.dir, entry.node) { Err(Errno::BUSY) } else { Ok(()) }
            }
            // Whatever else is wrong, the operation itself says.
            Err(_) => Ok(()),
        }
    }

    /// Makes a node whose name may end in slashes only if it is a directory.
    ///
    /// `EXIST` for `.`, `..`, `/` and for what is there; `ROFS`; `NOENT` for a new name with a slash after it.
    fn create(&self, cx: &Ctx<'_>, new: &NewNode<'_>) -> Result<()> {
        let name = self.vacant(cx, matches!(new, NewNode::Directory { .. }))?;
        self.dir.fs().make(cx, self.dir.node(), name, new)
    }

    /// The name, if it can be made.
    fn vacant(&self, cx: &Ctx<'_>, directory: bool) -> Result<Name<'_>> {
        let Last::Name(name) = self.last else { return Err(Errno::EXIST) };
        let read_only = self.dir.mount().read_only();
        if read_only || (self.slash && !directory) {
            return Err(match self.type_of(cx, name) {
                Ok(_) => Errno::EXIST,
                Err(Errno::NOENT) if read_only => Errno::ROFS,
                Err(e) => e,
            });
        }
        Ok(name)
    }
}

impl<'a> Start<'a> {
    /// Metadata (`fstatat(2)`).
    ///
    /// # Errors
    /// Those of the resolution.
    #[inline]
    pub fn stat(&self, path: &[u8], follow: bool) -> Result<Metadata> {
        match self.resolver().quick(self.place, path, Goal::Stat { follow })? {
            Quick::Stat(metadata) | Quick::Found(Found::Stat(metadata)) => Ok(metadata),
            _ => Err(Errno::IO),
        }
    }

    /// Opens (`openat(2)`). `TRUNC` without `WRITE` truncates, as on Linux, and is refused wherever writing is; the
    /// open file then cannot write. `exclusive` without `create` is ignored.
    ///
    /// # Errors
    /// `INVAL` for `create`, or `TRUNC`, together with `DIRECTORY`; `ISDIR` for `create` and a path that ends in a
    /// slash; `EXIST`; `LOOP` for a symbolic link that is not followed; those of
    /// [`FileSystem::open`](crate::FileSystem::open) and [`create`](crate::FileSystem::create); `ROFS`.
    pub fn open(&self, path: &[u8], how: &OpenHow<'_>) -> Result<OpenFile> {
        if how.flags.contains(OpenFlags::DIRECTORY) && (how.create.is_some() || how.flags.contains(OpenFlags::TRUNC)) {
            return Err(Errno::INVAL);
        }
        if how.flags.contains(OpenFlags::TRUNC) {
            let asked = OpenHow { flags: how.flags | OpenFlags::WRITE, ..*how };
            let mut file = self.opened(path, &asked)?;
            file.keep_access(how.flags);
            return Ok(file);
        }
        self.opened(path, how)
    }

    #[inline]
    fn opened(&self, path: &[u8], how: &OpenHow<'_>) -> Result<OpenFile> {
        match self.resolver().quick(self.place, path, Goal::Open(how))? {
            Quick::Opened(opened) => Ok(OpenFile::new(opened, self.place.mount(), how.flags)),
            Quick::Found(Found::Opened(file)) => Ok(file),
            _ => Err(Errno::IO),
        }
    }

    /// The node itself, for `chdir` and mount points.
    ///
    /// # Errors
    /// Those of the resolution.
    pub fn place(&self, path: &[u8], follow: bool) -> Result<Place> {
        self.node(path, follow).map(|(place, _)| place)
    }

    /// Makes a directory (`mkdirat(2)`).
    ///
    /// # Errors
    /// `EXIST`, for `.` and `..` too; `ROFS`; those of [`FileSystem::create`](crate::FileSystem::create).
    pub fn create_dir(&self, path: &[u8], mode: u16) -> Result<()> {
        self.slot(path)?.create(&self.cx, &NewNode::Directory { mode })
    }

    /// Makes a FIFO, a socket or a device node (`mknodat(2)`).
    ///
    /// # Errors
    /// As [`create_dir`](Self::create_dir); `NOENT` for a path that ends in a slash.
    pub fn create_special(&self, path: &[u8], file_type: FileType, mode: u16, rdev: u64) -> Result<()> {
        self.slot(path)?.create(&self.cx, &NewNode::Special { file_type, mode, rdev })
    }

    /// Makes a symbolic link (`symlinkat(2)`).
    ///
    /// # Errors
    /// `PERM` for an absolute target beneath a scope, where nobody could follow it; then as
    /// [`create_special`](Self::create_special).
    pub fn symlink(&self, target: &[u8], path: &[u8]) -> Result<()> {
        if matches!(self.scope, Scope::Beneath(_)) && target.starts_with(b"/") {
            return Err(Errno::PERM);
        }
        self.slot(path)?.create(&self.cx, &NewNode::Symlink { target })
    }

    /// The target of a symbolic link (`readlinkat(2)`).
    ///
    /// # Errors
    /// `INVAL` for anything else; `PERM` for an absolute target beneath a scope: it is a path of the host's, which is
    /// none of the guest's business.
    pub fn read_link(&self, path: &[u8]) -> Result<Bytes> {
        let (place, file_type) = self.node(path, false)?;
        if file_type != FileType::Symlink {
            return Err(Errno::INVAL);
        }
        let target = if place.mount().noatime() { self.peek_link(path)? } else { place.fs().readlink(place.node())? };
        if matches!(self.scope, Scope::Beneath(_)) && target.starts_with(b"/") {
            return Err(Errno::PERM);
        }
        Ok(target)
    }

    /// Removes a name that is not a directory's (`unlinkat(2)`).
    ///
    /// # Errors
    /// `ISDIR` for `.`, `..` and `/`; `ROFS`; with a trailing slash `ISDIR` for a directory and `NOTDIR` for anything
    /// else; `BUSY` for a mount point; those of [`FileSystem::remove`](crate::FileSystem::remove).
    pub fn unlink(&self, path: &[u8]) -> Result<()> {
        let slot = self.slot(path)?;
        let Last::Name(name) = slot.last else { return Err(Errno::ISDIR) };
        slot.check_writable()?;
        if slot.slash {
            return Err(match slot.type_of(&self.cx, name)? {
                FileType::Directory => Errno::ISDIR,
                _ => Errno::NOTDIR,
            });
        }
        self.remove(&slot, name, Remove::NonDirectory)
    }

    /// Removes an empty directory (`unlinkat(2)` with `AT_REMOVEDIR`).
    ///
    /// # Errors
    /// `INVAL` for `.`, `NOTEMPTY` for `..`, `BUSY` for `/`; `ROFS`; `BUSY` for a mount point; those of
    /// [`FileSystem::remove`](crate::FileSystem::remove).
    pub fn remove_dir(&self, path: &[u8]) -> Result<()> {
        let slot = self.slot(path)?;
        let name = match slot.last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::INVAL),
            Last::DotDot => return Err(Errno::NOTEMPTY),
            Last::Root => return Err(Errno::BUSY),
        };
        slot.check_writable()?;
        self.remove(&slot, name, Remove::Directory)
    }

    /// Gives a node another name, perhaps in another directory (`renameat2(2)`).
    ///
    /// # Errors
    /// `XDEV` between two mounts, of the same filesystem too; `BUSY` for `.`, `..` and `/`, `EXIST` for one of them as
    /// the new path of a `NoReplace`; `ROFS`; `NOTDIR` for a trailing slash after either path if the old one is no
    /// directory (in an exchange: after the new path if the new one is none); `BUSY` for a mount point that is not
    /// renamed to itself; those of [`FileSystem::rename`](crate::FileSystem::rename).
    pub fn rename(&self, path: &[u8], to: &Start<'_>, to_path: &[u8], how: Rename) -> Result<()> {
        let old = Split::new(path)?;
        let from = self.slot_of(&old)?;
        // In most renames both names are in one directory, which is then resolved once.
        let new = Split::new(to_path)?;
        let to = match old.parent == new.parent && self.is_same(to) {
            true => to.slot_in(Cow::Borrowed(&*from.dir), &new)?,
            false => to.slot_of(&new)?,
        };
        if !std::sync::Arc::ptr_eq(from.dir.mount(), to.dir.mount()) {
            return Err(Errno::XDEV);
        }
        let (old, new) = match (&from.last, &to.last) {
            (Last::Name(old), Last::Name(new)) => (old, new),
            (Last::Name(_), _) if how == Rename::NoReplace => return Err(Errno::EXIST),
            _ => return Err(Errno::BUSY),
        };
        from.check_writable()?;
        if from.slash || to.slash {
            check_slashes(&self.cx, (&from, *old), (&to, *new), how)?;
        }
        // A name that becomes itself stays where it is, and so does what is mounted there (`vfs_rename` in Linux).
        if (from.dir.node(), *old) != (to.dir.node(), *new) {
            let resolver = self.resolver();
            from.check_not_mounted(&resolver, *old)?;
            to.check_not_mounted(&resolver, *new)?;
        }
        from.dir.fs().rename(&self.cx, (from.dir.node(), *old), (to.dir.node(), *new), how)
    }

    /// Gives a node a further name (`linkat(2)`).
    ///
    /// # Errors
    /// Of the old path first. `EXIST`, for `.` and `..` too; `ROFS`; `NOENT` for a new path that ends in a slash;
    /// `XDEV` between two mounts, of the same filesystem too; those of [`FileSystem::link`](crate::FileSystem::link).
    pub fn link(&self, path: &[u8], follow: bool, to: &Start<'_>, to_path: &[u8]) -> Result<()> {
        let (old, _) = self.node(path, follow)?;
        let slot = to.slot(to_path)?;
        let name = slot.vacant(&self.cx, false)?;
        if !std::sync::Arc::ptr_eq(old.mount(), slot.dir.mount()) {
            return Err(match slot.type_of(&self.cx, name) {
                Ok(_) => Errno::EXIST,
                Err(_) => Errno::XDEV,
            });
        }
        slot.dir.fs().link(&self.cx, old.node(), slot.dir.node(), name)
    }

    /// Changes metadata (`fchmodat`, `fchownat`, `utimensat`, `truncate`).
    ///
    /// # Errors
    /// `ROFS`; those of [`FileSystem::setattr`](crate::FileSystem::setattr).
    pub fn set_attr(&self, path: &[u8], follow: bool, attr: &SetAttr) -> Result<()> {
        let (place, _) = self.node(path, follow)?;
        if place.mount().read_only() {
            return Err(Errno::ROFS);
        }
        place.fs().setattr(&self.cx, place.node(), attr)
    }

    /// The target of the symbolic link at `path`, which has been seen there, without noting that it was read: it is
    /// followed, one step.
    fn peek_link(&self, path: &[u8]) -> Result<Bytes> {
        let slot = self.slot(path)?;
        let (Last::Name(name), false) = (&slot.last, slot.slash) else { return Err(Errno::INVAL) };
        let (fs, mut rest) = (slot.dir.fs(), Components::new(name.as_bytes())?);
        match fs.walk(&self.cx, slot.dir.node(), &mut rest, &NoMounts, Goal::Node { follow: true })? {
            Walked::Symlink { dir, target } => {
                fs.forget(dir, 1);
                Ok(target)
            }
            Walked::Node(entry) => {
                fs.forget(entry.node, 1);
                Err(Errno::INVAL)
            }
            _ => Err(Errno::NOENT),
        }
    }

    fn resolver(&self) -> Resolver<'a> {
        Resolver::new(self.namespace, self.cx, self.scope)
    }

    fn node(&self, path: &[u8], follow: bool) -> Result<(Place, FileType)> {
        match self.resolver().resolve(self.place, path, Goal::Node { follow })? {
            Found::Place(place, file_type) => Ok((place, file_type)),
            _ => Err(Errno::IO),
        }
    }

    fn remove(&self, slot: &Slot<'_, '_>, name: Name<'_>, what: Remove) -> Result<()> {
        slot.check_not_mounted(&self.resolver(), name)?;
        slot.dir.fs().remove(&self.cx, slot.dir.node(), name, what)
    }

    /// Where the last name of `path` is to be made, removed or moved. A name directly in the start directory costs
    /// nothing.
    fn slot<'p>(&self, path: &'p [u8]) -> Result<Slot<'a, 'p>> {
        self.slot_of(&Split::new(path)?)
    }

    #[inline]
    fn slot_of<'p>(&self, split: &Split<'p>) -> Result<Slot<'a, 'p>> {
        let dir = match split.parent {
            b"" => Cow::Borrowed(self.place),
            parent => match self.node(parent, true)? {
                (place, FileType::Directory) => Cow::Owned(place),
                _ => return Err(Errno::NOTDIR),
            },
        };
        self.slot_in(dir, split)
    }

    /// The same where the directory is known.
    fn slot_in<'s, 'p>(&self, dir: Cow<'s, Place>, split: &Split<'p>) -> Result<Slot<'s, 'p>> {
        let last = match split.last {
            b"" => Last::Root,
            b"." => Last::Dot,
            b".." => {
                // Nothing is done to it, but whether it may be named at all is the scope's to say.
                self.resolver().dotdot(&dir)?;
                Last::DotDot
            }
            name => Last::Name(Name::new(name)?),
        };
        Ok(Slot { dir, last, slash: split.slash })
    }

    /// Whether a path means the same from both.
    fn is_same(&self, other: &Start<'_>) -> bool {
        let same_scope = match (self.scope, other.scope) {
            (Scope::Beneath(a), Scope::Beneath(b)) | (Scope::Root(a), Scope::Root(b)) => a.is_same(b),
            _ => false,
        };
        same_scope && core::ptr::eq(self.namespace, other.namespace) && self.place.is_same(other.place)
    }
}

/// What slashes after the names of a rename demand: `NOTDIR` where they follow something else than a directory. Whether
/// the names exist as `how` wants it is asked before, as Linux does.
fn check_slashes(
    cx: &Ctx<'_>,
    from: (&Slot<'_, '_>, Name<'_>),
    to: (&Slot<'_, '_>, Name<'_>),
    how: Rename,
) -> Result<()> {
    let old = from.0.type_of(cx, from.1)?;
    // After the new name they say what is to be there: of an exchange what is there now, else what is moved.
    let arriving = match (how, to.0.type_of(cx, to.1)) {
        (Rename::NoReplace, Ok(_)) => return Err(Errno::EXIST),
        (Rename::Exchange, now) => now?,
        _ => old,
    };
    let fits = |slash: bool, file_type| !slash || file_type == FileType::Directory;
    if fits(from.0.slash, old) && fits(to.0.slash, arriving) { Ok(()) } else { Err(Errno::NOTDIR) }
}

/// A path, split where its last component begins.
struct Split<'p> {
    /// With the slashes after it. Of a path of slashes alone, all of it.
    parent: &'p [u8],
    /// Empty if there are only slashes.
    last: &'p [u8],
    /// Whether slashes follow.
    slash: bool,
}

impl<'p> Split<'p> {
    fn new(path: &'p [u8]) -> Result<Split<'p>> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        Components::new(path)?;
        let end = path.iter().rposition(|&b| b != b'/').map_or(0, |i| i + 1);
        if end == 0 {
            return Ok(Split { parent: path, last: b"", slash: true });
        }
        let begin = path[..end].iter().rposition(|&b| b == b'/').map_or(0, |i| i + 1);
        Ok(Split { parent: &path[..begin], last: &path[begin..end], slash: end < path.len() })
    }
}
