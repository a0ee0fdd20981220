//! `cargo xtask fuzz`: the fuzz targets of the conformance kit, under cargo-fuzz.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::run::{root, run, succeeds};

const HELP: &str = "\
Runs the fuzz targets of the conformance kit under cargo-fuzz, each for some time.

  cargo xtask fuzz [TARGET…] [--seconds N] [--sanitizer WHICH]

  TARGET           which; all of them if none is named
  --seconds N      how long each is run; 300
  --sanitizer S    `none`, or `address`, which is half as fast and sees misuse of memory; none

It needs cargo-fuzz (`cargo install --locked cargo-fuzz@0.13.1`) and a C++ compiler for libFuzzer. The stable toolchain
will do: RUSTC_BOOTSTRAP is set for it.

A run begins with the seeds in conformance/fuzz/seeds, with all that was once found (conformance/fuzz/regressions), and
with what earlier runs have collected in target/fuzz/corpus. What it finds is made smaller and kept in
target/fuzz/artifacts, and the command that shows it again is printed. Once it is fixed, it belongs into
conformance/fuzz/regressions/TARGET, where every `cargo xtask test` looks at it.
";

/// What libFuzzer is told of every target: the longest a run may take, in seconds, and the memory it may use. What takes
/// less is no finding: on a machine that does other things, too, a run may have to wait for ten seconds.
const LIMITS: [&str; 3] = ["-timeout=30", "-report_slow_units=30", "-rss_limit_mb=3000"];

struct Asked {
    targets: Vec<String>,
    time: Duration,
    sanitizer: String,
}

/// Runs what is asked for; goes on after a finding, so that one run shows everything.
pub(crate) fn fuzz(args: &[String]) -> Result<()> {
    if args.iter().any(|arg| matches!(&**arg, "--help" | "-h")) {
        print!("{HELP}");
        return Ok(());
    }
    let known = targets()?;
    let asked = parse(args, &known)?;
    if !succeeds("cargo", &["fuzz", "--version"]) {
        bail!("there is no cargo-fuzz; `cargo install --locked cargo-fuzz@0.13.1` installs it");
    }
    let mut found = vec![];
    for target in &asked.targets {
        let before = artifacts(target)?;
        let outcome = run(&mut command(target, &asked, &inputs(target)?, &options(target, asked.time)));
        for artifact in artifacts(target)?.difference(&before) {
            found.push(smaller(target, &asked, artifact)?);
        }
        if let Err(e) = outcome
            && found.is_empty()
        {
            return Err(e);
        }
    }
    for (target, input) in &found {
        let example = "cargo run -p gangplank-conformance --features fuzz --example fuzz --";
        println!("{target}: something is wrong. To see it again:\n  {example} {target} {}", input.display());
    }
    if !found.is_empty() {
        bail!("{} findings", found.len());
    }
    Ok(())
}

fn parse(args: &[String], known: &[String]) -> Result<Asked> {
    let mut asked = Asked { targets: vec![], time: Duration::from_secs(300), sanitizer: "none".to_owned() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value; see `cargo xtask fuzz --help`"));
        match &**arg {
            "--seconds" => {
                let seconds = value()?;
                let number = seconds.parse().with_context(|| format!("--seconds {seconds}: this is no number"))?;
                asked.time = Duration::from_secs(number);
            }
            "--sanitizer" => asked.sanitizer = value()?.clone(),
            target if known.iter().any(|name| name == target) => asked.targets.push(target.to_owned()),
            other => bail!("there is no target `{other}`; there are: {}", known.join(", ")),
        }
    }
    if asked.targets.is_empty() {
        asked.targets = known.to_vec();
    }
    Ok(asked)
}

fn package() -> PathBuf {
    root().join("conformance/fuzz")
}

