//! [`Walker`]: whoever can go down the tree of sequences, and up again.

use core::fmt;
use std::rc::Rc;

use super::{Beginning, watched};
use crate::{
    Fixture, Made, World,
    differential::{Env, Op, Rules, Run, caught, excused},
    model::Model,
};

/// One way through all sequences.
pub trait Walker {
    /// For people.
    fn name(&self) -> &str;

    /// Does an operation in the state where it stands, and goes to the state after it.
    fn descend(&mut self, op: &Op) -> Seen;

    /// Goes back to the state before the last operation.
    fn ascend(&mut self);
}

/// What was to be seen after an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Its answer.
    pub answer: String,
    /// The tree, and what the attributes are.
    pub view: String,
    /// The view from before, if the operation failed.
    pub before: Option<String>,
}

impl Seen {
    /// Whether both have seen the same, or what may differ.
    pub(super) fn agrees(&self, other: &Seen, op: &Op) -> bool {
        let same = self.answer == other.answer || excused(op, &self.answer, &other.answer).is_some();
        same && self.view == other.view
    }

    /// Whether nothing panicked, and what failed has changed nothing.
    pub(super) fn is_sound(&self) -> bool {
        let panics = self.answer.starts_with("panic: ") || self.view.contains("panic: ");
        !panics && self.before.as_ref().is_none_or(|before| *before == self.view)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.answer, self.view)?;
        match &self.before {
            Some(before) if *before != self.view => write!(f, "it failed, and before it there was\n{before}"),
            _ => Ok(()),
        }
    }
}

/// Whether an answer is the name of an errno. Those that are texts have quotes, blanks, or small letters.
fn failed(answer: &str) -> bool {
    let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    answer.bytes().all(upper) && answer.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
}

/// What a run shows.
fn view(run: &mut dyn Run, watched: &[Op]) -> String {
    let (answers, tree) = run.play(watched);
    tree + &answers.join("\n")
}

/// Who forks: the state after each operation of the path is kept, and what follows is done in a fork of it.
///
/// An open file belongs to the filesystem that it was opened in. So while one is open, what is forked is the last state
/// without one, and the operations since then are played again in the fork.
pub(super) struct Forking {
    name: String,
    rules: Rules,
    watched: Vec<Op>,
    states: Vec<State>,
}

/// A state on the path.
struct State {
    world: Rc<World>,
    /// What has been done since then.
    since: Vec<Op>,
    view: String,
}

impl Forking {
    /// From a filesystem that claims [`FsCaps::SNAPSHOT`](gangplank_vfs::FsCaps::SNAPSHOT) and holds what there is in
    /// the beginning.
    pub(super) fn new(name: &str, made: Made, rules: Rules) -> Forking {
        let watched = watched().0;
        let world = World::new(made);
        let mut first = Forking { name: name.to_owned(), rules, watched, states: vec![] };
        let view = view(&mut first.fork(&world), &first.watched);
        first.states.push(State { world: Rc::new(world), since: vec![], view });
        first
    }

    /// From what a fixture makes, after `beginning`.
    pub(super) fn after(name: &str, fixture: &dyn Fixture, beginning: Beginning, rules: Rules) -> Forking {
        let made = fixture.make();
        crate::differential::prepare(&beginning.script(), made.fs.clone());
        Forking::new(name, made, rules)
    }

    fn fork(&self, world: &World) -> Env {
        let snapshots = world.fs().snapshots().expect("a filesystem that can be forked");
        let fork = snapshots.fork().expect("a fork");
        Env::new(World::new(Made::new(fork)), self.rules)
    }
}

impl Walker for Forking {
    fn name(&self) -> &str {
        &self.name
    }

    fn descend(&mut self, op: &Op) -> Seen {
        let state = self.states.last().expect("the beginning");
        let mut env = self.fork(&state.world);
        for op in &state.since {
            env.step(op);
        }
        let answer = caught(|| env.step(op));
        let mut seen = view(&mut env, &self.watched);
        let before = failed(&answer).then(|| state.view.clone());
        let (world, since) = if env.is_open() {
            (state.world.clone(), state.since.iter().chain([op]).cloned().collect())
        } else {
            // A fork must show the same: it has not what the original may have remembered.
            let world = Rc::new(env.into_world());
            let forked = view(&mut self.fork(&world), &self.watched);
            if forked != seen {
                seen += &format!("\nin a fork of that:\n{forked}");
            }
            (world, vec![])
        };
        let next = State { world, since, view: seen.clone() };
        self.states.push(next);
        Seen { answer, view: seen, before }
    }

    fn ascend(&mut self) {
        self.states.pop();
    }
}

/// The model: it is copied.
pub(super) struct Modelled {
    watched: Vec<Op>,
    states: Vec<(Model, String)>,
}

impl Modelled {
    /// After `beginning`.
    pub(super) fn new(rules: Rules, beginning: Beginning) -> Modelled {
        let (mut model, watched) = (Model::new(rules), watched().0);
        model.play(&beginning.script().0);
        let view = view(&mut model, &watched);
        Modelled { watched, states: vec![(model, view)] }
    }
}

