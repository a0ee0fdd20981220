//! [`Case`]: something that must come out right in every schedule; and the search for a schedule in which it does not.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use libtest_mimic::{Arguments, Failed, Trial};
use shuttle::{
    Config, FailurePersistence, Runner,
    scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Schedule, Scheduler, Task, TaskId},
};

/// How often [PCT](PctScheduler) takes the processor from the thread it prefers, and one more.
const DEPTH: usize = 3;

/// Something that must come out right in every schedule. Panics if it does not.
pub(crate) struct Case {
    name: String,
    body: Arc<dyn Fn() + Send + Sync>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, body: impl Fn() + Send + Sync + 'static) -> Case {
        Case { name: name.into(), body: Arc::new(body) }
    }
}

/// What is searched.
#[derive(Clone)]
pub(crate) enum How {
    /// So many schedules of each scheduler, from this seed.
    Search { schedules: usize, seed: u64 },
    /// The one that is kept in a file.
    Replay(Kept),
}

impl How {
    /// As `cargo xtask shuttle` passes it on.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn from_env() -> Result<How, String> {
        let number = |name: &str, default: u64| match std::env::var(name) {
            Ok(text) => text.parse().map_err(|_| format!("{name} is `{text}`, which is no number")),
            Err(_) => Ok(default),
        };
        if let Some(path) = std::env::var_os("GANGPLANK_SHUTTLE_REPLAY") {
            return Ok(How::Replay(Kept::read(Path::new(&path))?));
        }
        let schedules = number("GANGPLANK_SHUTTLE_SCHEDULES", 20)? as usize;
        Ok(How::Search { schedules, seed: number("GANGPLANK_SHUTTLE_SEED", 0)? })
    }
}

/// A schedule, and the case that failed in it.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    case: String,
    seed: u64,
    /// Which thread goes on, and for how many steps.
    turns: Vec<(usize, usize)>,
}

impl Kept {
    fn push(&mut self, task: usize) {
        match self.turns.last_mut() {
            Some((last, steps)) if *last == task => *steps += 1,
            _ => self.turns.push((task, 1)),
        }
    }

    fn schedule(&self) -> Schedule {
        Schedule::new_from_task_ids(self.seed, self.turns.iter().flat_map(|&(task, steps)| vec![task; steps]))
    }

    fn write(&self) -> Result<PathBuf, String> {
        let name: String = self.case.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name + ".schedule");
        let turns: Vec<String> = self.turns.iter().map(|(task, steps)| format!("{task}x{steps}")).collect();
        let text = format!("{}\n{}\n{}\n", self.case, self.seed, turns.join(" "));
        std::fs::write(&path, text).map_err(|e| format!("it cannot be kept in {}: {e}", path.display()))?;
        Ok(path)
    }

    fn read(path: &Path) -> Result<Kept, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let parsed = || {
            let mut lines = text.lines();
            let (case, seed) = (lines.next()?.to_owned(), lines.next()?.parse().ok()?);
            let turn = |turn: &str| {
                let (task, steps) = turn.split_once('x')?;
                Some((task.parse().ok()?, steps.parse().ok()?))
            };
            let turns = lines.next()?.split(' ').map(turn).collect::<Option<_>>()?;
            Some(Kept { case, seed, turns })
        };
        parsed().ok_or_else(|| format!("{} is not a schedule that was kept here", path.display()))
    }
}

/// Passes a scheduler's choices on and remembers those of the present schedule.
#[derive(Debug)]
struct Recorder<S> {
    scheduler: S,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    kept: Kept,
    /// How many schedules there have been.
    count: usize,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({})", self.count)
    }
}

impl<S: Scheduler> Scheduler for Recorder<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let schedule = self.scheduler.new_execution()?;
        let mut record = self.record.lock().expect("nobody panics with it");
        record.count += 1;
        (record.kept.seed, record.kept.turns) = (schedule.seed, vec![]);
        Some(schedule)
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let next = self.scheduler.next_task(runnable, current, is_yielding)?;
        self.record.lock().expect("nobody panics with it").kept.push(next.into());
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

/// Runs the cases that the command line names, as tests.
pub(crate) fn run(cases: Vec<Case>, how: How) -> ExitCode {
    let mut arguments = Arguments::from_args();
    if let How::Replay(kept) = &how {
        (arguments.filter, arguments.exact) = (Some(kept.case.clone()), true);
        if !cases.iter().any(|case| case.name == kept.case) {
            eprintln!("error: there is no case `{}`", kept.case);
            return ExitCode::from(2);
        }
    }
    let trial = |case: Case| {
        let how = how.clone();
        Trial::test(case.name.clone(), move || explore(&case, &how).map_err(Failed::from))
    };
    libtest_mimic::run(&arguments, cases.into_iter().map(trial).collect()).exit_code()
}

fn explore(case: &Case, how: &How) -> Result<(), String> {
    match how {
        How::Search { schedules, seed } => {
            attempt(case, "random", RandomScheduler::new_from_seed(*seed, *schedules))?;
            attempt(case, "PCT", PctScheduler::new_from_seed(*seed, DEPTH, *schedules))
        }
        How::Replay(kept) => {
            let mut scheduler = ReplayScheduler::new_from_schedule(kept.schedule());
            // It ends where the failure was.
            scheduler.set_allow_incomplete();
            attempt(case, "replaying", scheduler)
        }
    }
}

fn attempt<S: Scheduler + 'static>(case: &Case, name: &str, scheduler: S) -> Result<(), String> {
    let record = Arc::new(Mutex::new(Record::default()));
    record.lock().expect("nobody panics with it").kept.case.clone_from(&case.name);
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let runner = Runner::new(Recorder { scheduler, record: record.clone() }, config);
    let body = case.body.clone();
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| runner.run(move || body()))) else { return Ok(()) };
    let record = record.lock().expect("nobody panics with it");
    let again = match record.kept.write() {
        Ok(path) => format!("to run it again: cargo xtask shuttle --replay {}", path.display()),
        Err(why) => why,
    };
    Err(format!("schedule {} of the {name} scheduler: {}\n{again}", record.count, message(&*panic)))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}
