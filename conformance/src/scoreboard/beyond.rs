//! The tables of what is more than one case on one filesystem: threads, and whatever fails below.

use super::{FILESYSTEMS, Filesystem, Mark, Row, Suite, Table, in_parallel};
use crate::{
    concurrent::{PROGRAMS, Program, RealThreads, check},
    differential::{Op, Rng, Script},
    faults::{Kind, STACKS, lines, short_transfers, sweep},
    leaks,
    report::Report,
};

/// How often each program of threads is run, since each time others may meet.
const TIMES: u64 = 5;

/// How many random programs.
const RANDOM: u64 = 40;

/// What is asked of a filesystem.
#[derive(Clone, Copy)]
enum Whole {
    /// A program of threads, by its place among [`PROGRAMS`].
    Program(usize),
    RandomPrograms,
    #[cfg(feature = "state-machine")]
    States,
    Counts,
}

impl Whole {
    fn all() -> Vec<Whole> {
        let mut all: Vec<Whole> = (0..PROGRAMS.len()).map(Whole::Program).collect();
        all.push(Whole::RandomPrograms);
        #[cfg(feature = "state-machine")]
        all.push(Whole::States);
        all.push(Whole::Counts);
        all
    }

    fn name(self) -> String {
        match self {
            Whole::Program(at) => format!("concurrent::{}", PROGRAMS[at].0),
            Whole::RandomPrograms => "concurrent::random programs".to_owned(),
            #[cfg(feature = "state-machine")]
            Whole::States => "state_machine::ways".to_owned(),
            Whole::Counts => "leaks::what is used is what is there".to_owned(),
        }
    }

    fn mark(self, fs: &Filesystem) -> Mark {
        match (self, fs.uncounted) {
            (Whole::Counts, Some(why)) => Mark::NotAsked(why.to_owned()),
            _ => mark(&self.name(), || self.run(fs)),
        }
    }

    fn run(self, fs: &Filesystem) {
        let judge = |program: &Program| {
            let made = fs.fixture.make();
            check(&made.fs, program, &RealThreads, fs.looks).unwrap_or_else(|e| panic!("{e}"));
        };
        match self {
            Whole::Program(at) => {
                let program: Program = PROGRAMS[at].1.parse().unwrap_or_else(|e| panic!("{e}"));
                (0..TIMES).for_each(|_| judge(&program));
            }
            Whole::RandomPrograms => {
                let caps = fs.fixture.make().fs.info().caps;
                (0..RANDOM).for_each(|seed| judge(&Program::random(&mut Rng::new(seed), caps)));
            }
            #[cfg(feature = "state-machine")]
            Whole::States => {
                use crate::state_machine::{CASES, search};
                if let Some(found) = search(&fs.player(), 0, CASES) {
                    panic!("{found}");
                }
            }
            Whole::Counts => leaks::SCRIPTS.for_each(|seed| leaks::script(fs.fixture, seed, leaks::LEN)),
        }
    }
}

/// What is asked of whatever lies on something that fails.
#[derive(Clone)]
enum Failing {
    Line(Op),
    ShortTransfers,
    References,
}

impl Failing {
    fn all() -> Vec<Failing> {
        let lines = lines().0.into_iter().map(Failing::Line);
        lines.chain([Failing::ShortTransfers, Failing::References]).collect()
    }

    fn name(&self) -> String {
        match self {
            Failing::Line(op) => format!("faults::{op}"),
            Failing::ShortTransfers => "faults::short transfers".to_owned(),
            Failing::References => "leaks::references".to_owned(),
        }
    }

    fn mark(&self, kind: &Kind) -> Mark {
        let mut asked = true;
        let mark = mark(&self.name(), || asked = self.run(kind));
        if asked { mark } else { Mark::NotAsked(NOTHING_BELOW.to_owned()) }
    }

    /// Answers whether anything below was called, so that it could fail.
    fn run(&self, kind: &Kind) -> bool {
        let make = (kind.maker)();
        match self {
            Failing::Line(op) => {
                let swept = sweep(&make, &Script(vec![op.clone()])).unwrap_or_else(|wrong| panic!("{wrong}"));
                swept.faults > 0
            }
            Failing::ShortTransfers => short_transfers(&make) > 0,
            Failing::References => {
                leaks::REFERENCES.for_each(|seed| leaks::references(make(), seed, leaks::LEN));
                true
            }
        }
    }
}

/// Why a line is not asked.
const NOTHING_BELOW: &str = "it calls nothing below that could fail";

