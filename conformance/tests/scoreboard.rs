//! `CONFORMANCE.md` names every test that there is and no other, and the scoreboard knows every filesystem that the kit is
//! run on; without running anything, which `cargo xtask scoreboard --check` does.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use gangplank_conformance::{
    model::Freedom,
    scoreboard::{FILESYSTEMS, Suite, tests_beyond, tests_of_the_kit},
};

/// Suites that are about the kit, or about how a filesystem may be written: each of them is a memory filesystem with a
/// twist.
const OF_THE_KIT_ITSELF: [&str; 2] = ["by_lookup", "little"];

const OUR_SUITES: [&str; 2] = ["preview1", "preview1-extra"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The programs of our own suites, as they are named in the file.
fn guests() -> BTreeSet<String> {
    let of = |suite: &&'static str| {
        let suite = *suite;
        let files = fs::read_dir(root().join("wasi-testsuite/tests").join(suite)).expect("one of our suites");
        let paths = files.map(|entry| entry.expect("an entry").path());
        let programs = paths.filter(|path| path.extension().is_some_and(|e| e == "wasm"));
        let name = move |path: PathBuf| format!("{suite}/{}", path.file_stem().expect("a name").to_string_lossy());
        programs.map(name).collect::<Vec<_>>()
    };
    OUR_SUITES.iter().flat_map(of).collect()
}

/// The names of the scripts that are saved.
fn saved_scripts() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("conformance/regressions")).expect("the saved scripts");
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    files.map(|entry| name(entry.expect("an entry").path())).collect()
}

/// What stands between backquotes below one heading of the second order.
fn named(text: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no `## {heading}`"));
    let section = section.split("\n## ").next().unwrap_or(section);
    section.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Those that are missing, and those that are too many.
fn differences(named: &BTreeSet<String>, there: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    (there.difference(named).cloned().collect(), named.difference(there).cloned().collect())
}

const NOTHING: (Vec<String>, Vec<String>) = (vec![], vec![]);

#[test]
fn conformance_md_names_every_test_and_no_other() {
    let text = fs::read_to_string(root().join("CONFORMANCE.md")).expect("CONFORMANCE.md: `cargo xtask scoreboard`");
    let again =
        "CONFORMANCE.md misses tests, or names some that are not there: `cargo xtask scoreboard` writes it anew";

    let of_the_kit =
        |name: &String| name.contains("::") && !name.starts_with("Made::") && !name.starts_with("Fixture::");
    let headings = ["The kit", "The kit on what is sealed", "The kit on what cannot be changed"];
    let kit: BTreeSet<String> =
        headings.iter().flat_map(|heading| named(&text, heading)).filter(|name| of_the_kit(name)).collect();
    let there = tests_of_the_kit().into_iter().map(str::to_owned).collect();
    assert_eq!(differences(&kit, &there), NOTHING, "{again}");

    for (heading, tests) in tests_beyond() {
        // Names of tests have blanks in them, and `statfs` is in a reason.
        let there = named(&text, heading).into_iter().filter(of_the_kit).collect();
        assert_eq!(differences(&there, &tests.into_iter().collect()), NOTHING, "{heading}: {again}");
    }

    for engine in ["cranelift", "jsc"] {
        let scripts = named(&text, &format!("Scripts in a guest on {engine}"));
        let scripts = scripts.into_iter().filter_map(|name| Some(name.strip_prefix("saved/")?.to_owned())).collect();
        assert_eq!(differences(&scripts, &saved_scripts()), NOTHING, "scripts on {engine}: {again}");

        let ours = |name: &String| OUR_SUITES.iter().any(|suite| name.split('/').next() == Some(suite));
        let programs = named(&text, &format!("Programs on {engine}")).into_iter().filter(ours).collect();
        assert_eq!(differences(&programs, &guests()), NOTHING, "on {engine}: {again}");
    }

    let allowed = named(&text, "Differences that are allowed");
    for freedom in Freedom::ALL {
        assert!(allowed.contains(&format!("{freedom:?}")), "{freedom:?} is not there: {again}");
    }
}

/// The check itself.
#[test]
fn what_is_missing_or_too_much_is_told() {
    let text = "\n## A\n\n`x::one` and `x::three`\n\n### A: not green\n\n`x::three`\n\n## B\n\n`x::two`\n";
    let there = ["x::one", "x::two"].map(str::to_owned).into();
    assert_eq!(differences(&named(text, "A"), &there), (vec!["x::two".to_owned()], vec!["x::three".to_owned()]));
}

#[test]
fn the_scoreboard_knows_every_filesystem_that_the_kit_runs_on() {
    let mut run = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).expect("the tests") {
        let path = entry.expect("an entry").path();
        let text =
            if path.extension().is_some_and(|e| e == "rs") { fs::read_to_string(&path).unwrap() } else { continue };
        // At the beginning of a line, perhaps with the name of the crate: not in a comment, and not here.
        for line in text.split("\n").filter(|line| line.contains("suite! {") && !line.starts_with([' ', '/'])) {
            let at = line.as_ptr() as usize - text.as_ptr() as usize;
            let (_, module) = text[at..].split_once("mod ").expect("the module of a suite");
            run.insert(module.split([',', ' ']).next().unwrap_or_default().to_owned());
        }
    }
    let known: BTreeSet<String> = FILESYSTEMS
        .iter()
        // A suite of laws alone is written out in `tests/image.rs`.
        .filter(|fs| fs.suite != Suite::Laws)
        .map(|fs| fs.name.to_owned())
        .chain(OF_THE_KIT_ITSELF.map(str::to_owned))
        .collect();
    assert_eq!(differences(&known, &run), NOTHING, "suites that are not in `scoreboard::FILESYSTEMS`, and the reverse");
}
