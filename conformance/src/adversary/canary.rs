//! [`Canaries`]: what lies around the root on the host, and must not be noticed from inside.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use gangplank_vfs::FileSystem;

use crate::layers::print;

/// Lets a node look as if it had been read and written last so long ago that `relatime` notes the next reading.
#[cfg(unix)]
fn age(path: &Path) -> io::Result<()> {
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(path)?.set_times(fs::FileTimes::new().set_accessed(long_ago).set_modified(long_ago))
}

/// Elsewhere directories cannot be opened for that, and times of reading are not kept anyway.
#[cfg(not(unix))]
fn age(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Files and directories beside a root. Each file holds a text that is nowhere else, and each has a time of last
/// reading so old that being read, or listed, changes it, unless the host mounts with `noatime`.
#[derive(Debug)]
pub struct Canaries {
    dir: PathBuf,
    token: String,
    /// What else may be in `dir`.
    others: Vec<String>,
    before: BTreeMap<PathBuf, String>,
    /// Whether they have been looked at, and so touched.
    checked: AtomicBool,
}

impl Canaries {
    /// Plants them in a directory of the host, in which `others` are the only other names, now or later.
    ///
    /// # Errors
    /// What the host says.
    pub fn plant(dir: &Path, others: &[&str]) -> io::Result<Canaries> {
        Canaries::plant_as(dir, others, &["f"], &["outside", "outside/f"])
    }

    /// The same with these files at the top, and these below: names that end in `/f` are files, others directories.
    ///
    /// # Errors
    /// What the host says.
    pub fn plant_as(dir: &Path, others: &[&str], top: &[&str], below: &[&str]) -> io::Result<Canaries> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let token = format!("CANARY-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut canaries = Canaries {
            dir: dir.to_owned(),
            token,
            others: others.iter().map(|&name| name.to_owned()).collect(),
            before: BTreeMap::new(),
            checked: AtomicBool::new(false),
        };
        let mut paths = vec![];
        for path in top.iter().chain(below) {
            let path = dir.join(path);
            if path.file_name().is_some_and(|name| name == "f") {
                fs::write(&path, format!("{} {}", canaries.token, path.display()))?;
            } else {
                fs::create_dir(&path)?;
                // To be listed is to be found out.
                let name = path.join(format!("{}-name", canaries.token));
                fs::write(&name, &canaries.token)?;
                paths.push(name);
            }
            paths.push(path);
        }
        // What is below first: making a file changes its directory.
        for path in paths.iter().rev() {
            age(path)?;
        }
        for path in paths {
            let shown = shown(&path)?;
            canaries.before.insert(path, shown);
        }
        Ok(canaries)
    }

    /// What is in every canary, and in the name of one in every directory of them.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The inode numbers of all of them, which nobody inside may be told.
    ///
    /// # Errors
    /// What the host says.
    #[cfg(unix)]
    pub fn inodes(&self) -> io::Result<Vec<u64>> {
        use std::os::unix::fs::MetadataExt as _;
        self.before.keys().map(|path| Ok(fs::symlink_metadata(path)?.ino())).collect()
    }

    /// From now on nobody looks after them: what comes is meant to get at them.
    pub fn give_up(self) {
        self.checked.store(true, Ordering::Relaxed);
    }

    /// Looks whether all is as it was. Once: it reads them, and after that nobody looks any more.
    ///
    /// # Errors
    /// What somebody has done, for people.
    pub fn check(&self) -> Result<(), String> {
        self.checked.store(true, Ordering::Relaxed);
        for name in names_in(&self.dir).map_err(|e| format!("{}: {e}", self.dir.display()))? {
            let path = self.dir.join(&name);
            if !self.before.contains_key(&path) && !self.others.contains(&name) {
                return Err(format!("{} was made outside of the root", path.display()));
            }
        }
        for (path, before) in &self.before {
            let now = shown(path).unwrap_or_else(|e| format!("cannot be seen any more: {e}"));
            if now != *before {
                return Err(format!("{} outside of the root was\n  {before}\nand is\n  {now}", path.display()));
            }
        }
        // Last, because it reads.
        for path in self.before.keys() {
            let well = if path.is_dir() {
                names_in(path).is_ok_and(|names| names.iter().all(|name| self.before.contains_key(&path.join(name))))
            } else {
                fs::read_to_string(path).is_ok_and(|text| text.starts_with(&self.token))
            };
            if !well {
                return Err(format!("{} outside of the root was changed", path.display()));
            }
        }
        Ok(())
    }
}

