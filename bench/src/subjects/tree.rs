//! The tree that every subject works in.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::op::{DATA, SEQUENTIAL};

/// What it takes to make the tree in a filesystem.
pub(crate) trait Maker {
    fn dir(&self, path: &str) -> Result<()>;
    fn file(&self, path: &str, content: &[u8]) -> Result<()>;
    /// Whether it could.
    fn link(&self, path: &str, target: &str) -> Result<bool>;
    fn exists(&self, path: &str) -> bool;
}

/// A small file at depth 1, 3 or 8.
pub(crate) fn path(depth: u32) -> &'static str {
    match depth {
        1 => "f",
        3 => "a/b/f",
        _ => "a/b/c/d/e/g/h/f",
    }
}

pub(crate) const MISSING: &str = "a/b/none";
pub(crate) const LINK: &str = "link";
/// Is read, and always the same.
pub(crate) const DATA_IN: &str = "in";
/// Is written to, and keeps its size.
pub(crate) const DATA_OUT: &str = "out";
/// Is appended to.
pub(crate) const LOG_FILE: &str = "log";
/// 64 MiB to read.
pub(crate) const SEQUENTIAL_IN: &str = "long-in";
/// Grows to 64 MiB again and again.
pub(crate) const SEQUENTIAL_OUT: &str = "long-out";
/// Does not exist but during an operation.
pub(crate) const NEW: &str = "new";

/// Makes everything but large directories and long files.
pub(crate) fn plant(maker: &dyn Maker) -> Result<()> {
    let mut dir = String::new();
    for name in ["a", "b", "c", "d", "e", "g", "h"] {
        dir += name;
        maker.dir(&dir)?;
        dir.push('/');
    }
    for depth in [1, 3, 8] {
        maker.file(path(depth), &[7; 4096])?;
    }
    maker.link(LINK, path(3))?;
    maker.file(DATA_IN, &vec![7; DATA as usize])?;
    maker.file(DATA_OUT, &vec![7; DATA as usize])?;
    maker.file(LOG_FILE, b"")?;
    maker.file(SEQUENTIAL_OUT, b"")
}

/// Makes the long file, unless it is there.
pub(crate) fn lengthen(maker: &dyn Maker) -> Result<()> {
    if maker.exists(SEQUENTIAL_IN) { Ok(()) } else { maker.file(SEQUENTIAL_IN, &vec![7; SEQUENTIAL as usize]) }
}

/// Makes a directory of `entries` files, unless it is there, and answers its path.
pub(crate) fn crowd(maker: &dyn Maker, entries: u32) -> Result<String> {
    let dir = format!("d{entries}");
    if !maker.exists(&dir) {
        maker.dir(&dir)?;
        for i in 0..entries {
            maker.file(&entry(&dir, i), b"")?;
        }
    }
    Ok(dir)
}

/// The path of one file in it.
fn entry(dir: &str, i: u32) -> String {
    format!("{dir}/file-{i:07}")
}

/// Paths of 1024 files in it (fewer if it has fewer), in an order without order.
pub(crate) fn picks(dir: &str, entries: u32) -> Vec<String> {
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut pick = || {
        // xorshift64: the same picks in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        entry(dir, (random % u64::from(entries)) as u32)
    };
    (0..entries.min(1024)).map(|_| pick()).collect()
}

/// A directory of the host.
pub(crate) struct Host<'a>(pub(crate) &'a Path);

impl Maker for Host<'_> {
    fn dir(&self, path: &str) -> Result<()> {
        std::fs::create_dir(self.0.join(path)).with_context(|| format!("mkdir {path}"))
    }

    fn file(&self, path: &str, content: &[u8]) -> Result<()> {
        std::fs::write(self.0.join(path), content).with_context(|| format!("create {path}"))
    }

    fn link(&self, path: &str, target: &str) -> Result<bool> {
        rustix::fs::symlink(target, self.0.join(path)).with_context(|| format!("symlink {path}"))?;
        Ok(true)
    }

    fn exists(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }
}
