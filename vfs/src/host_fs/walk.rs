//! Walking down from a directory: in one syscall where the host can, else name by name.
//!
//! A walk only ever goes down, from a descriptor that we hold, through directories that are not symbolic links. So
//! wherever it ends, the host has never been asked to resolve anything that could lead out.

use std::{fs::File, sync::Arc};

use bytes::Bytes;

use super::{
    Inner,
    dentries::{Known, Met, Stamp, Wants, known_link, known_node},
    meta::{Attr, Identity, Key, new_mode},
    node::Node,
    sys::{Request, TRIES},
};
use crate::{
    Component, Components, Ctx, Entry, Errno, FileType, Goal, MountPoints, Name, NewNode, NodeId, OpenFlags, OpenHow,
    Result, Walked,
};

/// A directory on the way.
enum Here {
    Node(Arc<Node>),
    /// Opened in passing: who it is costs a syscall, and need not be known.
    Raw(Arc<File>),
}

impl Here {
    fn dir(&self) -> Result<&Arc<File>> {
        match self {
            Here::Node(node) => node.dir(),
            Here::Raw(file) => Ok(file),
        }
    }

    fn node(self) -> Result<Arc<Node>> {
        match self {
            Here::Node(node) => Ok(node),
            Here::Raw(file) => Ok(Arc::new(Node::new(Identity::of(&file)?, Some(file), None))),
        }
    }
}

