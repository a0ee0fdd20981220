//! The nodes of the model: numbers in a map, and nothing that is clever.

use core::fmt::Write as _;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gangplank_vfs::{Errno, FileType, FsCaps, Result};

use crate::differential::quoted;

/// The number of a node.
pub(super) type Id = u32;

/// The root of the first filesystem.
pub(super) const ROOT: Id = 0;

/// The root of the second, whether it is mounted or not.
pub(super) const SECOND: Id = 1;

/// How much of a file the model holds byte by byte. What lies beyond is a hole, and nothing can be written there.
const MAX_WRITTEN: u64 = 1 << 26;

/// The smallest number of seconds that is shown as now.
const RECENT: i64 = 1_500_000_000;

/// When a content was changed last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Mtime {
    /// Since the script began.
    Now,
    /// `touch` said so.
    At(i64),
}

/// The bytes of a file. Those of its `len` that are not written are 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Content {
    written: Vec<u8>,
    pub(super) len: u64,
}

impl Content {
    /// At most `count` bytes from `at` on.
    pub(super) fn read(&self, at: u64, count: u64) -> Vec<u8> {
        let end = self.len.min(at.saturating_add(count));
        let mut bytes = vec![0; end.saturating_sub(at) as usize];
        let known = self.written.get(at.min(self.written.len() as u64) as usize..).unwrap_or_default();
        let n = known.len().min(bytes.len());
        bytes[..n].copy_from_slice(&known[..n]);
        bytes
    }

    /// `FBIG` if that is further than the model goes.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let end = at.checked_add(bytes.len() as u64).filter(|&end| end <= MAX_WRITTEN).ok_or(Errno::FBIG)?;
        if self.written.len() < end as usize {
            self.written.resize(end as usize, 0);
        }
        self.written[at as usize..end as usize].copy_from_slice(bytes);
        self.len = self.len.max(end);
        Ok(())
    }

    pub(super) fn resize(&mut self, len: u64) {
        self.written.truncate(len.min(self.written.len() as u64) as usize);
        self.len = len;
    }
}

/// What a node is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Kind {
    /// A directory: what it holds, and what holds it, or did so last.
    Dir { entries: BTreeMap<Arc<str>, Id>, parent: Id },
    /// A regular file.
    File(Content),
    /// A symbolic link.
    Link(Arc<str>),
}

/// One node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// How many names it has; of a directory 1 or 0.
    pub(super) names: u64,
    pub(super) mode: u16,
    pub(super) mtime: Mtime,
}

/// All nodes of both filesystems.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<Id, Arc<Node>>,
    next: Id,
    /// Nodes without a name, which go when nobody holds them.
    orphans: Vec<Id>,
    /// What the second filesystem is mounted on.
    pub(super) mounted_on: Option<Id>,
}

impl Tree {
    pub(super) fn new() -> Tree {
        let root = |id| {
            let kind = Kind::Dir { entries: BTreeMap::new(), parent: id };
            (id, Arc::new(Node { kind, names: 1, mode: 0o755, mtime: Mtime::Now }))
        };
        let nodes = BTreeMap::from([root(ROOT), root(SECOND)]);
        Tree { nodes, next: SECOND + 1, orphans: vec![], mounted_on: None }
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[&id]
    }

    pub(super) fn change(&mut self, id: Id) -> &mut Node {
        Arc::make_mut(self.nodes.get_mut(&id).expect("a node that is held"))
    }

    pub(super) fn is_dir(&self, id: Id) -> bool {
        matches!(self.node(id).kind, Kind::Dir { .. })
    }

