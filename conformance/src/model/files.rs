//! The verbs that take open files.

use gangplank_vfs::{Errno, FsCaps, Result};

use super::{
    Answer, Freedom, Model, Outcome,
    tree::{Content, Id, Kind, Mtime},
};
use crate::differential::{Op, quoted, text};

/// An open file description.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OpenFile {
    pub(super) node: Id,
    pub(super) cursor: u64,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
}

impl Model {
    /// Puts a new open file into a slot.
    pub(super) fn fill(&mut self, slot: usize, file: OpenFile) {
        self.empty(slot);
        let free = self.files.iter().position(Option::is_none);
        let free = free.expect("as many open files as slots, of which one is empty");
        self.files[free] = Some(file);
        self.slots[slot] = Some(free as u8);
        self.sweep();
    }

    /// Closes what a slot shows, if it is the last one that does.
    fn empty(&mut self, slot: usize) -> bool {
        let Some(shown) = self.slots[slot].take() else { return false };
        if !self.slots.contains(&Some(shown)) {
            self.files[usize::from(shown)] = None;
        }
        true
    }

    pub(super) fn act_on_slot(&mut self, op: &Op) -> Outcome {
        let slot = op.args[0].parse::<usize>().unwrap_or(0);
        let Some(shown) = self.slots[slot] else { return Answer::Empty.into() };
        match op.verb {
            "close" => {
                self.empty(slot);
                self.sweep();
                return ().into();
            }
            "dup" => {
                let other = op.args[1].parse::<usize>().unwrap_or(0);
                if other != slot {
                    self.empty(other);
                    self.slots[other] = Some(shown);
                    self.sweep();
                }
                return ().into();
            }
            _ => {}
        }
        let shown = usize::from(shown);
        let Some(mut file) = self.files[shown].take() else { return Answer::Empty.into() };
        let mut outcome = self.act_on_file(&mut file, op);
        if self.tree.node(file.node).names == 0 && !self.claims(FsCaps::UNLINKED_OPEN) {
            outcome = outcome.or(Answer::Anything, Freedom::LostWhenRemoved);
        }
        self.files[shown] = Some(file);
        outcome
    }

    fn act_on_file(&mut self, file: &mut OpenFile, op: &Op) -> Outcome {
        let arg = |i: usize| op.args[i].as_str();
        let number = |i: usize| arg(i).parse::<u64>().unwrap_or(0);
        match op.verb {
            "fread" => {
                let read = self.readable(file).map(|content| content.read(file.cursor, number(1)));
                read.map(|bytes| {
                    file.cursor += bytes.len() as u64;
                    quoted(&bytes)
                })
                .into()
            }
            "pread" => {
                self.readable(file).and_then(|content| Ok(quoted(&content.read(offset(number(1))?, 100)))).into()
            }
            "fwrite" => self.fwrite(file, &text(arg(1))).into(),
            "pwrite" => offset(number(1)).and_then(|at| self.pwrite(file, at, &text(arg(2)))).into(),
            "seek" => self.seek(file, number(1) as i64).into(),
            "seekend" => {
                let len = self.len(file);
                len.and_then(|len| self.seek(file, len as i64 - 1)).into()
            }
            "setlen" => self.set_len(file, number(1)),
            "allocate" => self.allocate(file, number(1)),
            "fstat" => self.describe(file.node),
            "flist" => match (file.read, self.tree.is_dir(file.node)) {
                (false, true) => Errno::BADF.into(),
                (false, false) => Outcome::from(Errno::BADF).or(Errno::NOTDIR, Freedom::ListWithoutReading),
                (true, false) => Errno::NOTDIR.into(),
                (true, true) => self.tree.list(file.node).into(),
            },
            other => format!("{other}?").into(),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/read.html>
    fn readable(&self, file: &OpenFile) -> Result<&Content> {
        match &self.tree.node(file.node).kind {
            _ if !file.read => Err(Errno::BADF),
            Kind::File(content) => Ok(content),
            _ => Err(Errno::ISDIR),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>
    fn fwrite(&mut self, file: &mut OpenFile, bytes: &[u8]) -> Result<String> {
        let at = if file.append { self.len(file)? } else { file.cursor };
        let n = self.pwrite(file, at, bytes)?;
        if !bytes.is_empty() {
            file.cursor = at + bytes.len() as u64;
        }
        Ok(n)
    }

    /// To the end if the file was opened for appending, as Linux does: BUGS of pwrite(2), and `OpenFile::write_at`.
    fn pwrite(&mut self, file: &OpenFile, at: u64, bytes: &[u8]) -> Result<String> {
        if !file.write {
            return Err(Errno::BADF);
        }
        let node = self.tree.change(file.node);
        let Kind::File(content) = &mut node.kind else { return Err(Errno::ISDIR) };
        if !bytes.is_empty() {
            content.write(if file.append { content.len } else { at }, bytes)?;
            node.mtime = Mtime::Now;
        }
        Ok(bytes.len().to_string())
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/lseek.html>; no directory has a cursor here.
    fn seek(&self, file: &mut OpenFile, to: i64) -> Result<String> {
        self.len(file)?;
        file.cursor = u64::try_from(to).map_err(|_| Errno::INVAL)?;
        Ok(to.to_string())
    }

    fn len(&self, file: &OpenFile) -> Result<u64> {
        match &self.tree.node(file.node).kind {
            Kind::File(content) => Ok(content.len),
            _ => Err(Errno::ISDIR),
        }
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/ftruncate.html>
    fn set_len(&mut self, file: &OpenFile, len: u64) -> Outcome {
        if !file.write {
            return Outcome::from(Errno::BADF).or(Errno::INVAL, Freedom::SizeWithoutWriting);
        }
        let node = self.tree.change(file.node);
        let Kind::File(content) = &mut node.kind else { return Errno::ISDIR.into() };
        content.resize(len);
        node.mtime = Mtime::Now;
        ().into()
    }

    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/posix_fallocate.html>, and the mtime.
    fn allocate(&mut self, file: &OpenFile, len: u64) -> Outcome {
        let claimed = self.claims(FsCaps::ALLOCATE);
        let node = self.tree.change(file.node);
        match &mut node.kind {
            _ if !file.write && len == 0 => Outcome::from(Errno::BADF).or(Errno::INVAL, Freedom::NothingWithoutWriting),
            _ if !file.write => Errno::BADF.into(),
            Kind::File(_) if len == 0 || len > i64::MAX as u64 => Errno::INVAL.into(),
            Kind::File(_) if !claimed => Errno::NOTSUP.into(),
            Kind::File(content) => {
                content.len = content.len.max(len);
                node.mtime = Mtime::Now;
                ().into()
            }
            _ => Errno::ISDIR.into(),
        }
    }
}

/// What `pread` and `pwrite` take.
fn offset(at: u64) -> Result<u64> {
    if at > i64::MAX as u64 { Err(Errno::INVAL) } else { Ok(at) }
}
