//! The programs of [`concurrent`](gangplank_conformance::concurrent) on filesystems of every make: what their threads see
//! can have happened one after the other.

use std::sync::Arc;

use gangplank_conformance::{
    Fixture, ForkFixture, MemFixture,
    concurrent::{Looks, PROGRAMS, Program, Threads, check, linearize, run},
    differential::{Rng, Rules, Script, prepare},
    model::Model,
};
use gangplank_vfs::{
    FileSystem, FsCaps, OverlayFs,
    layers::quota::{QuotaFs, QuotaOptions},
    mem_fs::MemFsOptions,
};

use crate::explore::Case;

/// How many random programs there are for each filesystem.
const RANDOM: u64 = 30;

/// Threads that the checker runs.
pub(crate) struct Scheduled;

impl Threads for Scheduled {
    fn run(&self, bodies: Vec<Box<dyn FnOnce() + Send>>) {
        let threads: Vec<_> = bodies.into_iter().map(shuttle::thread::spawn).collect();
        for thread in threads {
            thread.join().expect("a thread that panics ends the schedule");
        }
    }
}

/// Runs a program on a new filesystem, and judges it.
type Judge = fn(&Program) -> Result<(), String>;

const PLACES: [(&str, Judge); 7] = [
    ("memory", |program| whole(&MemFixture.make().fs, program)),
    ("a fork", |program| {
        let made = ForkFixture.make();
        whole(&made.fs, program)
    }),
    ("an overlay", |program| whole(&overlay(MemFixture.make().fs), program)),
    ("a fork of an overlay", |program| {
        let original = overlay(MemFixture.make().fs);
        let snapshots = original.snapshots().expect("memory over memory can be forked");
        whole(&snapshots.fork().expect("a fork"), program)
    }),
    ("an overlay over the tree", over_the_tree),
    ("a quota", |program| {
        let fs = QuotaFs::new(MemFixture.make().fs, QuotaOptions::default());
        whole(&(Arc::new(fs) as Arc<dyn FileSystem>), program)
    }),
    ("a mount", |program| whole(&MemFixture.make().fs, &program.mounted())),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (place, judge) in PLACES {
        for (name, text) in PROGRAMS {
            let judged = move || {
                let program = text.parse().expect("a program");
                judge(&program).unwrap_or_else(|why| panic!("{why}"));
            };
            cases.push(Case::new(format!("{place}: {name}"), judged));
        }
        for seed in 0..RANDOM {
            let judged = move || {
                let caps = FsCaps::all() - FsCaps::CLONE;
                judge(&Program::random(&mut Rng::new(seed), caps)).unwrap_or_else(|why| panic!("{why}"));
            };
            cases.push(Case::new(format!("{place}: random program {seed}"), judged));
        }
    }
    cases
}

fn whole(fs: &Arc<dyn FileSystem>, program: &Program) -> Result<(), String> {
    check(fs, program, &Scheduled, Looks::Whole)
}

pub(crate) fn overlay(lower: Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
    let builder = OverlayFs::builder().lower(lower).upper_mem(MemFsOptions::new());
    Arc::new(builder.build().expect("an overlay in memory"))
}

/// What the program finds lies below the overlay: whoever changes it first copies it up.
fn over_the_tree(program: &Program) -> Result<(), String> {
    let lower = MemFixture.make().fs;
    let mut mounted = false;
    let (above, below) = program.setup.0.iter().cloned().partition(|op| {
        mounted |= op.verb == "mount";
        mounted || op.verb == "open"
    });
    prepare(&Script(below), lower.clone());
    let fs = overlay(lower);
    let history = run(&fs, &Program { setup: Script(above), threads: program.threads.clone() }, &Scheduled);
    let mut model = Model::new(Rules { caps: fs.info().caps, rooted: false });
    for op in &program.setup.0 {
        model.answer(op);
    }
    let order = linearize(&model, &history.events, &history.tree, Looks::Whole);
    order.map(drop).map_err(|why| format!("the program\n{program}has this history\n{history}\n{why}"))
}
