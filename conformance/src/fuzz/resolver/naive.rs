//! [`Naive`]: trees, mounts, and a resolver that does one name after the other and knows no short cut.
//!
//! It is what the documentation of `Start` says, in the order in which that says it.

use std::collections::{BTreeMap, HashMap};

use gangplank_vfs::{Errno, NAME_MAX, PATH_MAX, Result};

/// What a node is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// With the nodes in it.
    Dir(BTreeMap<Vec<u8>, usize>),
    File,
    Link(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The directory it is in, and its name there; `None` for a root, and for what has been removed.
    pub(super) parent: Option<(usize, Vec<u8>)>,
}

/// A node as seen through a mount.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct At {
    pub(super) mount: usize,
    pub(super) node: usize,
}

#[derive(Debug)]
pub(super) struct Mount {
    pub(super) root: usize,
    /// On what it is mounted; the first one on nothing.
    pub(super) on: Option<At>,
    pub(super) read_only: bool,
}

#[derive(Default, Debug)]
pub(super) struct Naive {
    pub(super) nodes: Vec<Node>,
    pub(super) mounts: Vec<Mount>,
    covers: HashMap<At, usize>,
}

/// Where paths may lead.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) beneath: bool,
    pub(super) root: At,
    pub(super) start: At,
}

/// How something is opened.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Open {
    pub(super) write: bool,
    pub(super) truncate: bool,
    pub(super) directory: bool,
    pub(super) create: bool,
    pub(super) exclusive: bool,
    pub(super) follow: bool,
}

/// The last name of a path.
enum Last<'p> {
    Name(&'p [u8]),
    Dot,
    DotDot,
    Root,
}

const MAX_LINKS: u32 = 40;

impl Naive {
    pub(super) fn add(&mut self, parent: Option<(usize, &[u8])>, kind: Kind) -> usize {
        let node = self.nodes.len();
        if let Some((dir, name)) = parent {
            self.entries_mut(dir).insert(name.to_vec(), node);
        }
        self.nodes.push(Node { kind, parent: parent.map(|(dir, name)| (dir, name.to_vec())) });
        node
    }

    pub(super) fn mount(&mut self, root: usize, on: Option<At>, read_only: bool) {
        if let Some(on) = on {
            self.covers.insert(on, self.mounts.len());
        }
        self.mounts.push(Mount { root, on, read_only });
    }

    pub(super) fn is_covered(&self, at: At) -> bool {
        self.covers.contains_key(&at)
    }

    pub(super) fn is_dir(&self, node: usize) -> bool {
        matches!(self.nodes[node].kind, Kind::Dir(_))
    }

    pub(super) fn entries(&self, dir: usize) -> &BTreeMap<Vec<u8>, usize> {
        match &self.nodes[dir].kind {
            Kind::Dir(entries) => entries,
            other => panic!("{other:?} is no directory"),
        }
    }

    fn entries_mut(&mut self, dir: usize) -> &mut BTreeMap<Vec<u8>, usize> {
        match &mut self.nodes[dir].kind {
            Kind::Dir(entries) => entries,
            other => panic!("{other:?} is no directory"),
        }
    }

    /// Takes a node away from where it is.
    pub(super) fn detach(&mut self, node: usize) {
        if let Some((dir, name)) = self.nodes[node].parent.take() {
            self.entries_mut(dir).remove(&name);
        }
    }

    /// Puts a node that is nowhere somewhere.
    pub(super) fn attach(&mut self, node: usize, dir: usize, name: &[u8]) {
        self.entries_mut(dir).insert(name.to_vec(), node);
        self.nodes[node].parent = Some((dir, name.to_vec()));
    }

    /// Whether `node` is `dir`, or below it.
    pub(super) fn is_in(&self, node: usize, dir: usize) -> bool {
        node == dir || self.nodes[node].parent.as_ref().is_some_and(|(up, _)| self.is_in(*up, dir))
    }

    /// The last node on the way up.
    pub(super) fn top(&self, node: usize) -> usize {
        self.nodes[node].parent.as_ref().map_or(node, |(up, _)| self.top(*up))
    }