impl Walker for Modelled {
    fn name(&self) -> &str {
        "model"
    }

    fn descend(&mut self, op: &Op) -> Seen {
        let (model, last) = self.states.last().expect("the beginning");
        let mut next = model.clone();
        let answer = caught(|| next.step(op));
        let view = view(&mut next, &self.watched);
        let before = failed(&answer).then(|| last.clone());
        self.states.push((next, view.clone()));
        Seen { answer, view, before }
    }

    fn ascend(&mut self) {
        self.states.pop();
    }
}

/// Who cannot fork: where the state that is wanted is not the one that is there, the sequence is played again from the
/// beginning.
pub(super) struct Replaying<S> {
    name: String,
    stage: S,
    beginning: Vec<Op>,
    watched: Vec<Op>,
    /// The operations of the path, whether each has changed anything, and what was there after it.
    path: Vec<(Op, bool, String)>,
    /// What has been done in the tree that is there; `None` if there is none.
    done: Option<Vec<Op>>,
    /// What is there in the beginning.
    first: String,
}

/// Where sequences can be played from the beginning.
pub(super) trait Stage {
    /// An empty tree.
    fn clear(&mut self);

    /// Whoever plays in it.
    fn run(&mut self) -> &mut dyn Run;
}

impl<S: Stage> Replaying<S> {
    /// On this stage.
    pub(super) fn new(name: &str, mut stage: S, beginning: Beginning) -> Replaying<S> {
        let (beginning, watched) = (beginning.script().0, watched().0);
        stage.clear();
        stage.run().play(&beginning);
        let first = view(stage.run(), &watched);
        let name = name.to_owned();
        Replaying { name, stage, beginning, watched, path: vec![], done: Some(vec![]), first }
    }
}

impl<S: Stage> Walker for Replaying<S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn descend(&mut self, op: &Op) -> Seen {
        let wanted: Vec<Op> = self.path.iter().filter(|(_, changed, _)| *changed).map(|(op, ..)| op.clone()).collect();
        if self.done.as_ref() != Some(&wanted) {
            self.stage.clear();
            let again: Vec<Op> = self.beginning.iter().chain(&wanted).cloned().collect();
            again.iter().for_each(|op| drop(self.stage.run().step(op)));
            self.done = Some(wanted);
        }
        let ops: Vec<Op> = [op].into_iter().chain(&self.watched).cloned().collect();
        let (answers, tree) = self.stage.run().play(&ops);
        let (answer, view) = (answers[0].clone(), tree + &answers[1..].join("\n"));
        let failed = failed(&answer);
        let last = self.path.last().map_or(&self.first, |(_, _, view)| view);
        let before = failed.then(|| last.clone());
        if !failed && let Some(done) = &mut self.done {
            done.push(op.clone());
        }
        self.path.push((op.clone(), !failed, view.clone()));
        Seen { answer, view, before }
    }

    fn ascend(&mut self) {
        self.path.pop();
    }
}

/// Anything that a fixture makes, made anew each time.
pub(super) struct Anew<F> {
    fixture: F,
    rules: Rules,
    env: Option<Env>,
}

impl<F: Fixture> Anew<F> {
    /// By these rules.
    pub(super) fn new(fixture: F, rules: Rules) -> Anew<F> {
        Anew { fixture, rules, env: None }
    }
}

impl<F: Fixture> Stage for Anew<F> {
    fn clear(&mut self) {
        self.env = None;
        self.env = Some(Env::new(World::new(self.fixture.make()), self.rules));
    }

    fn run(&mut self) -> &mut dyn Run {
        self.env.as_mut().expect("it has been cleared")
    }
}

/// The kernel, in one directory after the other.
#[cfg(target_os = "linux")]
pub(super) struct Chamber {
    parent: std::path::PathBuf,
    dir: tempfile::TempDir,
    thread: crate::differential::kernel::Thread,
}

#[cfg(target_os = "linux")]
impl Chamber {
    /// In directories below this one.
    ///
    /// # Panics
    /// If the kernel cannot play here.
    pub(super) fn new(parent: &std::path::Path, rules: Rules) -> Chamber {
        use crate::differential::kernel::{Root, Thread};
        let dir = tempfile::tempdir_in(parent).expect("a temporary directory");
        let thread = Thread::start(Root::Directory(dir.path().to_owned()), rules).expect("enter the directory");
        Chamber { parent: parent.to_owned(), dir, thread }
    }
}

#[cfg(target_os = "linux")]
impl Stage for Chamber {
    fn clear(&mut self) {
        let next = tempfile::tempdir_in(&self.parent).expect("a temporary directory");
        self.thread.enter(next.path()).expect("enter the directory");
        // The old one goes when nobody is in it any more.
        self.dir = next;
    }

    fn run(&mut self) -> &mut dyn Run {
        &mut self.thread
    }
}
