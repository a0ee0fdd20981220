//! The scripts of the conformance kit, played by a guest through preview1: the answers must be those that the same script
//! gets in this process, on mem_fs and without any WASI, and so must the tree.
//!
//! What preview1 answers otherwise is in `in_preview1`, all of it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use gangplank::{Program, Status, vfs::FsCaps, wasi};
use gangplank_conformance::{
    Made, MemFixture, World,
    differential::{Op, Player as _, Rng, Rules, Script},
};

use crate::matrix::Fs;

/// How many random scripts are played on each engine and filesystem.
pub const COUNT: u64 = 12;
/// Lines of each, before those go that preview1 cannot say.
const LINES: usize = 120;

/// Verbs for which preview1 has no call: it has no permissions, one way to rename, links that are never followed, no
/// copies of descriptors. And directories that are entered are the limit of what is seen from there, so `cd` is another
/// matter.
const UNSPEAKABLE: [&str; 9] = ["chmod", "noreplace", "exchange", "linkfollow", "dup", "fork", "mount", "cd", "home"];

/// What preview1 answers where in this process the answer is `answer`. `is_directory`: whether the slot that the line is
/// about holds a directory.
fn in_preview1(op: &Op, answer: &str, is_directory: Option<bool>) -> String {
    match (op.verb, is_directory) {
        // What has no content is no descriptor for content: https://github.com/WebAssembly/wasi-testsuite, dir_fd_op_failures.
        ("fread" | "fwrite" | "pread" | "pwrite" | "seek" | "seekend" | "setlen" | "allocate", Some(true)) => {
            "BADF".into()
        }
        ("read", _) if answer == "ISDIR" => "BADF".into(),
        // What has no entries cannot be listed, however it was opened.
        ("flist", Some(false)) => "NOTDIR".into(),
        // No permissions: `file 644 1 links …` and `dir 755 now`.
        ("stat" | "lstat" | "fstat", _) => {
            let mut words: Vec<&str> = answer.split(' ').collect();
            if matches!(words[0], "file" | "dir") {
                words.remove(1);
            }
            words.join(" ")
        }
        _ => answer.to_owned(),
    }
}

/// What the guest has to print, and what there is to be in the end.
fn expected(script: &Script, caps: FsCaps) -> (Vec<String>, String) {
    let (answers, tree) = MemFixture.start(Rules { caps, rooted: false }).play(&script.0);
    let mut slots = [None; 3];
    let mapped = script.0.iter().zip(answers).map(|(op, answer)| {
        let slot = op.args.first().and_then(|slot| slot.parse::<usize>().ok()).filter(|slot| *slot < 3);
        let told = in_preview1(op, &answer, slot.and_then(|slot| slots[slot]));
        match (op.verb, slot, &*answer) {
            ("open", Some(slot), "Directory") => slots[slot] = Some(true),
            ("open", Some(slot), "Regular") => slots[slot] = Some(false),
            ("close", Some(slot), _) => slots[slot] = None,
            _ => {}
        }
        told
    });
    (mapped.collect(), tree)
}

/// What both can do; counts of a directory's links are left out.
fn common(caps: FsCaps) -> FsCaps {
    use gangplank_conformance::Fixture as _;
    caps & (MemFixture.make().fs.info().caps - (FsCaps::DIR_NLINK | FsCaps::NO_REPLACE | FsCaps::EXCHANGE))
}

fn speakable(mut script: Script) -> Script {
    script.0.retain(|op| !UNSPEAKABLE.contains(&op.verb));
    script.0.iter_mut().for_each(|op| op.expected = None);
    script
}

/// The program of the guest.
pub fn player() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/preview1-extra/script_player.wasm")
}

/// The random script of this number, which is another one for each filesystem.
pub fn random(fs: Fs, number: u64) -> Script {
    let first = 20_000_000 + 1_000_000 * Fs::ALL.iter().position(|known| *known == fs).unwrap_or(0) as u64;
    speakable(Script::random(&mut Rng::new(first + number), LINES, common(FsCaps::all())))
}

/// The scripts in a directory, by name: what of them preview1 can say.
///
/// # Errors
/// If one cannot be read, or is none; if there are none.
pub fn saved(dir: &Path) -> Result<Vec<(String, Script)>> {
    let mut saved = vec![];
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let shown = path.display();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let script: Script = text.parse().map_err(|e| anyhow!("{shown}: {e}"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        saved.push((name, speakable(script)));
    }
    saved.sort_by(|(one, _), (other, _)| one.cmp(other));
    if saved.is_empty() { Err(anyhow!("there are no scripts in {}", dir.display())) } else { Ok(saved) }
}

/// Plays a script through the guest, which is the [`player`], and compares.
///
/// # Errors
/// The script as far as it came, and what is different.
pub fn play(program: &Program, fs: Fs, script: &Script) -> Result<(), String> {
    let empty = tempfile::tempdir().map_err(|e| e.to_string())?;
    let offered = fs.offer(empty.path()).map_err(|e| format!("{e:#}"))?;
    let caps = common(offered.fs().info().caps);
    let mut script = script.clone();
    script.0.retain(|op| op.verb != "allocate" || caps.contains(FsCaps::ALLOCATE));
    let (answers, tree) = expected(&script, caps);

    let (mut writer, stdin) = wasi::pipes::to_guest(wasi::pipes::PIPE_CAPACITY);
    writer.write_all(script.to_string().as_bytes()).map_err(|e| e.to_string())?;
    drop(writer);
    let (stdout, out) = wasi::stdio::capture(1 << 20);
    let (stderr, err) = wasi::stdio::capture(1 << 16);
    let mut runner = program.runner();
    runner.preopen("/", offered.place(false));
    runner.stdin(stdin).stdout(stdout).stderr(stderr).timeout(Duration::from_secs(60));
    let status = runner.run().map_err(|e| e.to_string())?.status;
    let (out, err) = (out.take(), err.take());
    let out = String::from_utf8_lossy(&out);
    let got: Vec<&str> = out.lines().collect();

    for (i, (op, want)) in script.0.iter().zip(&answers).enumerate() {
        let got = got.get(i).copied().unwrap_or("nothing");
        if got != want {
            let so_far = Script(script.0[..=i].to_vec());
            return Err(format!("{so_far}# the guest got {got}, and in this process {op} is {want}"));
        }
    }
    if !matches!(status, Status::Code(0)) || got.len() != answers.len() {
        let err = String::from_utf8_lossy(&err);
        return Err(format!("{script}# it ended with {status:?} after {} answers: {err}", got.len()));
    }
    let now = World::new(Made::new(Arc::clone(offered.fs()))).tree();
    if now == tree {
        Ok(())
    } else {
        Err(format!("{script}# the guest left\n{now}# and in this process it is\n{tree}"))
    }
}
