//! [`attempt`]: every operation that takes a path.

use core::ops::ControlFlow;
use std::{
    collections::BTreeMap,
    io::{IoSlice, IoSliceMut},
};

use gangplank_vfs::{
    Cookie, FileType, Metadata, NewNode, OpenFile, OpenFlags, OpenHow, Rename, Result, SetAttr, SetTime, Start, Time,
};

/// What somebody has come to know, and what he was answered.
#[derive(Clone, Default, Debug)]
pub struct Learned {
    /// Contents, names, targets.
    pub texts: Vec<Vec<u8>>,
    /// Metadata, of files that were opened too.
    pub metadata: Vec<Metadata>,
    /// How often each operation was answered what.
    pub answers: BTreeMap<(&'static str, String), u64>,
    /// The last answer of each operation on each path, and how often the next one was another.
    last: BTreeMap<(&'static str, Vec<u8>), String>,
    /// How often an operation on a path was not answered what it was the time before.
    pub changed: u64,
}

impl Learned {
    /// Whether any text of it contains `token`.
    pub fn contains(&self, token: &str) -> bool {
        self.texts.iter().any(|text| text.windows(token.len()).any(|part| part == token.as_bytes()))
    }

    /// The number of operations that were answered `what`: the name of an error, or `ok`.
    pub fn count(&self, what: &str) -> u64 {
        self.answers.iter().filter(|((_, answer), _)| answer == what).map(|(_, n)| n).sum()
    }

    /// The number of operations.
    pub fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Adds what another has learned.
    pub fn add(&mut self, other: Learned) {
        self.texts.extend(other.texts);
        self.metadata.extend(other.metadata);
        self.changed += other.changed;
        for (key, n) in other.answers {
            *self.answers.entry(key).or_default() += n;
        }
    }

    /// Opens `path` as a file, and looks what is in it.
    pub fn open(&mut self, start: &Start<'_>, path: &[u8]) {
        let flags = OpenFlags::READ | OpenFlags::NONBLOCK;
        let opened = start.open(path, &OpenHow { flags, create: None, exclusive: false, follow: true });
        let mut buf = [0; 200];
        if let Some(file) = self.note("open", path, opened)
            && let Ok(n) = file.read(&mut [IoSliceMut::new(&mut buf)])
        {
            self.texts.push(buf[..n].to_vec());
        }
    }

    fn note<T>(&mut self, op: &'static str, path: &[u8], result: Result<T>) -> Option<T> {
        let answer = match &result {
            Ok(_) => "ok".to_owned(),
            Err(e) => e.name().to_owned(),
        };
        let last = self.last.entry((op, path.to_owned())).or_insert_with(|| answer.clone());
        if *last != answer {
            self.changed += 1;
            last.clone_from(&answer);
        }
        *self.answers.entry((op, answer)).or_default() += 1;
        result.ok()
    }

    /// All that can be learned of an open file, and all that can be done to it.
    fn search(&mut self, file: &OpenFile) {
        self.metadata.extend(file.metadata());
        if file.file_type() == FileType::Directory {
            let _ = file.readdir(Cookie::START, &mut |e| {
                self.texts.push(e.name.as_bytes().to_vec());
                ControlFlow::Continue(())
            });
            return;
        }
        let mut buf = [0; 200];
        if let Ok(n) = file.read(&mut [IoSliceMut::new(&mut buf)]) {
            self.texts.push(buf[..n].to_vec());
        }
        let _ = file.write(&[IoSlice::new(b"written")]);
        if file.file_type() == FileType::Regular {
            let _ = file.set_len(3);
            let _ = file.allocate(0, 10);
        }
    }
}

/// Does to `path` everything that can be done to a path: what only looks first, what destroys last. `other` is the path
/// of a file that may be had, for operations that take two; `mine` a name that is free, under which spoils would be
/// found; whatever is found there is searched, and removed.
///
/// Of preview1 these are `path_open` (with every combination of its flags), `path_filestat_get`, `path_filestat_set_times`,
/// `path_readlink`, `path_link` and `path_rename` (in both places), `path_create_directory`, `path_symlink`,
/// `path_unlink_file` and `path_remove_directory`; and what only the embedder can ask for: `truncate`, `chmod`, `mkfifo`,
/// exchanges, places.
pub fn attempt(start: &Start<'_>, path: &[u8], other: &[u8], mine: &[u8], learned: &mut Learned) {
    for follow in [true, false] {
        let found = start.stat(path, follow);
        let found = learned.note("stat", path, found);
        learned.metadata.extend(found);
        let place = learned.note("place", path, start.place(path, follow));
        learned.metadata.extend(place.and_then(|place| place.metadata().ok()));
        for how in ways(follow) {
            let opened = learned.note("open", path, start.open(path, &how));
            if let Some(file) = opened {
                learned.search(&file);
            }
        }
        let time = SetTime::To(Time::from_parts(1, 1));
        let attrs = [
            SetAttr { atime: time, mtime: time, ..SetAttr::default() },
            SetAttr { size: Some(1), ..SetAttr::default() },
            SetAttr { mode: Some(0o777), ..SetAttr::default() },
        ];
        for attr in attrs {
            learned.note("set_attr", path, start.set_attr(path, follow, &attr));
        }
        learned.note("link", path, start.link(path, follow, start, mine));
        spoils(start, mine, learned);
        learned.note("link onto", path, start.link(other, follow, start, path));
    }
    if let Some(target) = learned.note("read_link", path, start.read_link(path)) {
        learned.texts.push(target.to_vec());
    }
    learned.note("create_dir", path, start.create_dir(path, 0o755));
    learned.note("symlink", path, start.symlink(b"target", path));
    learned.note("create_special", path, start.create_special(path, FileType::Fifo, 0o644, 0));
    for how in [Rename::Exchange, Rename::NoReplace, Rename::Whiteout, Rename::Replace] {
        // What is exchanged comes back.
        for _ in 0..1 + usize::from(how == Rename::Exchange) {
            learned.note("rename onto", path, start.rename(other, start, path, how));
        }
        learned.note("rename", path, start.rename(path, start, mine, how));
        spoils(start, mine, learned);
    }
    learned.note("unlink", path, start.unlink(path));
    learned.note("remove_dir", path, start.remove_dir(path));
}

/// Every way to open.
fn ways(follow: bool) -> impl Iterator<Item = OpenHow<'static>> {
    const FLAGS: [OpenFlags; 4] = [OpenFlags::READ, OpenFlags::WRITE, OpenFlags::TRUNC, OpenFlags::DIRECTORY];
    (0..1 << FLAGS.len()).flat_map(move |bits: u32| {
        let chosen = FLAGS.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, &flag)| flag);
        let flags = chosen.fold(OpenFlags::NONBLOCK, OpenFlags::union);
        let create = Some(NewNode::Regular { mode: 0o644 });
        [(None, false), (create, false), (create, true)].map(|(create, exclusive)| OpenHow {
            flags,
            create,
            exclusive,
            follow,
        })
    })
}

/// What has come to be under a name of one's own.
fn spoils(start: &Start<'_>, mine: &[u8], learned: &mut Learned) {
    let Ok(found) = start.stat(mine, false) else { return };
    learned.metadata.push(found);
    for flags in [OpenFlags::READ, OpenFlags::READ | OpenFlags::WRITE] {
        let how = OpenHow { flags: flags | OpenFlags::NONBLOCK, create: None, exclusive: false, follow: false };
        if let Ok(file) = start.open(mine, &how) {
            learned.search(&file);
        }
    }
    if start.unlink(mine).is_err() {
        let _ = start.remove_dir(mine);
    }
}
