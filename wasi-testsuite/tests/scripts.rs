//! The scripts of the conformance kit, played by a guest through preview1, on every engine and filesystem: the answers
//! must be those that the same script gets in this process, on mem_fs and without any WASI, and so must the tree.
//!
//! What preview1 answers otherwise is in [`in_preview1`], all of it. `SEEDS=100` takes a hundred times as many scripts.

use std::{fs, io::Write as _, path::Path, sync::Arc, time::Duration};

use gangplank::{
    Program, Status,
    engine::{ENGINES, EngineOptions, engine},
    vfs::FsCaps,
    wasi,
};
use gangplank_conformance::{
    Made, MemFixture, World,
    differential::{Op, Player as _, Rng, Rules, Script, seeds},
};
use gangplank_wasi_testsuite::matrix::Fs;

/// Scripts on each engine and filesystem.
const COUNT: u64 = 12;
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

/// Plays a script through a guest, and compares.
fn play(program: &Program, fs: Fs, script: &Script) -> Result<(), String> {
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

/// Every script on every engine and filesystem.
fn on_everything(scripts: &dyn Fn(Fs) -> Vec<(String, Script)>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/preview1-extra/script_player.wasm");
    let mut played = 0;
    for known in ENGINES.iter().filter(|known| known.is_built_in()) {
        let engine = engine(Some(known.name), &EngineOptions::default()).expect("an engine that is built in");
        let program = Program::from_file(&*engine, &file).expect("the guest");
        for fs in Fs::ALL.into_iter().filter(|fs| fs.missing().is_none()) {
            for (name, script) in scripts(fs) {
                if let Err(what) = play(&program, fs, &script) {
                    panic!("{} on {}, {name}:\n{what}", known.name, fs.name());
                }
                played += 1;
            }
        }
    }
    assert!(played > 0, "no engine is built in");
}

#[test]
fn random_scripts() {
    on_everything(&|fs| {
        let first = 20_000_000 + 1_000_000 * Fs::ALL.iter().position(|known| *known == fs).unwrap_or(0) as u64;
        let caps = common(FsCaps::all());
        let script = |seed| speakable(Script::random(&mut Rng::new(seed), LINES, caps));
        (first..first + seeds(COUNT)).map(|seed| (format!("seed {seed}"), script(seed))).collect()
    });
}

#[test]
fn saved_scripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/regressions");
    let mut saved = vec![];
    for entry in fs::read_dir(dir).expect("the saved scripts") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a script");
        let script: Script = text.parse().expect("a script");
        saved.push((path.display().to_string(), speakable(script)));
    }
    assert!(!saved.is_empty());
    on_everything(&|_| saved.clone());
}
