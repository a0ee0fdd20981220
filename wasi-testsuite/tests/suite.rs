//! The harness: every test of every suite, on every engine and filesystem, as `engine/fs/suite/test`.

use std::{collections::HashSet, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use gangplank::engine::{ENGINES, Engine, EngineOptions, engine};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    run::{Compiled, run},
    suite::{Case, Suite, discover},
};
use libtest_mimic::{Arguments, Failed, Trial};

/// Names a checkout of the official suite, or any directory of suites, by its path from the top of the repository.
const OFFICIAL: &str = "WASI_TESTSUITE_DIR";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Result<Vec<Trial>> {
    let mut suites = discover(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))?;
    match std::env::var_os(OFFICIAL) {
        Some(dir) => {
            // Cargo runs tests in the package's directory, whatever the user's is; a path counts from the repository's.
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(dir);
            let found = discover(&dir).with_context(|| format!("{OFFICIAL}={}", dir.display()))?;
            if found.is_empty() {
                bail!("{OFFICIAL}={}: no manifest.json below it", dir.display());
            }
            suites.extend(found);
        }
        None => eprintln!("{OFFICIAL} is not set: running our own suites only"),
    }
    let systems: Vec<Fs> = Fs::ALL.into_iter().filter(|fs| told_if_missing(*fs)).collect();
    let mut trials = Vec::new();
    let mut labels = HashSet::new();
    for suite in suites {
        if let Some(why) = suite.skipped() {
            eprintln!("not run: {} ({why})", suite.manifest.name);
            continue;
        }
        if !labels.insert(suite.label.clone()) {
            bail!("two suites are called `{}`", suite.label);
        }
        add(&mut trials, suite, &systems)?;
    }
    Ok(trials)
}

fn told_if_missing(fs: Fs) -> bool {
    let missing = fs.missing();
    if let Some(why) = &missing {
        eprintln!("not run: everything on {} ({why})", fs.name());
    }
    missing.is_none()
}

fn add(trials: &mut Vec<Trial>, suite: Suite, systems: &[Fs]) -> Result<()> {
    let engines = engines()?;
    for case in suite.cases {
        let case = Arc::new(case);
        for engine in &engines {
            let compiled = Arc::new(Compiled::new(Arc::clone(engine), case.program.clone()));
            for &fs in systems {
                let name = format!("{}/{}/{}/{}", engine.name(), fs.name(), suite.label, case.name);
                let (case, compiled) = (Arc::clone(&case), Arc::clone(&compiled));
                trials.push(Trial::test(name, move || one(&case, &compiled, fs).map_err(failed)));
            }
        }
    }
    Ok(())
}

fn engines() -> Result<Vec<Arc<dyn Engine>>> {
    let built_in = ENGINES.iter().filter(|known| known.is_built_in());
    let engines: Result<Vec<_>, _> =
        built_in.map(|known| engine(Some(known.name), &EngineOptions::default())).collect();
    Ok(engines?)
}

fn one(case: &Case, compiled: &Compiled, fs: Fs) -> Result<()> {
    let expected = case.expectation.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    run(compiled, expected, case.root(), fs)
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