    /// The top of what is mounted there.
    fn cross(&self, at: At) -> At {
        match self.covers.get(&at) {
            Some(&mount) => self.cross(At { mount, node: self.mounts[mount].root }),
            None => at,
        }
    }

    /// One step up, whatever the scope is.
    fn up(&self, at: At) -> Option<At> {
        let mount = &self.mounts[at.mount];
        if at.node == mount.root {
            return self.up(mount.on?);
        }
        // The root of a filesystem of which only a part is mounted is its own parent.
        let node = self.nodes[at.node].parent.as_ref().map_or(at.node, |(up, _)| *up);
        Some(At { node, ..at })
    }

    /// Whether `at` is the root of a scope, or below it.
    pub(super) fn is_below(&self, at: At, root: At) -> bool {
        at == root || self.up(at).is_some_and(|up| up != at && self.is_below(up, root))
    }

    /// The same, what is mounted on the root of the scope and what is below that included: to go up from there leads out,
    /// but it is inside.
    pub(super) fn is_inside(&self, at: At, root: At) -> bool {
        let mount = &self.mounts[at.mount];
        if at == root {
            return true;
        }
        if at.node == mount.root {
            return mount.on.is_some_and(|on| self.is_inside(on, root));
        }
        let up = self.nodes[at.node].parent.as_ref();
        up.is_some_and(|(up, _)| self.is_inside(At { node: *up, ..at }, root))
    }

    fn dotdot(&self, view: &View, at: At) -> Result<At> {
        let outside = if view.beneath { Errno::PERM } else { Errno::NOENT };
        if at == view.root {
            return if view.beneath { Err(Errno::PERM) } else { Ok(at) };
        }
        match self.up(at) {
            Some(up) if self.is_below(up, view.root) => Ok(self.cross(up)),
            _ => Err(outside),
        }
    }

    /// What a whole path must be.
    fn begin(&self, view: &View, path: &[u8]) -> Result<At> {
        match path.first() {
            None => return Err(Errno::NOENT),
            Some(b'/') if view.beneath => return Err(Errno::PERM),
            _ => {}
        }
        whole(path)?;
        Ok(if path[0] == b'/' { view.root } else { view.start })
    }

    /// What a path leads to. A symbolic link at its end is followed if `follow`, or if a slash comes after it.
    pub(super) fn resolve(&self, view: &View, path: &[u8], follow: bool) -> Result<At> {
        self.resolve_links(view, path, follow, &mut 0)
    }

    fn resolve_links(&self, view: &View, path: &[u8], follow: bool, links: &mut u32) -> Result<At> {
        let mut at = self.begin(view, path)?;
        let directory = must_be_directory(path);
        let names: Vec<&[u8]> = names(path);
        for (i, &name) in names.iter().enumerate() {
            let last = i + 1 == names.len();
            if !self.is_dir(at.node) {
                return Err(Errno::NOTDIR);
            }
            if name == b".." {
                at = self.dotdot(view, at)?;
                continue;
            }
            let below = self.child(at, name)?;
            match &self.nodes[below.node].kind {
                Kind::Link(target) if !last || follow || directory => {
                    *links += 1;
                    if *links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    at = self.resolve_links(&View { start: at, ..*view }, target, true, links)?;
                }
                _ => at = below,
            }
            if !last && !self.is_dir(at.node) {
                return Err(Errno::NOTDIR);
            }
        }
        if directory && !self.is_dir(at.node) { Err(Errno::NOTDIR) } else { Ok(at) }
    }

    /// What has a name in a directory.
    fn child(&self, dir: At, name: &[u8]) -> Result<At> {
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let node = self.entries(dir.node).get(name).ok_or(Errno::NOENT)?;
        Ok(self.cross(At { node: *node, ..dir }))
    }

    pub(super) fn read_link(&self, view: &View, path: &[u8]) -> Result<Vec<u8>> {
        let at = self.resolve(view, path, false)?;
        match &self.nodes[at.node].kind {
            Kind::Link(target) if view.beneath && target.starts_with(b"/") => Err(Errno::PERM),
            Kind::Link(target) => Ok(target.clone()),
            _ => Err(Errno::INVAL),
        }
    }

