//! The memory filesystem of Wasmer's `virtual-fs`, used as its own runtime uses it: paths, and files that are polled.
//!
//! It has no `pread`, `pwrite` and `readv`: what needs them seeks and reads or writes, buffer by buffer.

use std::{
    io::SeekFrom,
    path::Path,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use anyhow::{Result, bail, ensure};
use virtual_fs::{AsyncRead as _, AsyncSeek as _, AsyncWrite as _, FileSystem as _, FsError, ReadBuf, VirtualFile};

use super::{
    Subject, Taking,
    tree::{self, Maker},
};
use crate::op::{DATA, LOG, Op, SEQUENTIAL, STEP, VECTORS};

/// The peer.
pub(crate) struct Incumbent(virtual_fs::mem_fs::FileSystem);

type File = Box<dyn VirtualFile + Send + Sync>;

/// It finds names by looking at each: larger directories take minutes to make.
const CROWD: u32 = 10_000;

fn ready<T>(poll: Poll<T>) -> Result<T> {
    match poll {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => bail!("a file in memory is not ready"),
    }
}

fn with_waker<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Result<T> {
    ready(poll(&mut Context::from_waker(Waker::noop())))
}

fn read(file: &mut File, buffer: &mut [u8]) -> Result<usize> {
    let mut buffer = ReadBuf::new(buffer);
    with_waker(|cx| Pin::new(file).poll_read(cx, &mut buffer))??;
    Ok(buffer.filled().len())
}

fn write(file: &mut File, buffer: &[u8]) -> Result<usize> {
    Ok(with_waker(|cx| Pin::new(file).poll_write(cx, buffer))??)
}

fn seek(file: &mut File, to: SeekFrom) -> Result<u64> {
    Pin::new(&mut *file).start_seek(to)?;
    Ok(with_waker(|cx| Pin::new(file).poll_complete(cx))??)
}

impl Incumbent {
    pub(crate) fn planted() -> Result<Incumbent> {
        let this = Incumbent(virtual_fs::mem_fs::FileSystem::default());
        tree::plant(&this)?;
        Ok(this)
    }

    fn open(&self, path: &str) -> Result<File> {
        Ok(self.0.new_open_options().read(true).write(true).open(rooted(path))?)
    }

    fn make_and_remove(&self, path: &str) -> Result<()> {
        drop(self.0.new_open_options().read(true).write(true).create_new(true).open(path)?);
        Ok(self.0.remove_file(Path::new(path))?)
    }

    fn stats(&self, path: &str) -> Result<Taking<'_>> {
        let path = rooted(path);
        Taking::part(move |n| {
            for _ in 0..n {
                self.0.metadata(Path::new(&path))?;
            }
            Ok(())
        })
    }

    fn transfers(&self, op: Op) -> Result<Taking<'_>> {
        let mut block = vec![7; STEP as usize];
        let (path, writes) = match op {
            Op::Read(_) | Op::Pread(_) | Op::Readv => (tree::DATA_IN, false),
            _ => (tree::DATA_OUT, true),
        };
        let mut file = match op {
            Op::Append(_) => self.0.new_open_options().append(true).open(rooted(tree::LOG_FILE))?,
            _ => self.open(path)?,
        };
        match op {
            Op::Pread(size) | Op::Pwrite(size) => Taking::part(move |n| {
                let block = &mut block[..size as usize];
                for _ in 0..n {
                    seek(&mut file, SeekFrom::Start(64))?;
                    let done = if writes { write(&mut file, block)? } else { read(&mut file, block)? };
                    ensure!(done == block.len());
                }
                Ok(())
            }),
            Op::Append(size) => {
                let mut left = LOG;
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            file.set_len(0)?;
                            left = LOG;
                        }
                        ensure!(write(&mut file, &block[..size as usize])? == size as usize);
                        left -= u64::from(size);
                    }
                    Ok(())
                })
            }
            Op::Read(size) | Op::Write(size) => {
                let mut left = DATA;
                Taking::part(move |n| {
                    let block = &mut block[..size as usize];
                    for _ in 0..n {
                        if left == 0 {
                            seek(&mut file, SeekFrom::Start(0))?;
                            left = DATA;
                        }
                        let done = if writes { write(&mut file, block)? } else { read(&mut file, block)? };
                        ensure!(done == block.len());
                        left -= u64::from(size);
                    }
                    Ok(())
                })
            }
            _ => Taking::part(move |n| {
                for _ in 0..n {
                    seek(&mut file, SeekFrom::Start(0))?;
                    for buffer in block.chunks_mut(VECTORS.1).take(VECTORS.0) {
                        let done = if writes { write(&mut file, buffer)? } else { read(&mut file, buffer)? };
                        ensure!(done == buffer.len());
                    }
                }
                Ok(())
            }),
        }
    }

    fn sequential(&self, writes: bool) -> Result<Taking<'_>> {
        let mut block = vec![7; STEP as usize];
        if !writes {
            tree::lengthen(self)?;
        }
        let mut file = self.open(if writes { tree::SEQUENTIAL_OUT } else { tree::SEQUENTIAL_IN })?;
        Taking::part(move |n| {
            for _ in 0..n {
                if writes {
                    file.set_len(0)?;
                }
                seek(&mut file, SeekFrom::Start(0))?;
                for _ in 0..SEQUENTIAL / u64::from(STEP) {
                    let done = if writes { write(&mut file, &block)? } else { read(&mut file, &mut block)? };
                    ensure!(done == block.len());
                }
            }
            Ok(())
        })
    }
}

