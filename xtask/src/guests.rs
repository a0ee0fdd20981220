//! `cargo xtask guests`: builds the guest programs again, from `wasi-testsuite/guests`, `wasi-testsuite/programs`
//! and `bench/kernels`, into the .wasm files that are committed.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root, run};

/// Which rustc made the files that are committed; other compilers make other bytes.
const RECORD: &str = "wasi-testsuite/guests/rustc.txt";

/// A cargo project whose programs go into one directory.
struct Project {
    from: &'static str,
    to: &'static str,
    target: &'static str,
}

/// Where guests go: into the suite that has their expectations, else into the first.
const SUITES: [&str; 2] = ["wasi-testsuite/tests/preview1", "wasi-testsuite/tests/preview1-extra"];

const GUESTS: Project = Project {
    from: "wasi-testsuite/guests",
    to: SUITES[0],
    // No std, no libc: what a guest imports is what it spells out.
    target: "wasm32-unknown-unknown",
};
const PROGRAMS: Project =
    Project { from: "wasi-testsuite/programs", to: "wasi-testsuite/programs", target: "wasm32-wasip1" };
const KERNELS: Project = Project { from: "bench/kernels", to: "bench/kernels", target: "wasm32-unknown-unknown" };

/// Rebuilds, or with `--check` tells whether the committed files are what the sources make.
pub(crate) fn guests(args: &[String]) -> Result<()> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("`cargo xtask guests` takes nothing but --check"),
    };
    let mut rustc = None;
    let mut made = BTreeMap::new();
    for project in [GUESTS, PROGRAMS, KERNELS] {
        let target_dir = root().join("target/guests");
        build(&project, &target_dir)?;
        collect(&project, &target_dir, &mut made)?;
        rustc = Some(rustc_of(&target_dir).context("which rustc cargo used")?);
    }
    assemble(&mut made)?;
    orphans(&made)?;
    let rustc = rustc.unwrap_or_default();
    if check { compare(&made, &rustc) } else { install(&made, &rustc) }
}

fn build(project: &Project, target_dir: &Path) -> Result<()> {
    let mut command = cargo_for(project.target)?;
    command.current_dir(root().join(project.from)).args(["build", "--release", "--target", project.target]);
    // The flags and wrappers of the host's build are not for the guests.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
    run(command.arg("--target-dir").arg(target_dir))
}

/// A cargo that can build for this target.
fn cargo_for(target: &str) -> Result<Command> {
    if has_target(target) {
        return Ok(cargo());
    }
    if let Some(path) = std::env::var_os("CARGO_WASM") {
        return Ok(Command::new(path));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cached = home.join(".cache/wasm-toolchain/bin/cargo-wasm");
    if cached.exists() {
        return Ok(Command::new(cached));
    }
    bail!(
        "this rustc cannot build for {target}. Install it with `rustup target add wasm32-unknown-unknown \
         wasm32-wasip1`, or name a cargo that can in the environment variable CARGO_WASM"
    )
}

/// Whether the rustc at hand has this target's core library.
fn has_target(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let printed =
        Command::new(rustc).current_dir(root()).args(["--print", "target-libdir", "--target", target]).output();
    let Ok(printed) = printed else { return false };
    let Ok(entries) = fs::read_dir(String::from_utf8_lossy(&printed.stdout).trim()) else { return false };
    entries.flatten().any(|e| e.file_name().to_string_lossy().starts_with("libcore-"))
}

/// The version that cargo wrote down about its rustc: asking any `rustc` would not tell which one a wrapper chose.
fn rustc_of(target_dir: &Path) -> Result<String> {
    let info = fs::read_to_string(target_dir.join(".rustc_info.json"))?;
    let start = info.find("\"rustc 1.").context("no version in it")? + 1;
    let version = info[start..].split(['\\', '"']).next().unwrap_or_default();
    Ok(version.to_owned())
}

/// Adds what a build made: one program for each source in `src/bin`.
fn collect(project: &Project, target_dir: &Path, made: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for name in stems(&root().join(project.from).join("src/bin"), "rs")? {
        let path = target_dir.join(project.target).join("release").join(format!("{name}.wasm"));
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let extra = project.to == SUITES[0] && root().join(SUITES[1]).join(format!("{name}.json")).exists();
        let to = if extra { SUITES[1] } else { project.to };
        made.insert(Path::new(to).join(format!("{name}.wasm")), bytes);
    }
    Ok(())
}

/// Adds the guests that no compiler would make, written as text.
fn assemble(made: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let dir = root().join(GUESTS.from).join("wat");
    for name in stems(&dir, "wat")? {
        let bytes = wat::parse_file(dir.join(format!("{name}.wat")))?;
        made.insert(Path::new(GUESTS.to).join(format!("{name}.wasm")), bytes);
    }
    Ok(())
}

/// The names of the files with this extension, without it.
fn stems(dir: &Path, extension: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension) {
            names.extend(path.file_stem().map(|s| s.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// No program without a source, no expectation without a program.
fn orphans(made: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for suite in SUITES {
        let dir = root().join(suite);
        for (extension, what) in [("wasm", "a program without a source"), ("json", "an expectation without a program")]
        {
            for name in stems(&dir, extension)? {
                let wasm = Path::new(suite).join(format!("{name}.wasm"));
                if name != "manifest" && !made.contains_key(&wasm) {
                    bail!("{what}: {suite}/{name}.{extension}");
                }
            }
        }
    }
    Ok(())
}

fn install(made: &BTreeMap<PathBuf, Vec<u8>>, rustc: &str) -> Result<()> {
    let mut changed = 0;
    for (path, bytes) in made {
        let path = root().join(path);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            changed += 1;
        }
    }
    fs::write(root().join(RECORD), format!("{rustc}\n"))?;
    let total: usize = made.values().map(Vec::len).sum();
    println!("{} programs, {} kB, {changed} changed, by {rustc}", made.len(), total / 1000);
    Ok(())
}

fn compare(made: &BTreeMap<PathBuf, Vec<u8>>, rustc: &str) -> Result<()> {
    let record = fs::read_to_string(root().join(RECORD)).with_context(|| format!("cannot read {RECORD}"))?;
    if record.trim() != rustc {
        println!("skipped: the committed programs are by {}, this is {rustc}", record.trim());
        return Ok(());
    }
    let stale: Vec<_> = made
        .iter()
        .filter(|(path, bytes)| fs::read(root().join(path)).ok().as_ref() != Some(bytes))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !stale.is_empty() {
        bail!("not what their sources make; run `cargo xtask guests`:\n  {}", stale.join("\n  "));
    }
    println!("{} programs are what their sources make", made.len());
    Ok(())
}
