//! Help, completions and manual pages: what is made from the definition of the command line.

mod common;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use common::Sandbox;

const COMMANDS: [&str; 7] = ["run", "inspect", "compile", "fs", "engines", "completions", "man"];

const FS_COMMANDS: [&str; 5] = ["ls", "cat", "diff", "pack", "unpack"];

#[test]
fn completions_know_the_commands_and_options() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = sandbox.run(&["completions", shell]);
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{shell}");
        for word in COMMANDS.iter().chain(&FS_COMMANDS).chain(&[
            "host-resolver",
            "mount",
            "diff-json",
            "commit",
            "deterministic",
        ]) {
            assert!(ran.out.contains(word), "{word} is not in the completions of {shell}");
        }
        syntax(shell, &ran.out);
    }
}

/// Has the shell read a script, if it is here.
fn syntax(shell: &str, script: &str) {
    let args: &[&str] = match shell {
        "bash" | "zsh" => &["-n", "/dev/stdin"],
        "fish" => &["--no-execute", "/dev/stdin"],
        _ => return,
    };
    let Ok(mut child) = Command::new(shell).args(args).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        return;
    };
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{shell}: {}", String::from_utf8_lossy(&out.stderr));
}

#[cfg(unix)]
#[test]
fn bash_completes_a_command_and_an_option() {
    let sandbox = Sandbox::new();
    sandbox.file("gangplank.bash", sandbox.run(&["completions", "bash"]).out);
    let complete = |words: &str, at: usize| {
        let script = format!(
            "set -e; . ./gangplank.bash; COMP_WORDS=({words}); COMP_CWORD={at}; \
             _gangplank gangplank \"${{COMP_WORDS[{at}]}}\" \"${{COMP_WORDS[{at}-1]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        let out = Command::new("bash").args(["-c", &script]).current_dir(sandbox.path()).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    assert_eq!(complete("gangplank ins", 1).trim(), "inspect");
    assert_eq!(
        complete("gangplank run --limit-f", 2).trim(),
        "--limit-fds --limit-fs-bytes --limit-fs-nodes --limit-fuel"
    );
    assert_eq!(complete("gangplank run --rights e", 3).trim(), "enforce");
}

#[test]
fn every_command_has_a_page() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]);
    assert_eq!((page.code, &*page.err), (Some(0), ""));
    assert!(page.out.contains(".TH gangplank 1") && page.out.contains("gangplank\\-inspect"), "{}", page.out);
    for command in COMMANDS {
        let page = sandbox.run(&["man", command]);
        assert_eq!((page.code, &*page.err), (Some(0), ""), "{command}");
        assert!(page.out.contains(&format!(".TH gangplank-{command} 1")), "{}", page.out);
        assert!(page.out.contains(".SH SYNOPSIS"), "{}", page.out);
    }
    for command in FS_COMMANDS {
        let page = sandbox.run(&["man", "fs", command]);
        assert_eq!((page.code, &*page.err), (Some(0), ""), "{command}");
        assert!(page.out.contains(&format!(".TH gangplank-fs-{command} 1")), "{}", page.out);
    }
    let run = sandbox.run(&["man", "run"]).out;
    for words in ["\\-\\-limit\\-memory", "\\-\\-stats\\-json", "Exit codes", "Examples"] {
        assert!(run.contains(words), "{words}: {run}");
    }
}

#[test]
fn help_has_examples_and_fits() {
    let sandbox = Sandbox::new();
    let commands = ["run", "inspect", "compile", "fs", "completions", "man"].map(|command| vec![command]);
    for command in commands.into_iter().chain(FS_COMMANDS.map(|command| vec!["fs", command])) {
        for flag in ["-h", "--help"] {
            let help = sandbox.run(&[&command[..], &[flag]].concat());
            assert_eq!((help.code, &*help.err), (Some(0), ""), "{command:?}");
            assert!(help.out.contains("Examples:\n  gangplank "), "{command:?} {flag}: {}", help.out);
            let longest = help.out.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= 100, "{command:?} {flag}: {longest}");
        }
    }
    let run = sandbox.run(&["run", "--help"]).out;
    for heading in
        ["What the program is given:", "What it changed:", "Limits:", "Watching it:", "Engine and compiled code:"]
    {
        assert!(run.contains(heading), "{heading}: {run}");
    }
    // A table whose lines are broken is no table.
    let inspect = sandbox.run(&["inspect", "--help"]).out;
    let table = inspect.split("\n  format ").nth(1).unwrap();
    assert!(table.lines().skip(1).all(|line| line.starts_with("  ")), "{inspect}");
}

#[test]
fn bad_values() {
    let sandbox = Sandbox::new();
    sandbox.run(&["completions", "csh"]).refused(2, &["csh", "bash", "zsh", "fish"]);
    sandbox.run(&["completions"]).refused(2, &["SHELL"]);
    sandbox.run(&["man", "woman"]).refused(2, &["no command `woman`", "`run`"]);
    sandbox.run(&["man", "run", "more"]).refused(2, &["no command `run more`"]);
    sandbox.run(&["man", "fs", "rm"]).refused(2, &["no command `fs rm`", "`unpack`"]);
}
