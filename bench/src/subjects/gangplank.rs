//! Our filesystems alone, through paths: [`Start`] and [`OpenFile`], as a runtime uses them.

use std::{
    io::{IoSlice, IoSliceMut},
    ops::ControlFlow,
    sync::Arc,
};

use anyhow::{Result, anyhow, ensure};
use gangplank_vfs::{
    Cookie, Ctx, Errno, FileSystem, Mount, MountOptions, Namespace, NewNode, OpenFile, OpenFlags, OpenHow, Place,
    Rename, Scope, Start, Whence,
};

use super::{
    Subject, Taking,
    tree::{self, Maker},
};
use crate::op::{DATA, LOG, Op, SEQUENTIAL, STEP, VECTORS};

/// One of our filesystems.
pub(crate) struct Gangplank {
    name: &'static str,
    namespace: Arc<Namespace>,
    root: Place,
    /// The largest directory that this subject is given.
    crowd: u32,
}

const READ: OpenFlags = OpenFlags::READ;
const BOTH: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);
const APPEND: OpenFlags = BOTH.union(OpenFlags::APPEND);
const CREATE: OpenHow<'static> =
    OpenHow { flags: BOTH, create: Some(NewNode::Regular { mode: 0o644 }), exclusive: true, follow: true };

impl Gangplank {
    pub(crate) fn new(name: &'static str, fs: Arc<dyn FileSystem>, crowd: u32) -> Gangplank {
        let root = Mount::detached(fs, MountOptions::default());
        Gangplank { name, namespace: Namespace::new(), root, crowd }
    }

    /// Makes the tree, which for a filesystem in memory nobody else can.
    pub(crate) fn planted(self) -> Result<Gangplank> {
        tree::plant(&self)?;
        Ok(self)
    }

    pub(crate) fn root(&self) -> &Place {
        &self.root
    }

    fn start(&self) -> Start<'_> {
        Start { namespace: &self.namespace, cx: Ctx::ROOT, place: &self.root, scope: Scope::Root(&self.root) }
    }

    fn open(&self, path: &str, flags: OpenFlags) -> Result<OpenFile, Errno> {
        let how = OpenHow { flags, create: None, exclusive: false, follow: true };
        self.start().open(path.as_bytes(), &how)
    }

    fn make_and_remove(&self, path: &str) -> Result<(), Errno> {
        self.start().open(path.as_bytes(), &CREATE)?.close()?;
        self.start().unlink(path.as_bytes())
    }

    /// A batch of stats, all of one path.
    fn stats(&self, path: &'static str) -> Result<Taking<'_>> {
        Taking::part(move |n| {
            for _ in 0..n {
                self.start().stat(path.as_bytes(), true)?;
            }
            Ok(())
        })
    }

    fn forks(&self, files: u32, write: bool) -> Result<Taking<'_>> {
        let Some(snapshots) = self.root.fs().snapshots() else {
            return Ok(Taking::No("a host's tree cannot be forked"));
        };
        let dir = tree::crowd(self, files)?;
        let path = format!("{dir}/file-{:07}", files / 2);
        Taking::part(move |n| {
            for _ in 0..n {
                let fork = snapshots.fork()?;
                if write {
                    let fork = Gangplank::new("fork", fork, 0);
                    fork.open(&path, BOTH)?.write(&[IoSlice::new(&[1; 64])])?;
                }
            }
            Ok(())
        })
    }
}

