//! The tables of scripts that are played by a guest: an engine a table.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use gangplank::{
    Program,
    engine::{ENGINES, Engine, EngineOptions, engine},
};
use gangplank_conformance::{
    differential::Script,
    report::Report,
    scoreboard::{Mark, Row, Table, in_parallel},
};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    scripts::{COUNT, play, player, random, saved},
};

/// A script, or the number of one that is another on each filesystem.
enum Which {
    Saved(String, Script),
    Random(u64),
}

impl Which {
    fn group(&self) -> &'static str {
        match self {
            Which::Saved(..) => "saved scripts",
            Which::Random(_) => "random scripts",
        }
    }

    fn name(&self) -> String {
        match self {
            Which::Saved(name, _) => format!("saved/{name}"),
            Which::Random(number) => format!("random/{number}"),
        }
    }
}

/// Has all scripts played on every engine that we know, the saved ones from the directory `regressions`; those of an engine
/// that is not here are not played, and say why.
///
/// # Errors
/// If the saved scripts cannot be read.
pub(crate) fn tables(regressions: &Path, told: &dyn Fn(&str)) -> Result<Vec<Table>> {
    let mut scripts: Vec<Which> = saved(regressions)?.into_iter().map(|(name, s)| Which::Saved(name, s)).collect();
    scripts.extend((0..COUNT).map(Which::Random));
    let table = |name: &str| {
        told(name);
        table(name, engine(Some(name), &EngineOptions::default()).map_err(|e| e.to_string()), &scripts)
    };
    Ok(ENGINES.iter().map(|known| table(known.name)).collect())
}

fn table(name: &str, engine: Result<Arc<dyn Engine>, String>, scripts: &[Which]) -> Table {
    let program = engine.and_then(|engine| Program::from_file(&*engine, player()).map_err(|e| e.to_string()));
    let missing = Fs::ALL.map(Fs::missing);
    let row = |which: &Which| {
        let on = |(fs, missing): (&Fs, &Option<String>)| match (&program, missing) {
            (Err(why), _) | (_, Some(why)) => Mark::NotAsked(why.clone()),
            (Ok(program), None) => mark(program, *fs, which),
        };
        let marks = Fs::ALL.iter().zip(&missing).map(on).collect();
        Row { group: which.group().to_owned(), name: which.name(), marks }
    };
    Table {
        title: format!("Scripts in a guest on {name}"),
        about: "Scripts of the kit, saved and random, played by a guest through preview1; the answers are those that they get \
                without any WASI: `cargo test -p gangplank-wasi-testsuite --all-features --test scripts`."
            .to_owned(),
        columns: Fs::ALL.iter().map(|fs| fs.name().to_owned()).collect(),
        rows: in_parallel(scripts, row),
    }
}

fn mark(program: &Program, fs: Fs, which: &Which) -> Mark {
    let report = Report::of("", "", "", || {
        let played = match which {
            Which::Saved(_, script) => play(program, fs, script),
            Which::Random(number) => play(program, fs, &random(fs, *number)),
        };
        played.unwrap_or_else(|what| panic!("{what}"));
    });
    if report.passed { Mark::Passed } else { Mark::Failed(report.trace) }
}
