//! What is measured: one [`Op`] for each row of the table.

use core::fmt;

/// Sizes of directories, for the rows that show growth.
pub(crate) const SIZES: [u32; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// Sizes of transfers, in bytes.
pub(crate) const BLOCKS: [u32; 3] = [64, 4 << 10, 64 << 10];
/// Bytes read and written from front to back.
pub(crate) const SEQUENTIAL: u64 = 64 << 20;
/// The pieces in which that is done.
pub(crate) const STEP: u32 = 64 << 10;
/// Size of the files that are read and written in pieces; who reaches the end begins again.
pub(crate) const DATA: u64 = 1 << 20;
/// At this size a file that is appended to is emptied.
pub(crate) const LOG: u64 = 4 << 20;
/// Buffers of a vectored call, and the bytes in each.
pub(crate) const VECTORS: (usize, usize) = (16, 64);

/// An operation. One iteration of it leaves the tree as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    /// A call into the host that does nothing: what remains of a syscall when the syscall is taken away.
    Hostcall,
    /// Metadata by a path of this many names.
    Stat(u32),
    /// A name that is missing, three levels down.
    StatMissing,
    /// Through a symbolic link to a file three levels down.
    StatLink,
    /// Opens a file by a path of this many names, and closes it.
    OpenClose(u32),
    /// Asks where the cursor is.
    Tell,
    /// At the cursor.
    Read(u32),
    /// At an offset.
    Pread(u32),
    /// At the cursor, over what is there.
    Write(u32),
    /// At an offset, over what is there.
    Pwrite(u32),
    /// At the end, which grows.
    Append(u32),
    /// Reads into 16 buffers of 64 bytes.
    Readv,
    /// Writes from 16 buffers of 64 bytes.
    Writev,
    /// Makes a file, closes it, removes it.
    CreateUnlink,
    /// Makes a directory and removes it.
    MkdirRmdir,
    /// Renames a file to and fro.
    Rename,
    /// Lists a directory of this many entries.
    Readdir(u32),
    /// Metadata of a file in a directory of this many entries, another one each time.
    StatAmong(u32),
    /// Makes a file in a directory of this many entries, closes it, removes it.
    CreateAmong(u32),
    /// Forks a filesystem of this many files, and drops the fork.
    Fork(u32),
    /// The same, with a first write of 64 bytes into a file in between.
    ForkWrite(u32),
    /// 64 MiB from front to back in pieces of 64 KiB.
    SequentialRead,
    /// The same, into an empty file.
    SequentialWrite,
}

impl Op {
    /// All rows, in the order of the table.
    pub(crate) fn all() -> Vec<Op> {
        let mut all =
            vec![Op::Hostcall, Op::Tell, Op::Stat(1), Op::Stat(3), Op::Stat(8), Op::StatMissing, Op::StatLink];
        all.extend([Op::OpenClose(1), Op::OpenClose(3)]);
        all.extend(BLOCKS.map(Op::Read));
        all.extend(BLOCKS.map(Op::Pread));
        all.extend(BLOCKS.map(Op::Write));
        all.extend(BLOCKS.map(Op::Pwrite));
        all.extend(BLOCKS.map(Op::Append));
        all.extend([Op::Readv, Op::Writev, Op::CreateUnlink, Op::MkdirRmdir, Op::Rename]);
        all.extend([Op::SequentialRead, Op::SequentialWrite]);
        all.extend([10, 1_000, 100_000].map(Op::Fork));
        all.extend([10, 1_000, 100_000].map(Op::ForkWrite));
        all.extend(SIZES.map(Op::Readdir).iter().take(5));
        all.extend(SIZES.map(Op::StatAmong));
        all.extend(SIZES.map(Op::CreateAmong));
        all
    }

    /// How many of what the table counts are in one iteration.
    pub(crate) fn units(self) -> u64 {
        match self {
            Op::Rename => 2,
            Op::Readdir(entries) => entries.into(),
            Op::SequentialRead | Op::SequentialWrite => SEQUENTIAL / u64::from(STEP),
            _ => 1,
        }
    }

    /// The name of what the table counts.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Op::Readdir(_) => "entry",
            Op::SequentialRead | Op::SequentialWrite => "64 KiB",
            _ => "call",
        }
    }

    /// The size that this operation grows with, if it is one of those.
    pub(crate) fn size(self) -> Option<u32> {
        match self {
            Op::Readdir(n) | Op::StatAmong(n) | Op::CreateAmong(n) | Op::Fork(n) | Op::ForkWrite(n) => Some(n),
            _ => None,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Hostcall => f.write_str("empty hostcall"),
            Op::Stat(depth) => write!(f, "stat, depth {depth}"),
            Op::StatMissing => f.write_str("stat, missing name"),
            Op::StatLink => f.write_str("stat through a link"),
            Op::OpenClose(depth) => write!(f, "open+close, depth {depth}"),
            Op::Tell => f.write_str("tell"),
            Op::Read(n) => write!(f, "read {}", bytes(*n)),
            Op::Pread(n) => write!(f, "pread {}", bytes(*n)),
            Op::Write(n) => write!(f, "write {}", bytes(*n)),
            Op::Pwrite(n) => write!(f, "pwrite {}", bytes(*n)),
            Op::Append(n) => write!(f, "append {}", bytes(*n)),
            Op::Readv => f.write_str("readv 16 x 64 B"),
            Op::Writev => f.write_str("writev 16 x 64 B"),
            Op::CreateUnlink => f.write_str("create+close+unlink"),
            Op::MkdirRmdir => f.write_str("mkdir+rmdir"),
            Op::Rename => f.write_str("rename"),
            Op::Readdir(n) => write!(f, "readdir of {n}"),
            Op::StatAmong(n) => write!(f, "stat among {n}"),
            Op::CreateAmong(n) => write!(f, "create+close+unlink among {n}"),
            Op::Fork(n) => write!(f, "fork of {n} files"),
            Op::ForkWrite(n) => write!(f, "fork of {n} files, first write"),
            Op::SequentialRead => f.write_str("sequential read of 64 MiB"),
            Op::SequentialWrite => f.write_str("sequential write of 64 MiB"),
        }
    }
}

fn bytes(n: u32) -> String {
    if n >= 1 << 10 { format!("{} KiB", n >> 10) } else { format!("{n} B") }
}
