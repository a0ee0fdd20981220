//! The one path walker.
//!
//! It does `.`, `..`, symbolic links, mounts, trailing slashes, the link limit and the scope, for all filesystems;
//! these do runs of plain names ([`FileSystem::walk`](crate::FileSystem::walk)). The order of the lines in
//! [`Resolver::resolve`] *is* the precedence of the errors:
//! `NOENT` for an empty path; `PERM` for an absolute path beneath a scope; `NAMETOOLONG`, `INVAL` for the path as a
//! whole; then, name by name, what the filesystem says; `PERM` where `..` leaves the scope; `LOOP` at the 41st link;
//! `NOTDIR` for a trailing slash after something else.
//!
//! See path_resolution(7), and `RESOLVE_BENEATH`, `RESOLVE_IN_ROOT` in openat2(2), for what it means to do.

mod ascent;

use std::{borrow::Cow, sync::Arc};

use self::ascent::Ascent;
use crate::{
    Component, Components, Ctx, Errno, FileType, Goal, Metadata, NoMounts, OpenFile, OpenFlags, OpenHow, Opened, Place,
    Result, Walked,
    mount::{MountTable, Namespace, PointsOf},
};

/// How many symbolic links one resolution may follow (Linux's `MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// Where `..` and absolute paths lead.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Nowhere: leaving the place is `PERM`, and so is an absolute path or link (`RESOLVE_BENEATH`). This is WASI
    /// preview1.
    Beneath(&'a Place),
    /// The place is `/`, and its own parent (`RESOLVE_IN_ROOT`, `chroot`).
    Root(&'a Place),
}

/// What a path led to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Under [`Goal::Node`].
    Place(Place, FileType),
    /// Under [`Goal::Stat`].
    Stat(Metadata),
    /// Under [`Goal::Open`].
    Opened(OpenFile),
}

/// What [`Resolver::quick`] found.
pub(crate) enum Quick {
    /// In the mount of the start.
    Stat(Metadata),
    /// In the mount of the start.
    Opened(Opened),
    /// By the general way.
    Found(Found),
}