impl Subject for Gangplank {
    fn name(&self) -> &'static str {
        self.name
    }

    fn batch(&self, op: Op) -> Result<Taking<'_>> {
        match op {
            Op::Hostcall => Ok(Taking::No("there is no guest")),
            Op::Stat(depth) => self.stats(tree::path(depth)),
            Op::StatLink => self.stats(tree::LINK),
            Op::StatMissing => Taking::part(|n| {
                for _ in 0..n {
                    ensure!(self.start().stat(tree::MISSING.as_bytes(), true) == Err(Errno::NOENT));
                }
                Ok(())
            }),
            Op::OpenClose(depth) => Taking::part(move |n| {
                for _ in 0..n {
                    self.open(tree::path(depth), BOTH)?.close()?;
                }
                Ok(())
            }),
            Op::Tell => {
                let file = self.open(tree::DATA_IN, READ)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        std::hint::black_box(file.tell()?);
                    }
                    Ok(())
                })
            }
            Op::Read(_) | Op::Pread(_) | Op::Write(_) | Op::Pwrite(_) | Op::Append(_) | Op::Readv | Op::Writev => {
                self.transfers(op)
            }
            Op::SequentialRead | Op::SequentialWrite => self.sequential(op == Op::SequentialWrite),
            Op::CreateUnlink => Taking::part(|n| {
                for _ in 0..n {
                    self.make_and_remove(tree::NEW)?;
                }
                Ok(())
            }),
            Op::MkdirRmdir => Taking::part(|n| {
                for _ in 0..n {
                    self.start().create_dir(tree::NEW.as_bytes(), 0o755)?;
                    self.start().remove_dir(tree::NEW.as_bytes())?;
                }
                Ok(())
            }),
            Op::Rename => Taking::part(|n| {
                let start = self.start();
                let (old, new) = (tree::path(1).as_bytes(), tree::NEW.as_bytes());
                for _ in 0..n {
                    start.rename(old, &start, new, Rename::Replace)?;
                    start.rename(new, &start, old, Rename::Replace)?;
                }
                Ok(())
            }),
            Op::Readdir(n) | Op::StatAmong(n) | Op::CreateAmong(n) if n > self.crowd => {
                Ok(Taking::No("so many files are too slow to make there"))
            }
            Op::Readdir(entries) => {
                let dir = self.open(&tree::crowd(self, entries)?, READ)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        let mut seen = 0;
                        dir.readdir(Cookie::START, &mut |entry| {
                            std::hint::black_box(entry);
                            seen += 1;
                            ControlFlow::Continue(())
                        })?;
                        ensure!(seen == entries, "{seen} entries of {entries}");
                    }
                    Ok(())
                })
            }
            Op::StatAmong(entries) => {
                let picks = tree::picks(&tree::crowd(self, entries)?, entries);
                Taking::part(move |n| {
                    for path in picks.iter().cycle().take(n as usize) {
                        self.start().stat(path.as_bytes(), true)?;
                    }
                    Ok(())
                })
            }
            Op::CreateAmong(entries) => {
                let path = tree::crowd(self, entries)? + "/new";
                Taking::part(move |n| {
                    for _ in 0..n {
                        self.make_and_remove(&path)?;
                    }
                    Ok(())
                })
            }
            Op::Fork(files) => self.forks(files, false),
            Op::ForkWrite(files) => self.forks(files, true),
        }
    }
}

