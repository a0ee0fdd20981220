//! The tables of the conformance kit: what [`suite!`](crate::suite) makes tests of, on each filesystem of ours.

use std::path::Path;

use super::{Mark, Row, Table, in_parallel};
use crate::{
    Case, Fixture, ForkFixture, HostFixture, ImageFixture, MemFixture, OverlayFixture, QuotaFixture,
    cases::{FILES, laws, read_only},
    concurrent::Looks,
    differential::Player,
    model::{self, SCRIPTS},
    report::Report,
    run_and_note,
    sanity::As,
};

/// Which cases there are for a filesystem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    /// All that can be asked of one that can be changed, and the model beside scripts.
    Whole,
    /// Those that look at a tree that somebody else has made: it cannot be changed any more.
    Laws,
    /// Those for one that comes with a tree of its own.
    ReadOnly,
}

/// A filesystem of ours, and what is asked of it.
#[derive(Clone, Copy)]
pub struct Filesystem {
    /// The module of its tests, in `conformance/tests`: `cargo test -p gangplank-conformance NAME::` runs them.
    pub name: &'static str,
    /// Where filesystems of this kind come from.
    pub fixture: &'static dyn Fixture,
    /// What is asked.
    pub suite: Suite,
    /// What whoever looks during a change is promised, where threads are.
    pub looks: Looks,
    /// Why `statfs` does not count just the names that are there, if so.
    pub uncounted: Option<&'static str>,
}

impl core::fmt::Debug for Filesystem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Filesystem").field("name", &self.name).field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Filesystem {
    /// As whoever plays scripts on it.
    pub fn player(&self) -> impl Player + '_ {
        As(self.fixture)
    }
}

const fn of(name: &'static str, fixture: &'static dyn Fixture, suite: Suite) -> Filesystem {
    Filesystem { name, fixture, suite, looks: Looks::Whole, uncounted: None }
}

/// An overlay: its layers count what it keeps there, too.
const fn layered(name: &'static str, fixture: &'static dyn Fixture) -> Filesystem {
    let uncounted =
        Some("`statfs` of an overlay counts whiteouts and directories of its own with the names that are seen");
    Filesystem { uncounted, ..of(name, fixture, Suite::Whole) }
}

/// On a host, where readers do not wait for writers, and others use the same disk.
const fn hosted(fs: Filesystem) -> Filesystem {
    Filesystem { looks: Looks::Torn, uncounted: Some("`statfs` counts what others have on the host's disk"), ..fs }
}

/// All of ours that the kit runs on.
pub const FILESYSTEMS: &[Filesystem] = &[
    of("mem", &MemFixture, Suite::Whole),
    of("fork", &ForkFixture, Suite::Whole),
    hosted(of("host", &HostFixture::BEST, Suite::Whole)),
    hosted(of("host_portable", &HostFixture::PORTABLE, Suite::Whole)),
    hosted(of("host_exclusive", &HostFixture::EXCLUSIVE, Suite::Whole)),
    layered("overlay_mem", &OverlayFixture::Mem),
    layered("overlay_emptied", &OverlayFixture::Emptied),
    layered("overlay_buried", &OverlayFixture::Buried),
    layered("overlay_fork", &OverlayFixture::Fork),
    layered("overlay_mem_host", &OverlayFixture::MemOverHost),
    hosted(layered("overlay_host", &OverlayFixture::Host)),
    hosted(layered("overlay_host_emptied", &OverlayFixture::HostEmptied)),
    layered("overlay_image", &ImageFixture::Under),
    of("quota_mem", &QuotaFixture(MemFixture), Suite::Whole),
    hosted(of("quota_host", &QuotaFixture(HostFixture::BEST), Suite::Whole)),
    of("image", &ImageFixture::Sealed, Suite::Laws),
    of("filled", &ImageFixture::Filled, Suite::ReadOnly),
];

/// Something to run.
#[derive(Clone, Copy)]
enum Test {
    Case(&'static Case),
    RandomScripts,
    SavedScripts,
}

const RANDOM_SCRIPTS: &str = "model::random_scripts";
const SAVED_SCRIPTS: &str = "model::saved_scripts";

/// The names of everything that [`kit`] runs on something.
pub fn tests_of_the_kit() -> Vec<&'static str> {
    let suites = [Suite::Whole, Suite::ReadOnly];
    suites.iter().flat_map(|suite| suite.tests()).map(|test| test.name()).collect()
}

impl Test {
    fn name(&self) -> &'static str {
        match self {
            Test::Case(case) => case.name,
            Test::RandomScripts => RANDOM_SCRIPTS,
            Test::SavedScripts => SAVED_SCRIPTS,
        }
    }

    fn run(&self, fixture: &dyn Fixture, regressions: &Path) -> Mark {
        let mut limits = None;
        let report = Report::of(self.name(), "", "", || match self {
            Test::Case(case) => limits = run_and_note(fixture, case.run).limits_of_mark(),
            Test::RandomScripts => {
                if let Some(found) = model::search(&As(fixture), 0, SCRIPTS) {
                    panic!("{found}");
                }
            }
            Test::SavedScripts => {
                let played = model::saved_scripts_in(regressions, &As(fixture));
                assert!(played > 0, "none of the scripts in {} can be played", regressions.display());
            }
        });
        if report.passed { limits.unwrap_or(Mark::Passed) } else { Mark::Failed(report.trace) }
    }
}

