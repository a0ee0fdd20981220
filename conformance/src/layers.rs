//! Random layers for overlays: small trees over a tiny alphabet, with whiteouts and opaque directories in all but the
//! lowest; what they merge into; and prints of them, to prove that nobody has changed them.

use core::fmt;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    hash::{DefaultHasher, Hasher as _},
    sync::Arc,
};

use gangplank_vfs::{FileSystem, FileType, NewNode, OpenFlags, SetAttr, SetTime, SetXattr, Time};

use crate::{Made, Node, World, differential::Rng};

/// What a layer holds under a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A directory; if opaque, nothing below it shows through.
    Directory {
        /// Permission bits.
        mode: u16,
        /// Whether it is opaque.
        opaque: bool,
    },
    /// A file.
    File {
        /// Permission bits.
        mode: u16,
        /// Seconds of its time of change.
        mtime: i64,
        /// Content.
        text: Vec<u8>,
    },
    /// A symbolic link.
    Symlink(String),
    /// A further name of a file of the same layer.
    Link(String),
    /// Nothing, whatever lies below.
    Whiteout,
}

/// One layer: paths, parents first.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Layer(pub BTreeMap<String, Item>);

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("layer:")?;
        for (path, item) in &self.0 {
            match item {
                Item::Directory { mode, opaque } => {
                    write!(f, "\n  {path}/ {mode:o}{}", if *opaque { " opaque" } else { "" })?;
                }
                Item::File { mode, mtime, text } => {
                    write!(f, "\n  {path} {mode:o} {mtime} = {}", crate::differential::quoted(text))?;
                }
                Item::Symlink(target) => write!(f, "\n  {path} -> {target}")?,
                Item::Link(to) => write!(f, "\n  {path} == {to}")?,
                Item::Whiteout => write!(f, "\n  {path} whiteout")?,
            }
        }
        f.write_str("\n")
    }
}

const NAMES: &[&str] = &["a", "b", "c", "d", "s"];
const TARGETS: &[&str] = &["a", "b", "a/b", "../b", ".", "..", "nowhere", "c/", "d/a"];

/// `count` random layers, the topmost first.
pub fn random(rng: &mut Rng, count: usize) -> Vec<Layer> {
    let mut layers: Vec<Layer> = vec![];
    for _ in 0..count {
        let layer = Layer::random(rng, !layers.is_empty());
        layers.insert(0, layer);
    }
    cut_links(&mut layers);
    layers
}

impl Layer {
    fn random(rng: &mut Rng, upper: bool) -> Layer {
        let mut layer = Layer::default();
        layer.fill(rng, upper, "", 0);
        layer
    }

    fn fill(&mut self, rng: &mut Rng, upper: bool, prefix: &str, depth: usize) {
        for name in NAMES {
            if rng.below(10) < 3 + depth as u64 {
                continue;
            }
            let path = format!("{prefix}{name}");
            let files: Vec<String> =
                self.0.iter().filter(|(_, item)| matches!(item, Item::File { .. })).map(|(p, _)| p.clone()).collect();
            let item = match rng.below(12) {
                0..5 if depth < 3 => {
                    let mode = [0o755, 0o755, 0o700, 0o711][rng.below(4) as usize];
                    Item::Directory { mode, opaque: upper && rng.below(4) == 0 }
                }
                5 | 6 if upper => Item::Whiteout,
                7 => Item::Symlink(TARGETS[rng.below(TARGETS.len() as u64) as usize].to_owned()),
                8 if !files.is_empty() => Item::Link(files[rng.below(files.len() as u64) as usize].clone()),
                _ => {
                    let len = [0, 0, 1, 1, 10, 10, 100, 100, 5000, 5000, 20_000, 70_000][rng.below(12) as usize];
                    let text = [b'A' + rng.below(26) as u8].repeat(len);
                    let mode = [0o644, 0o600, 0o755][rng.below(3) as usize];
                    Item::File { mode, mtime: 1_000_003 * (1 + rng.below(900) as i64), text }
                }
            };
            let directory = matches!(item, Item::Directory { .. });
            self.0.insert(path.clone(), item);
            if directory {
                self.fill(rng, upper, &format!("{path}/"), depth + 1);
            }
        }
    }