impl Gangplank {
    fn transfers(&self, op: Op) -> Result<Taking<'_>> {
        let mut block = vec![7; STEP as usize];
        match op {
            Op::Read(size) => {
                let file = self.open(tree::DATA_IN, READ)?;
                let (mut left, size) = (DATA, size as usize);
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            file.seek(Whence::Start, 0)?;
                            left = DATA;
                        }
                        ensure!(file.read(&mut [IoSliceMut::new(&mut block[..size])])? == size);
                        left -= size as u64;
                    }
                    Ok(())
                })
            }
            Op::Pread(size) => {
                let file = self.open(tree::DATA_IN, READ)?;
                let size = size as usize;
                Taking::part(move |n| {
                    for _ in 0..n {
                        ensure!(file.read_at(&mut [IoSliceMut::new(&mut block[..size])], 64)? == size);
                    }
                    Ok(())
                })
            }
            Op::Write(size) => {
                let file = self.open(tree::DATA_OUT, BOTH)?;
                let (mut left, size) = (DATA, size as usize);
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            file.seek(Whence::Start, 0)?;
                            left = DATA;
                        }
                        ensure!(file.write(&[IoSlice::new(&block[..size])])? == size);
                        left -= size as u64;
                    }
                    Ok(())
                })
            }
            Op::Pwrite(size) => {
                let file = self.open(tree::DATA_OUT, BOTH)?;
                let size = size as usize;
                Taking::part(move |n| {
                    for _ in 0..n {
                        ensure!(file.write_at(&[IoSlice::new(&block[..size])], 64)? == size);
                    }
                    Ok(())
                })
            }
            Op::Append(size) => {
                let file = self.open(tree::LOG_FILE, APPEND)?;
                file.set_len(0)?;
                let (mut left, size) = (LOG, size as usize);
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            file.set_len(0)?;
                            left = LOG;
                        }
                        ensure!(file.write(&[IoSlice::new(&block[..size])])? == size);
                        left -= size as u64;
                    }
                    Ok(())
                })
            }
            Op::Readv => {
                let file = self.open(tree::DATA_IN, READ)?;
                let (count, each) = VECTORS;
                Taking::part(move |n| {
                    for _ in 0..n {
                        let mut pieces = block[..count * each].chunks_mut(each).map(IoSliceMut::new);
                        let mut buffers: [IoSliceMut<'_>; VECTORS.0] =
                            std::array::from_fn(|_| pieces.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                        ensure!(file.read_at(&mut buffers, 0)? == count * each);
                    }
                    Ok(())
                })
            }
            _ => {
                let file = self.open(tree::DATA_OUT, BOTH)?;
                let (count, each) = VECTORS;
                Taking::part(move |n| {
                    for _ in 0..n {
                        let buffers: [IoSlice<'_>; VECTORS.0] =
                            std::array::from_fn(|i| IoSlice::new(&block[i * each..(i + 1) * each]));
                        ensure!(file.write_at(&buffers, 0)? == count * each);
                    }
                    Ok(())
                })
            }
        }
    }

    fn sequential(&self, write: bool) -> Result<Taking<'_>> {
        let mut block = vec![7; STEP as usize];
        let steps = SEQUENTIAL / u64::from(STEP);
        if write {
            let file = self.open(tree::SEQUENTIAL_OUT, BOTH)?;
            return Taking::part(move |n| {
                for _ in 0..n {
                    file.set_len(0)?;
                    file.seek(Whence::Start, 0)?;
                    for _ in 0..steps {
                        ensure!(file.write(&[IoSlice::new(&block)])? == block.len());
                    }
                }
                file.set_len(0)?;
                Ok(())
            });
        }
        tree::lengthen(self)?;
        let file = self.open(tree::SEQUENTIAL_IN, READ)?;
        Taking::part(move |n| {
            for _ in 0..n {
                file.seek(Whence::Start, 0)?;
                for _ in 0..steps {
                    ensure!(file.read(&mut [IoSliceMut::new(&mut block)])? == block.len());
                }
            }
            Ok(())
        })
    }
}

impl Maker for Gangplank {
    fn dir(&self, path: &str) -> Result<()> {
        Ok(self.start().create_dir(path.as_bytes(), 0o755)?)
    }

    fn file(&self, path: &str, mut content: &[u8]) -> Result<()> {
        let file = self.start().open(path.as_bytes(), &CREATE)?;
        while !content.is_empty() {
            let n = file.write(&[IoSlice::new(content)])?;
            content = content.get(n..).filter(|_| n > 0).ok_or_else(|| anyhow!("{path}: nothing written"))?;
        }
        Ok(file.close()?)
    }

    fn link(&self, path: &str, target: &str) -> Result<bool> {
        self.start().symlink(target.as_bytes(), path.as_bytes())?;
        Ok(true)
    }

    fn exists(&self, path: &str) -> bool {
        self.start().stat(path.as_bytes(), true).is_ok()
    }
}
