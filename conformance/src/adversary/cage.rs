//! [`Cage`]: a directory that paths are confined to, in any filesystem, with canaries around it and links in it that
//! lead to them.

use std::sync::Arc;

use gangplank_vfs::{FileSystem, FileType, FsCaps, Metadata, OpenFlags, Result, SetAttr, SetTime, Time, mem_fs::MemFs};

use super::{Learned, attempt};
use crate::{Made, Node, Paths, World};

/// In every canary, and in the name of one.
const TOKEN: &str = "CANARY-in-the-same-filesystem";

/// Where canaries are, beside the cage. `outside` has one by the name of the token, too.
const CANARIES: [&str; 4] = ["f", "outside", "outside/f", "outside/sub"];

/// Links in the cage, and where they lead: each out, in a way of its own.
const LINKS: [(&str, &str); 19] = [
    // GHSA-hp8f-xmx4-4qrg: a target that ends in a slash.
    ("evil", "../outside"),
    ("link1", "evil/"),
    ("link2", "evil//"),
    ("link3", "evil/."),
    ("link4", "link1/"),
    ("direct", "../outside/"),
    ("file1", "evil/f"),
    ("file2", "../f/"),
    ("up", "../f"),
    ("parent", ".."),
    ("winding", "d/../../outside"),
    ("and-back", "../in/../outside"),
    // A resolver that counts levels: `here` goes down none, and earned one.
    ("here", "."),
    ("down", "d/../here/../outside"),
    ("dangling", "../outside/new"),
    ("dangling2", "../new/"),
    ("abs", "/outside"),
    ("proc", "/proc/self"),
    ("magic", "/proc/self/root"),
];

/// What is appended to the name of a link.
const ENDS: [&str; 9] = ["", "/", "//", "/.", "/f", "/f/", "/sub", "/..", "/../f"];

/// Paths that leave without the help of a link, or with that of one that leads nowhere.
const PLAIN: [&str; 10] = [
    "..",
    "../f",
    "../outside/f",
    "d/../../f",
    "d/../../outside/",
    "here/../f",
    "here/../outside/f",
    "here/here/here/../../outside/f",
    "d/here/../../f",
    "./here/./../outside/sub",
];

/// A directory `in` of a filesystem, to which paths are confined, and canaries around it.
#[derive(Debug)]
pub struct Cage {
    world: World,
    paths: Paths,
    canaries: Vec<(String, Metadata)>,
    /// Another filesystem, mounted beside the directory, if there is one.
    mounted: Option<(World, Metadata)>,
}

impl Cage {
    /// Builds it in an empty filesystem; with another one mounted beside it, or without.
    ///
    /// # Panics
    /// If the filesystem cannot even do that.
    pub fn build(w: &World, mount: bool) -> Cage {
        let world = World::new(Made::new(w.fs().clone()));
        for dir in ["in", "in/d", "outside"] {
            drop(world.mkdir(dir).expect("make a directory"));
        }
        let mut names: Vec<String> = CANARIES.iter().map(|&name| name.to_owned()).collect();
        names.push(format!("outside/{TOKEN}"));
        for name in names.iter().filter(|&name| name != "outside") {
            drop(world.put(name, format!("{TOKEN} {name}")));
        }
        let mut mounted = None;
        let outer = w.beneath();
        if mount {
            drop(world.mkdir("mounted").expect("make a directory"));
            let other: Arc<dyn FileSystem> = Arc::new(MemFs::new());
            let beside = World::new(Made::new(other.clone()));
            drop(beside.put("f", TOKEN));
            outer.mount("mounted", other, false).expect("mount a filesystem");
            let f = beside.node("f").expect("the file");
            age(&f);
            mounted = Some((beside, f.stat().expect("stat it")));
        }
        let canaries = names
            .into_iter()
            .map(|name| {
                let node = world.node(&name).expect("a canary");
                age(&node);
                (name, node.stat().expect("stat a canary"))
            })
            .collect();
        let cage = Cage { world, paths: outer.confined("in"), canaries, mounted };
        cage.restore();
        cage
    }

    /// Paths that begin in the cage and must stay there.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Paths that begin in it, and may leave: for the proof that the links lead out.
    pub fn open_paths(&self) -> Paths {
        self.world.beneath().at("in")
    }

