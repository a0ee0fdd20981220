//! The tables of programs: every test of every suite in the official format on each filesystem, an engine a table.

use std::sync::Arc;

use anyhow::Result;
use gangplank::{
    engine::{ENGINES, Engine, EngineOptions, engine},
    wasi::Rights,
};
use gangplank_conformance::{
    report::Report,
    scoreboard::{Mark, Row, Table, in_parallel},
};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    plan::{OFFICIAL, not_enforced, one},
    run::Compiled,
    suite::{Case, Suite},
};

/// Rights are above the filesystems: one of them will do.
const ENFORCING: Fs = Fs::Mem;

/// Runs all suites on every engine that we know; those of an engine that is not here are not run, and say why.
pub(crate) fn tables(suites: &[Suite], official: bool, told: &dyn Fn(&str)) -> Vec<(Table, Option<String>)> {
    let table = |name: &str| {
        told(name);
        let made = engine(Some(name), &EngineOptions::default());
        let version = made.as_ref().ok().map(|engine| format!("{name}: {}", engine.version()));
        (table(name, made.map_err(|e| e.to_string()), suites, official), version)
    };
    ENGINES.iter().map(|known| table(known.name)).collect()
}

fn table(name: &str, engine: Result<Arc<dyn Engine>, String>, suites: &[Suite], official: bool) -> Table {
    let missing = Fs::ALL.map(Fs::missing);
    let tests: Vec<(&Suite, &Case)> =
        suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case))).collect();
    let row = |(suite, case): &(&Suite, &Case)| {
        let marks = match &engine {
            Ok(engine) => marks(engine, suite, case, &missing),
            Err(why) => vec![Mark::NotAsked(why.clone()); Fs::ALL.len() + 1],
        };
        Row { group: suite.label.clone(), name: format!("{}/{}", suite.label, case.name), marks }
    };
    let columns = Fs::ALL.iter().map(|fs| fs.name().to_owned()).chain([format!("{}+rights", ENFORCING.name())]);
    Table {
        title: format!("Programs on {name}"),
        about: about(name, suites, official),
        columns: columns.collect(),
        rows: in_parallel(&tests, row),
    }
}

/// On each filesystem, and in the end with rights enforced.
fn marks(engine: &Arc<dyn Engine>, suite: &Suite, case: &Case, missing: &[Option<String>]) -> Vec<Mark> {
    let compiled = Compiled::new(Arc::clone(engine), case.program.clone());
    let run = |fs, rights| {
        // Something that panics is no reason to leave out the others.
        let report = Report::of(&case.name, "", "", || {
            if let Err(error) = one(case, &compiled, fs, rights) {
                panic!("{error:#}");
            }
        });
        if report.passed { Mark::Passed } else { Mark::Failed(report.trace) }
    };
    let not_here = |why: &Option<String>| why.clone().map(Mark::NotAsked);
    let mut marks: Vec<Mark> = Fs::ALL
        .iter()
        .zip(missing)
        .map(|(fs, missing)| not_here(missing).unwrap_or_else(|| run(*fs, Rights::Ignore)))
        .collect();
    marks.push(match not_enforced(&suite.label, case) {
        Some(why) => Mark::NotAsked(why.to_owned()),
        None => run(ENFORCING, Rights::Enforce),
    });
    marks
}

fn about(name: &str, suites: &[Suite], official: bool) -> String {
    let here = match official {
        true => "those of the official wasi-testsuite and our own",
        false => "our own",
    };
    let mut text = format!(
        "Programs in the format of the official wasi-testsuite: {here}. A test is called as in \
         `cargo test -p gangplank-wasi-testsuite --all-features --test suite -- {name}/mem/preview1/args_none`; in the last \
         column rights are enforced."
    );
    if !official {
        text.push_str(&format!(
            " **The official suite is not among them:** `{OFFICIAL}` did not name a copy of it when this was written."
        ));
    }
    for suite in suites {
        if let Some(why) = suite.skipped() {
            text.push_str(&format!(" Not run: {} ({why}).", suite.manifest.name));
        }
    }
    text
}
