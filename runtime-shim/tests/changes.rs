//! `gangplank run --diff`, `--commit`, `--save`: what a real program changed is told, put into the directory or kept;
//! until then the directory stays as it was.

mod common;

use std::{fs, path::Path};

use common::{Ran, Sandbox, program, reader, writer};
use serde_json::{Value, json};

/// A real program.
fn wasm(name: &str) -> String {
    format!("{}/../wasi-testsuite/programs/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}

/// One that cleans, renames and removes files.
fn tidy() -> String {
    wasm("tidy")
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("notes/todo.txt", "milk  \nbread\n");
    sandbox.file("notes/todo.txt~", "milk\n");
    sandbox.file("notes/read me.txt", "clean already\n");
    sandbox.file("notes/old stuff/a.txt", "a\n");
    sandbox.file("notes/old stuff/b.txt", "no end");
    sandbox
}

/// All files below, with their content.
fn content(top: &Path) -> Vec<(String, String)> {
    let (mut left, mut found) = (vec![top.to_owned()], Vec::new());
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// What the directory holds once the program has been at work.
fn tidied(dir: &str) -> Vec<(String, String)> {
    let log = format!(
        "renamed {dir}/old stuff to {dir}/old-stuff\ncleaned {dir}/old-stuff/b.txt\n\
         renamed {dir}/read me.txt to {dir}/read-me.txt\ncleaned {dir}/todo.txt\nremoved {dir}/todo.txt~\n"
    );
    [
        ("TIDY.log", &*log),
        ("old-stuff/a.txt", "a\n"),
        ("old-stuff/b.txt", "no end\n"),
        ("read-me.txt", "clean already\n"),
        ("todo.txt", "milk\nbread\n"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .to_vec()
}

#[track_caller]
fn ok(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn what_changed_is_told_and_the_directory_stays() {
    let sandbox = sandbox();
    let before = content(&sandbox.path().join("notes"));
    for how in [
        &["--fs", "overlay", "--dir", "notes::/notes"][..],
        &["--fs", "mem", "--dir", "notes::/notes"],
        &["--mount", "type=overlay,src=notes,dst=/notes"],
        &["--mount", "type=mem,src=notes,dst=/notes"],
    ] {
        let ran = sandbox.run(&[&["run", "--diff"], how, &[&tidy(), "/notes"]].concat());
        ok(&ran);
        assert_eq!(ran.out, tidied("/notes")[0].1);
        let lines: Vec<&str> = ran.err.lines().collect();
        assert!(lines[0].starts_with("/notes: ") && lines[0].contains("2 renamed"), "{how:?}: {}", ran.err);
        for line in ["+ TIDY.log", "- todo.txt~", "~ todo.txt", "> old stuff", "> read me.txt"] {
            assert!(lines.iter().any(|found| found.starts_with(line)), "{how:?}: {line}: {}", ran.err);
        }
        assert_eq!(content(&sandbox.path().join("notes")), before);
    }
}

#[test]
fn in_json() {
    let sandbox = sandbox();
    let words = ["run", "--fs", "overlay", "--dir", "notes::/n", "--tmpfs", "/t"];
    let ran = sandbox.run(&[&words[..], &["--diff=json", "--diff-json", "d.json", &tidy(), "/n"]].concat());
    ok(&ran);
    assert_eq!(ran.err, fs::read_to_string(sandbox.path().join("d.json")).unwrap());
    let told: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(told["format"], 1);
    assert_eq!(told["directories"].as_array().unwrap().len(), 2);
    let notes = &told["directories"][0];
    assert_eq!((&notes["guest"], &notes["summary"]["renamed"]), (&"/n".into(), &2.into()));
    let of = |path: &str| notes["changes"].as_array().unwrap().iter().find(|change| change["path"] == path).unwrap();
    assert_eq!((&of("TIDY.log")["kind"], &of("TIDY.log")["type"]), (&"created".into(), &"file".into()));
    assert_eq!(of("todo.txt~")["kind"], "deleted");
    assert_eq!((&of("old-stuff")["kind"], &of("old-stuff")["from"]), (&"renamed".into(), &"old stuff".into()));
    assert_eq!(told["directories"][1]["changes"], json!([]));
    // The file alone says nothing on stderr.
    let ran = sandbox.run(&[&words[..], &["--diff-json", "e.json", &tidy(), "/n"]].concat());
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
}

#[test]
fn nothing_changed_is_told_too() {
    let sandbox = sandbox();
    sandbox.wasm("reader.wasm", &reader());
    sandbox.file("notes/hello.txt", "hello\n");
    for fs in ["overlay", "mem"] {
        let ran = sandbox.run(&["run", "--fs", fs, "--dir", "notes", "--diff", "reader.wasm"]);
        assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "hello\n", "notes: nothing changed\n"));
    }
}

#[test]
fn a_program_that_failed_changed_something_too() {
    let sandbox = sandbox();
    let trap = writer().replace("(call $puts (i32.load", "unreachable (call $puts (i32.load");
    sandbox.wasm("trap.wasm", &trap);
    let ran = sandbox.run(&["run", "--fs", "overlay", "--dir", "notes", "--diff", "trap.wasm"]);
    assert_eq!(ran.code, Some(134), "{ran:?}");
    assert!(ran.err.contains("+ out.txt") && ran.err.contains("`trap.wasm` trapped"), "{ran:?}");
    // Time runs out while it computes: told all the same.
    sandbox.wasm("busy.wasm", &program("(func (export \"_start\") (loop (br 0)))"));
    let words = ["run", "--fs", "overlay", "--dir", "notes", "--diff", "--timeout", "100ms", "busy.wasm"];
    let ran = sandbox.run(&words);
    assert_eq!(ran.code, Some(124), "{ran:?}");
    assert!(ran.err.contains("notes: nothing changed"), "{ran:?}");
}

#[test]
fn what_was_saved_lies_over_the_directory_again() {
    let sandbox = sandbox();
    let before = content(&sandbox.path().join("notes"));
    for (name, text) in &before {
        sandbox.file(&format!("real/{name}"), text);
    }
    ok(&sandbox.run(&["run", "--dir", "real::/n", &tidy(), "/n"]));
    assert_eq!(content(&sandbox.path().join("real")), tidied("/n"));
    let expected = sandbox.run(&["run", "--fs", "mem", "--dir", "real::/n", &wasm("wordfreq"), "/n"]);
    ok(&expected);
    for file in ["after.tar", "after.tar.gz"] {
        let ran = sandbox.run(&["run", "--fs", "overlay", "--dir", "notes::/n", "--save", file, &tidy(), "/n"]);
        ok(&ran);
        assert_eq!(ran.err, "");
        assert_eq!(content(&sandbox.path().join("notes")), before);
        // As a layer over the same directory, it is the directory as the program would have left it.
        sandbox.run(&["fs", "pack", "--force", "notes", "notes.tar"]);
        for first in ["notes", "notes.tar"] {
            let mount = format!("type=overlay,src={first},src={file},dst=/n");
            let ran = sandbox.run(&["run", "--mount", &mount, &wasm("wordfreq"), "/n"]);
            ok(&ran);
            assert_eq!(ran.out, expected.out, "{first} {file}");
        }
        // It holds what changed, and no more.
        let list = sandbox.run(&["fs", "ls", "-R", file]).out;
        assert!(list.contains("TIDY.log") && list.contains("old-stuff/b.txt"), "{list}");
    }
}

#[test]
fn all_of_what_is_only_in_memory_is_saved() {
    let sandbox = sandbox();
    sandbox.wasm("writer.wasm", &writer());
    for how in [&["--tmpfs", "/t"][..], &["--mount", "type=mem,dst=/t"]] {
        ok(&sandbox.run(&[&["run", "--save", "t.tar"], how, &["writer.wasm"]].concat()));
        assert_eq!(sandbox.run(&["fs", "cat", "t.tar", "out.txt"]).out, "hello\n");
    }
    // Several: one is named.
    let two = ["run", "--tmpfs", "/t", "--fs", "overlay", "--dir", "notes::/n"];
    let ran = sandbox.run(&[&two[..], &["--save", "a.tar::/n", "--save", "b.tar::/t", "writer.wasm"]].concat());
    ok(&ran);
    assert_eq!(sandbox.run(&["fs", "ls", "a.tar"]).out, "out.txt\n");
    assert_eq!(sandbox.run(&["fs", "ls", "b.tar"]).out, "");
    sandbox
        .run(&[&two[..], &["--save", "a.tar", "writer.wasm"]].concat())
        .refused(2, &["several directories can change: `/n`, `/t`", "help: ", "::GUEST"]);
    sandbox
        .run(&[&two[..], &["--save", "a.tar::/x", "writer.wasm"]].concat())
        .refused(2, &["`/x` is no view; there is `/n`, `/t`"]);
}

#[test]
fn what_changed_is_put_into_the_directory_if_the_program_succeeds() {
    for how in [&["--fs", "overlay", "--dir", "notes::/n"][..], &["--mount", "type=overlay,src=notes,dst=/n"]] {
        let sandbox = sandbox();
        let ran = sandbox.run(&[&["run", "--commit"], how, &[&tidy(), "/n"]].concat());
        ok(&ran);
        assert!(ran.err.starts_with("committed to `notes`: 1 created"), "{ran:?}");
        assert!(ran.err.contains("1 deleted") && ran.err.contains("2 renamed"), "{ran:?}");
        assert_eq!(content(&sandbox.path().join("notes")), tidied("/n"));
        // There is nothing more to do but for the log.
        let ran = sandbox.run(&[&["run", "--commit", "--diff"], how, &[&tidy(), "/n"]].concat());
        ok(&ran);
        assert!(
            ran.err.starts_with("/n: 1 changed\n~ TIDY.log") && ran.err.contains("committed to `notes`: 1 changed"),
            "{ran:?}"
        );
    }
}

#[test]
fn a_program_that_failed_commits_nothing() {
    let sandbox = sandbox();
    let before = content(&sandbox.path().join("notes"));
    sandbox.wasm(
        "fails.wasm",
        &writer().replace("(call $puts (i32.load", "(call $proc_exit (i32.const 3)) (call $puts (i32.load"),
    );
    let ran = sandbox.run(&["run", "--fs", "overlay", "--dir", "notes", "--commit", "--diff", "fails.wasm"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("+ out.txt") && ran.err.contains("note: nothing is committed"), "{ran:?}");
    assert_eq!(content(&sandbox.path().join("notes")), before);
}

#[cfg(unix)]
#[test]
fn what_somebody_else_has_changed_is_not_overwritten() {
    use std::{io::Write as _, process::Stdio};
    let sandbox = sandbox();
    // Writes, then waits for a byte.
    let waits = writer().replace(
        "(i32.const 96) (i32.const 6))",
        "(i32.const 96) (i32.const 6))
         (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1))
         (call $puts (i32.const 1) (i32.const 96) (i32.const 6))
         (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1))
         (call $ok (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))",
    );
    sandbox.wasm("waits.wasm", &waits);
    let run = |save: &[&str], act: &dyn Fn()| {
        let mut child = sandbox
            .gangplank()
            .args(["run", "--fs", "overlay", "--dir", "notes", "--commit"])
            .args(save)
            .arg("waits.wasm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
        act();
        child.stdin.take().unwrap().write_all(b"x").unwrap();
        Ran::of(child.wait_with_output().unwrap())
    };
    let mine = sandbox.path().join("notes/out.txt");
    let ran = run(&["--save", "kept.tar"], &|| fs::write(&mine, "mine").unwrap());
    assert_eq!(ran.code, Some(125), "{ran:?}");
    assert!(ran.err.starts_with("error: cannot commit to `notes`") && ran.err.contains("\n  out.txt: "), "{ran:?}");
    assert!(ran.err.contains("help: nothing has been committed"), "{ran:?}");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(sandbox.run(&["fs", "cat", "kept.tar", "out.txt"]).out, "hello\n");
    // What does not concern the program does not hinder it.
    fs::remove_file(&mine).unwrap();
    let ran = run(&[], &|| fs::write(sandbox.path().join("notes/other.txt"), "mine").unwrap());
    ok(&ran);
    assert_eq!(fs::read_to_string(&mine).unwrap(), "hello\n");
    assert_eq!(fs::read_to_string(sandbox.path().join("notes/other.txt")).unwrap(), "mine");
}

#[test]
fn words_that_are_wrong() {
    let sandbox = sandbox();
    sandbox.wasm("writer.wasm", &writer());
    let view = ["--fs", "overlay", "--dir", "notes"];
    for (words, says) in [
        (&["--diff"][..], &["`--diff` has nothing to tell", "help: `--fs overlay`"][..]),
        (&["--diff", "--dir", "notes"], &["`--diff` has nothing to tell"]),
        (&["--commit"], &["`--commit` has nowhere to put changes", "help: `--fs overlay`"]),
        (&["--commit", "--fs", "mem", "--dir", "notes"], &["`--commit` has nowhere"]),
        (&["--commit", "--fs", "overlay", "--dir", "notes:ro"], &["`--commit` has nowhere"]),
        (&["--commit", "--mount", "type=overlay,src=notes,src=notes,dst=/x"], &["`--commit` has nowhere"]),
        (&["--diff=xml"], &["xml", "text", "json"]),
        (&["--save", "a.tar", "--dir", "notes"], &["`--save a.tar`: there is nothing to save", "help: `--fs overlay`"]),
        (&["--save", "a.tar::notes", "--fs", "mem", "--dir", "notes"], &["`notes` is a copy", "--fs overlay"]),
        (&["--save", "a.tar::notes", "--dir", "notes"], &["`notes` is no view, nor is anything else"]),
        (&[&["--save", "a.zip"], &view[..]].concat(), &["`a.zip` does not say what to make", "`.tar.gz`"]),
        (&[&["--save", "-"], &view[..]].concat(), &["stdout is the program's"]),
        (&[&["--save", "none/a.tar"], &view[..]].concat(), &["cannot write `none/a.tar`"]),
        (&[&["--diff-json", "none/d.json"], &view[..]].concat(), &["`none/d.json` of `--diff-json`"]),
    ] {
        sandbox.run(&[&["run"], words, &["writer.wasm"]].concat()).refused(2, says);
    }
    assert!(!sandbox.path().join("notes/out.txt").exists() && !sandbox.path().join("a.tar").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_tells_what_has_changed_until_then() {
    use std::process::Stdio;
    let sandbox = sandbox();
    let busy = writer().replace(
        "(i32.const 96) (i32.const 6))",
        "(i32.const 96) (i32.const 6)) (call $puts (i32.const 1) (i32.const 96) (i32.const 6)) (loop (br 0))",
    );
    sandbox.wasm("busy.wasm", &busy);
    let mut child = sandbox
        .interruptible()
        .args(["run", "--fs", "overlay", "--dir", "notes", "--diff", "--commit", "--save", "kept.tar", "busy.wasm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.err.starts_with("notes: 1 created\n+ out.txt") && ran.err.contains("nothing is committed"), "{ran:?}");
    assert_eq!(sandbox.run(&["fs", "cat", "kept.tar", "out.txt"]).out, "hello\n");
    assert!(!sandbox.path().join("notes/out.txt").exists());
}
