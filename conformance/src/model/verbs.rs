//! The verbs that take paths.

use std::collections::BTreeMap;

use gangplank_vfs::{Errno, FsCaps, Rename, Result};

use super::{
    Answer, Freedom, Model, Outcome,
    files::OpenFile,
    paths::{Last, Parent, Target, Wanted},
    tree::{Content, Id, Kind, Mtime, ROOT, SECOND},
};
use crate::differential::{Op, quoted, text};

/// Less the umask, which is 022.
const NEW_FILE: u16 = 0o644;
const NEW_DIR: u16 = 0o755;

impl Model {
    pub(super) fn act(&mut self, op: &Op) -> Outcome {
        let arg = |i: usize| op.args[i].as_str();
        let number = |i: usize| arg(i).parse::<u64>().unwrap_or(0);
        match op.verb {
            "mkdir" => self.mkdir(arg(0)).into(),
            "put" => self.put(arg(0), arg(1)).into(),
            "symlink" => self.symlink(arg(0), arg(1)).into(),
            "link" => self.link(arg(0), false, arg(1)),
            "linkfollow" => self.link(arg(0), true, arg(1)),
            "unlink" => self.unlink(arg(0)),
            "rmdir" => self.rmdir(arg(0)).into(),
            "rename" => self.rename(arg(0), arg(1), Rename::Replace),
            "noreplace" => self.rename(arg(0), arg(1), Rename::NoReplace),
            "exchange" => self.rename(arg(0), arg(1), Rename::Exchange),
            "stat" => self.find(arg(0), true).map_or_else(Outcome::from, |id| self.describe(id)),
            "lstat" => self.find(arg(0), false).map_or_else(Outcome::from, |id| self.describe(id)),
            "readlink" => self.readlink(arg(0)).into(),
            "list" => self.list(arg(0)).into(),
            "read" => self.read(arg(0)).into(),
            "truncate" => self.truncate(arg(0), number(1)).into(),
            "chmod" => {
                let mode = u16::from_str_radix(arg(1), 8).unwrap_or(0o700) & 0o7777;
                self.find(arg(0), true).map(|id| self.tree.change(id).mode = mode).into()
            }
            "touch" => {
                let mtime = Mtime::At(number(1) as i64);
                self.find(arg(0), true).map(|id| self.tree.change(id).mtime = mtime).into()
            }
            "cd" => self.cd(arg(0)).into(),
            "home" => {
                self.cwd = ROOT;
                self.sweep();
                ().into()
            }
            "fork" => {
                self.slots = [None; 3];
                self.files = [None, None, None];
                self.cwd = ROOT;
                self.sweep();
                ().into()
            }
            "mount" => self.mount().into(),
            "open" => self.open(number(0) as usize, arg(1), arg(2)),
            _ => self.act_on_slot(op),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/mkdir.html>
    fn mkdir(&mut self, path: &str) -> Result<()> {
        let (dir, name) = self.vacant(path, true)?;
        let id = self.tree.make(Kind::Dir { entries: BTreeMap::new(), parent: dir }, NEW_DIR);
        self.tree.insert(dir, name, id);
        Ok(())
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/symlink.html>
    fn symlink(&mut self, target: &str, path: &str) -> Result<()> {
        if target.starts_with('/') && !self.rules.rooted {
            return Err(Errno::PERM);
        }
        let (dir, name) = self.vacant(path, false)?;
        if !self.claims(FsCaps::SYMLINKS) {
            return Err(Errno::NOTSUP);
        }
        if target.len() > 4095 {
            return Err(Errno::NAMETOOLONG);
        }
        let id = self.tree.make(Kind::Link(target.into()), 0o777);
        self.tree.insert(dir, name, id);
        Ok(())
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/link.html>
    fn link(&mut self, from: &str, follow: bool, to: &str) -> Outcome {
        let id = match self.find(from, follow) {
            Ok(id) => id,
            Err(e) => return e.into(),
        };
        let (dir, name) = match self.vacant(to, false) {
            Ok(there) => there,
            Err(e) => return e.into(),
        };
        let (links, is_dir) = (self.claims(FsCaps::HARD_LINKS), self.tree.is_dir(id));
        if self.filesystem_of(id) != self.filesystem_of(dir) {
            Errno::XDEV.into()
        } else if is_dir && self.tree.node(id).names == 0 {
            Outcome::from(Errno::NOENT).or(Errno::PERM, Freedom::RemovedDirectory)
        } else if is_dir {
            Errno::PERM.into()
        } else if !links {
            Errno::NOTSUP.into()
        } else {
            self.tree.insert(dir, name, id);
            ().into()
        }
    }

    /// Where a new name is to be, if it can be made: what `filename_create` in Linux's `fs/namei.c` does.
    fn vacant<'p>(&self, path: &'p str, directory: bool) -> Result<(Id, &'p str)> {
        let Parent { dir, last, slash } = self.find_parent(path)?;
        match last {
            Last::Name(name) if self.tree.entry(dir, name).is_some() => Err(Errno::EXIST),
            Last::Name(_) if self.tree.node(dir).names == 0 || (slash && !directory) => Err(Errno::NOENT),
            Last::Name(name) => Ok((dir, name)),
            _ => Err(Errno::EXIST),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html>; Linux's `ISDIR` for POSIX's `EPERM`.
    fn unlink(&mut self, path: &str) -> Outcome {
        let Parent { dir, last, slash } = match self.find_parent(path) {
            Ok(there) => there,
            Err(e) => return e.into(),
        };
        let Last::Name(name) = last else { return Errno::ISDIR.into() };
        match self.tree.entry(dir, name) {
            None => Errno::NOENT.into(),
            Some(id) if self.tree.mounted_on == Some(id) && !slash => {
                Outcome::from(Errno::BUSY).or(Errno::ISDIR, Freedom::MountPoint)
            }
            Some(id) if self.tree.is_dir(id) => Errno::ISDIR.into(),
            Some(_) if slash => Errno::NOTDIR.into(),
            Some(_) => {
                self.tree.remove(dir, name);
                self.sweep();
                ().into()
            }
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rmdir.html>
    fn rmdir(&mut self, path: &str) -> Result<()> {
        let Parent { dir, last, .. } = self.find_parent(path)?;
        let name = match last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::INVAL),
            Last::DotDot => return Err(Errno::NOTEMPTY),
            Last::Root => return Err(Errno::BUSY),
        };
        let id = self.tree.entry(dir, name).ok_or(Errno::NOENT)?;
        let entries = self.tree.entries(id).ok_or(Errno::NOTDIR)?;
        if self.tree.mounted_on == Some(id) {
            return Err(Errno::BUSY);
        }
        if !entries.is_empty() {
            return Err(Errno::NOTEMPTY);
        }
        self.tree.remove(dir, name);
        self.sweep();
        Ok(())
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html>, renameat2(2); `do_renameat2` in
    /// Linux's `fs/namei.c` is the page for its order.
    fn rename(&mut self, from: &str, to: &str, how: Rename) -> Outcome {
        let (a, b) = match self.find_parent(from).and_then(|a| Ok((a, self.find_parent(to)?))) {
            Ok(parents) => parents,
            Err(e) => return e.into(),
        };
        if self.tree.filesystem(a.dir) != self.tree.filesystem(b.dir) {
            return Errno::XDEV.into();
        }
        let (old_name, new_name) = match (a.last, b.last) {
            (Last::Name(old), Last::Name(new)) => (old, new),
            (Last::Name(_), _) if how == Rename::NoReplace => return Errno::EXIST.into(),
            _ => return Errno::BUSY.into(),
        };
        let (old, new) = (self.tree.entry(a.dir, old_name), self.tree.entry(b.dir, new_name));
        let mut outcome = match self.may_rename((&a, old), (&b, new), how) {
            Err(refused) => refused,
            Ok(()) if !self.claims(needed(how)) => Errno::INVAL.into(),
            Ok(()) => ().into(),
        };
        let point = self.tree.mounted_on;
        if point.is_some() && (old == point || new == point) {
            outcome = outcome.or(Errno::BUSY, Freedom::MountPoint);
        } else if !self.claims(needed(how)) {
            outcome = outcome.or(Errno::INVAL, Freedom::UnclaimedRename);
        }
        let (Answer::Done, Some(old)) = (&outcome.first, old) else { return outcome };
        if Some(old) != new {
            self.tree.remove(a.dir, old_name);
            if let Some(new) = self.tree.remove(b.dir, new_name)
                && how == Rename::Exchange
            {
                self.tree.insert(a.dir, old_name, new);
            }
            self.tree.insert(b.dir, new_name, old);
            self.sweep();
        }
        outcome
    }

    fn may_rename(
        &self,
        (a, old): (&Parent<'_>, Option<Id>),
        (b, new): (&Parent<'_>, Option<Id>),
        how: Rename,
    ) -> core::result::Result<(), Outcome> {
        let old = old.ok_or(Errno::NOENT)?;
        if self.tree.node(b.dir).names == 0 {
            return Err(Errno::NOENT.into());
        }
        let (old_dir, new_dir) = (self.tree.is_dir(old), new.is_some_and(|new| self.tree.is_dir(new)));
        let into_itself = old_dir && self.tree.is_in(b.dir, old);
        let or_inval = |e: Errno, freedom| {
            let refused = Outcome::from(e);
            if into_itself { refused.or(Errno::INVAL, freedom) } else { refused }
        };
        match (how, new) {
            (Rename::NoReplace, Some(_)) => return Err(or_inval(Errno::EXIST, Freedom::NoReplaceIntoItself)),
            (Rename::Exchange, None) => return Err(or_inval(Errno::NOENT, Freedom::ExchangeIntoItself)),
            _ => {}
        }
        let arriving = if how == Rename::Exchange { new_dir } else { old_dir };
        if (a.slash && !old_dir) || (b.slash && !arriving) {
            return Err(Errno::NOTDIR.into());
        }
        if into_itself {
            return Err(Errno::INVAL.into());
        }
        if let Some(new) = new {
            if new_dir && self.tree.is_in(a.dir, new) {
                return Err(if how == Rename::Exchange { Errno::INVAL } else { Errno::NOTEMPTY }.into());
            }
            if old == new {
                return Ok(());
            }
            match (how, old_dir, new_dir) {
                (Rename::Exchange, ..) => {}
                (_, true, false) => return Err(Errno::NOTDIR.into()),
                (_, false, true) => return Err(Errno::ISDIR.into()),
                _ => {}
            }
        }
        let point = self.tree.mounted_on;
        if point.is_some() && (point == Some(old) || point == new) {
            return Err(Errno::BUSY.into());
        }
        let full = |id: Id| self.tree.entries(id).is_some_and(|entries| !entries.is_empty());
        if how != Rename::Exchange && new.is_some_and(full) {
            return Err(Errno::NOTEMPTY.into());
        }
        Ok(())
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/readlink.html>
    fn readlink(&self, path: &str) -> Result<String> {
        match &self.tree.node(self.find(path, false)?).kind {
            Kind::Link(target) if target.starts_with('/') && !self.rules.rooted => Err(Errno::PERM),
            Kind::Link(target) => Ok(target.as_bytes().escape_ascii().to_string()),
            _ => Err(Errno::INVAL),
        }
    }

    fn list(&self, path: &str) -> Result<String> {
        let id = self.find(path, true)?;
        if self.tree.is_dir(id) { Ok(self.tree.list(id)) } else { Err(Errno::NOTDIR) }
    }

    fn read(&self, path: &str) -> Result<String> {
        match &self.tree.node(self.find(path, true)?).kind {
            Kind::File(content) => {
                let bytes = content.read(0, content.len);
                Ok(quoted(String::from_utf8_lossy(&bytes).as_bytes()))
            }
            _ => Err(Errno::ISDIR),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/truncate.html>
    fn truncate(&mut self, path: &str, len: u64) -> Result<()> {
        let id = self.find(path, true)?;
        let node = self.tree.change(id);
        let Kind::File(content) = &mut node.kind else { return Err(Errno::ISDIR) };
        content.resize(len);
        node.mtime = Mtime::Now;
        Ok(())
    }

    fn cd(&mut self, path: &str) -> Result<()> {
        let id = self.find(path, true)?;
        if !self.tree.is_dir(id) {
            return Err(Errno::NOTDIR);
        }
        self.cwd = id;
        self.sweep();
        Ok(())
    }

    /// The second filesystem appears on the directory `m` of the root, which is made if it is missing.
    fn mount(&mut self) -> Result<()> {
        if self.tree.mounted_on.is_some() {
            return Err(Errno::BUSY);
        }
        let point = match self.tree.entry(ROOT, "m") {
            Some(id) if self.tree.is_dir(id) => id,
            Some(_) => return Err(Errno::EXIST),
            None => {
                let id = self.tree.make(Kind::Dir { entries: BTreeMap::new(), parent: ROOT }, NEW_DIR);
                self.tree.insert(ROOT, "m", id);
                id
            }
        };
        self.tree.mounted_on = Some(point);
        Ok(())
    }

    fn put(&mut self, path: &str, word: &str) -> Result<String> {
        let opened = self.opened(path, "rwct").map_err(|(e, _)| e)?;
        let text = text(word);
        let node = self.tree.change(opened.node);
        let Kind::File(content) = &mut node.kind else { return Err(Errno::ISDIR) };
        content.write(0, &text)?;
        Ok(text.len().to_string())
    }

    fn open(&mut self, slot: usize, path: &str, flags: &str) -> Outcome {
        match self.opened(path, flags) {
            Ok(opened) => {
                let kind = format!("{:?}", self.tree.file_type(opened.node));
                self.fill(slot, opened);
                kind.into()
            }
            Err((e, None)) => e.into(),
            Err((e, Some((other, freedom)))) => Outcome::from(e).or(other, freedom),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>; `do_open` in Linux's `fs/namei.c` is the
    /// page for its order.
    fn opened(&mut self, path: &str, flags: &str) -> core::result::Result<OpenFile, (Errno, Option<(Errno, Freedom)>)> {
        let has = |flag| flags.contains(flag);
        let plain = |e| (e, None);
        if has('d') && has('c') {
            return Err(plain(Errno::INVAL));
        }
        let (create, exclusive) = (has('c'), has('x'));
        let wanted = Wanted { create, exclusive, follow: !has('n'), directory: has('d') };
        let found = self.find_to_open(path, wanted).and_then(|(target, wanted)| match target {
            Target::Node(_) if create && exclusive => Err(Errno::EXIST),
            Target::Node(id) if create && self.tree.is_dir(id) => Err(Errno::ISDIR),
            target => Ok((target, wanted)),
        });
        let refusal = match &found {
            Err(e) => Some((*e, None)),
            Ok((Target::Missing(..), _)) => None,
            Ok((Target::Node(id), wanted)) => match &self.tree.node(*id).kind {
                Kind::Link(_) if wanted.directory => {
                    Some((Errno::LOOP, Some((Errno::NOTDIR, Freedom::LinkAsDirectory))))
                }
                Kind::Link(_) => Some((Errno::LOOP, None)),
                Kind::File(_) if wanted.directory => Some((Errno::NOTDIR, None)),
                Kind::Dir { .. } if has('w') || has('t') => Some((Errno::ISDIR, None)),
                _ => None,
            },
        };
        match refusal {
            Some((e, _)) if has('d') && has('t') => {
                return Err((Errno::INVAL, Some((e, Freedom::TruncatedDirectory))));
            }
            Some(refused) => return Err(refused),
            None => {}
        }
        let node = match found.map_err(plain)?.0 {
            Target::Node(id) => id,
            Target::Missing(dir, name) => {
                let id = self.tree.make(Kind::File(Content::default()), NEW_FILE);
                self.tree.insert(dir, &name, id);
                id
            }
        };
        if has('t') {
            let node = self.tree.change(node);
            node.mtime = Mtime::Now;
            if let Kind::File(content) = &mut node.kind {
                content.resize(0);
            }
        }
        Ok(OpenFile { node, cursor: 0, read: has('r'), write: has('w'), append: has('a') })
    }

    pub(super) fn describe(&self, id: Id) -> Outcome {
        let text = self.tree.describe(id, self.rules.caps);
        match text.strip_suffix(".000000007") {
            Some(seconds) if !self.claims(FsCaps::NS_TIMES) => {
                let coarse = format!("{seconds}.000000000");
                Outcome::from(text).or(coarse, Freedom::CoarseTimes)
            }
            _ => text.into(),
        }
    }

    /// The root of the filesystem that a node is in. Only directories know theirs; others are looked for.
    fn filesystem_of(&self, id: Id) -> Id {
        match &self.tree.node(id).kind {
            Kind::Dir { .. } => self.tree.filesystem(id),
            _ if self.tree.mounted_on.is_none() => ROOT,
            _ => {
                let mut root = ROOT;
                self.tree.visit(SECOND, "", &mut |_, below| {
                    if below == id {
                        root = SECOND;
                    }
                });
                root
            }
        }
    }
}

fn needed(how: Rename) -> FsCaps {
    match how {
        Rename::NoReplace => FsCaps::NO_REPLACE,
        Rename::Exchange => FsCaps::EXCHANGE,
        _ => FsCaps::empty(),
    }
}
