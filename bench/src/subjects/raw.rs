//! The same done by Linux itself, one system call for each step: what nothing that runs on a host can be quicker than.

use std::{
    ffi::CString,
    fs::File,
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, RawDir, SeekFrom, ftruncate, seek},
    io::Errno,
};

use super::{
    Subject, Taking, syscalls as sys,
    tree::{self, Host},
};
use crate::op::{DATA, LOG, Op, SEQUENTIAL, STEP, VECTORS};

/// A directory of the host.
pub(crate) struct Raw {
    name: &'static str,
    path: PathBuf,
    dir: OwnedFd,
    crowd: u32,
}

impl Raw {
    pub(crate) fn new(name: &'static str, path: &Path, crowd: u32) -> Result<Raw> {
        Ok(Raw { name, path: path.to_owned(), dir: File::open(path)?.into(), crowd })
    }

    fn host(&self) -> Host<'_> {
        Host(&self.path)
    }

    fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        Ok(rustix::fs::openat(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty())?)
    }

    fn stats(&self, path: &str) -> Result<Taking<'_>> {
        let path = CString::new(path)?;
        Taking::part(move |n| {
            for _ in 0..n {
                sys::statat(&self.dir, &path)?;
            }
            Ok(())
        })
    }

    fn makes_and_removes(&self, path: &str) -> Result<Taking<'_>> {
        let path = CString::new(path)?;
        Taking::part(move |n| {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
            for _ in 0..n {
                sys::close(sys::openat(&self.dir, &path, flags, Mode::from_raw_mode(0o644))?);
                sys::unlinkat(&self.dir, &path, AtFlags::empty())?;
            }
            Ok(())
        })
    }

    fn transfers(&self, op: Op) -> Result<Taking<'_>> {
        let mut block = vec![7; STEP as usize];
        match op {
            Op::Read(size) => {
                let file = self.open(tree::DATA_IN, OFlags::RDONLY)?;
                let (mut left, size) = (DATA, size as usize);
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            seek(&file, SeekFrom::Start(0))?;
                            left = DATA;
                        }
                        ensure!(sys::read(&file, &mut block[..size])? == size);
                        left -= size as u64;
                    }
                    Ok(())
                })
            }
            Op::Pread(size) => {
                let file = self.open(tree::DATA_IN, OFlags::RDONLY)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        ensure!(sys::pread(&file, &mut block[..size as usize], 64)? == size as usize);
                    }
                    Ok(())
                })
            }
            Op::Write(size) => {
                let file = self.open(tree::DATA_OUT, OFlags::RDWR)?;
                let (mut left, size) = (DATA, size as usize);
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            seek(&file, SeekFrom::Start(0))?;
                            left = DATA;
                        }
                        ensure!(sys::write(&file, &block[..size])? == size);
                        left -= size as u64;
                    }
                    Ok(())
                })
            }
            Op::Pwrite(size) => {
                let file = self.open(tree::DATA_OUT, OFlags::RDWR)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        ensure!(sys::pwrite(&file, &block[..size as usize], 64)? == size as usize);
                    }
                    Ok(())
                })
            }
            Op::Append(size) => {
                let file = self.open(tree::LOG_FILE, OFlags::RDWR | OFlags::APPEND)?;
                ftruncate(&file, 0)?;
                let (mut left, size) = (LOG, size as usize);
                Taking::part(move |n| {
                    for _ in 0..n {
                        if left == 0 {
                            ftruncate(&file, 0)?;
                            left = LOG;
                        }
                        ensure!(sys::write(&file, &block[..size])? == size);
                        left -= size as u64;
                    }
                    Ok(())
                })
            }
            Op::Readv => {
                let file = self.open(tree::DATA_IN, OFlags::RDONLY)?;
                let (count, each) = VECTORS;
                Taking::part(move |n| {
                    for _ in 0..n {
                        let mut pieces = block[..count * each].chunks_mut(each).map(IoSliceMut::new);
                        let mut buffers: [IoSliceMut<'_>; VECTORS.0] =
                            std::array::from_fn(|_| pieces.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                        ensure!(sys::preadv(&file, &mut buffers)? == count * each);
                    }
                    Ok(())
                })
            }
            _ => {
                let file = self.open(tree::DATA_OUT, OFlags::RDWR)?;
                let (count, each) = VECTORS;
                Taking::part(move |n| {
                    for _ in 0..n {
                        let buffers: [IoSlice<'_>; VECTORS.0] =
                            std::array::from_fn(|i| IoSlice::new(&block[i * each..(i + 1) * each]));
                        ensure!(sys::pwritev(&file, &buffers)? == count * each);
                    }
                    Ok(())
                })
            }
        }
    }

    fn sequential(&self, writes: bool) -> Result<Taking<'_>> {
        let mut block = vec![7; STEP as usize];
        let steps = SEQUENTIAL / u64::from(STEP);
        if writes {
            let file = self.open(tree::SEQUENTIAL_OUT, OFlags::RDWR)?;
            return Taking::part(move |n| {
                for _ in 0..n {
                    ftruncate(&file, 0)?;
                    seek(&file, SeekFrom::Start(0))?;
                    for _ in 0..steps {
                        ensure!(sys::write(&file, &block)? == block.len());
                    }
                }
                ftruncate(&file, 0)?;
                Ok(())
            });
        }
        tree::lengthen(&self.host())?;
        let file = self.open(tree::SEQUENTIAL_IN, OFlags::RDONLY)?;
        Taking::part(move |n| {
            for _ in 0..n {
                seek(&file, SeekFrom::Start(0))?;
                for _ in 0..steps {
                    ensure!(sys::read(&file, &mut block)? == block.len());
                }
            }
            Ok(())
        })
    }
}

