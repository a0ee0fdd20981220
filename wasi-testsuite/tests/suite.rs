//! The harness: every test of every suite, on every engine and filesystem, as `engine/fs/suite/test`;
//! and once more in memory with rights enforced, as `engine/mem+rights/suite/test`.

use std::{collections::HashSet, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use gangplank::{
    engine::{ENGINES, Engine, EngineOptions, engine},
    wasi::Rights,
};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    run::{Compiled, Way, run},
    suite::{Case, Suite, discover},
};
use libtest_mimic::{Arguments, Failed, Trial};

/// Names a checkout of the official suite, or any directory of suites, by its path from the top of the repository.
const OFFICIAL: &str = "WASI_TESTSUITE_DIR";

/// Tests of our own that are not run with rights enforced: what they check is answered `NOTCAPABLE` then, before the
/// error that they are about can come. `preview1-extra/rights_*` are about that; they are not run twice.
const NOT_ENFORCED: [&str; 19] = [
    "preview1/fault_results",
    "preview1/fd_fdstat_rights",
    "preview1/fd_filestat_set_size_modes",
    "preview1/fd_filestat_set_times_kinds",
    "preview1/fd_read_modes",
    "preview1/fd_sync_kinds",
    "preview1/fd_table_limit",
    "preview1/path_lookup_flags",
    "preview1/path_open_flags",
    "preview1/path_open_trunc_reader",
    "preview1/path_symlink_dangling",
    "preview1/poll_wrong_access",
    "preview1/stdio_descriptors",
    "preview1/symlink_escape",
    "preview1/symlink_trailing_slash",
    "preview1-extra/fd_limit_small",
    "preview1-extra/ro_changes_nothing",
    "preview1-extra/ro_moves",
    "preview1-extra/stdin_empty",
];

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
        let exempt = NOT_ENFORCED.contains(&format!("{}/{}", suite.label, case.name).as_str());
        let enforcing = !exempt && !case.expectation.as_ref().is_ok_and(|expected| expected.enforce_rights);
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

fn one(case: &Case, compiled: &Compiled, fs: Fs, rights: Rights) -> Result<()> {
    let expected = case.expectation.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    run(compiled, expected, case.dir(), Way { fs, rights, trace: None })
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}