    /// What is opened; made, if need be.
    pub(super) fn open(&mut self, view: &View, path: &[u8], how: Open) -> Result<At> {
        if how.directory && (how.create || how.truncate) {
            return Err(Errno::INVAL);
        }
        self.open_links(view, path, how, &mut 0)
    }

    fn open_links(&mut self, view: &View, path: &[u8], mut how: Open, links: &mut u32) -> Result<At> {
        self.begin(view, path)?;
        if must_be_directory(path) {
            if how.create {
                return Err(self.no_directory(view, path, how, links));
            }
            how = Open { directory: true, follow: true, ..how };
        }
        let names = names(path);
        let Some((&name, way)) = names.split_last().filter(|(last, _)| **last != b"..") else {
            let at = self.resolve_links(view, path, true, links)?;
            return self.opened(at, how, true);
        };
        let dir = match way {
            [] => self.begin(view, path)?,
            _ => self.resolve_links(view, &path[..position(path, name)], true, links)?,
        };
        match self.child(dir, name) {
            Err(Errno::NOENT) if how.create && self.mounts[dir.mount].read_only => Err(Errno::ROFS),
            Err(Errno::NOENT) if how.create => {
                let node = self.add(Some((dir.node, name)), Kind::File);
                Ok(At { node, ..dir })
            }
            Err(e) => Err(e),
            Ok(at) => match self.nodes[at.node].kind.clone() {
                Kind::Link(target) if how.follow && !(how.create && how.exclusive) => {
                    *links += 1;
                    if *links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    self.open_links(&View { start: dir, ..*view }, &target, how, links)
                }
                _ => self.opened(at, how, false),
            },
        }
    }

    /// A node that is there is opened.
    fn opened(&self, at: At, how: Open, nameless: bool) -> Result<At> {
        if how.create && how.exclusive {
            return Err(Errno::EXIST);
        }
        let changes = how.write || how.truncate;
        match &self.nodes[at.node].kind {
            Kind::Dir(_) if how.create || changes => Err(Errno::ISDIR),
            Kind::Dir(_) => Ok(at),
            Kind::Link(_) => Err(Errno::LOOP),
            Kind::File if how.directory || nameless => Err(Errno::NOTDIR),
            Kind::File if changes && self.mounts[at.mount].read_only => Err(Errno::ROFS),
            Kind::File => Ok(at),
        }
    }

    /// Why a file cannot be made under a name that only a directory can have.
    fn no_directory(&self, view: &View, path: &[u8], how: Open, links: &mut u32) -> Errno {
        let (way, last) = split(path);
        let (way, error) = match last {
            Last::Name(_) => (way, Errno::ISDIR),
            _ if how.exclusive => (path, Errno::EXIST),
            _ => (path, Errno::ISDIR),
        };
        if way.is_empty() {
            return error;
        }
        match self.resolve_links(view, way, true, links) {
            Ok(at) if self.is_dir(at.node) => error,
            Ok(_) => Errno::NOTDIR,
            Err(e) => e,
        }
    }

