//! The kit as a program: every level on every filesystem given, nothing left out because something failed, and a full
//! report in the end. As csi-sanity is for storage drivers.
//!
//! `fs-sanity` runs it on Gangplank's own filesystems, and on any directory of the host. For a filesystem of your own
//! the program is three lines:
//!
//! ```no_run
//! # use gangplank_conformance::MemFixture as MyFixture;
//! fn main() -> std::process::ExitCode {
//!     gangplank_conformance::sanity::main(&[&MyFixture])
//! }
//! ```

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use serde_json::json;

use crate::{
    Case, Fixture,
    cases::{FILES, read_only},
    model,
    report::Report,
    run,
};

/// One part of the kit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Two ways to learn the same thing agree.
    Laws,
    /// One case after the other, with a reference each.
    Cases,
    /// Random scripts beside the model.
    Model,
}

/// What to run, and what to make of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The parts; all of them if there is none.
    pub levels: Vec<Level>,
    /// Only cases whose name has one of these in it; all if there is none.
    pub only: Vec<String>,
    /// No case whose name has one of these in it.
    pub skip: Vec<String>,
    /// Where random scripts begin.
    pub seed: u64,
    /// How many there are.
    pub scripts: u64,
    /// Where the report goes, as JSON.
    pub json: Option<PathBuf>,
    /// Whether the cases are only named.
    pub list: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { levels: vec![], only: vec![], skip: vec![], seed: 0, scripts: 200, json: None, list: false }
    }
}

/// What the options are, for `-h`.
pub const OPTIONS: &str = "\
Options:
  --list           name the cases, and run none
  --level LEVEL    only this one: laws, cases, model; may be given again
  --only TEXT      only cases whose name has TEXT in it; may be given again
  --skip TEXT      no case whose name has TEXT in it; may be given again
  --seed N         where the random scripts begin (0)
  --scripts N      how many of them are run beside the model (200)
  --json FILE      write a report: for each case its name, what it demands, the page that this comes from, what came
                   of it, and what was seen
  -h, --help       this text

It ends with 0 if everything passed, with 1 if something failed, and with 2 if it was not asked properly.
";

/// What was asked of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// To run: the options, and the words that are none.
    Run(Options, Vec<String>),
    /// How it is used.
    Help,
}

/// Takes a command line apart.
///
/// # Errors
/// A sentence for people.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Asked, String> {
    let (mut options, mut words) = (Options::default(), vec![]);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value after it"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number, which {arg} needs"));
        match &*arg {
            "-h" | "--help" => return Ok(Asked::Help),
            "--list" => options.list = true,
            "--only" => options.only.push(value()?),
            "--skip" => options.skip.push(value()?),
            "--json" => options.json = Some(value()?.into()),
            "--seed" => options.seed = value().and_then(number)?,
            "--scripts" => options.scripts = value().and_then(number)?,
            "--level" => options.levels.push(match &*value()? {
                "laws" => Level::Laws,
                "cases" => Level::Cases,
                "model" => Level::Model,
                other => return Err(format!("{other} is no level: there are laws, cases, model")),
            }),
            other if other.starts_with('-') => return Err(format!("there is no option {other}: try --help")),
            _ => words.push(arg),
        }
    }
    Ok(Asked::Run(options, words))
}

