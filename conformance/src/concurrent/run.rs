//! A program is run, and what came of it is judged.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};
use std::sync::{Arc, Barrier, Mutex};

use gangplank_vfs::FileSystem;

use super::{Looks, Program, linearize};
use crate::{
    Fixture as _, Made, MemFixture, World,
    differential::{Op, Rules, Run as _, step::Env},
    model::Model,
};

/// One line that was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// By which thread.
    pub thread: usize,
    /// What was done.
    pub op: Op,
    /// What was answered.
    pub answer: String,
    /// When it was called. Moments of one history are all different.
    pub called: u64,
    /// When it was answered.
    pub answered: u64,
}

/// What came of a program.
#[derive(Clone, Debug)]
pub struct History {
    /// All lines of the threads.
    pub events: Vec<Event>,
    /// The tree in the end.
    pub tree: String,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.events.iter().enumerate() {
            writeln!(f, "{i}: thread {}, {} to {}: {} -> {}", e.thread, e.called, e.answered, e.op, e.answer)?;
        }
        write!(f, "and then the tree is\n{}", self.tree)
    }
}

/// Whoever runs threads.
pub trait Threads {
    /// Runs all of them at once, and comes back when the last has ended. If one panics, so does this.
    fn run(&self, bodies: Vec<Box<dyn FnOnce() + Send>>);
}

/// Threads of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct RealThreads;

impl Threads for RealThreads {
    fn run(&self, bodies: Vec<Box<dyn FnOnce() + Send>>) {
        let barrier = Barrier::new(bodies.len());
        std::thread::scope(|scope| {
            for body in bodies {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    body();
                });
            }
        });
    }
}

/// Runs a program on an empty filesystem. What it mounts is one in memory.
///
/// # Panics
/// If the filesystem panics.
pub fn run(fs: &Arc<dyn FileSystem>, program: &Program, threads: &dyn Threads) -> History {
    let rules = rules(fs);
    let env = || Env::new(World::new(Made::new(fs.clone())), rules);
    let mut first = env();
    for op in &program.setup.0 {
        if op.verb == "mount" {
            first.mount(|| World::new(MemFixture.make())).expect("nothing is mounted yet");
        } else {
            first.step(op);
        }
    }
    let moment = Arc::new(AtomicU64::new(0));
    let events = Arc::new(Mutex::new(vec![]));
    let mut bodies: Vec<Box<dyn FnOnce() + Send>> = vec![];
    for (thread, script) in program.threads.iter().enumerate() {
        let mut env = env();
        env.join(&first);
        let (script, moment, events) = (script.clone(), moment.clone(), events.clone());
        bodies.push(Box::new(move || {
            for op in script.0 {
                let called = moment.fetch_add(1, Ordering::SeqCst);
                let answer = env.step(&op);
                let answered = moment.fetch_add(1, Ordering::SeqCst);
                events.lock().expect("nobody panics here").push(Event { thread, op, answer, called, answered });
            }
        }));
    }
    threads.run(bodies);
    let mut events = std::mem::take(&mut *events.lock().expect("nobody panics here"));
    events.sort_by_key(|event| event.called);
    first.close_all();
    History { events, tree: first.tree() }
}

/// Runs a program on an empty filesystem, and judges what came of it.
///
/// # Errors
/// The program, its history, and why it cannot have happened.
///
/// # Panics
/// If the filesystem panics.
pub fn check(fs: &Arc<dyn FileSystem>, program: &Program, threads: &dyn Threads, looks: Looks) -> Result<(), String> {
    let history = run(fs, program, threads);
    let mut model = Model::new(rules(fs));
    for op in &program.setup.0 {
        model.answer(op);
    }
    match linearize(&model, &history.events, &history.tree, looks) {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("the program\n{program}has this history\n{history}\n{why}")),
    }
}

fn rules(fs: &Arc<dyn FileSystem>) -> Rules {
    Rules { caps: fs.info().caps, rooted: false }
}
