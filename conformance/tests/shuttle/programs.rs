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
    host_fs::{HostFs, Options, Resolver},
    layers::quota::{QuotaFs, QuotaOptions},
    mem_fs::MemFsOptions,
};

use crate::explore::Case;

/// How many random programs there are for each filesystem.
const RANDOM: u64 = 30;

/// How many for each that is on the host, where every schedule needs a new directory.
const RANDOM_ON_HOSTS: u64 = 15;

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

const PLACES: &[(&str, Judge, u64)] = &[
    ("memory", |program| whole(&MemFixture.make().fs, program), RANDOM),
    (
        "a fork",
        |program| {
            let made = ForkFixture.make();
            whole(&made.fs, program)
        },
        RANDOM,
    ),
    ("an overlay", |program| whole(&overlay(MemFixture.make().fs), program), RANDOM),
    (
        "a fork of an overlay",
        |program| {
            let original = overlay(MemFixture.make().fs);
            let snapshots = original.snapshots().expect("memory over memory can be forked");
            whole(&snapshots.fork().expect("a fork"), program)
        },
        RANDOM,
    ),
    ("an overlay over the tree", over_the_tree, RANDOM),
    (
        "a quota",
        |program| {
            let fs = QuotaFs::new(MemFixture.make().fs, QuotaOptions::default());
            whole(&(Arc::new(fs) as Arc<dyn FileSystem>), program)
        },
        RANDOM,
    ),
    ("a mount", |program| whole(&MemFixture.make().fs, &program.mounted()), RANDOM),
    ("a host", |program| on_host(Options::default(), program), RANDOM_ON_HOSTS),
    (
        "a host, name by name",
        |program| on_host(Options { resolver: Resolver::Portable, ..Options::default() }, program),
        RANDOM_ON_HOSTS,
    ),
    (
        "a host that remembers names",
        |program| on_host(Options { exclusive: true, ..Options::default() }, program),
        RANDOM_ON_HOSTS,
    ),
    ("an overlay of hosts", overlay_of_hosts, RANDOM_ON_HOSTS),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for &(place, judge, random) in PLACES {
        for (name, text) in PROGRAMS {
            let judged = move || {
                let program = text.parse().expect("a program");
                judge(&program).unwrap_or_else(|why| panic!("{why}"));
            };
            cases.push(Case::new(format!("{place}: {name}"), judged));
        }
        for seed in 0..random {
            let judged = move || {
                let caps = FsCaps::all() - FsCaps::CLONE - unclaimed(place);
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

/// What the host's other resolver has no way to ask for.
fn unclaimed(place: &str) -> FsCaps {
    if place == "a host, name by name" { FsCaps::EXCHANGE | FsCaps::NO_REPLACE } else { FsCaps::empty() }
}

/// A directory in memory, if the host has such a thing: nothing has to last.
fn directory() -> tempfile::TempDir {
    let shm = std::path::Path::new("/dev/shm");
    let made = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

/// A directory of the host. One thread runs at a time, and a system call is one step: so nothing is seen half done, as it
/// is by [threads of the machine](Looks::Torn).
fn on_host(options: Options, program: &Program) -> Result<(), String> {
    let dir = directory();
    let fs: Arc<dyn FileSystem> = HostFs::open_with(dir.path(), options).expect("open the directory");
    whole(&fs, program)
}

/// A directory of the host over another.
fn overlay_of_hosts(program: &Program) -> Result<(), String> {
    let dir = directory();
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| dir.path().join(name));
    for path in [&lower, &upper, &work] {
        std::fs::create_dir(path).expect("a directory in it");
    }
    let lower = HostFs::open(lower).expect("open the lower directory");
    let builder = OverlayFs::builder().lower(lower).sync(false).upper_host(upper, work);
    whole(&(Arc::new(builder.build().expect("an overlay of hosts")) as Arc<dyn FileSystem>), program)
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
