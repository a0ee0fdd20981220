//! The harness: every test of every suite, on every engine and filesystem, as `engine/fs/suite/test`;
//! and once more in memory with rights enforced, as `engine/mem+rights/suite/test`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Result;
use gangplank::{
    engine::{ENGINES, Engine, EngineOptions, engine},
    wasi::Rights,
};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    plan::{OFFICIAL, not_enforced, one, suites},
    run::Compiled,
    suite::Suite,
};
use libtest_mimic::{Arguments, Failed, Trial};

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
    let official = std::env::var_os(OFFICIAL).map(PathBuf::from);
    if official.is_none() {
        eprintln!("{OFFICIAL} is not set: running our own suites only");
    }
    let systems: Vec<Fs> = Fs::ALL.into_iter().filter(|fs| told_if_missing(*fs)).collect();
    let mut trials = Vec::new();
    for suite in suites(official)? {
        if let Some(why) = suite.skipped() {
            eprintln!("not run: {} ({why})", suite.manifest.name);
            continue;
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
        let enforcing = not_enforced(&suite.label, &case).is_none();
        let case = Arc::new(case);
        for engine in &engines {
            let compiled = Arc::new(Compiled::new(Arc::clone(engine), case.program.clone()));
            // Rights are above the filesystems: one of them will do.
            let enforcing = enforcing.then_some((Fs::Mem, Rights::Enforce));
            for (fs, rights) in systems.iter().map(|&fs| (fs, Rights::Ignore)).chain(enforcing) {
                let plus = if rights == Rights::Enforce { "+rights" } else { "" };
                let name = format!("{}/{}{plus}/{}/{}", engine.name(), fs.name(), suite.label, case.name);
                let (case, compiled) = (Arc::clone(&case), Arc::clone(&compiled));
                trials.push(Trial::test(name, move || one(&case, &compiled, fs, rights).map_err(failed)));
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

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