    /// The directory that holds the last name of a path.
    fn slot<'p>(&self, view: &View, path: &'p [u8]) -> Result<(At, Last<'p>)> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        whole(path)?;
        let (way, last) = split(path);
        let dir = if way.is_empty() { view.start } else { self.resolve(view, way, true)? };
        if !self.is_dir(dir.node) {
            return Err(Errno::NOTDIR);
        }
        match last {
            Last::DotDot => {
                self.dotdot(view, dir)?;
            }
            Last::Name(name) if name.len() > NAME_MAX => return Err(Errno::NAMETOOLONG),
            _ => {}
        }
        Ok((dir, last))
    }

    pub(super) fn create_dir(&mut self, view: &View, path: &[u8]) -> Result<()> {
        let (dir, last) = self.slot(view, path)?;
        let Last::Name(name) = last else { return Err(Errno::EXIST) };
        match self.child(dir, name) {
            Err(Errno::NOENT) if self.mounts[dir.mount].read_only => Err(Errno::ROFS),
            Err(Errno::NOENT) => {
                self.add(Some((dir.node, name)), Kind::Dir(BTreeMap::new()));
                Ok(())
            }
            Ok(_) => Err(Errno::EXIST),
            Err(e) => Err(e),
        }
    }

    /// What `unlink` would remove.
    pub(super) fn unlink(&self, view: &View, path: &[u8]) -> Result<usize> {
        let (dir, last) = self.slot(view, path)?;
        let Last::Name(name) = last else { return Err(Errno::ISDIR) };
        if self.mounts[dir.mount].read_only {
            return Err(Errno::ROFS);
        }
        let node = *self.entries(dir.node).get(name).ok_or(Errno::NOENT)?;
        match (self.is_dir(node), path.ends_with(b"/")) {
            (true, false) if self.is_covered(At { node, ..dir }) => Err(Errno::BUSY),
            (true, _) => Err(Errno::ISDIR),
            (false, true) => Err(Errno::NOTDIR),
            (false, false) => Ok(node),
        }
    }

    /// What `rmdir` would remove.
    pub(super) fn remove_dir(&self, view: &View, path: &[u8]) -> Result<usize> {
        let (dir, last) = self.slot(view, path)?;
        let name = match last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::INVAL),
            Last::DotDot => return Err(Errno::NOTEMPTY),
            Last::Root => return Err(Errno::BUSY),
        };
        if self.mounts[dir.mount].read_only {
            return Err(Errno::ROFS);
        }
        let node = *self.entries(dir.node).get(name).ok_or(Errno::NOENT)?;
        match &self.nodes[node].kind {
            Kind::Dir(_) if self.is_covered(At { node, ..dir }) => Err(Errno::BUSY),
            Kind::Dir(entries) if !entries.is_empty() => Err(Errno::NOTEMPTY),
            Kind::Dir(_) => Ok(node),
            _ => Err(Errno::NOTDIR),
        }
    }
}

fn whole(path: &[u8]) -> Result<()> {
    if path.len() > PATH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    if path.contains(&0) { Err(Errno::INVAL) } else { Ok(()) }
}

/// All but what means nothing.
fn names(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&b| b == b'/').filter(|name| !name.is_empty() && *name != b".").collect()
}

fn must_be_directory(path: &[u8]) -> bool {
    let means_something = |name: &[u8]| !name.is_empty() && name != b"." && name != b"..";
    let mut names = path.rsplit(|&b| b == b'/');
    let last = names.next().unwrap_or_default();
    // `..` and `.` alone are directories anyway.
    !means_something(last) && names.find(|name| !name.is_empty() && *name != b".").is_some_and(means_something)
}

/// Where the last of the names that mean something begins.
fn position(path: &[u8], last: &[u8]) -> usize {
    path.windows(last.len()).rposition(|w| w == last).unwrap_or(0)
}

/// The way to the last name, and that.
fn split(path: &[u8]) -> (&[u8], Last<'_>) {
    let end = path.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1);
    let begin = path[..end].iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
    match &path[begin..end] {
        b"" => (path, Last::Root),
        b"." => (&path[..begin], Last::Dot),
        b".." => (&path[..begin], Last::DotDot),
        name => (&path[..begin], Last::Name(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fuzzer found a path that led below what covers the root of its scope, and was told to have left it.
    #[test]
    fn what_covers_the_root_of_a_scope_is_inside_with_all_that_is_in_it() {
        let mut naive = Naive::default();
        let dir = || Kind::Dir(BTreeMap::new());
        let top = naive.add(None, dir());
        let (scope, beside) = (naive.add(Some((top, b"scope")), dir()), naive.add(Some((top, b"beside")), dir()));
        let cover = naive.add(None, dir());
        let below = naive.add(Some((cover, b"below")), dir());
        naive.mount(top, None, false);
        let root = At { mount: 0, node: scope };
        naive.mount(cover, Some(root), false);
        let view = View { beneath: true, root, start: root };
        let inside = At { mount: 1, node: below };
        // The start is what the scope is of, and not what covers it; by `..` a path comes into that.
        naive.add(Some((scope, b"sub")), dir());
        assert_eq!(naive.resolve(&view, b"sub/../below", true), Ok(inside));
        for at in [root, inside, At { mount: 1, node: cover }] {
            assert!(naive.is_inside(at, root), "{at:?}");
        }
        for node in [top, beside] {
            assert!(!naive.is_inside(At { mount: 0, node }, root), "{node}");
        }
        assert!(!naive.is_inside(root, inside));
    }
}