/// One resolution: a view of the mounts, a scope, the links followed so far, and how far `..` has climbed.
pub(crate) struct Resolver<'a> {
    table: Option<Arc<MountTable>>,
    cx: Ctx<'a>,
    scope: Scope<'a>,
    links: u32,
    ascent: Ascent,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(namespace: &Namespace, cx: Ctx<'a>, scope: Scope<'a>) -> Self {
        Resolver { table: namespace.table(), cx, scope, links: 0, ascent: Ascent::default() }
    }

    /// As [`resolve`](Self::resolve), for nearly all paths: relative, from a place where nothing is mounted, to what one
    /// walk finds. What it finds goes straight to where it is wanted, rather than through a [`Found`]; for a call that
    /// takes 100 ns that is a tenth.
    #[inline(always)]
    pub(crate) fn quick(&mut self, start: &Place, path: &[u8], goal: Goal<'_>) -> Result<Quick> {
        let plain = path.first().is_some_and(|&first| first != b'/' && first != b'.')
            && self.table.is_none()
            && start.mount().is_plain();
        if !plain {
            return self.resolve(start, path, goal).map(Quick::Found);
        }
        let mut rest = Components::new(path)?;
        if rest.must_be_directory() {
            return self.resolve(start, path, goal).map(Quick::Found);
        }
        match start.fs().walk(&self.cx, start.node(), &mut rest, &NoMounts, goal)? {
            Walked::Stat(metadata) => Ok(Quick::Stat(metadata)),
            Walked::Opened(opened) => Ok(Quick::Opened(opened)),
            Walked::Missing => Err(Errno::NOENT),
            other => self.go_on(Cow::Borrowed(start), rest, goal, Some(other)).map(Quick::Found),
        }
    }

    /// Resolves `path` from the directory `start`. Calls itself for each symbolic link, so at most [`MAX_LINKS`] deep.
    pub(crate) fn resolve(&mut self, start: &Place, path: &[u8], goal: Goal<'_>) -> Result<Found> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        let at = match (path[0] == b'/', self.scope) {
            (true, Scope::Beneath(_)) => return Err(Errno::PERM),
            (true, Scope::Root(root)) => Cow::Borrowed(root),
            (false, _) => Cow::Borrowed(start),
        };
        let rest = Components::new(path)?;
        let must_be_directory = rest.must_be_directory();
        let how;
        let goal = match goal {
            _ if !must_be_directory => goal,
            Goal::Node { .. } => Goal::Node { follow: true },
            Goal::Stat { .. } => Goal::Stat { follow: true },
            Goal::Open(OpenHow { create: Some(_), exclusive, .. }) => {
                return Err(self.refuse_directory(&at, path, *exclusive));
            }
            Goal::Open(asked) => {
                how = OpenHow { flags: asked.flags | OpenFlags::DIRECTORY, follow: true, ..*asked };
                Goal::Open(&how)
            }
        };
        self.go_on(at, rest, goal, None)
    }

    /// The rest of a path, from `at` on, or from what the first walk there has come to.
    fn go_on(
        &mut self,
        mut at: Cow<'_, Place>,
        mut rest: Components<'_>,
        goal: Goal<'_>,
        mut walked: Option<Walked>,
    ) -> Result<Found> {
        let must_be_directory = rest.must_be_directory();
        let found = loop {
            let walked = match walked.take() {
                Some(walked) => walked,
                None => {
                    match rest.peek()? {
                        Component::End => break self.arrive(&at, goal)?,
                        Component::DotDot => {
                            rest.advance();
                            at = Cow::Owned(self.dotdot(&at)?);
                            continue;
                        }
                        Component::Name(_) => {}
                    }
                    self.walk(&at, &mut rest, goal)?
                }
            };
            match walked {
                Walked::Node(entry) => {
                    let place = Place::adopt(at.mount(), entry.node);
                    if rest.is_empty() && matches!(goal, Goal::Node { .. }) {
                        break Found::Place(place, entry.file_type);
                    }
                    if entry.file_type != FileType::Directory {
                        return Err(Errno::NOTDIR);
                    }
                    at = Cow::Owned(place);
                }
                Walked::Stat(metadata) => break Found::Stat(metadata),
                Walked::Opened(opened) => {
                    let Goal::Open(how) = goal else { return Err(Errno::IO) };
                    break Found::Opened(OpenFile::new(opened, at.mount(), how.flags));
                }
                Walked::MountPoint(node) => {
                    let covered = Place::adopt(at.mount(), node);
                    at = Cow::Owned(self.cross(covered));
                }
                Walked::Symlink { dir, target } => {
                    let dir = Place::adopt(at.mount(), dir);
                    self.links += 1;
                    if self.links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    if rest.is_empty() {
                        break self.resolve(&dir, &target, goal)?;
                    }
                    match self.resolve(&dir, &target, Goal::Node { follow: true })? {
                        Found::Place(place, FileType::Directory) => at = Cow::Owned(place),
                        _ => return Err(Errno::NOTDIR),
                    }
                }
                Walked::Missing => {
                    return Err(if self.would_create(&at, &rest, goal) { Errno::ROFS } else { Errno::NOENT });
                }
            }
        };
        match found {
            Found::Place(_, FileType::Directory) => Ok(found),
            Found::Stat(Metadata { file_type: FileType::Directory, .. }) => Ok(found),
            Found::Place(..) | Found::Stat(_) if must_be_directory => Err(Errno::NOTDIR),
            _ => Ok(found),
        }
    }

    /// What becomes of an `O_CREAT` whose path can only be a directory's: the way there must exist, then it is an error.
    fn refuse_directory(&mut self, start: &Place, path: &[u8], exclusive: bool) -> Errno {
        let end = path.iter().rposition(|&b| b != b'/').map_or(0, |i| i + 1);
        let begin = path[..end].iter().rposition(|&b| b == b'/').map_or(0, |i| i + 1);
        let (way, error) = match &path[begin..end] {
            b"" | b"." | b".." => (path, if exclusive { Errno::EXIST } else { Errno::ISDIR }),
            _ => (&path[..begin], Errno::ISDIR),
        };
        if way.is_empty() {
            return error;
        }
        match self.resolve(start, way, Goal::Node { follow: true }) {
            Ok(Found::Place(_, FileType::Directory)) => error,
            Ok(_) => Errno::NOTDIR,
            Err(e) => e,
        }
    }

    /// One [`FileSystem::walk`](crate::FileSystem::walk). Through a read-only mount it asks for less, and answers
    /// `ROFS` if more was wanted of what is there.
    fn walk(&self, at: &Place, rest: &mut Components<'_>, goal: Goal<'_>) -> Result<Walked> {
        let walk = |rest: &mut Components<'_>, goal| match &self.table {
            Some(table) => at.fs().walk(&self.cx, at.node(), rest, &PointsOf(table, at.mount()), goal),
            None => at.fs().walk(&self.cx, at.node(), rest, &NoMounts, goal),
        };
        match goal {
            Goal::Open(how) if at.mount().read_only() => {
                let harmless = read_only(how);
                let walked = walk(rest, Goal::Open(&harmless))?;
                match walked {
                    Walked::Opened(opened) => check_read_only(opened, how, at).map(Walked::Opened),
                    // `O_CREAT | O_EXCL` on a symbolic link, dangling or not.
                    Walked::Symlink { dir, .. } if rest.is_empty() && how.create.is_some() && how.exclusive => {
                        at.fs().forget(dir, 1);
                        Err(Errno::EXIST)
                    }
                    other => Ok(other),
                }
            }
            Goal::Open(how) if at.mount().noatime() => walk(rest, Goal::Open(&noatime(how))),
            _ => walk(rest, goal),
        }
    }

    /// Whether only a read-only mount kept the missing last name from being created.
    fn would_create(&self, at: &Place, rest: &Components<'_>, goal: Goal<'_>) -> bool {
        at.mount().read_only() && rest.is_last() && matches!(goal, Goal::Open(OpenHow { create: Some(_), .. }))
    }

    /// The goal at a directory that was reached without a last name: the start, `..`, or the root of a mount.
    fn arrive(&self, at: &Place, goal: Goal<'_>) -> Result<Found> {
        match goal {
            Goal::Node { .. } => Ok(Found::Place(at.clone(), FileType::Directory)),
            Goal::Stat { .. } => at.metadata().map(Found::Stat),
            Goal::Open(how) if how.create.is_some() => Err(if how.exclusive { Errno::EXIST } else { Errno::ISDIR }),
            Goal::Open(how) => {
                let quiet = if at.mount().noatime() { OpenFlags::NOATIME } else { OpenFlags::empty() };
                let file = at.fs().open(&self.cx, at.node(), how.flags | quiet)?;
                at.fs().retain(at.node());
                let opened = Opened { file, node: at.node(), file_type: FileType::Directory };
                Ok(Found::Opened(OpenFile::new(opened, at.mount(), how.flags)))
            }
        }
    }

    fn cross(&self, place: Place) -> Place {
        match &self.table {
            Some(table) => table.cross(place),
            None => place,
        }
    }

    /// `..` at the directory `at`.
    ///
    /// Never asks whether the path went down before: a directory may have been moved since. Where the scope is not the
    /// whole filesystem, the parent must therefore prove that it is still inside.
    pub(crate) fn dotdot(&mut self, at: &Place) -> Result<Place> {
        let root = match self.scope {
            Scope::Beneath(root) | Scope::Root(root) => root,
        };
        if at.is_same(root) {
            return match self.scope {
                Scope::Beneath(_) => Err(Errno::PERM),
                Scope::Root(_) => Ok(root.clone()),
            };
        }
        let Some(parent) = self.parent(at)? else { return self.escaped() };
        let whole = root.is_mount_root() && root.node() == root.fs().root();
        if (whole && Arc::ptr_eq(parent.mount(), root.mount())) || self.is_beneath(&parent, root)? {
            Ok(self.cross(parent))
        } else {
            self.escaped()
        }
    }

    /// What a directory that has been moved out of the scope gets for `..`.
    fn escaped(&self) -> Result<Place> {
        Err(match self.scope {
            Scope::Beneath(_) => Errno::PERM,
            Scope::Root(_) => Errno::NOENT,
        })
    }

    /// One step up, across mount points; `None` at the top of everything.
    fn parent(&self, at: &Place) -> Result<Option<Place>> {
        let mut at = Cow::Borrowed(at);
        while at.is_mount_root() {
            match self.table.as_ref().and_then(|table| table.point(at.mount())) {
                Some(point) => at = Cow::Owned(point.clone()),
                None => return Ok(None),
            }
        }
        let parent = at.fs().parent(at.node())?;
        Ok(Some(Place::adopt(at.mount(), parent)))
    }

    /// Whether something is mounted on `node`, a child of `dir`.
    pub(crate) fn is_mount_point(&self, dir: &Place, node: crate::NodeId) -> bool {
        self.table.as_ref().is_some_and(|table| table.covers(dir.mount(), node))
    }

    /// Whether any mount exists that [`is_mount_point`](Self::is_mount_point) could answer.
    pub(crate) fn has_mounts(&self) -> bool {
        self.table.is_some()
    }

    pub(crate) fn cx(&self) -> &Ctx<'a> {
        &self.cx
    }
}

