//! `COVERAGE.md` tells the truth: its first table is what our own guests really call and are answered, and every test
//! that the others name exists.
//!
//! `GANGPLANK_UPDATE_COVERAGE=1 cargo test -p gangplank-wasi-testsuite --test coverage` writes the first table anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use gangplank::{
    engine::{EngineOptions, engine},
    wasi::{Event, Fault, Rights, Trace, abi},
};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    run::{Compiled, Way, run},
    suite::discover,
};

const BEGIN: &str = "<!-- made by tests/coverage.rs, from here -->\n";
const END: &str = "<!-- to here -->\n";
/// Tests named for each answer; the others are as many as they are.
const NAMED: usize = 2;

/// The answers that one test got: function and errno.
#[derive(Debug, Default)]
struct Answers(Mutex<BTreeSet<(&'static str, &'static str, &'static str)>>);

impl Trace for Answers {
    fn begin(&self, _: &'static abi::Import) -> u64 {
        0
    }

    fn event(&self, event: &Event<'_, '_>) {
        let answer = match event.result {
            Ok(()) => "success",
            Err(Fault::Errno(errno)) => abi::errno_name(abi::to_wasi(errno)).unwrap_or("?"),
            Err(Fault::Exit) => "ends",
        };
        self.0.lock().unwrap().insert((event.import.module, event.import.name, answer));
    }
}

#[test]
fn the_tables_tell_the_truth() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = package.join("COVERAGE.md");
    let engine = engine(None, &EngineOptions::default()).unwrap();
    let mut names = BTreeSet::new();
    let mut answers: BTreeMap<_, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    for suite in discover(&package.join("tests")).unwrap() {
        for case in &suite.cases {
            let seen = Arc::new(Answers::default());
            let trace: Arc<dyn Trace> = seen.clone();
            let compiled = Compiled::new(Arc::clone(&engine), case.program.clone());
            let way = Way { fs: Fs::Mem, rights: Rights::Ignore, trace: Some(&trace) };
            run(&compiled, case.expectation.as_ref().unwrap(), case.dir(), way).unwrap();
            assert!(names.insert(case.name.clone()), "two tests are called {}", case.name);
            for &(module, function, answer) in &*seen.0.lock().unwrap() {
                let of = answers.entry((module, function)).or_default();
                of.entry(answer).or_default().insert(case.name.clone());
            }
        }
    }
    let functions = abi::preview1::IMPORTS.iter();
    let uncalled: Vec<_> = functions.filter(|i| !answers.contains_key(&(i.module, i.name))).collect();
    assert!(uncalled.is_empty(), "no guest calls {uncalled:?}");

    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (made, after) = rest.split_once(END).unwrap();
    let now = table(&answers);
    if std::env::var_os("GANGPLANK_UPDATE_COVERAGE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
    } else {
        assert!(made == now, "COVERAGE.md is out of date; its head says how to write it anew");
    }
    let unknown: Vec<_> = quoted(before).chain(quoted(after)).filter(|name| !names.contains(*name)).collect();
    assert!(unknown.is_empty(), "COVERAGE.md names tests that do not exist: {unknown:?}");
}

fn table(answers: &BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<String>>>) -> String {
    let mut text = String::from("| function | answer | tests |\n|---|---|---|\n");
    for ((module, function), answers) in answers {
        let before = if *module == "wasi_unstable" { "wasi_unstable." } else { "" };
        for (answer, tests) in answers {
            let mut named: Vec<_> = tests.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            if tests.len() > NAMED {
                named.push(format!("{} more", tests.len() - NAMED));
            }
            writeln!(text, "| {before}{function} | {answer} | {} |", named.join(", ")).unwrap();
        }
    }
    text
}

/// What stands between backquotes and looks like the name of a test: words of a topic and an aspect.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_end_matches([' ', '|']).rsplit_once('|'))
        .flat_map(|(_, tests)| tests.split('`').skip(1).step_by(2))
}
