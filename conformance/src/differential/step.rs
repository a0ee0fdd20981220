//! One step of a script on one filesystem, and its answer as text. The text holds what must be the same everywhere: no
//! numbers of nodes, no sizes of directories; of times whether they are of now, or else which.

use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use gangplank_vfs::{
    Errno, FileType, FsCaps, Metadata, NewNode, OpenFile, OpenFlags, OpenHow, Rename, Result, SetAttr, SetTime, Time,
    Whence,
};

use super::{Op, Rules, Run};
use crate::{Made, Paths, World};

/// Open files. Whoever shares one shares its cursor.
pub(crate) type Slots = [Option<Arc<OpenFile>>; 3];

/// One filesystem while it runs a script.
pub(crate) struct Env {
    world: World,
    /// What is mounted on `m`.
    second: Option<World>,
    home: Paths,
    paths: Paths,
    slots: Slots,
    rules: Rules,
    /// What was forked: it must outlive the fork.
    originals: Vec<World>,
}

/// The oldest time that counts as now.
pub(crate) const RECENT: Time = Time::from_parts(1_500_000_000, 0);

impl Env {
    pub(crate) fn new(world: World, rules: Rules) -> Env {
        let home = home(&world, rules);
        Env { paths: home.clone(), home, world, second: None, slots: [None, None, None], rules, originals: vec![] }
    }

    /// Whether this is a fork by now.
    pub(crate) fn has_forked(&self) -> bool {
        !self.originals.is_empty()
    }

    /// The filesystem.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The open files.
    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Shares the open files and the mounts of another on the same filesystem.
    pub(crate) fn join(&mut self, other: &Env) {
        self.slots = other.slots.clone();
        self.home = other.home.clone();
        self.paths = other.paths.clone();
    }

    /// Whether a slot holds an open file.
    pub(crate) fn is_open(&self) -> bool {
        self.slots.iter().any(Option::is_some)
    }

    /// The filesystem, when nothing is open any more.
    pub(crate) fn into_world(self) -> World {
        self.world
    }

    /// Closes all files.
    pub(crate) fn close_all(&mut self) {
        self.slots = [None, None, None];
    }

    /// The permission bits of everything that is there.
    pub(crate) fn modes(&self) -> String {
        let mode = |path: &String| self.world.stat(path).map_or("?".to_owned(), |m| format!("{:o}", m.mode));
        self.world.paths().iter().map(|path| format!("{path} {}\n", mode(path))).collect()
    }

    /// The paths of everything that is there.
    pub(crate) fn existing(&self) -> Vec<String> {
        let mut paths = self.world.paths();
        if let Some(second) = &self.second {
            paths.retain(|path| !path.starts_with("m/"));
            paths.extend(second.paths().iter().map(|path| format!("m/{path}")));
            paths.sort();
        }
        paths
    }

    /// Mounts a second filesystem on `m`.
    pub(crate) fn mount(&mut self, second: impl FnOnce() -> World) -> Result<()> {
        if self.second.is_some() {
            return Err(Errno::BUSY);
        }
        match self.home.mkdir("m") {
            Err(Errno::EXIST) if self.home.lstat("m")?.file_type == FileType::Directory => {}
            made => made?,
        }
        let second = second();
        self.home.mount("m", second.fs().clone(), false)?;
        self.second = Some(second);
        Ok(())
    }

