//! The scoreboard: every test on every filesystem, and the reason of everything that is not green, as one file.
//!
//! A [`Board`] is made of [`Table`]s of [`Mark`]s. [`kit()`] and [`beyond()`] make those of the conformance kit; whoever has
//! other suites adds theirs. [`Board::to_markdown`] writes it, [`first_difference`] compares it with what was written before, and
//! [`Board::unexplained`] names what is not green and says no reason: a reason comes from who did not ask, never from
//! here. `cargo xtask scoreboard` does all of this for everything that is ours, into `CONFORMANCE.md`.

mod beyond;
mod kit;
mod markdown;

use std::sync::Mutex;

pub use beyond::{beyond, tests_beyond};
pub use kit::{FILESYSTEMS, Filesystem, Suite, kit, tests_of_the_kit};

/// How the line begins that says on what machine it was made. [`first_difference`] takes no notice of it.
pub const MADE_WITH: &str = "Made with: ";

/// All that there is to show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Board {
    /// What it was made with: engines, compiler, kernel, with their versions.
    pub made_with: Vec<String>,
    /// Results.
    pub tables: Vec<Table>,
    /// What belongs to them: differences that are allowed, for example.
    pub lists: Vec<List>,
}

/// Results of tests that run on the same filesystems.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// A heading.
    pub title: String,
    /// Sentences: which tests they are, how one of them is run, and what is not among them, and why.
    pub about: String,
    /// Names of filesystems.
    pub columns: Vec<String>,
    /// Tests, those of a group side by side.
    pub rows: Vec<Row>,
}

/// One test on all filesystems.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// What it belongs to: an operation, a suite.
    pub group: String,
    /// Its whole name.
    pub name: String,
    /// What came of it, column by column.
    pub marks: Vec<Mark>,
}

/// What came of a test on a filesystem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It passed.
    Passed,
    /// It passed, and has asked for less than it might have, for this reason.
    Partly(String),
    /// Nothing was asked, for this reason.
    NotAsked(String),
    /// It failed; what was seen.
    Failed(String),
}

impl Mark {
    /// The reason why it is not green, if one is known. A failure has none.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Mark::Partly(why) | Mark::NotAsked(why) => Some(why),
            Mark::Passed | Mark::Failed(_) => None,
        }
    }
}

/// Facts that stand beside the results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// A heading.
    pub title: String,
    /// What they are.
    pub about: String,
    /// What is in each of their columns.
    pub header: Vec<String>,
    /// As many cells in each as in the header.
    pub rows: Vec<Vec<String>>,
}

/// How many of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// [`Mark::Passed`].
    pub passed: usize,
    /// [`Mark::Partly`].
    pub partly: usize,
    /// [`Mark::NotAsked`].
    pub not_asked: usize,
    /// [`Mark::Failed`].
    pub failed: usize,
}

impl Counts {
    /// Of some marks.
    pub fn of<'m>(marks: impl IntoIterator<Item = &'m Mark>) -> Counts {
        let mut counts = Counts::default();
        for mark in marks {
            match mark {
                Mark::Passed => counts.passed += 1,
                Mark::Partly(_) => counts.partly += 1,
                Mark::NotAsked(_) => counts.not_asked += 1,
                Mark::Failed(_) => counts.failed += 1,
            }
        }
        counts
    }

    /// Whether everything passed, and whole.
    pub fn is_green(&self) -> bool {
        self.partly + self.not_asked + self.failed == 0
    }
}

impl Board {
    /// Of all tests on all filesystems.
    pub fn counts(&self) -> Counts {
        Counts::of(self.tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.marks))
    }

    /// What is not green and has no reason: for each the test, the filesystem, and what was seen.
    pub fn unexplained(&self) -> Vec<String> {
        let mut found = vec![];
        for table in &self.tables {
            for row in &table.rows {
                for (column, mark) in table.columns.iter().zip(&row.marks) {
                    let what = match mark {
                        Mark::Failed(seen) => format!("failed: {seen}"),
                        Mark::Partly(why) | Mark::NotAsked(why) if why.trim().is_empty() => {
                            "has asked nothing, and says no reason".to_owned()
                        }
                        _ => continue,
                    };
                    found.push(format!("{} on {column} ({}) {what}", row.name, table.title));
                }
            }
        }
        found
    }
}

/// The first line in which a board differs from another: its number, from 1, and what is there and was made. What it was
/// made with may be another.
pub fn first_difference(there: &str, made: &str) -> Option<(usize, String, String)> {
    let (mut there, mut made) = (there.lines(), made.lines());
    for number in 1.. {
        let (old, new) = match (there.next(), made.next()) {
            (None, None) => return None,
            (old, new) => (old.unwrap_or("(the end)"), new.unwrap_or("(the end)")),
        };
        if old != new && !(old.starts_with(MADE_WITH) && new.starts_with(MADE_WITH)) {
            return Some((number, old.to_owned(), new.to_owned()));
        }
    }
    None
}

/// Does every job, several at once, and answers their results in the order of the jobs.
pub fn in_parallel<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0..jobs.len());
    let done = Mutex::new(vec![]);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let take = || next.lock().expect("nobody panics here").next();
                while let Some(at) = take() {
                    let result = work(&jobs[at]);
                    done.lock().expect("nobody panics here").push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panics here");
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(marks: Vec<Mark>) -> Board {
        let columns = (0..marks.len()).map(|i| format!("fs{i}")).collect();
        let row = Row { group: "link".to_owned(), name: "link::one".to_owned(), marks };
        let table = Table { title: "The kit".to_owned(), about: String::new(), columns, rows: vec![row] };
        Board { tables: vec![table], ..Board::default() }
    }

    #[test]
    fn what_has_no_reason_is_named() {
        let known = "does not claim `SYMLINKS`".to_owned();
        let explained = board(vec![Mark::Passed, Mark::Partly(known.clone()), Mark::NotAsked(known)]);
        assert_eq!(explained.unexplained(), [""; 0]);
        let bad = board(vec![Mark::Passed, Mark::NotAsked(" ".to_owned()), Mark::Failed("5 is wrong".to_owned())]);
        assert_eq!(
            bad.unexplained(),
            [
                "link::one on fs1 (The kit) has asked nothing, and says no reason",
                "link::one on fs2 (The kit) failed: 5 is wrong"
            ]
        );
        assert_eq!(bad.counts(), Counts { passed: 1, partly: 0, not_asked: 1, failed: 1 });
    }

    #[test]
    fn the_machine_makes_no_difference_and_everything_else_does() {
        let old = format!("# A\n{MADE_WITH}Linux 6\nrow\n");
        assert_eq!(first_difference(&old, &old.replace("Linux 6", "Linux 7")), None);
        assert_eq!(first_difference(&old, &old.replace("row", "cow")), Some((3, "row".into(), "cow".into())));
        assert_eq!(first_difference(&old, &format!("{old}more")), Some((4, "(the end)".into(), "more".into())));
        assert_eq!(first_difference(&format!("{old}more"), &old), Some((4, "more".into(), "(the end)".into())));
    }

    #[test]
    fn results_are_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..50).collect();
        assert_eq!(in_parallel(&jobs, |n| n * n), jobs.iter().map(|n| n * n).collect::<Vec<_>>());
    }
}
