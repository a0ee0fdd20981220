//! `cargo xtask scoreboard`: runs the conformance kit on every filesystem, and every suite of programs on every engine
//! and filesystem, and writes what came of it into `CONFORMANCE.md`.

mod guests;
mod lists;
mod programs;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use gangplank_conformance::scoreboard::{self, Board, first_difference};
use gangplank_wasi_testsuite::plan::{OFFICIAL, suites};

const HELP: &str = "\
Runs the conformance kit on every filesystem, and every suite of programs on every engine and filesystem, and writes
which test passed where, and the reason of everything that is not green.

  cargo xtask scoreboard [--output FILE] [--check]

  --output FILE    where it is written; CONFORMANCE.md at the top of the repository
  --check          writes nothing: compares the file with what came out, and fails with the first line that is another.
                   The line that says which engines, compiler and kernel it was made with is not compared

WASI_TESTSUITE_DIR names a copy of the official wasi-testsuite, by its path from the top of the repository; without it
only our own programs are run, and the file says so. An engine whose library is not here is not run, and the file says so.

It ends with 0 if everything that is not green has a reason, and with 1 if something has none, which it names, or if
--check finds a difference; with 2 if it was not asked properly.
";

struct Asked {
    output: PathBuf,
    check: bool,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // As people write it; if that fails, so does everything else, and says why.
    let root = root.canonicalize().unwrap_or(root);
    let asked = match parse(env::args().skip(1), &root) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; see `cargo xtask scoreboard --help`");
            return ExitCode::from(2);
        }
    };
    match write(&asked, &root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `None` if help is asked for.
fn parse(words: impl IntoIterator<Item = String>, root: &Path) -> Result<Option<Asked>> {
    let mut asked = Asked { output: root.join("CONFORMANCE.md"), check: false };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match &*word {
            "-h" | "--help" => return Ok(None),
            "--check" => asked.check = true,
            "--output" => asked.output = words.next().context("--output needs a file after it")?.into(),
            other => bail!("there is no option `{other}`"),
        }
    }
    Ok(Some(asked))
}

fn write(asked: &Asked, root: &Path) -> Result<()> {
    let begun = Instant::now();
    // What cannot be read or compared is said before everything is run.
    let there = match asked.check {
        true => Some(fs::read_to_string(&asked.output).with_context(|| {
            format!(
                "there is nothing to compare with: cannot read {}. Write it without --check",
                asked.output.display()
            )
        })?),
        false => None,
    };
    let board = board(root)?;
    let text = board.to_markdown();
    let shown = asked.output.display();
    let counts = board.counts();
    let sum = format!(
        "{} passed, {} passed in part, {} not asked, {} failed, in {:.0} s",
        counts.passed,
        counts.partly,
        counts.not_asked,
        counts.failed,
        begun.elapsed().as_secs_f64()
    );
    match &there {
        None => {
            fs::write(&asked.output, &text).with_context(|| format!("cannot write {shown}"))?;
            println!("{sum}\nwritten to {shown}");
        }
        Some(_) => println!("{sum}"),
    }
    let unexplained = board.unexplained();
    if !unexplained.is_empty() {
        bail!("{} are not green, and there is no reason for it:\n  {}", unexplained.len(), unexplained.join("\n  "));
    }
    if let Some((line, old, new)) = there.and_then(|there| first_difference(&there, &text)) {
        bail!(
            "{shown} is not what came out, from line {line} on.\n  there:    {old}\n  came out: {new}\n\
             `cargo xtask scoreboard` writes it anew; {OFFICIAL} and the engines have to be as when it was written"
        );
    }
    Ok(())
}

fn board(root: &Path) -> Result<Board> {
    let official = env::var_os(OFFICIAL).map(PathBuf::from);
    if official.is_none() {
        eprintln!("{OFFICIAL} is not set: running our own programs only");
    }
    let has_official = official.is_some();
    let suites = suites(official)?;
    let lists = lists::lists(root)?;
    let mut board = Board { made_with: vec![kernel(), rustc(root)], tables: vec![], lists };
    let regressions = root.join("conformance/regressions");
    board.tables = scoreboard::kit(&regressions, &|name| eprintln!("the kit on {name}"));
    board.tables.extend(scoreboard::beyond(&|what| eprintln!("{what}")));
    for (table, version) in programs::tables(&suites, has_official, &|engine| eprintln!("programs on {engine}")) {
        board.tables.push(table);
        board.made_with.extend(version);
    }
    board.tables.extend(guests::tables(&regressions, &|engine| eprintln!("scripts in a guest on {engine}"))?);
    Ok(board)
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {} {}", env::consts::OS, release.trim(), env::consts::ARCH)
}

fn rustc(root: &Path) -> String {
    let told = Command::new("rustc").arg("--version").current_dir(root).output().ok();
    let version =
        told.filter(|told| told.status.success()).map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    version.map_or_else(|| "an unknown rustc".to_owned(), |version| version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<Option<Asked>> {
        parse(words.iter().map(|word| (*word).to_owned()), Path::new("/top"))
    }

    #[test]
    fn options_are_understood_or_named() {
        let default = asked(&[]).unwrap().unwrap();
        assert_eq!((default.output, default.check), (PathBuf::from("/top/CONFORMANCE.md"), false));
        let other = asked(&["--check", "--output", "x.md"]).unwrap().unwrap();
        assert_eq!((other.output, other.check), (PathBuf::from("x.md"), true));
        assert!(asked(&["--check", "-h"]).unwrap().is_none());
        for (words, says) in [(&["--output"][..], "needs a file"), (&["--fast"], "--fast")] {
            let error = asked(words).err().unwrap().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn without_a_file_there_is_nothing_to_compare_with() {
        let gone = Asked { output: "/nowhere/CONFORMANCE.md".into(), check: true };
        let error = format!("{:#}", write(&gone, Path::new("/nowhere")).unwrap_err());
        assert!(error.contains("/nowhere/CONFORMANCE.md") && error.contains("without --check"), "{error}");
    }
}