impl crate::Asked {
    /// The mark of a case that passed and has left something out.
    fn limits_of_mark(&self) -> Option<Mark> {
        let why = self.limits()?;
        Some(if self.touched { Mark::Partly(why) } else { Mark::NotAsked(why) })
    }
}

impl Suite {
    fn tests(self) -> Vec<Test> {
        match self {
            Suite::Whole => {
                let cases = FILES.iter().copied().flatten().map(Test::Case);
                cases.chain([Test::RandomScripts, Test::SavedScripts]).collect()
            }
            Suite::Laws => laws::CASES.iter().map(Test::Case).collect(),
            Suite::ReadOnly => read_only::CASES.iter().map(Test::Case).collect(),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Suite::Whole => "The kit",
            Suite::Laws => "The kit on what is sealed",
            Suite::ReadOnly => "The kit on what cannot be changed",
        }
    }

    fn about(self) -> String {
        match self {
            Suite::Whole => format!(
                "The cases of `conformance/src/cases`, each with its reference there, and the model beside {SCRIPTS} \
                 random scripts and beside those in `conformance/regressions`. A filesystem is called as its tests are: \
                 `cargo test -p gangplank-conformance --test overlay_mem`; `quota_mem` and `quota_host` are in `--test quota`."
            ),
            Suite::Laws => {
                "An archive of a tree that the cases have made. It cannot be changed, so that only the laws can \
                            be asked: `cargo test -p gangplank-conformance --test image image::`."
                    .to_owned()
            }
            Suite::ReadOnly => {
                "An archive with a tree of its own: everything can be looked at, and nothing can be changed: \
                                `cargo test -p gangplank-conformance --test image filled::`."
                    .to_owned()
            }
        }
    }
}

/// Runs the kit on every filesystem of ours, and answers what came of it: a table for each suite. Saved scripts are read
/// from the directory `regressions`. `told` hears of each filesystem before it is run.
pub fn kit(regressions: &Path, told: &dyn Fn(&str)) -> Vec<Table> {
    [Suite::Whole, Suite::Laws, Suite::ReadOnly].into_iter().map(|suite| table(suite, regressions, told)).collect()
}

fn table(suite: Suite, regressions: &Path, told: &dyn Fn(&str)) -> Table {
    let filesystems: Vec<&Filesystem> = FILESYSTEMS.iter().filter(|fs| fs.suite == suite).collect();
    let tests = suite.tests();
    let mut marks: Vec<Vec<Mark>> = tests.iter().map(|_| vec![]).collect();
    for fs in &filesystems {
        told(fs.name);
        let results = in_parallel(&tests, |test| test.run(fs.fixture, regressions));
        for (row, mark) in marks.iter_mut().zip(results) {
            row.push(mark);
        }
    }
    let row = |(test, marks): (&Test, Vec<Mark>)| {
        let group = test.name().split("::").next().unwrap_or_default().to_owned();
        Row { group, name: test.name().to_owned(), marks }
    };
    Table {
        title: suite.title().to_owned(),
        about: suite.about(),
        columns: filesystems.iter().map(|fs| fs.name.to_owned()).collect(),
        rows: tests.iter().zip(marks).map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;

    fn case(run: fn(&World)) -> Mark {
        let case: &'static Case = Box::leak(Box::new(Case { name: "a::b", what: "", reference: "", run }));
        Test::Case(case).run(&MemFixture, Path::new("/nowhere"))
    }

    #[test]
    fn a_mark_is_what_the_case_has_asked() {
        use gangplank_vfs::FsCaps;
        assert_eq!(case(|w| drop(w.put("a", ""))), Mark::Passed);
        let unclaimed = "does not claim `DURABLE`".to_owned();
        assert_eq!(case(|w| assert!(!w.has(FsCaps::DURABLE))), Mark::NotAsked(unclaimed.clone()));
        let partly = |w: &World| {
            w.put("a", "");
            assert!(!w.has(FsCaps::DURABLE));
        };
        assert_eq!(case(partly), Mark::Partly(unclaimed));
        assert_eq!(case(|_| {}), Mark::NotAsked(String::new()), "which is unexplained");
        let Mark::Failed(seen) = case(|w| assert!(w.has(FsCaps::DURABLE), "it is not")) else { panic!("it fails") };
        assert!(seen.starts_with("it is not\nat "), "{seen}");
    }

    #[test]
    fn saved_scripts_that_are_not_there_are_a_failure() {
        let mark = Test::SavedScripts.run(&MemFixture, Path::new("/nowhere"));
        assert!(matches!(&mark, Mark::Failed(seen) if seen.contains("/nowhere")), "{mark:?}");
    }
}
