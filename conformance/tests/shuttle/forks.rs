//! Forks that are taken while others write: a fork is one moment of the original, and from then on the two are apart.

use std::sync::{Arc, Mutex};

use gangplank_conformance::{
    Fixture as _, Made, MemFixture, World,
    concurrent::Threads as _,
    differential::{Rng, Rules, Script, prepare},
    model::Model,
};
use gangplank_vfs::{FileSystem, Tree};

use crate::{
    explore::Case,
    programs::{Scheduled, overlay},
};

/// How many random scripts there are for each kind of filesystem.
const RANDOM: u64 = 20;

/// What each writer has in his directory.
const SETUP: &str = "
mkdir 0
mkdir 1
put 0/a x
put 1/a x
put 0/b yy
put 1/b yy
";

/// What a writer may do, each of which is one change at most; `*` stands for his directory.
const LINES: [&str; 14] = [
    "open 2 */c rwc",
    "open 2 */a rwct",
    "open 2 */b rwa",
    "fwrite 2 hello",
    "fwrite 2 x",
    "pwrite 2 1 yy",
    "setlen 2 1",
    "rename */a */b",
    "rename */b */c",
    "exchange */a */b",
    "link */b */d",
    "unlink */a",
    "mkdir */e",
    "symlink nowhere */s",
];

fn fork_of(fs: &Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
    fs.snapshots().expect("it can be forked").fork().expect("a fork")
}

fn tree(fs: &Arc<dyn FileSystem>) -> String {
    World::new(Made::new(fs.clone())).tree()
}

/// The lines of a tree that are about one directory.
fn part(tree: &str, which: usize) -> Vec<&str> {
    tree.lines().filter(|line| line.starts_with(&format!("{which}/"))).collect()
}

/// What one writer does, and the trees before, between and after; those of a model that does the same alone.
struct Writer {
    script: Script,
    moments: Vec<String>,
}

impl Writer {
    fn random(rng: &mut Rng, which: usize, rules: Rules) -> Writer {
        let mut line = || LINES[rng.below(LINES.len() as u64) as usize].replace('*', &which.to_string());
        let text: String = (0..5).map(|_| line() + "\n").collect();
        let script: Script = text.parse().expect("lines of the language");
        let mut model = Model::new(rules);
        for op in SETUP.parse::<Script>().expect("lines of the language").0 {
            model.answer(&op);
        }
        let mut moments = vec![model.tree()];
        for op in &script.0 {
            model.answer(op);
            moments.push(model.tree());
        }
        Writer { script, moments }
    }

    /// Whether trees that were seen one after the other are moments in this order.
    fn went_through(&self, which: usize, seen: &[String]) -> bool {
        let mut moments = self.moments.iter();
        seen.iter().all(|seen| {
            let rest = moments.clone();
            let at = rest.into_iter().position(|moment| part(moment, which) == part(seen, which));
            at.is_some_and(|at| {
                // The next may be the same moment.
                moments = self.moments[self.moments.len() - moments.len() + at..].iter();
                true
            })
        })
    }
}

fn play(make: fn() -> Arc<dyn FileSystem>, seed: u64) {
    let fs = make();
    prepare(&SETUP.parse().expect("lines of the language"), fs.clone());
    let rules = Rules { caps: fs.info().caps, rooted: false };
    let mut rng = Rng::new(seed);
    let writers = [0, 1].map(|which| Writer::random(&mut rng, which, rules));
    let mut bodies: Vec<Box<dyn FnOnce() + Send>> = vec![];
    for writer in &writers {
        let (script, fs) = (writer.script.clone(), fs.clone());
        bodies.push(Box::new(move || prepare(&script, fs)));
    }
    let forks = Arc::new(Mutex::new(vec![]));
    let (original, taken) = (fs.clone(), forks.clone());
    bodies.push(Box::new(move || {
        for _ in 0..2 {
            let fork = fork_of(&original);
            let seen = tree(&fork);
            taken.lock().expect("nobody panics with it").push((fork, seen));
        }
    }));
    Scheduled.run(bodies);
    let forks = std::mem::take(&mut *forks.lock().expect("nobody panics with it"));
    let mut seen: Vec<String> = forks.iter().map(|(_, seen)| seen.clone()).collect();
    seen.push(tree(&fs));
    for (which, writer) in writers.iter().enumerate() {
        assert!(
            writer.went_through(which, &seen),
            "forks, and the tree in the end, are no moments of\n{}they are\n{}",
            writer.script,
            seen.join("---\n"),
        );
        assert_eq!(part(&seen[2], which), part(&writer.moments[5], which), "after\n{}", writer.script);
    }
    let end = seen.pop();
    for (fork, seen) in &forks {
        assert_eq!(tree(fork), *seen, "a fork changes with its original");
        empty(fork);
    }
    assert_eq!(Some(tree(&fs)), end, "an original changes with its fork");
    empty(&fs);
}

/// Removes everything; then nothing may be counted as used any more.
fn empty(fs: &Arc<dyn FileSystem>) {
    let root = Tree::new(fs.clone());
    for which in ["0", "1"] {
        root.remove_all(which).expect("remove a directory");
    }
    if fs.info().fs_type == "mem" {
        let all = fs.statfs().expect("a memory filesystem knows");
        assert_eq!((all.blocks - all.bfree, all.files - all.ffree), (0, 1), "blocks and nodes of an empty filesystem");
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let memory = || MemFixture.make().fs;
    let covered = || {
        let lower = MemFixture.make().fs;
        Tree::new(lower.clone()).write("below", "it").expect("make a file");
        overlay(lower)
    };
    for (name, make) in [("memory", memory as fn() -> Arc<dyn FileSystem>), ("an overlay", covered)] {
        for seed in 0..RANDOM {
            cases.push(Case::new(format!("forks of {name}: random writers {seed}"), move || play(make, seed)));
        }
    }
    cases
}