/// What is asked of a filesystem where reading leaves no trace.
fn noatime<'h>(how: &OpenHow<'h>) -> OpenHow<'h> {
    OpenHow { flags: how.flags | OpenFlags::NOATIME, ..*how }
}

/// What may be asked of a filesystem that is mounted read-only. `O_EXCL` follows here, so that a link is told from a
/// file.
fn read_only<'h>(how: &OpenHow<'h>) -> OpenHow<'h> {
    let changes = OpenFlags::WRITE | OpenFlags::TRUNC | OpenFlags::APPEND;
    let follow = how.follow || (how.create.is_some() && how.exclusive);
    OpenHow { flags: (how.flags - changes) | OpenFlags::NOATIME, create: None, exclusive: false, follow }
}

/// Whether what was opened with [`read_only`] is what was asked for.
fn check_read_only(opened: Opened, how: &OpenHow<'_>, at: &Place) -> Result<Opened> {
    let error = if how.create.is_some() && how.exclusive {
        Errno::EXIST
    } else if opened.file_type == FileType::Directory
        && (how.create.is_some() || how.flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC))
    {
        Errno::ISDIR
    } else if how.flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) {
        Errno::ROFS
    } else {
        return Ok(opened);
    };
    if opened.file_type == FileType::Directory {
        at.fs().forget(opened.node, 1);
    }
    Err(error)
}