/// What cargo-fuzz can run: the binaries of its package.
fn targets() -> Result<Vec<String>> {
    let manifest = std::fs::read_to_string(package().join("Cargo.toml")).context("cannot read the list of targets")?;
    let names = manifest.split("[[bin]]\nname = \"").skip(1);
    Ok(names.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect())
}

/// Where findings of a target are kept, and those there are.
fn artifacts(target: &str) -> Result<BTreeSet<PathBuf>> {
    let dir = root().join("target/fuzz/artifacts").join(target);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let entries = std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// Folders of inputs; new ones go into the first.
fn inputs(target: &str) -> Result<Vec<OsString>> {
    let corpus = root().join("target/fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
    let kept = ["seeds", "regressions"].map(|kind| package().join(kind).join(target));
    Ok([corpus].into_iter().chain(kept.into_iter().filter(|dir| dir.is_dir())).map(Into::into).collect())
}

fn options(target: &str, time: Duration) -> Vec<OsString> {
    let mut options: Vec<OsString> = LIMITS.map(Into::into).into();
    options.push(format!("-max_total_time={}", time.as_secs()).into());
    options.push("-print_final_stats=1".into());
    let prefix = root().join("target/fuzz/artifacts").join(target);
    options.push(format!("-artifact_prefix={}/", prefix.display()).into());
    let dictionary = package().join("dictionaries").join(format!("{target}.dict"));
    if dictionary.is_file() {
        options.push(format!("-dict={}", dictionary.display()).into());
    }
    options
}

fn command(target: &str, asked: &Asked, inputs: &[OsString], options: &[OsString]) -> Command {
    let mut cargo = Command::new("cargo");
    // What runs us is bound to its own directory and toolchain.
    for bound in ["RUSTC", "RUSTDOC", "CARGO"] {
        cargo.env_remove(bound);
    }
    cargo.current_dir(root()).env("RUSTC_BOOTSTRAP", "1");
    cargo.args(["fuzz", "run", "--fuzz-dir", "conformance/fuzz", "--target-dir", "target/fuzz"]);
    cargo.args(["--sanitizer", &asked.sanitizer, target]).args(inputs).arg("--").args(options);
    cargo
}

/// Has libFuzzer make a finding smaller, for a minute. Answers the smallest there is.
fn smaller(target: &str, asked: &Asked, artifact: &Path) -> Result<(String, PathBuf)> {
    let name = artifact.file_name().unwrap_or_default().to_string_lossy();
    let small = artifact.with_file_name(format!("small-{name}"));
    let mut options: Vec<OsString> = LIMITS.map(Into::into).into();
    options.extend(["-minimize_crash=1", "-max_total_time=60"].map(OsString::from));
    options.push(format!("-exact_artifact_path={}", small.display()).into());
    // It ends with an error: that of the last finding.
    let _ = run(&mut command(target, asked, &[artifact.into()], &options));
    let input = if small.is_file() { small } else { artifact.to_owned() };
    Ok((target.to_owned(), input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_package() {
        let known = targets().unwrap();
        assert!(known.len() >= 7 && known.contains(&"syscalls".to_owned()), "{known:?}");
        let asked = parse(&["tar".to_owned(), "--seconds".to_owned(), "7".to_owned()], &known).unwrap();
        assert_eq!((asked.targets, asked.time.as_secs()), (vec!["tar".to_owned()], 7));
        assert_eq!(parse(&[], &known).unwrap().targets, known);
        assert!(parse(&["tra".to_owned()], &known).is_err());
        assert!(parse(&["--seconds".to_owned()], &known).is_err());
    }

    #[test]
    fn every_dictionary_is_that_of_a_target() {
        let known = targets().unwrap();
        for entry in std::fs::read_dir(package().join("dictionaries")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(known.contains(&name), "{name}");
            let text = std::fs::read_to_string(&path).unwrap();
            let good =
                |line: &str| line.is_empty() || line.starts_with('#') || (line.starts_with('"') && line.ends_with('"'));
            assert!(text.lines().all(good), "{name}");
        }
    }
}