    fn names_in<'a>(&'a self, dir: &str) -> impl Iterator<Item = &'a str> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        self.0.keys().filter_map(move |path| path.strip_prefix(&prefix).filter(|rest| !rest.contains('/')))
    }

    /// Writes it into a filesystem through the traits, below the directory `at` (`""` being the root), whiteouts and
    /// opaque directories in the form of Linux, with attributes under `prefix` (`user.overlay.`).
    ///
    /// # Panics
    /// If that fails.
    pub fn write_to(&self, fs: &Arc<dyn FileSystem>, at: &str, prefix: &str) {
        let world = World::new(Made::new(fs.clone()));
        for (path, item) in &self.0 {
            let (dir, path) = (at, join(at, path));
            match item {
                Item::Directory { mode, opaque } => {
                    let node = world.mkdir(&path).expect("make a directory");
                    node.setattr(SetAttr { mode: Some(*mode), ..SetAttr::default() }).expect("chmod");
                    if *opaque {
                        let xattrs = fs.xattrs().expect("extended attributes");
                        xattrs
                            .set(node.id, format!("{prefix}opaque").as_bytes(), b"y", SetXattr::Any)
                            .expect("mark it opaque");
                    }
                }
                Item::File { mode, mtime, text } => {
                    let node = world.put(&path, text);
                    let mtime = SetTime::To(Time::from_parts(*mtime, 7));
                    node.setattr(SetAttr { mode: Some(*mode), mtime, ..SetAttr::default() }).expect("set attributes");
                }
                Item::Symlink(target) => drop(world.symlink(target, &path).expect("make a link")),
                Item::Link(to) => world.link(join(dir, to), &path).expect("link"),
                Item::Whiteout => {
                    let new = NewNode::Special { file_type: FileType::CharDevice, mode: 0, rdev: 0 };
                    drop(world.create(&path, new).expect("make a whiteout"));
                }
            }
        }
    }

    /// Writes it into a directory of the host, without any help of a filesystem of ours. Whiteouts need `CAP_MKNOD`.
    ///
    /// # Errors
    /// What the host says.
    #[cfg(target_os = "linux")]
    pub fn write_dir(&self, at: &std::path::Path, prefix: &str) -> std::io::Result<()> {
        use rustix::fs as sys;
        for (path, item) in &self.0 {
            let path = at.join(path);
            let chmod = |mode: u16| sys::chmod(&path, sys::Mode::from_raw_mode(mode.into()));
            match item {
                Item::Directory { mode, opaque } => {
                    std::fs::create_dir(&path)?;
                    chmod(*mode)?;
                    if *opaque {
                        sys::setxattr(&path, format!("{prefix}opaque"), b"y", sys::XattrFlags::empty())?;
                    }
                }
                Item::File { mode, mtime, text } => {
                    std::fs::write(&path, text)?;
                    chmod(*mode)?;
                    let time = |tv_sec, tv_nsec| sys::Timespec { tv_sec, tv_nsec };
                    let times =
                        sys::Timestamps { last_access: time(0, sys::UTIME_OMIT), last_modification: time(*mtime, 7) };
                    sys::utimensat(sys::CWD, &path, &times, sys::AtFlags::empty())?;
                }
                Item::Symlink(target) => std::os::unix::fs::symlink(target, &path)?,
                Item::Link(to) => std::fs::hard_link(at.join(to), &path)?,
                Item::Whiteout => {
                    sys::mknodat(sys::CWD, &path, sys::FileType::CharacterDevice, sys::Mode::empty(), 0)?;
                }
            }
        }
        Ok(())
    }
}

fn join(dir: &str, path: &str) -> String {
    if dir.is_empty() { path.to_owned() } else { format!("{dir}/{path}") }
}

