//! `fs-sanity`, as a program and as a library: it passes what is right, finds what is wrong, and says so.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};

use gangplank_conformance::{
    Fixture, Made, MemFixture,
    cases::{FILES, read_only},
    differential::Player,
    model,
    sanity::{self, Asked, Options},
};
use gangplank_vfs::{FsCaps, Rename};

mod over;

use over::{Over, Twist};

/// With a bug: whoever wants to replace nothing replaces all the same.
struct WrongFixture;

impl Fixture for WrongFixture {
    fn name(&self) -> &str {
        "wrong"
    }
    fn make(&self) -> Made {
        let rename = |how: Rename| if how == Rename::NoReplace { Ok(Rename::Replace) } else { Ok(how) };
        Over::mem(FsCaps::empty(), Twist { rename, ..Twist::NONE })
    }
}

fn options(line: &str) -> Options {
    match sanity::parse(line.split_whitespace().map(str::to_owned)) {
        Ok(Asked::Run(options, words)) if words.is_empty() => options,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn what_is_wrong_is_found_by_the_case_and_by_the_model() {
    let reports = sanity::check(&WrongFixture, &options("--only rename:: --only model:: --seed 3"), &mut |_| {});
    let failed: Vec<&str> = reports.iter().filter(|r| !r.passed).map(|r| r.case.as_str()).collect();
    assert!(failed.contains(&"rename::every_kind_onto_every_kind"), "{failed:?}");
    assert!(failed.contains(&"model::random_scripts"), "{failed:?}");
    assert!(failed.len() < reports.len(), "the rest is run, and passes");
    let case = reports.iter().find(|r| r.case == "rename::every_kind_onto_every_kind").unwrap();
    assert!(case.reference.contains("renameat2(2)") && case.trace.contains("rename.rs:"), "{case:?}");
}

/// The script that is found can be read, and needs no line that it has.
#[test]
fn what_the_model_finds_is_as_small_as_it_can_be() {
    let found = model::search(&WrongFixture, 0, 500).expect("it is wrong");
    assert!(found.script.0.len() <= 3, "{found}");
    assert_eq!(found.script.0.last().map(|op| op.verb), Some("noreplace"), "{found}");
    let dir = tempfile::tempdir().unwrap();
    let path = model::save(dir.path(), "a b", &found).unwrap();
    assert!(path.file_name().unwrap().to_str().unwrap().starts_with("a-b-"));
    let replayed = std::fs::read_to_string(path).unwrap().parse().unwrap();
    assert!(model::follow(&replayed, &WrongFixture).is_err());
    assert!(model::follow(&replayed, &MemFixture).is_ok());
}

#[test]
fn every_file_of_cases_is_run_and_every_case_has_a_reference() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cases");
    let files: BTreeSet<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "mod")
        .collect();
    let all = || FILES.iter().copied().flatten().chain(read_only::CASES);
    let named: BTreeSet<String> = all().map(|case| case.name.split("::").next().unwrap().to_owned()).collect();
    assert_eq!(named, files);
    assert!(all().all(|case| !case.reference.is_empty() && !case.what.trim().is_empty()));
}

fn fs_sanity(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fs-sanity")).args(args).output().expect("run fs-sanity")
}

#[test]
fn the_program_reports_for_machines() {
    let dir = tempfile::tempdir().unwrap();
    let (json, fresh) = (dir.path().join("report.json"), dir.path().join("fresh"));
    std::fs::create_dir(&fresh).unwrap();
    let (json, fresh) = (json.to_str().unwrap(), fresh.to_str().unwrap());
    let args =
        ["mem", "overlay", "host", fresh, "--json", json, "--only", "link::", "--only", "model::", "--scripts", "5"];
    let output = fs_sanity(&args);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let filesystems = report["filesystems"].as_array().unwrap();
    assert_eq!(filesystems.len(), 3);
    for fs in filesystems {
        assert_eq!(fs["failed"], 0);
        let cases = fs["cases"].as_array().unwrap();
        assert!(cases.len() > 5 && cases.iter().any(|case| case["case"] == "model::random_scripts"));
        assert!(cases.iter().all(|case| case["result"] == "passed" && case["reference"].as_str().unwrap().len() > 3));
    }
    assert_eq!(std::fs::read_dir(fresh).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn the_program_says_what_it_does_not_understand() {
    for (args, says) in [
        (&[][..], "needs a filesystem"),
        (&["host"], "needs a directory"),
        (&["host", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["nfs"], "nfs is no filesystem"),
        (&["mem", "--fast"], "--fast"),
        (&["mem", "--seed"], "needs a value"),
        (&["mem", "--seed", "x"], "x is no number"),
        (&["mem", "--level", "L9"], "L9 is no level"),
    ] {
        let output = fs_sanity(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(says) && said.contains("Usage:"), "{args:?}: {said}");
    }
    let help = fs_sanity(&["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Examples:"));
    let list = String::from_utf8_lossy(&fs_sanity(&["--list", "--level", "laws"]).stdout).into_owned();
    assert!(list.lines().count() > 5 && list.lines().all(|line| line.starts_with("laws::")), "{list}");
    assert_eq!(fs_sanity(&["mem", "--only", "no such case"]).status.code(), Some(1), "nothing was run");
}

/// The player is what the kit makes of a fixture.
#[test]
fn a_fixture_is_a_player() {
    assert_eq!(Player::name(&WrongFixture), "wrong");
    assert!(WrongFixture.mounts());
}
