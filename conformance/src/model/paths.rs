//! How the model resolves a path: as path_resolution(7) tells it, component by component.

use gangplank_vfs::{Errno, Result};

use super::{
    Model,
    tree::{Id, Kind, ROOT, SECOND},
};

/// `MAXSYMLINKS`.
const MAX_LINKS: u32 = 40;
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4095;

/// The last component of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Last<'p> {
    Name(&'p str),
    Dot,
    DotDot,
    /// There are only slashes.
    Root,
}

/// Where a path leads, up to its last component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent<'p> {
    pub(super) dir: Id,
    pub(super) last: Last<'p>,
    /// Whether slashes follow it.
    pub(super) slash: bool,
}

/// What there is to open, or to be made.
pub(super) enum Target {
    Node(Id),
    Missing(Id, String),
}

/// How a path is opened, as far as that matters for where it leads.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) create: bool,
    pub(super) exclusive: bool,
    pub(super) follow: bool,
    pub(super) directory: bool,
}

impl Model {
    /// The node at a path.
    pub(super) fn find(&self, path: &str, follow: bool) -> Result<Id> {
        self.find_from(self.cwd, path, follow, &mut 0)
    }

    /// The directory that the last component of a path is looked for in.
    pub(super) fn find_parent<'p>(&self, path: &'p str) -> Result<Parent<'p>> {
        let found = self.parent_from(self.cwd, path, &mut 0)?;
        match found.last {
            // It is not used, but it must not lead out.
            Last::DotDot => drop(self.up(found.dir)?),
            Last::Name(name) if name.len() > NAME_MAX => return Err(Errno::NAMETOOLONG),
            _ => {}
        }
        Ok(found)
    }

    fn parent_from<'p>(&self, from: Id, path: &'p str, links: &mut u32) -> Result<Parent<'p>> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        if path.len() > PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let mut dir = match path.starts_with('/') {
            true if self.rules.rooted => ROOT,
            true => return Err(Errno::PERM),
            false => from,
        };
        let bare = path.trim_end_matches('/');
        let slash = bare.len() < path.len();
        if bare.is_empty() {
            return Ok(Parent { dir, last: Last::Root, slash });
        }
        let (way, last) = bare.rsplit_once('/').unwrap_or(("", bare));
        for component in way.split('/') {
            dir = match component {
                "" | "." => dir,
                ".." => self.up(dir)?,
                name => {
                    let found = self.child(dir, name)?.ok_or(Errno::NOENT)?;
                    self.directory(self.followed(dir, found, links)?)?
                }
            };
        }
        let last = match last {
            "." => Last::Dot,
            ".." => Last::DotDot,
            name => Last::Name(name),
        };
        Ok(Parent { dir, last, slash })
    }

    fn find_from(&self, from: Id, path: &str, follow: bool, links: &mut u32) -> Result<Id> {
        let Parent { dir, last, slash } = self.parent_from(from, path, links)?;
        let node = match last {
            Last::Dot | Last::Root => dir,
            Last::DotDot => self.up(dir)?,
            Last::Name(name) => {
                let found = self.child(dir, name)?.ok_or(Errno::NOENT)?;
                if follow || slash { self.followed(dir, found, links)? } else { found }
            }
        };
        if slash { self.directory(node) } else { Ok(node) }
    }

    /// What `open` has to do with: `open_last_lookups` in Linux's `fs/namei.c` is the page for its order.
    pub(super) fn find_to_open(&self, path: &str, wanted: Wanted) -> Result<(Target, Wanted)> {
        self.open_from(self.cwd, path, wanted, &mut 0)
    }

    fn open_from(&self, from: Id, path: &str, wanted: Wanted, links: &mut u32) -> Result<(Target, Wanted)> {
        let Parent { dir, last, slash } = self.parent_from(from, path, links)?;
        let name = match last {
            Last::Dot | Last::Root => return Ok((Target::Node(dir), wanted)),
            Last::DotDot => return Ok((Target::Node(self.up(dir)?), wanted)),
            Last::Name(name) => name,
        };
        if wanted.create && slash {
            return Err(Errno::ISDIR);
        }
        let wanted = Wanted { directory: wanted.directory || slash, follow: wanted.follow || slash, ..wanted };
        let Some(found) = self.child(dir, name)? else {
            return match wanted.create && self.tree.node(dir).names > 0 {
                true => Ok((Target::Missing(dir, name.to_owned()), wanted)),
                false => Err(Errno::NOENT),
            };
        };
        match &self.tree.node(found).kind {
            Kind::Link(target) if wanted.follow && !(wanted.create && wanted.exclusive) => {
                count(links)?;
                self.open_from(dir, target, wanted, links)
            }
            _ => Ok((Target::Node(found), wanted)),
        }
    }

    /// What a directory shows under a name.
    fn child(&self, dir: Id, name: &str) -> Result<Option<Id>> {
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        Ok(self.tree.entry(dir, name).map(|id| self.tree.cross(id)))
    }

    fn followed(&self, dir: Id, found: Id, links: &mut u32) -> Result<Id> {
        match &self.tree.node(found).kind {
            Kind::Link(target) => {
                count(links)?;
                self.find_from(dir, target, true, links)
            }
            _ => Ok(found),
        }
    }

    fn directory(&self, id: Id) -> Result<Id> {
        if self.tree.is_dir(id) { Ok(id) } else { Err(Errno::NOTDIR) }
    }

    /// `..`
    fn up(&self, dir: Id) -> Result<Id> {
        match (dir, self.tree.mounted_on) {
            (ROOT, _) if self.rules.rooted => Ok(ROOT),
            (ROOT, _) => Err(Errno::PERM),
            (SECOND, Some(point)) => Ok(self.tree.parent(point)),
            _ => Ok(self.tree.cross(self.tree.parent(dir))),
        }
    }
}

fn count(links: &mut u32) -> Result<()> {
    *links += 1;
    if *links > MAX_LINKS { Err(Errno::LOOP) } else { Ok(()) }
}