    pub(super) fn entries(&self, dir: Id) -> Option<&BTreeMap<Arc<str>, Id>> {
        match &self.node(dir).kind {
            Kind::Dir { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.nodes.len()
    }

    /// What a directory holds under this name, whatever is mounted on it.
    pub(super) fn entry(&self, dir: Id, name: &str) -> Option<Id> {
        self.entries(dir)?.get(name).copied()
    }

    /// The directory that holds a directory; a root is its own.
    pub(super) fn parent(&self, dir: Id) -> Id {
        match self.node(dir).kind {
            Kind::Dir { parent, .. } => parent,
            _ => dir,
        }
    }

    /// Whether `dir` is `ancestor`, or lies below it, in the same filesystem.
    pub(super) fn is_in(&self, mut dir: Id, ancestor: Id) -> bool {
        loop {
            if dir == ancestor {
                return true;
            }
            let up = self.parent(dir);
            if up == dir {
                return false;
            }
            dir = up;
        }
    }

    /// The root of the filesystem that a directory is in.
    pub(super) fn filesystem(&self, mut dir: Id) -> Id {
        while self.parent(dir) != dir {
            dir = self.parent(dir);
        }
        dir
    }

    /// Makes a node without a name.
    pub(super) fn make(&mut self, kind: Kind, mode: u16) -> Id {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, Arc::new(Node { kind, names: 0, mode, mtime: Mtime::Now }));
        id
    }

    /// Gives a node a name.
    pub(super) fn insert(&mut self, dir: Id, name: &str, id: Id) {
        let node = self.change(id);
        node.names += 1;
        if let Kind::Dir { parent, .. } = &mut node.kind {
            *parent = dir;
        }
        let holder = self.change(dir);
        holder.mtime = Mtime::Now;
        if let Kind::Dir { entries, .. } = &mut holder.kind {
            entries.insert(name.into(), id);
        }
    }

    /// Takes a name away.
    pub(super) fn remove(&mut self, dir: Id, name: &str) -> Option<Id> {
        let holder = self.change(dir);
        holder.mtime = Mtime::Now;
        let Kind::Dir { entries, .. } = &mut holder.kind else { return None };
        let id = entries.remove(name)?;
        let node = self.change(id);
        node.names -= 1;
        if node.names == 0 {
            self.orphans.push(id);
        }
        Some(id)
    }

    /// Forgets the nodes without a name that are neither held nor above one that is.
    pub(super) fn sweep(&mut self, held: impl Fn(Id) -> bool) {
        if self.orphans.is_empty() {
            return;
        }
        let named = |id: Id| self.node(id).names > 0;
        let mut kept: Vec<Id> = self.orphans.iter().copied().filter(|&id| !named(id) && held(id)).collect();
        for at in 0.. {
            let Some(&id) = kept.get(at) else { break };
            let up = self.parent(id);
            if !named(up) && !kept.contains(&up) {
                kept.push(up);
            }
        }
        let gone: Vec<Id> = self.orphans.drain(..).filter(|id| !kept.contains(id)).collect();
        self.nodes.retain(|id, node| node.names > 0 || !gone.contains(id));
        self.orphans = kept;
    }

    /// What `stat` shows, as the players show it.
    pub(super) fn describe(&self, id: Id, caps: FsCaps) -> String {
        let node = self.node(id);
        let mtime = match node.mtime {
            Mtime::At(seconds) if seconds < RECENT => format!("{seconds}.000000007"),
            _ => "now".to_owned(),
        };
        match &node.kind {
            Kind::Dir { entries, .. } if caps.contains(FsCaps::DIR_NLINK) => {
                let below = entries.values().filter(|&&id| self.is_dir(id)).count() as u64;
                let links = if node.names == 0 { 0 } else { 2 + below };
                format!("dir {:o} {links} links {mtime}", node.mode)
            }
            Kind::Dir { .. } => format!("dir {:o} {mtime}", node.mode),
            Kind::Link(target) => format!("symlink {} links {}", node.names, target.len()),
            Kind::File(content) => {
                format!("file {:o} {} links {} bytes {mtime}", node.mode, node.names, content.len)
            }
        }
    }

    pub(super) fn file_type(&self, id: Id) -> FileType {
        match self.node(id).kind {
            Kind::Dir { .. } => FileType::Directory,
            Kind::File(_) => FileType::Regular,
            Kind::Link(_) => FileType::Symlink,
        }
    }

    /// The names in a directory, as the players show them.
    pub(super) fn list(&self, dir: Id) -> String {
        let mut names: Vec<String> = self.entries(dir).into_iter().flatten().map(|(name, _)| shown(name)).collect();
        names.sort();
        names.join(",") + "."
    }

    /// What is mounted on a node, or the node.
    pub(super) fn cross(&self, id: Id) -> Id {
        if self.mounted_on == Some(id) { SECOND } else { id }
    }

    /// Calls `visit` with the path and the node of everything that can be seen below `dir`, in order.
    pub(super) fn visit(&self, dir: Id, prefix: &str, visit: &mut dyn FnMut(&str, Id)) {
        let mut entries: Vec<(String, Id)> =
            self.entries(dir).into_iter().flatten().map(|(name, &id)| (shown(name), id)).collect();
        entries.sort();
        for (name, id) in entries {
            let (path, id) = (format!("{prefix}{name}"), self.cross(id));
            visit(&path, id);
            self.visit(id, &(path + "/"), visit);
        }
    }

    /// As [`World::tree`](crate::World::tree) writes it.
    pub(super) fn print(&self) -> String {
        let (mut out, mut seen) = (String::new(), HashMap::new());
        self.visit(ROOT, "", &mut |path, id| {
            let node = self.node(id);
            let _ = match &node.kind {
                Kind::Dir { .. } => writeln!(out, "{path}/"),
                Kind::Link(target) => {
                    writeln!(out, "{path} -> {} ({} links)", target.as_bytes().escape_ascii(), node.names)
                }
                Kind::File(content) => match seen.get(&id) {
                    Some(first) => writeln!(out, "{path} == {first}"),
                    None => {
                        seen.insert(id, path.to_owned());
                        let text = quoted(&content.read(0, content.len));
                        writeln!(out, "{path} = {text} ({} links)", node.names)
                    }
                },
            };
        });
        out
    }
}

fn shown(name: &str) -> String {
    name.as_bytes().escape_ascii().to_string()
}