/// The whole program, for filesystems of your own. Words on the command line choose among them by name; without any,
/// all are run.
pub fn main(fixtures: &[&dyn Fixture]) -> ExitCode {
    let names: Vec<&str> = fixtures.iter().map(|f| f.name()).collect();
    let chosen = |words: &[String]| {
        let find = |word: &String| {
            let at = names.iter().position(|name| name == word);
            at.map(|at| fixtures[at]).ok_or_else(|| format!("{word} is none of {}", names.join(", ")))
        };
        match words {
            [] => Ok(fixtures.to_vec()),
            words => words.iter().map(find).collect::<Result<Vec<_>, String>>(),
        }
    };
    let asked = parse(std::env::args().skip(1)).and_then(|asked| match asked {
        Asked::Help => Ok(None),
        Asked::Run(options, words) => chosen(&words).map(|fixtures| Some((options, fixtures))),
    });
    match asked {
        Ok(None) => {
            println!(
                "Runs the conformance kit on: {}\n\nUsage: [OPTIONS] [FILESYSTEM…]\n\n{OPTIONS}",
                names.join(", ")
            );
            ExitCode::SUCCESS
        }
        Ok(Some((options, fixtures))) => run_and_tell(&fixtures, &options),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// Runs what the options say on each filesystem, prints what came of it, writes the report, and answers the exit code.
pub fn run_and_tell(fixtures: &[&dyn Fixture], options: &Options) -> ExitCode {
    if options.list {
        for (case, ..) in plan(options, false).into_iter().chain(plan(options, true)) {
            println!("{case}");
        }
        return ExitCode::SUCCESS;
    }
    let (mut filesystems, mut good) = (vec![], true);
    for fixture in fixtures {
        println!("{}", fixture.name());
        let reports = check(*fixture, options, &mut |report| {
            if !report.passed {
                print!("{}", failure(report));
            }
        });
        let failed = reports.iter().filter(|r| !r.passed).count();
        let time: Duration = reports.iter().map(|r| r.time).sum();
        println!("  {} passed, {failed} failed, in {:.1} s", reports.len() - failed, time.as_secs_f64());
        if reports.is_empty() {
            eprintln!("  no case was run: --only and --skip leave none");
        }
        good &= failed == 0 && !reports.is_empty();
        filesystems.push(json!({
            "filesystem": fixture.name(),
            "capabilities": fixture.make().fs.info().caps.iter_names().map(|(name, _)| name).collect::<Vec<_>>(),
            "passed": reports.len() - failed,
            "failed": failed,
            "cases": reports.iter().map(Report::to_json).collect::<Vec<_>>(),
        }));
    }
    if let Some(path) = &options.json {
        let report = json!({ "seed": options.seed, "scripts": options.scripts, "filesystems": filesystems });
        if let Err(e) = std::fs::write(path, format!("{report:#}\n")) {
            eprintln!("the report cannot be written to {}: {e}", path.display());
            return ExitCode::from(2);
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs what the options say on one filesystem; `each` hears of every case as it ends.
pub fn check(fixture: &dyn Fixture, options: &Options, each: &mut dyn FnMut(&Report)) -> Vec<Report> {
    let filled = fixture.make().filled;
    let mut reports = vec![];
    for (name, case) in plan(options, filled) {
        let report = match case {
            Some(case) => Report::of(&name, case.what, case.reference, || run(fixture, case.run)),
            None => Report::of(&name, SCRIPTS, "the model, and its list of freedoms", || {
                if let Some(found) = model::search(&As(fixture), options.seed, options.scripts) {
                    panic!("{found}");
                }
            }),
        };
        each(&report);
        reports.push(report);
    }
    reports
}

const SCRIPTS: &str = "Whatever is done to a filesystem, it answers what the model allows.";

/// The names of what is to be run, and the cases; the scripts are none.
fn plan(options: &Options, filled: bool) -> Vec<(String, Option<&'static Case>)> {
    let cases =
        if filled { read_only::CASES.iter().collect() } else { FILES.iter().copied().flatten().collect::<Vec<_>>() };
    let level = |case: &Case| if case.name.starts_with("laws::") { Level::Laws } else { Level::Cases };
    let of_level = |level| options.levels.is_empty() || options.levels.contains(&level);
    let named = |name: &str| {
        let has = |texts: &[String]| texts.iter().any(|text| name.contains(text.as_str()));
        (options.only.is_empty() || has(&options.only)) && !has(&options.skip)
    };
    let mut plan: Vec<(String, Option<&Case>)> =
        cases.into_iter().filter(|case| of_level(level(case))).map(|case| (case.name.to_owned(), Some(case))).collect();
    if of_level(Level::Model) && !filled {
        plan.push(("model::random_scripts".to_owned(), None));
    }
    plan.retain(|(name, _)| named(name));
    plan
}

fn failure(report: &Report) -> String {
    let mut text = format!("  FAILED {}\n", report.case);
    for line in report.trace.lines() {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "    it demands: {}", report.what);
    let _ = writeln!(text, "    as {} has it", report.reference);
    text
}

/// A fixture whose type is not known, as a player.
pub(crate) struct As<'f>(pub(crate) &'f dyn Fixture);

impl Fixture for As<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn make(&self) -> crate::Made {
        self.0.make()
    }
}