fn mark(name: &str, run: impl FnOnce()) -> Mark {
    let report = Report::of(name, "", "", run);
    if report.passed { Mark::Passed } else { Mark::Failed(report.trace) }
}

fn group(name: &str) -> String {
    name.split("::").next().unwrap_or_default().to_owned()
}

const WHOLE: &str = "Threads, states and leaks";
const FAILING: &str = "Faults";

/// The headings of these tables, each with the names of everything in it.
pub fn tests_beyond() -> [(&'static str, Vec<String>); 2] {
    [
        (WHOLE, Whole::all().iter().map(|test| test.name()).collect()),
        (FAILING, Failing::all().iter().map(Failing::name).collect()),
    ]
}

/// Runs threads, state machines, faults and leaks, and answers what came of it: a table for whole filesystems, and one
/// for what lies on others. `told` hears of each column before it is run.
pub fn beyond(told: &dyn Fn(&str)) -> Vec<Table> {
    let filesystems: Vec<&Filesystem> = FILESYSTEMS.iter().filter(|fs| fs.suite == Suite::Whole).collect();
    let whole = Whole::all();
    let columns = filesystems.iter().map(|fs| {
        told(&format!("threads on {}", fs.name));
        // Threads that are to meet need the processors for themselves.
        (fs.name, whole.iter().map(|test| test.mark(fs)).collect())
    });
    let names = whole.iter().map(|test| test.name()).collect();
    let first = table(WHOLE, about_whole(), names, columns.collect());
    let failing = Failing::all();
    let columns = STACKS.iter().map(|kind| {
        told(&format!("faults below {}", kind.name));
        (kind.name, in_parallel(&failing, |test| test.mark(kind)))
    });
    let names = failing.iter().map(Failing::name).collect();
    vec![first, table(FAILING, about_failing(), names, columns.collect())]
}

fn table(title: &str, about: String, names: Vec<String>, columns: Vec<(&str, Vec<Mark>)>) -> Table {
    let row = |(at, name): (usize, String)| Row {
        group: group(&name),
        marks: columns.iter().map(|(_, marks)| marks[at].clone()).collect(),
        name,
    };
    Table {
        title: title.to_owned(),
        about,
        rows: names.into_iter().enumerate().map(row).collect(),
        columns: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
    }
}

fn about_whole() -> String {
    format!(
        "`concurrent`: programs of several threads, each run {TIMES} times, and {RANDOM} random ones: what the threads saw \
         can have happened one after the other (`--test concurrent`). `state_machine`: what proptest draws, one transition \
         after the other (`--test state_machine`). `leaks`: when everything is removed, nothing is used (`--test leaks`)."
    )
}

fn about_failing() -> String {
    let stacks: Vec<String> = STACKS.iter().map(|kind| format!("`{}` is {}", kind.name, kind.what)).collect();
    format!(
        "Every call into the filesystem below fails, one after the other, while a line is done: then nothing has changed, and \
         nothing is left over (`cargo test -p gangplank-conformance --test faults --test leaks`). {}.",
        stacks.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_has_a_name_of_its_own() {
        for (title, names) in tests_beyond() {
            let different: std::collections::BTreeSet<&String> = names.iter().collect();
            assert_eq!(different.len(), names.len(), "{title}");
            assert!(names.iter().all(|name| !name.contains(['`', '|'])), "{title}");
        }
    }

    #[test]
    fn what_calls_nothing_below_is_not_asked() {
        let of = |line: &str| {
            let op = line.parse::<Script>().unwrap().0.remove(0);
            Failing::Line(op).mark(Kind::named("overlay_upper").unwrap())
        };
        assert_eq!(of("mkdir new"), Mark::Passed);
        assert_eq!(of("dup 0 2"), Mark::NotAsked(NOTHING_BELOW.to_owned()));
    }

    /// What fails is shown, and what is not asked says why.
    #[test]
    fn marks_are_what_came_out() {
        let of = |name: &str| FILESYSTEMS.iter().find(|fs| fs.name == name).unwrap();
        assert_eq!(Whole::Counts.mark(of("mem")), Mark::Passed);
        assert!(matches!(Whole::Counts.mark(of("host")), Mark::NotAsked(why) if why.contains("statfs")));
        // An overlay over things does not count what is there alone: the reason is true.
        let counted = Filesystem { uncounted: None, ..*of("overlay_emptied") };
        assert!(matches!(Whole::Counts.mark(&counted), Mark::Failed(seen) if seen.contains("names used")));
    }
}