    fn act(&mut self, op: &Op) -> Result<String> {
        let arg = |i: usize| op.args[i].as_str();
        let number = |i: usize| arg(i).parse::<u64>().unwrap_or(0);
        let p = &self.paths;
        let done = |r: Result<()>| r.map(|()| String::new());
        match op.verb {
            "mkdir" => done(p.mkdir(arg(0))),
            "put" => {
                let file = p.open_how(arg(0), how("rwct"))?;
                file.write(&[IoSlice::new(&text(arg(1)))]).map(|n| n.to_string())
            }
            "symlink" => done(p.symlink(arg(0), arg(1))),
            "link" => done(p.link(arg(0), arg(1))),
            "linkfollow" => done(p.to_start().link(arg(0).as_bytes(), true, &p.to_start(), arg(1).as_bytes())),
            "unlink" => done(p.unlink(arg(0))),
            "rmdir" => done(p.rmdir(arg(0))),
            "rename" => done(p.rename(arg(0), arg(1), Rename::Replace)),
            "noreplace" => done(p.rename(arg(0), arg(1), Rename::NoReplace)),
            "exchange" => done(p.rename(arg(0), arg(1), Rename::Exchange)),
            "stat" => p.stat(arg(0)).map(|m| self.describe(&m)),
            "lstat" => p.lstat(arg(0)).map(|m| self.describe(&m)),
            "readlink" => p.readlink(arg(0)),
            "list" => p.names(arg(0)).map(|names| names.join(",") + "."),
            "read" => p.read(arg(0)).map(|t| quoted(t.as_bytes())),
            "truncate" => done(p.set_attr(arg(0), true, SetAttr { size: Some(number(1)), ..SetAttr::default() })),
            "chmod" => {
                let mode = u16::from_str_radix(arg(1), 8).unwrap_or(0o700);
                done(p.set_attr(arg(0), true, SetAttr { mode: Some(mode), ..SetAttr::default() }))
            }
            "touch" => {
                let mtime = SetTime::To(Time::from_parts(number(1) as i64, 7));
                done(p.set_attr(arg(0), true, SetAttr { mtime, ..SetAttr::default() }))
            }
            "cd" => {
                let place = p.place(arg(0))?;
                if place.metadata()?.file_type != FileType::Directory {
                    return Err(Errno::NOTDIR);
                }
                self.paths.start = place;
                Ok(String::new())
            }
            "home" => {
                self.paths = self.home.clone();
                Ok(String::new())
            }
            "fork" => {
                self.fork()?;
                Ok(String::new())
            }
            "open" => {
                let file = p.open_how(arg(1), how(arg(2)))?;
                let kind = format!("{:?}", file.file_type());
                self.slots[number(0) as usize] = Some(Arc::new(file));
                Ok(kind)
            }
            "dup" => match self.slots[number(0) as usize].clone() {
                None => Ok("empty".to_owned()),
                file => {
                    self.slots[number(1) as usize] = file;
                    Ok(String::new())
                }
            },
            "close" => match self.slots[number(0) as usize].take().map(Arc::into_inner) {
                None => Ok("empty".to_owned()),
                // Another slot shares it.
                Some(None) => Ok(String::new()),
                Some(Some(file)) => done(file.close()),
            },
            "mount" => Err(Errno::NOTSUP),
            _ => match &self.slots[number(0) as usize] {
                None => Ok("empty".to_owned()),
                Some(file) => self.act_on(file, op),
            },
        }
    }

    fn act_on(&self, file: &OpenFile, op: &Op) -> Result<String> {
        let arg = |i: usize| op.args[i].as_str();
        let number = |i: usize| arg(i).parse::<u64>().unwrap_or(0);
        let done = |r: Result<()>| r.map(|()| String::new());
        match op.verb {
            "fread" => {
                let mut buf = vec![0; number(1) as usize];
                let n = file.read(&mut [IoSliceMut::new(&mut buf)])?;
                Ok(quoted(&buf[..n]))
            }
            "fwrite" => file.write(&[IoSlice::new(&text(arg(1)))]).map(|n| n.to_string()),
            "pread" => {
                let mut buf = [0; 100];
                let n = file.read_at(&mut [IoSliceMut::new(&mut buf)], number(1))?;
                Ok(quoted(&buf[..n]))
            }
            "pwrite" => file.write_at(&[IoSlice::new(&text(arg(2)))], number(1)).map(|n| n.to_string()),
            "seek" => file.seek(Whence::Start, number(1) as i64).map(|n| n.to_string()),
            "seekend" => file.seek(Whence::End, -1).map(|n| n.to_string()),
            "setlen" => done(file.set_len(number(1))),
            "allocate" => {
                file.allocate(0, number(1))?;
                // POSIX leaves open whether that changes the mtime of a file that was long enough.
                let mtime = SetTime::Now;
                done(file.set_attr(&gangplank_vfs::Ctx::ROOT, &SetAttr { mtime, ..SetAttr::default() }))
            }
            "fstat" => file.metadata().map(|m| self.describe(&m)),
            "flist" => {
                let mut names = vec![];
                file.readdir(gangplank_vfs::Cookie::START, &mut |e| {
                    names.push(e.name.as_bytes().escape_ascii().to_string());
                    core::ops::ControlFlow::Continue(())
                })?;
                names.sort();
                Ok(names.join(",") + ".")
            }
            other => Ok(format!("{other}?")),
        }
    }

    fn describe(&self, m: &Metadata) -> String {
        describe(m, self.rules)
    }