/// What the layers, the topmost first, look like as one: a layer without whiteouts. Written without a thought for
/// speed, so that it is plainly right.
pub fn merge(layers: &[Layer]) -> Layer {
    let mut merged = Layer::default();
    let mut first_names = BTreeMap::new();
    let all: Vec<usize> = (0..layers.len()).collect();
    merge_directory(layers, &all, "", &mut merged, &mut first_names);
    merged
}

fn merge_directory(
    layers: &[Layer],
    here: &[usize],
    dir: &str,
    merged: &mut Layer,
    first_names: &mut BTreeMap<(usize, String), String>,
) {
    let names: BTreeSet<&str> = here.iter().flat_map(|&i| layers[i].names_in(dir)).collect();
    for name in names {
        let path = join(dir, name);
        let holders: Vec<usize> = here.iter().copied().filter(|&i| layers[i].0.contains_key(&path)).collect();
        let top = holders[0];
        match &layers[top].0[&path] {
            Item::Whiteout => {}
            Item::Directory { mode, .. } => {
                merged.0.insert(path.clone(), Item::Directory { mode: *mode, opaque: false });
                let mut below = vec![];
                for i in holders {
                    let Item::Directory { opaque, .. } = layers[i].0[&path] else { break };
                    below.push(i);
                    if opaque {
                        break;
                    }
                }
                merge_directory(layers, &below, &path, merged, first_names);
            }
            Item::Symlink(target) => drop(merged.0.insert(path, Item::Symlink(target.clone()))),
            item @ (Item::File { .. } | Item::Link(_)) => {
                let original = if let Item::Link(to) = item { to } else { &path };
                let first = first_names.entry((top, original.clone())).or_insert_with(|| path.clone());
                let item = if *first == path { layers[top].0[original].clone() } else { Item::Link(first.clone()) };
                merged.0.insert(path, item);
            }
        }
    }
}

/// Makes files of their own of hard links some of whose names are hidden: how many names such a file has is a matter
/// of taste.
fn cut_links(layers: &mut [Layer]) {
    let visible = |layers: &[Layer], top: usize, path: &str| {
        // A name is seen if no layer above hides it, or one of the directories that lead to it.
        (0..top).all(|i| {
            let hides = |p: &str| match layers[i].0.get(p) {
                Some(Item::Directory { opaque, .. }) => *opaque || p == path,
                Some(_) => true,
                None => false,
            };
            let mut ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
            ends.push(path.len());
            !ends.iter().any(|&end| hides(&path[..end]))
        })
    };
    for top in 0..layers.len() {
        let links: Vec<(String, String)> = layers[top]
            .0
            .iter()
            .filter_map(|(path, item)| if let Item::Link(to) = item { Some((path.clone(), to.clone())) } else { None })
            .collect();
        for (path, to) in links {
            if !visible(layers, top, &path) || !visible(layers, top, &to) {
                let file = layers[top].0[&to].clone();
                layers[top].0.insert(path, file);
            }
        }
    }
}

/// Takes the whiteouts away that no overlay would make, because nothing from below shows through their directory.
/// Linux lists them, as names that do not exist.
pub fn tame(layers: &mut [Layer]) {
    for top in 0..layers.len() {
        let below = merge(&layers[top + 1..]);
        let shows_through = |layer: &Layer, dir: &str| {
            let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
            let clear = |end: usize| !matches!(layer.0.get(&dir[..end]), Some(Item::Directory { opaque: true, .. }));
            dir.is_empty() || ends.into_iter().all(clear) && matches!(below.0.get(dir), Some(Item::Directory { .. }))
        };
        let layer = layers[top].clone();
        layers[top].0.retain(|path, item| {
            *item != Item::Whiteout || shows_through(&layer, path.rsplit_once('/').map_or("", |(dir, _)| dir))
        });
    }
}

/// Makes files of their own of all hard links.
pub fn without_links(layers: &mut [Layer]) {
    for layer in layers {
        let files = layer.clone();
        for item in layer.0.values_mut() {
            if let Item::Link(to) = item {
                *item = files.0[to].clone();
            }
        }
    }
}

