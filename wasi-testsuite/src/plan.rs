//! What is run: our own suites and the official one, and which of their tests rights would hide.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use gangplank::wasi::Rights;

use crate::{
    matrix::Fs,
    run::{Compiled, Way, run},
    suite::{Case, Suite, discover},
};

/// Names a checkout of the official suite, or any directory of suites, by its path from the top of the repository.
pub const OFFICIAL: &str = "WASI_TESTSUITE_DIR";

/// Why nothing in [`NOT_ENFORCED`] is run with rights enforced.
const HIDDEN: &str = "with rights enforced it is answered `NOTCAPABLE` before the error that it is about can come";
/// Why a test is not run with rights enforced that enforces them itself.
const TWICE: &str = "it enforces rights itself, on every filesystem, and is not run twice";

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

/// Our own suites and, if there is one, those below `official`: a directory whose path counts from the top of the
/// repository. Those of another version are among them, without tests.
///
/// # Errors
/// If there are no suites below it, or two have one label; those of [`discover`].
pub fn suites(official: Option<PathBuf>) -> Result<Vec<Suite>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut suites = discover(&package.join("tests"))?;
    if let Some(dir) = official {
        // Cargo runs tests in the package's directory, whatever the user's is.
        let dir = package.join("..").join(dir);
        let found = discover(&dir).with_context(|| format!("{OFFICIAL}={}", dir.display()))?;
        if found.is_empty() {
            bail!("{OFFICIAL}={}: no manifest.json below it", dir.display());
        }
        suites.extend(found);
    }
    let mut labels = HashSet::new();
    if let Some(twice) = suites.iter().find(|suite| suite.skipped().is_none() && !labels.insert(&suite.label)) {
        bail!("two suites are called `{}`", twice.label);
    }
    Ok(suites)
}

/// Why a test is not run once more with rights enforced, if so.
pub fn not_enforced(suite: &str, case: &Case) -> Option<&'static str> {
    if case.expectation.as_ref().is_ok_and(|expected| expected.enforce_rights) {
        return Some(TWICE);
    }
    NOT_ENFORCED.contains(&format!("{suite}/{}", case.name).as_str()).then_some(HIDDEN)
}

/// Runs one test.
///
/// # Errors
/// If its expectations cannot be read; those of [`run`].
pub fn one(case: &Case, compiled: &Compiled, fs: Fs, rights: Rights) -> Result<()> {
    let expected = case.expectation.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    run(compiled, expected, case.dir(), Way { fs, rights, trace: None })
}
