//! Accounts: what is used never exceeds the limit, is what is there when nobody works, and is nothing when nothing is left.

use std::{io::IoSlice, sync::Arc};

use gangplank_conformance::{concurrent::Threads as _, differential::Rng};
use gangplank_vfs::{
    Errno, FileSystem, FileType, MemFs, NewNode, OpenFile, OpenFlags, OpenHow, SetAttr, Tree, TreeError,
    layers::quota::{QuotaFs, QuotaOptions},
    mem_fs::MemFsOptions,
};

use crate::{explore::Case, programs::Scheduled};

/// How many random programs there are for each kind of account.
const RANDOM: u64 = 40;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// How many units, blocks or chunks of content, may be used: fewer than the threads want.
const UNITS: u64 = 2;

/// How many names.
const NODES: u64 = 2;

/// A filesystem with limits, and what of them is used: bytes and names.
#[derive(Clone)]
struct Limited {
    tree: Tree,
    /// What content is charged by.
    unit: usize,
    used: Arc<dyn Fn() -> (u64, u64) + Send + Sync>,
}

impl Limited {
    fn bytes(&self) -> u64 {
        UNITS * self.unit as u64
    }
}

fn layer() -> Limited {
    const BLOCK: usize = 4096;
    let options = QuotaOptions { bytes: Some(UNITS * BLOCK as u64), nodes: Some(NODES) };
    let fs = Arc::new(QuotaFs::new(Arc::new(MemFs::new()), options));
    Limited { tree: Tree::new(fs.clone()), unit: BLOCK, used: Arc::new(move || fs.used()) }
}

fn memory() -> Limited {
    const CHUNK: usize = 16 << 10;
    // The root is a node.
    let options = MemFsOptions::new().max_bytes(Some(UNITS * CHUNK as u64)).max_nodes(Some(NODES + 1));
    let fs = Arc::new(options.build());
    let tree = Tree::new(fs.clone());
    let used = move || {
        let all = fs.statfs().expect("a memory filesystem knows");
        ((all.blocks - all.bfree) * u64::from(all.bsize), all.files - all.ffree - 1)
    };
    Limited { tree, unit: CHUNK, used: Arc::new(used) }
}

/// What somebody does to an account.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Makes a file, or cuts it, and writes a unit.
    Put(usize),
    /// Appends a unit.
    Append(usize),
    Remove(usize),
    Rename(usize, usize),
    Link(usize, usize),
    /// Opens a file and keeps it open, instead of one that was.
    Keep(usize),
    /// Writes to the file that is kept.
    WriteKept,
    /// Cuts it to nothing.
    CutKept,
    /// Cuts a file to nothing, by its name.
    Cut(usize),
}

impl Act {
    fn random(rng: &mut Rng) -> Act {
        let mut name = || rng.below(NAMES.len() as u64) as usize;
        let (a, b) = (name(), name());
        match rng.below(13) {
            0..3 => Act::Put(a),
            3..5 => Act::Append(a),
            5 | 6 => Act::Remove(a),
            7 => Act::Rename(a, b),
            8 => Act::Link(a, b),
            9 => Act::Keep(a),
            10 => Act::WriteKept,
            11 => Act::CutKept,
            _ => Act::Cut(a),
        }
    }

    /// What is refused, or is not there, is a matter of who was first.
    fn perform(self, Limited { tree, unit, .. }: &Limited, kept: &mut Option<OpenFile>) {
        let errno = |e: TreeError| e.errno;
        let done = match self {
            Act::Put(a) => tree.write(NAMES[a], vec![1; *unit]).map_err(errno),
            Act::Append(a) => tree.append(NAMES[a], vec![2; *unit]).map_err(errno),
            Act::Remove(a) => tree.remove(NAMES[a]).map_err(errno),
            Act::Rename(a, b) => tree.rename(NAMES[a], NAMES[b]).map_err(errno),
            Act::Link(a, b) => link(tree, NAMES[a], NAMES[b]),
            Act::Keep(a) => {
                *kept = None;
                let flags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::APPEND;
                let create = Some(NewNode::Regular { mode: 0o644 });
                let how = OpenHow { flags, create, exclusive: false, follow: true };
                tree.open(NAMES[a], &how).map(|file| *kept = Some(file)).map_err(errno)
            }
            Act::WriteKept => {
                kept.as_ref().map_or(Ok(()), |file| file.write(&[IoSlice::new(&vec![3; *unit])]).map(drop))
            }
            Act::CutKept => kept.as_ref().map_or(Ok(()), |file| file.set_len(0)),
            Act::Cut(a) => {
                let attr = SetAttr { size: Some(0), ..SetAttr::default() };
                tree.set_attr(NAMES[a], &attr).map_err(errno)
            }
        };
        match done {
            Ok(()) | Err(Errno::NOSPC | Errno::DQUOT | Errno::NOENT | Errno::EXIST) => {}
            Err(wrong) => panic!("{self:?}: {wrong}"),
        }
    }
}

fn link(tree: &Tree, from: &str, to: &str) -> Result<(), Errno> {
    let paths = gangplank_conformance::Paths::of(tree.fs().clone(), Default::default());
    paths.link(from, to)
}

fn play(make: fn() -> Limited, seed: u64) {
    let limited = make();
    assert_eq!((limited.used)(), (0, 0));
    let mut rng = Rng::new(seed);
    let threads = 2 + rng.below(2);
    let bodies = (0..threads).map(|_| -> Box<dyn FnOnce() + Send> {
        let acts: Vec<Act> = (0..3 + rng.below(3)).map(|_| Act::random(&mut rng)).collect();
        let limited = limited.clone();
        Box::new(move || {
            let mut kept = None;
            for act in acts {
                act.perform(&limited, &mut kept);
                let (bytes, nodes) = (limited.used)();
                assert!(
                    bytes <= limited.bytes() && nodes <= NODES,
                    "after {act:?} {bytes} bytes and {nodes} nodes are used"
                );
            }
        })
    });
    Scheduled.run(bodies.collect());
    assert_eq!((limited.used)(), there(&limited.tree), "what is used, and what is there");
    for name in NAMES {
        match limited.tree.remove(name).map_err(|e| e.errno) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(wrong) => panic!("remove {name}: {wrong}"),
        }
    }
    assert_eq!((limited.used)(), (0, 0), "when nothing is left");
}

/// Bytes and names of all files; a hard link is a name, and its file counts once.
fn there(tree: &Tree) -> (u64, u64) {
    let mut files = std::collections::BTreeMap::new();
    let entries = tree.entries("").expect("list the root");
    for entry in &entries {
        assert_eq!(entry.metadata.file_type, FileType::Regular);
        files.insert(entry.metadata.ino, entry.metadata.size);
    }
    (files.values().sum(), entries.len() as u64)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (name, make) in [("layer", layer as fn() -> Limited), ("memory", memory)] {
        for seed in 0..RANDOM {
            cases.push(Case::new(format!("account of a {name}: random acts {seed}"), move || play(make, seed)));
        }
    }
    cases
}