/// All that can be seen of a filesystem except times of reading: types, numbers, modes, owners, links, sizes, times,
/// content, targets, attributes. Two prints differ if anybody wrote in between, even what was there already.
///
/// # Panics
/// If the filesystem fails.
pub fn print(fs: &Arc<dyn FileSystem>) -> String {
    let world = World::new(Made::new(fs.clone()));
    let mut out = String::new();
    print_node(&world, &world.root(), "", &mut out);
    out
}

fn print_node(world: &World, node: &Node, path: &str, out: &mut String) {
    let m = node.stat().expect("stat");
    write!(
        out,
        "{path} {:?} {:?} {:o} {}:{} {} links {} bytes {:?} {:?}",
        m.file_type, m.ino, m.mode, m.uid, m.gid, m.nlink, m.size, m.mtime, m.ctime
    )
    .expect("write to a string");
    if let (Some(xattrs), FileType::Regular | FileType::Directory) = (world.fs().xattrs(), m.file_type) {
        let mut names = vec![];
        // Not every host filesystem has them.
        let _ = xattrs.list(node.id, &mut |name| names.push(name.to_vec()));
        names.sort();
        for name in names {
            let value = xattrs.get(node.id, &name).expect("an attribute that is listed");
            write!(out, " {}={}", name.escape_ascii(), value.escape_ascii()).expect("write to a string");
        }
    }
    match m.file_type {
        FileType::Regular => {
            let text = node.open(OpenFlags::READ).and_then(|f| f.read(0, m.size as usize)).expect("read");
            let mut hasher = DefaultHasher::new();
            hasher.write(&text);
            writeln!(out, " = #{:x}", hasher.finish()).expect("write to a string");
        }
        FileType::Symlink => {
            let target = world.fs().readlink(node.id).expect("read a link");
            writeln!(out, " -> {}", target.escape_ascii()).expect("write to a string");
        }
        FileType::Directory => {
            out.push('\n');
            let mut entries = node.open(OpenFlags::READ).and_then(|f| f.list()).expect("list");
            entries.sort_by(|a, b| a.raw.cmp(&b.raw));
            for e in entries {
                let child = world.lookup(node, &e.raw).expect("an entry that is listed");
                print_node(world, &child, &format!("{path}/{}", e.name), out);
            }
        }
        _ => writeln!(out, " {}", m.rdev).expect("write to a string"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(items: &[(&str, Item)]) -> Layer {
        Layer(items.iter().map(|(path, item)| ((*path).to_owned(), item.clone())).collect())
    }

    const DIR: Item = Item::Directory { mode: 0o755, opaque: false };
    const OPAQUE: Item = Item::Directory { mode: 0o700, opaque: true };

    fn file(text: &str) -> Item {
        Item::File { mode: 0o644, mtime: 1, text: text.into() }
    }

    #[test]
    fn merging_hides_what_is_whited_out_or_behind_an_opaque_directory() {
        let top = layer(&[("d", DIR), ("d/new", file("n")), ("o", OPAQUE), ("o/y", file("y")), ("w", Item::Whiteout)]);
        let low = layer(&[("d", DIR), ("d/old", file("o")), ("o", DIR), ("o/x", file("x")), ("w", file("w"))]);
        let merged = merge(&[top, low]);
        assert_eq!(merged.0.keys().map(String::as_str).collect::<Vec<_>>(), ["d", "d/new", "d/old", "o", "o/y"]);
        assert_eq!(merged.0["o"], Item::Directory { mode: 0o700, opaque: false });
    }

    #[test]
    fn random_layers_have_everything() {
        let layers: Vec<Layer> = (0..50).flat_map(|seed| random(&mut Rng::new(seed), 2)).collect();
        let has = |what: fn(&Item) -> bool| layers.iter().any(|l| l.0.values().any(what));
        assert!(has(|i| matches!(i, Item::Whiteout)));
        assert!(has(|i| matches!(i, Item::Link(_))));
        assert!(has(|i| matches!(i, Item::Directory { opaque: true, .. })));
    }
}