    /// Closes everything, goes home, and goes on with a fork, if there is such a thing here.
    fn fork(&mut self) -> Result<()> {
        self.slots = [None, None, None];
        if let Some(snapshots) = self.world.fs().snapshots() {
            let fork = World::new(Made::new(snapshots.fork()?));
            // The original goes its own way: the fork must not notice.
            for name in ["a", "b", "c", "s"] {
                let _ = self.world.unlink(name);
                let _ = self.world.mkfile(name);
            }
            self.originals.push(std::mem::replace(&mut self.world, fork));
        }
        self.home = home(&self.world, self.rules);
        self.paths = self.home.clone();
        if let Some(second) = self.second.take() {
            let fork = second.fs().snapshots().map(|snapshots| snapshots.fork()).transpose()?;
            let fs = fork.unwrap_or_else(|| second.fs().clone());
            self.originals.push(second);
            self.mount(|| World::new(Made::new(fs)))?;
        }
        Ok(())
    }
}

impl Run for Env {
    fn step(&mut self, op: &Op) -> String {
        answer(self.act(op))
    }

    fn tree(&mut self) -> String {
        match &self.second {
            None => self.world.tree(),
            Some(second) => self.world.tree_with("m", second),
        }
    }
}

fn home(world: &World, rules: Rules) -> Paths {
    if rules.rooted { world.rooted() } else { world.beneath() }
}

/// What is left of metadata if it is to be the same everywhere.
pub(crate) fn describe(m: &Metadata, rules: Rules) -> String {
    let mtime = if m.mtime >= RECENT { "now".to_owned() } else { format!("{:?}", m.mtime) };
    match m.file_type {
        FileType::Directory if rules.caps.contains(FsCaps::DIR_NLINK) => {
            format!("dir {:o} {} links {mtime}", m.mode, m.nlink)
        }
        FileType::Directory => format!("dir {:o} {mtime}", m.mode),
        FileType::Symlink => format!("symlink {} links {}", m.nlink, m.size),
        _ => format!("file {:o} {} links {} bytes {mtime}", m.mode, m.nlink, m.size),
    }
}

/// What came of an operation, as text.
pub(crate) fn answer(outcome: Result<String>) -> String {
    match outcome {
        Ok(answer) if answer.is_empty() => "ok".to_owned(),
        Ok(answer) => answer,
        Err(e) => e.name().to_owned(),
    }
}

fn how(flags: &str) -> OpenHow<'static> {
    let mut how = OpenHow { flags: OpenFlags::empty(), create: None, exclusive: false, follow: true };
    for flag in flags.chars() {
        match flag {
            'r' => how.flags |= OpenFlags::READ,
            'w' => how.flags |= OpenFlags::WRITE,
            'a' => how.flags |= OpenFlags::APPEND,
            't' => how.flags |= OpenFlags::TRUNC,
            'd' => how.flags |= OpenFlags::DIRECTORY,
            'c' => how.create = Some(NewNode::Regular { mode: 0o666 }),
            'x' => how.exclusive = true,
            _ => how.follow = false,
        }
    }
    how
}

/// `Z*70` is seventy times Z.
pub(crate) fn text(word: &str) -> Vec<u8> {
    match word.split_once('*').map(|(what, times)| (what, times.parse::<usize>())) {
        Some((what, Ok(times))) => what.as_bytes().repeat(times.min(1 << 20)),
        _ => word.as_bytes().to_vec(),
    }
}

/// Bytes in quotes, runs of one byte as `x*n `, so that sparse files stay readable.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", short(bytes))
}

fn short(bytes: &[u8]) -> String {
    let mut out = String::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        match run.len() {
            0..=4 => out += &run.escape_ascii().to_string(),
            n => out += &format!("{}*{n} ", run[..1].escape_ascii()),
        }
    }
    out
}

/// How many bytes an answer shows, if it shows bytes: what [`quoted`] has made of them. A `*` that was in
/// them may be taken for one that is not.
pub(crate) fn length(answer: &str) -> Option<u64> {
    let mut rest = answer.strip_prefix('"')?.strip_suffix('"')?;
    let mut len = 0;
    while !rest.is_empty() {
        let byte = match rest.as_bytes() {
            [b'\\', b'x', ..] => 4,
            [b'\\', ..] => 2,
            _ => 1,
        };
        rest = rest.get(byte..)?;
        let times = rest.strip_prefix('*').and_then(|times| times.split_once(' '));
        len += match times.and_then(|(times, after)| Some((times.parse::<u64>().ok()?, after))) {
            Some((times, after)) => {
                rest = after;
                times
            }
            None => 1,
        };
    }
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_what_is_shown_is_that_of_the_bytes() {
        for bytes in [&b""[..], b"hello", b"aaaa", b"aaaaa", b"\0\0\0\0\0\0x", b"\n\"\\", &[b'Z'; 70], &[0xff; 6]] {
            assert_eq!(length(&quoted(bytes)), Some(bytes.len() as u64), "{bytes:?}");
        }
        assert_eq!(length("NOENT"), None);
    }
}