impl Inner {
    pub(super) fn walk(
        self: &Arc<Self>,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        let mut here = Here::Node(self.get(dir)?);
        // Where names are remembered, they are taken one by one.
        let mut in_runs = mounts.is_empty() && self.dentries.is_none();
        let mut tries = 0;
        loop {
            let mut seen = Seen::NOTHING;
            if let (Some(dentries), Here::Node(node)) = (&self.dentries, &mut here) {
                let is_mounted = |key: Key| !mounts.is_empty() && mounts.contains(key.id(self.root_key.dev));
                let wants = Wants {
                    node: matches!(goal, Goal::Node { .. }),
                    target: goal.follows(),
                    made: matches!(goal, Goal::Open(how) if how.create.is_some()),
                };
                match dentries.descend(node, path, is_mounted, wants) {
                    Met::End { stamp, last } => seen = Seen { stamp: Some(stamp), last },
                    Met::Mounted(node) => return Ok(Walked::MountPoint(self.intern(node))),
                    Met::Directory(node) => {
                        let file_type = node.file_type;
                        return Ok(Walked::Node(Entry { node: self.intern(node), file_type }));
                    }
                    Met::Symlink(target) => {
                        path.advance();
                        return Ok(Walked::Symlink { dir: self.intern(here.node()?), target });
                    }
                    Met::Missing => return Ok(Walked::Missing),
                }
            }
            let Some(name) = first_name(path)? else {
                let node = here.node()?;
                let file_type = node.file_type;
                return Ok(Walked::Node(Entry { node: self.intern(node), file_type }));
            };
            let last = path.is_last();
            let (run, count) = if in_runs && !last { path.run(false) } else { (&[][..], 1) };
            if count > 1 {
                let mut rest = *path;
                rest.advance_by(count);
                let is_end = rest.is_empty();
                if is_end && let Some(walked) = self.whole_run(cx, here.dir()?, run, goal)? {
                    // Which name is missing the host does not say.
                    if !matches!(walked, Walked::Missing) {
                        *path = rest;
                    }
                    return Ok(walked);
                }
                // Before `..` the last directory is passed on its own, so that its parent is known.
                let before_dotdot = matches!(rest.peek(), Ok(Component::DotDot));
                let pass = if is_end || before_dotdot { count - 1 } else { count };
                match self.sys.pin_run(here.dir()?, prefix(path, pass), true) {
                    Some(file) => {
                        here = Here::Raw(Arc::new(file?));
                        path.advance_by(pass);
                        continue;
                    }
                    None => in_runs = false,
                }
            }

            if last && let Some(id) = self.mounted_on(here.dir()?, name, mounts)? {
                path.advance();
                return Ok(Walked::MountPoint(id));
            }
            let step = match goal {
                Goal::Stat { follow } if last => self.stat_last(here.dir()?, name, follow),
                Goal::Open(how) if last => self.open_last(cx, &here, name, how, goal.follows(), seen),
                _ => self.one_name(here.dir()?, name, last, goal),
            };
            match step {
                Ok(Step::Done(walked)) => {
                    path.advance();
                    return Ok(walked);
                }
                Ok(Step::Symlink(target)) => {
                    self.remember(&here, name, seen, || known_link(&target));
                    path.advance();
                    return Ok(Walked::Symlink { dir: self.intern(here.node()?), target });
                }
                Ok(Step::Found(mut node)) => {
                    let before_dotdot = {
                        let mut rest = *path;
                        rest.advance();
                        matches!(rest.peek(), Ok(Component::DotDot))
                    };
                    if node.file_type == FileType::Directory {
                        if before_dotdot && let Here::Raw(_) = here {
                            here = Here::Node(here.node()?);
                        }
                        if let Here::Node(parent) = &here {
                            *node.parent.get_mut() = Some(super::parent::link_to(parent));
                        }
                    }
                    path.advance();
                    let node = Arc::new(node);
                    if node.file_type == FileType::Directory {
                        self.remember(&here, name, seen, || Some(Known::Directory(node.clone())));
                    }
                    if !mounts.is_empty() && mounts.contains(node.key.id(self.root_key.dev)) {
                        return Ok(Walked::MountPoint(self.intern(node)));
                    }
                    if last {
                        let file_type = node.file_type;
                        return Ok(Walked::Node(Entry { node: self.intern(node), file_type }));
                    }
                    if node.file_type != FileType::Directory {
                        return Err(Errno::NOTDIR);
                    }
                    here = Here::Node(node);
                }
                Ok(Step::Changed) if tries < TRIES => tries += 1,
                Ok(Step::Changed) => return Err(Errno::AGAIN),
                Err(Errno::NOENT) => {
                    self.remember(&here, name, seen, || Some(Known::Missing));
                    return Ok(Walked::Missing);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// The whole rest of the path in one go, if no symbolic link and no missing name is in the way.
    fn whole_run(self: &Arc<Self>, cx: &Ctx<'_>, dir: &File, run: &[u8], goal: Goal<'_>) -> Result<Option<Walked>> {
        match goal {
            Goal::Stat { follow } => match looked_at(
                || self.sys.stat_run(dir, run, follow),
                |found| matches!(found, Some(Ok(attr)) if attr.is_nameless()),
            ) {
                Some(Ok(attr)) => Ok(Some(Walked::Stat(self.metadata(&attr)))),
                Some(Err(Errno::NOENT)) => Ok(Some(Walked::Missing)),
                Some(Err(e)) => Err(e),
                None => Ok(None),
            },
            Goal::Open(how) => {
                let Some(file) = self.sys.open_run(dir, run, request(cx, how)?) else { return Ok(None) };
                let file = file?;
                let id = Identity::of(&file)?;
                Ok(Some(Walked::Opened(self.opened(file, id, how, None)?)))
            }
            Goal::Node { .. } => {
                let Some(file) = self.sys.pin_run(dir, run, false) else { return Ok(None) };
                let file = Arc::new(file?);
                let id = Identity::of(&file)?;
                if id.file_type == FileType::Symlink && goal.follows() {
                    return Ok(None);
                }
                let node = self.intern(Arc::new(Node::new(id, Some(file), None)));
                Ok(Some(Walked::Node(Entry { node, file_type: id.file_type })))
            }
        }
    }

    /// Whether something is mounted on this name.
    fn mounted_on(&self, dir: &Arc<File>, name: Name<'_>, mounts: &dyn MountPoints) -> Result<Option<NodeId>> {
        if mounts.is_empty() {
            return Ok(None);
        }
        match Attr::at(dir, name) {
            Ok(attr) if mounts.contains(attr.key.id(self.root_key.dev)) => {
                let node = self.sys.pin(dir, name)?;
                // A mount point is always referenced, so the name must have changed if this is another node.
                Ok((node.key == attr.key).then(|| self.intern(Arc::new(node))))
            }
            _ => Ok(None),
        }
    }

    fn stat_last(&self, dir: &File, name: Name<'_>, follow: bool) -> Result<Step> {
        let attr = looked_at(|| Attr::at(dir, name), |found| found.as_ref().is_ok_and(Attr::is_nameless))?;
        if follow && attr.file_type == FileType::Symlink {
            return self.link_target(dir, name);
        }
        Ok(Step::Done(Walked::Stat(self.metadata(&attr))))
    }

    fn open_last(
        self: &Arc<Self>,
        cx: &Ctx<'_>,
        here: &Here,
        name: Name<'_>,
        how: &OpenHow<'_>,
        follow: bool,
        seen: Seen,
    ) -> Result<Step> {
        let dir = here.dir()?;
        match self.open_or_make((here, dir), name, request(cx, how)?, seen) {
            Ok((file, seen)) => {
                let id = match seen.last {
                    Some(id) if self.is_current(seen) => id,
                    _ => {
                        let id = Identity::of(&file)?;
                        self.remember(here, name, seen, || known_node(id));
                        id
                    }
                };
                let parent = match here {
                    Here::Node(node) => Some(node),
                    Here::Raw(_) => None,
                };
                Ok(Step::Done(Walked::Opened(self.opened(file, id, how, parent)?)))
            }
            Err(Errno::LOOP) if follow => self.link_target(dir, name),
            Err(e) => Err(e),
        }
    }

    /// Opens a name, or makes it; also answers what is known of it after that.
    fn open_or_make(
        &self,
        (here, dir): (&Here, &File),
        name: Name<'_>,
        how: Request,
        seen: Seen,
    ) -> Result<(File, Seen)> {
        let open = |how| self.sys.open(dir, name, how);
        let (Some(dentries), Here::Node(node), Some(_)) = (&self.dentries, here, how.create) else {
            return Ok((open(how)?, seen));
        };
        // What is known to exist is opened without a change of names, which would take what is known away.
        if seen.last.is_some() && !how.exclusive {
            match open(Request { create: None, ..how }) {
                Err(Errno::NOENT) => {}
                opened => return Ok((opened?, seen)),
            }
        }
        let (file, stamp) = dentries.change(&[(node.key, name)], || open(how));
        Ok((file?, Seen { stamp: Some(stamp), last: None }))
    }

    /// Remembers what a name was found to lead to, where names are remembered.
    fn remember(&self, here: &Here, name: Name<'_>, seen: Seen, known: impl FnOnce() -> Option<Known>) {
        if let (Some(dentries), Some(stamp), Here::Node(dir)) = (&self.dentries, seen.stamp, here)
            && let Some(known) = known()
        {
            dentries.remember(dir.key, name, known, stamp);
        }
    }

    /// Whether what was remembered has been true until now.
    fn is_current(&self, seen: Seen) -> bool {
        match (&self.dentries, seen.stamp) {
            (Some(dentries), Some(stamp)) => dentries.is_current(stamp),
            _ => false,
        }
    }

    fn one_name(&self, dir: &Arc<File>, name: Name<'_>, last: bool, goal: Goal<'_>) -> Result<Step> {
        let node = self.sys.pin(dir, name)?;
        if node.file_type == FileType::Symlink && (!last || goal.follows()) {
            return match self.sys.readlink(&node) {
                // Where a link cannot be held, its name may lead elsewhere by now.
                Err(Errno::NOENT | Errno::INVAL) => Ok(Step::Changed),
                target => target.map(Step::Symlink),
            };
        }
        Ok(Step::Found(node))
    }

    fn link_target(&self, dir: &File, name: Name<'_>) -> Result<Step> {
        match self.sys.readlink_at(dir, name) {
            Ok(target) => Ok(Step::Symlink(target)),
            // It was one a moment ago.
            Err(Errno::INVAL) => Ok(Step::Changed),
            Err(e) => Err(e),
        }
    }
}

/// What is remembered of the last name, and when that was looked up.
#[derive(Clone, Copy)]
struct Seen {
    stamp: Option<Stamp>,
    last: Option<Identity>,
}

impl Seen {
    const NOTHING: Seen = Seen { stamp: None, last: None };
}

/// What one name brought.
enum Step {
    Done(Walked),
    Symlink(Bytes),
    Found(Node),
    /// Somebody changed the name while we looked.
    Changed,
}

/// What to ask of the host to open, or make, as `how` says.
fn request(cx: &Ctx<'_>, how: &OpenHow<'_>) -> Result<Request> {
    let create = match how.create {
        // No regular file is a directory: there is nothing to make.
        Some(_) if how.flags.contains(OpenFlags::DIRECTORY) => None,
        Some(NewNode::Regular { mode }) => Some(new_mode(mode, cx.cred.umask)),
        Some(_) => return Err(Errno::INVAL),
        None => None,
    };
    Ok(Request { flags: how.flags, create, exclusive: create.is_some() && how.exclusive })
}

/// The next component, if it is a name.
fn first_name<'p>(path: &Components<'p>) -> Result<Option<Name<'p>>> {
    match path.peek()? {
        Component::Name(name) => Ok(Some(name)),
        Component::DotDot | Component::End => Ok(None),
    }
}

/// The bytes of the first `count` names of `path`, without anything after the last of them: a slash there would make
/// a kernel follow a symbolic link.
fn prefix<'p>(path: &Components<'p>, count: usize) -> &'p [u8] {
    let mut rest = *path;
    rest.advance_by(count);
    let all = path.rest();
    let mut bytes = &all[..all.len() - rest.rest().len()];
    loop {
        bytes = match bytes {
            [head @ .., b'/'] | [head @ .., b'/', b'.'] => head,
            _ => return bytes,
        };
    }
}

/// What a name leads to, looked at again if that lost its last name in between: the kernel looks a name up first, and at
/// the node then. Nobody who asks for a name is told of a node without one, but where a filesystem counts no links.
fn looked_at<T>(look: impl Fn() -> T, is_nameless: impl Fn(&T) -> bool) -> T {
    let mut found = look();
    for _ in 0..TRIES {
        if !is_nameless(&found) {
            break;
        }
        found = look();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_with_a_name() {
        let path = Components::new(b"a//b/./c/.").unwrap();
        assert_eq!(prefix(&path, 1), b"a");
        assert_eq!(prefix(&path, 2), b"a//b");
        assert_eq!(prefix(&path, 3), b"a//b/./c");
        let path = Components::new(b"a./.b./").unwrap();
        assert_eq!(prefix(&path, 1), b"a.");
        assert_eq!(prefix(&path, 2), b"a./.b.");
    }
}