fn rooted(path: &str) -> String {
    format!("/{path}")
}

impl Subject for Incumbent {
    fn name(&self) -> &'static str {
        "virtual-fs mem_fs"
    }

    fn batch(&self, op: Op) -> Result<Taking<'_>> {
        match op {
            Op::Hostcall => Ok(Taking::No("there is no guest")),
            Op::Stat(depth) => self.stats(tree::path(depth)),
            Op::StatLink => match self.0.metadata(Path::new(&rooted(tree::LINK))) {
                Ok(metadata) if metadata.is_file() => self.stats(tree::LINK),
                _ => Ok(Taking::No("it does not follow links")),
            },
            Op::StatMissing => {
                let path = rooted(tree::MISSING);
                Taking::part(move |n| {
                    for _ in 0..n {
                        ensure!(matches!(self.0.metadata(Path::new(&path)), Err(FsError::EntryNotFound)));
                    }
                    Ok(())
                })
            }
            Op::OpenClose(depth) => {
                let path = rooted(tree::path(depth));
                Taking::part(move |n| {
                    for _ in 0..n {
                        drop(self.0.new_open_options().read(true).write(true).open(&path)?);
                    }
                    Ok(())
                })
            }
            Op::Tell => {
                let mut file = self.open(tree::DATA_IN)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        seek(&mut file, SeekFrom::Current(0))?;
                    }
                    Ok(())
                })
            }
            Op::Read(_) | Op::Pread(_) | Op::Write(_) | Op::Pwrite(_) | Op::Append(_) | Op::Readv | Op::Writev => {
                self.transfers(op)
            }
            Op::SequentialRead | Op::SequentialWrite => self.sequential(op == Op::SequentialWrite),
            Op::CreateUnlink => {
                let path = rooted(tree::NEW);
                Taking::part(move |n| {
                    for _ in 0..n {
                        self.make_and_remove(&path)?;
                    }
                    Ok(())
                })
            }
            Op::MkdirRmdir => {
                let path = rooted(tree::NEW);
                Taking::part(move |n| {
                    for _ in 0..n {
                        self.0.create_dir(Path::new(&path))?;
                        self.0.remove_dir(Path::new(&path))?;
                    }
                    Ok(())
                })
            }
            Op::Rename => {
                let (old, new) = (rooted(tree::path(1)), rooted(tree::NEW));
                Taking::part(move |n| {
                    for _ in 0..n {
                        for (from, to) in [(&old, &new), (&new, &old)] {
                            let mut rename = self.0.rename(Path::new(from), Path::new(to));
                            with_waker(|cx| rename.as_mut().poll(cx))??;
                        }
                    }
                    Ok(())
                })
            }
            Op::Readdir(n) | Op::StatAmong(n) | Op::CreateAmong(n) if n > CROWD => {
                Ok(Taking::No("it takes minutes to make so many files there"))
            }
            Op::Readdir(entries) => {
                let dir = rooted(&tree::crowd(self, entries)?);
                Taking::part(move |n| {
                    for _ in 0..n {
                        let mut seen = 0;
                        for entry in self.0.read_dir(Path::new(&dir))? {
                            std::hint::black_box(entry?);
                            seen += 1;
                        }
                        ensure!(seen == entries, "{seen} entries of {entries}");
                    }
                    Ok(())
                })
            }
            Op::StatAmong(entries) => {
                let picks = tree::picks(&tree::crowd(self, entries)?, entries);
                let picks: Vec<_> = picks.iter().map(|path| rooted(path)).collect();
                Taking::part(move |n| {
                    for path in picks.iter().cycle().take(n as usize) {
                        self.0.metadata(Path::new(path))?;
                    }
                    Ok(())
                })
            }
            Op::CreateAmong(entries) => {
                let path = rooted(&tree::crowd(self, entries)?) + "/new";
                Taking::part(move |n| {
                    for _ in 0..n {
                        self.make_and_remove(&path)?;
                    }
                    Ok(())
                })
            }
            Op::Fork(_) | Op::ForkWrite(_) => Ok(Taking::No("it has no fork")),
        }
    }
}

impl Maker for Incumbent {
    fn dir(&self, path: &str) -> Result<()> {
        Ok(self.0.create_dir(Path::new(&rooted(path)))?)
    }

    fn file(&self, path: &str, mut content: &[u8]) -> Result<()> {
        let mut file = self.0.new_open_options().write(true).create_new(true).open(rooted(path))?;
        while !content.is_empty() {
            let n = write(&mut file, content)?;
            ensure!(n > 0, "{path}: nothing written");
            content = &content[n..];
        }
        Ok(())
    }

    fn link(&self, path: &str, target: &str) -> Result<bool> {
        Ok(self.0.create_symlink(Path::new(target), Path::new(&rooted(path))).is_ok())
    }

    fn exists(&self, path: &str) -> bool {
        self.0.metadata(Path::new(&rooted(path))).is_ok()
    }
}