    /// Paths that lead out, if anything follows them.
    pub fn ways_out(&self) -> Vec<String> {
        let mut ways: Vec<String> =
            PLAIN.iter().filter(|way| self.has_links() || !way.contains("here")).map(|&way| way.to_owned()).collect();
        if self.has_links() && self.mounted.is_none() {
            ways.extend(LINKS.iter().flat_map(|(link, _)| ENDS.iter().map(move |end| format!("{link}{end}"))));
        } else if self.has_links() {
            // Where there are mounts, paths are resolved in another way; the links are the same.
            let some = ["link1", "link1/", "link1/f", "direct/", "up", "parent/f", "here/../f", "winding/sub"];
            let there = ["parent/mounted/f", "evil/../mounted/f", "link1/../mounted/", "here/../mounted/f"];
            ways.extend(some.into_iter().chain(there).map(str::to_owned));
        }
        ways
    }

    fn has_links(&self) -> bool {
        self.world.has(FsCaps::SYMLINKS)
    }

    /// Puts back the links, and a file `mine` that may be had.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn restore(&self) {
        let links = if self.has_links() { &LINKS[..] } else { &[] };
        for &(link, target) in links {
            let path = format!("in/{link}");
            match self.world.node(&path) {
                Ok(node) if node.file_type == FileType::Symlink => {
                    if self.world.readlink(&path).is_ok_and(|now| now == target.as_bytes()) {
                        continue;
                    }
                    self.remove(&path).expect("remove a link");
                }
                Ok(_) => self.remove(&path).expect("remove what is in the place of a link"),
                Err(_) => {}
            }
            drop(self.world.symlink(target, &path).expect("make a link"));
        }
        for extra in ["in/other", "in/mine"] {
            let _ = self.remove(extra);
        }
        if self.world.node("in/d").is_err() {
            drop(self.world.mkdir("in/d").expect("make a directory"));
        }
        drop(self.world.put("in/other", "other"));
    }

    fn remove(&self, path: &str) -> Result<()> {
        match self.world.node(path)?.file_type {
            FileType::Directory => self.world.rmdir(path),
            _ => self.world.unlink(path),
        }
    }

    /// Tries everything with each of the paths given.
    pub fn attack(&self, paths: &Paths, ways: &[String]) -> Learned {
        let mut all = Learned::default();
        for way in ways {
            self.restore();
            let mut learned = Learned::default();
            attempt(&paths.to_start(), way.as_bytes(), b"other", b"mine", &mut learned);
            all.add(learned);
        }
        all
    }

    /// Looks whether anything was learned of what is around the cage, or done to it.
    ///
    /// # Errors
    /// What it was, for people.
    pub fn check(&self, learned: &Learned) -> core::result::Result<(), String> {
        if learned.contains(TOKEN) {
            return Err("a canary, or the name of one, was read".to_owned());
        }
        let root = self.world.root().stat().map_err(|e| e.name().to_owned())?;
        let around = self.mounted.iter().map(|(_, before)| ("mounted/f", before)).chain([("..", &root)]);
        for (name, before) in self.canaries.iter().map(|(name, before)| (name.as_str(), before)).chain(around) {
            if learned.metadata.iter().any(|m| (m.dev, m.ino) == (before.dev, before.ino)) {
                return Err(format!("the metadata of `{name}` was told"));
            }
        }
        // Without looking at them first, because that changes when they were read last.
        for (name, before) in &self.canaries {
            let now = self.world.stat(name).map_err(|e| format!("{name} is gone: {}", e.name()))?;
            if now != *before {
                return Err(format!("`{name}` was {before:?}\nand is {now:?}"));
            }
        }
        for (name, before) in &self.canaries {
            if before.file_type == FileType::Regular
                && self.world.read(name).ok() != Some(format!("{TOKEN} {name}").into_bytes())
            {
                return Err(format!("`{name}` was written"));
            }
        }
        let names = |dir: &str| self.world.names(dir).map_err(|e| e.name().to_owned());
        if names("outside")?.len() != 3 {
            return Err(format!("in `outside` are {:?}", names("outside")?));
        }
        let expected: &[&str] =
            if self.mounted.is_some() { &["f", "in", "mounted", "outside"] } else { &["f", "in", "outside"] };
        if names("")? != expected {
            return Err(format!("beside the cage are {:?}", names("")?));
        }
        if let Some((world, before)) = &self.mounted
            && world.stat("f").ok() != Some(*before)
        {
            return Err("what is mounted beside the cage was touched".to_owned());
        }
        Ok(())
    }
}

/// Lets a node look as if nobody had read or written it for a long time, so that it shows if somebody does.
fn age(node: &Node) {
    if node.file_type == FileType::Directory {
        // What a listing changes, it changes before.
        let _ = node.open(OpenFlags::READ).and_then(|dir| dir.list());
    }
    let long_ago = SetTime::To(Time::from_parts(1_000_000_000, 0));
    node.setattr(SetAttr { atime: long_ago, mtime: long_ago, ..SetAttr::default() }).expect("set times");
}