impl Subject for Raw {
    fn name(&self) -> &'static str {
        self.name
    }

    fn batch(&self, op: Op) -> Result<Taking<'_>> {
        match op {
            Op::Hostcall => Ok(Taking::No("there is no guest")),
            Op::Stat(depth) => self.stats(tree::path(depth)),
            Op::StatLink => self.stats(tree::LINK),
            Op::StatMissing => {
                let path = CString::new(tree::MISSING)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        ensure!(sys::statat(&self.dir, &path).err() == Some(Errno::NOENT));
                    }
                    Ok(())
                })
            }
            Op::OpenClose(depth) => {
                let path = CString::new(tree::path(depth))?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        sys::close(sys::openat(&self.dir, &path, OFlags::RDWR, Mode::empty())?);
                    }
                    Ok(())
                })
            }
            Op::Tell => {
                let file = self.open(tree::DATA_IN, OFlags::RDONLY)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        sys::tell(&file)?;
                    }
                    Ok(())
                })
            }
            Op::Read(_) | Op::Pread(_) | Op::Write(_) | Op::Pwrite(_) | Op::Append(_) | Op::Readv | Op::Writev => {
                self.transfers(op)
            }
            Op::SequentialRead | Op::SequentialWrite => self.sequential(op == Op::SequentialWrite),
            Op::CreateUnlink => self.makes_and_removes(tree::NEW),
            Op::MkdirRmdir => {
                let path = CString::new(tree::NEW)?;
                Taking::part(move |n| {
                    for _ in 0..n {
                        sys::mkdirat(&self.dir, &path)?;
                        sys::unlinkat(&self.dir, &path, AtFlags::REMOVEDIR)?;
                    }
                    Ok(())
                })
            }
            Op::Rename => {
                let (old, new) = (CString::new(tree::path(1))?, CString::new(tree::NEW)?);
                Taking::part(move |n| {
                    for _ in 0..n {
                        sys::renameat(&self.dir, &old, &new)?;
                        sys::renameat(&self.dir, &new, &old)?;
                    }
                    Ok(())
                })
            }
            Op::Readdir(n) | Op::StatAmong(n) | Op::CreateAmong(n) if n > self.crowd => {
                Ok(Taking::No("so many files are too slow to make there"))
            }
            Op::Readdir(entries) => {
                let path = self.path.join(tree::crowd(&self.host(), entries)?);
                let dir = rustix::fs::openat(
                    CWD,
                    &path,
                    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                // The size that the C library takes.
                let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
                Taking::part(move |n| {
                    for _ in 0..n {
                        seek(&dir, SeekFrom::Start(0))?;
                        let (mut listing, mut seen) = (RawDir::new(&dir, &mut buffer), 0);
                        while let Some(entry) = listing.next() {
                            std::hint::black_box(entry?);
                            seen += 1;
                        }
                        // And the two dots.
                        ensure!(seen == entries + 2, "{seen} entries of {entries}");
                    }
                    Ok(())
                })
            }
            Op::StatAmong(entries) => {
                let picks = tree::picks(&tree::crowd(&self.host(), entries)?, entries);
                let picks = picks.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>()?;
                Taking::part(move |n| {
                    for path in picks.iter().cycle().take(n as usize) {
                        sys::statat(&self.dir, path)?;
                    }
                    Ok(())
                })
            }
            Op::CreateAmong(entries) => {
                let dir = tree::crowd(&self.host(), entries)?;
                self.makes_and_removes(&(dir + "/new"))
            }
            Op::Fork(_) | Op::ForkWrite(_) => Ok(Taking::No("a host's tree cannot be forked")),
        }
    }
}
