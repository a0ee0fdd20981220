//! [`Scene`]: the directory that is fought over, and what is around it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::adversary::Canaries;

/// ```text
/// f                    a canary
/// outside/f, sub/f     canaries
/// moved/f              a canary; where `deep/a` is moved to
/// root/d/f, sub/f      exchanged with root/l → ../outside
/// root/d/sub           exchanged with root/d/sublink → ../../outside/sub
/// root/file            exchanged with root/filelink → ../outside/f
/// root/maybe           exchanged with a FIFO
/// root/turn            exchanged with root/turn2: links to d/ and to ../outside/
/// root/via → d/
/// root/deep/a/b/c/f, deep/f
/// ```
#[derive(Debug)]
pub(super) struct Scene {
    canaries: Canaries,
    dir: tempfile::TempDir,
}

/// What is exchanged with each other at the top: its name, what it is, who makes it.
const PAIRS: [[(&str, &str, Maker); 2]; 4] = [
    [("d", "directory", directory), ("l", "-> ../outside", |at| symlink("../outside", at))],
    [("file", "file", public), ("filelink", "-> ../outside/f", |at| symlink("../outside/f", at))],
    [("maybe", "file", public), ("fifo", "other", fifo)],
    [("turn", "-> d/", |at| symlink("d/", at)), ("turn2", "-> ../outside/", |at| symlink("../outside/", at))],
];

/// What is not exchanged.
const ONCE: [(&str, Maker); 3] = [("other", public), ("via", |at| symlink("d/", at)), ("deep", deep)];

/// How often a pair is looked at that seems to be broken: it may have been exchanged between two looks.
const LOOKS: usize = 5;

type Maker = fn(&Path) -> std::io::Result<()>;

/// The names of what is exchanged.
pub(super) fn pairs() -> impl Iterator<Item = [&'static str; 2]> {
    PAIRS.iter().map(|[a, b]| [a.0, b.0])
}

fn public(at: &Path) -> std::io::Result<()> {
    fs::write(at, "public")
}

fn directory(at: &Path) -> std::io::Result<()> {
    fs::create_dir_all(at.join("sub"))?;
    public(&at.join("f"))?;
    public(&at.join("sub/f"))?;
    symlink("../../outside/sub", at.join("sublink"))
}

fn deep(at: &Path) -> std::io::Result<()> {
    fs::create_dir_all(at.join("a/b/c"))?;
    public(&at.join("f"))?;
    public(&at.join("a/b/c/f"))
}

fn fifo(at: &Path) -> std::io::Result<()> {
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    Ok(rustix::fs::mknodat(rustix::fs::CWD, at, rustix::fs::FileType::Fifo, mode, 0)?)
}

impl Scene {
    pub(super) fn build() -> Scene {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in ["root", "moved", "stage"] {
            fs::create_dir(dir.path().join(name)).expect("a directory in it");
        }
        let below = ["outside", "outside/f", "outside/sub", "outside/sub/f"];
        let others = ["root", "moved", "stage"];
        let canaries = Canaries::plant_as(dir.path(), &others, &["f", "moved/f"], &below).expect("plant canaries");
        let scene = Scene { canaries, dir };
        scene.renew();
        scene
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir().join("root")
    }

    pub(super) fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.canaries.check()
    }

    /// The canaries are meant to be read.
    pub(super) fn give_up(self) {
        self.canaries.give_up();
    }

    /// Puts back what the operations have removed or renamed. While the attackers go on: everything is made beside the
    /// root and renamed into it, so that no path leads through what they exchange.
    pub(super) fn repair(&self) {
        for pair in PAIRS {
            let whole = || {
                let [a, b] = pair.map(|(name, _, _)| kind(&self.root().join(name)).unwrap_or_default());
                (a == pair[0].1 && b == pair[1].1) || (a == pair[1].1 && b == pair[0].1)
            };
            if !(0..LOOKS).any(|_| whole()) {
                for (name, _, make) in pair {
                    self.put(name, make, &self.root().join(name));
                }
            }
        }
        for (name, make) in ONCE {
            let at = self.root().join(name);
            // What is in it may be away just now.
            if kind(&at).is_none() {
                self.put(name, make, &at);
            }
        }
    }

    /// Makes all of it new.
    pub(super) fn renew(&self) {
        let pairs = PAIRS.iter().flatten().map(|&(name, _, make)| (name, make));
        for (name, make) in pairs.chain(ONCE) {
            self.put(name, make, &self.root().join(name));
        }
        let old = self.dir().join("stage/old");
        for away in ["root/mine", "moved/a"] {
            let _ = fs::rename(self.dir().join(away), &old);
            remove(&old);
        }
    }

    /// Makes something beside the root, and puts it into the place of whatever is at `at`.
    fn put(&self, name: &str, make: Maker, at: &Path) {
        let [made, old] = [name, "old"].map(|name| self.dir().join("stage").join(name));
        remove(&made);
        make(&made).expect("make something beside the root");
        let _ = fs::rename(at, &old);
        let _ = fs::rename(&made, at);
        remove(&old);
        remove(&made);
    }
}

/// What something is, and, of a link, where it leads.
fn kind(path: &Path) -> Option<String> {
    let file_type = fs::symlink_metadata(path).ok()?.file_type();
    Some(if file_type.is_symlink() {
        format!("-> {}", fs::read_link(path).ok()?.display())
    } else {
        let known = [(file_type.is_dir(), "directory"), (file_type.is_file(), "file"), (true, "other")];
        known.into_iter().find(|(is, _)| *is)?.1.to_owned()
    })
}

/// Removes it, whatever it is; what links in it lead to stays.
fn remove(path: &Path) {
    if fs::remove_file(path).is_err() {
        let _ = fs::remove_dir_all(path);
    }
}