fn names_in(dir: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// All that can be seen of a node without touching it.
fn shown(path: &Path) -> io::Result<String> {
    let m = fs::symlink_metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Ok(format!(
            "{:o} {}:{} inode {}, {} links, {} bytes, read {}.{:09}, written {}.{:09}, changed {}.{:09}",
            m.mode(),
            m.uid(),
            m.gid(),
            m.ino(),
            m.nlink(),
            m.size(),
            m.atime(),
            m.atime_nsec(),
            m.mtime(),
            m.mtime_nsec(),
            m.ctime(),
            m.ctime_nsec()
        ))
    }
    #[cfg(not(unix))]
    Ok(format!("{:?}, {} bytes, written {:?}", m.file_type(), m.len(), m.modified()?))
}

/// Fixtures keep their canaries for as long as the filesystem lives: whatever the test was about, they are well.
impl Drop for Canaries {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.checked.load(Ordering::Relaxed) {
            self.check().unwrap_or_else(|what| panic!("{what}"));
        }
    }
}

/// A filesystem that nobody may change while this lives: the lower layer of an overlay.
#[derive(Debug)]
pub struct Untouched {
    fs: Arc<dyn FileSystem>,
    before: String,
}

impl Untouched {
    /// From now on.
    pub fn new(fs: Arc<dyn FileSystem>) -> Untouched {
        let before = print(&fs);
        Untouched { fs, before }
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(print(&self.fs), self.before, "a layer that is not to be changed was changed");
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs::File, time::UNIX_EPOCH};

    use super::*;

    /// Each thing that can be done to a canary is found.
    #[test]
    fn whatever_is_done_to_a_canary_is_seen() {
        type Deed = (&'static str, fn(&Path));
        let done: [Deed; 11] = [
            ("read", |at| drop(fs::read(at.join("outside/f")).unwrap())),
            ("listed", |at| assert_eq!(fs::read_dir(at.join("outside")).unwrap().count(), 2)),
            ("written", |at| fs::write(at.join("f"), "x").unwrap()),
            ("cut", |at| File::options().write(true).open(at.join("f")).unwrap().set_len(1).unwrap()),
            ("made", |at| fs::write(at.join("new"), "x").unwrap()),
            ("made below", |at| fs::create_dir(at.join("outside/new")).unwrap()),
            ("removed", |at| fs::remove_file(at.join("f")).unwrap()),
            ("renamed", |at| fs::rename(at.join("f"), at.join("root")).unwrap()),
            ("linked", |at| fs::hard_link(at.join("f"), at.join("root")).unwrap()),
            ("touched", |at| File::open(at.join("f")).unwrap().set_modified(UNIX_EPOCH).unwrap()),
            ("made and removed", |at| {
                fs::write(at.join("outside/new"), "x").unwrap();
                fs::remove_file(at.join("outside/new")).unwrap();
            }),
        ];
        for (what, act) in done {
            let dir = tempfile::tempdir().unwrap();
            let canaries = Canaries::plant(dir.path(), &["root"]).unwrap();
            act(dir.path());
            assert!(canaries.check().is_err(), "{what}");
        }
        let dir = tempfile::tempdir().unwrap();
        let canaries = Canaries::plant(dir.path(), &["root"]).unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        assert_eq!(canaries.check(), Ok(()));
    }
}
