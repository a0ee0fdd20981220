//! `gangplank run --mount`: each type, each option, and each way to get it wrong.

mod common;

use std::fs;

use common::{Ran, Sandbox, program, reader, writer};

/// The message, the mark under the word at fault, and the advice.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str], says: &[&str], marked: &str) {
    let ran = sandbox.run(&[&["run"], words, &["reader.wasm"]].concat());
    ran.refused(2, says);
    let lines: Vec<&str> = ran.err.lines().collect();
    let at = lines.iter().position(|line| line.trim_start().starts_with('^')).unwrap_or_else(|| panic!("{ran:?}"));
    let start = lines[at].find('^').unwrap();
    assert_eq!(lines[at - 1].get(start..lines[at].len()).unwrap_or(""), marked, "{}", ran.err);
}

#[track_caller]
fn passes(ran: &Ran, out: &str) {
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), out, ""), "{ran:?}");
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.wasm("reader.wasm", &reader());
    sandbox.wasm("writer.wasm", &writer());
    sandbox.file("dir/hello.txt", "hello, world\n");
    sandbox
}

#[test]
fn memory_is_empty_or_a_copy() {
    let sandbox = sandbox();
    // NOENT is 44.
    assert_eq!(sandbox.run(&["run", "--mount", "type=mem,dst=/x", "reader.wasm"]).code, Some(44));
    passes(&sandbox.run(&["run", "--mount", "type=mem,dst=/x", "writer.wasm"]), "");
    passes(&sandbox.run(&["run", "--mount", "type=mem,src=dir,dst=/x", "reader.wasm"]), "hello, world\n");
    passes(&sandbox.run(&["run", "--mount", "type=mem,src=dir,dst=/x", "writer.wasm"]), "");
    assert!(!sandbox.path().join("dir/out.txt").exists(), "the copy is not the directory");
    // ROFS is 69.
    assert_eq!(sandbox.run(&["run", "--mount", "type=mem,src=dir,dst=/x,ro", "writer.wasm"]).code, Some(69));
}

#[test]
fn a_directory_of_the_host_is_that_directory() {
    let sandbox = sandbox();
    passes(&sandbox.run(&["run", "--mount", "type=host,src=dir,dst=/x", "reader.wasm"]), "hello, world\n");
    assert_eq!(sandbox.run(&["run", "--mount", "type=host,src=dir,dst=/x,ro", "writer.wasm"]).code, Some(69));
    assert_eq!(sandbox.run(&["run", "--mount", "type=host,src=dir,dst=/x,ro=true", "writer.wasm"]).code, Some(69));
    passes(&sandbox.run(&["run", "--mount", "type=host,src=dir,dst=/x,readonly=false", "writer.wasm"]), "");
    assert_eq!(fs::read_to_string(sandbox.path().join("dir/out.txt")).unwrap(), "hello\n");
}

/// A promise that another option breaks is none.
#[test]
fn what_nobody_else_changes_is_changed_by_no_other_option() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.path().join("dir/sub")).unwrap();
    fs::create_dir_all(sandbox.path().join("work")).unwrap();
    sandbox.file("alone/hello.txt", "hello, world\n");
    let exclusive = "type=host,src=dir,dst=/x,exclusive";
    passes(&sandbox.run(&["run", "--mount", exclusive, "reader.wasm"]), "hello, world\n");
    for others in [
        &["--dir", "dir::/y"][..],
        &["--dir", "dir/sub::/y"],
        &["--dir", ".::/y"],
        &["--dir", "alone/../dir::/y"],
        &["--mount", "type=host,src=dir/sub,dst=/y"],
        &["--mount", "type=host,src=dir/sub,dst=/y,exclusive"],
        &["--mount", "type=overlay,src=alone,dst=/y,upper=dir/sub,work=work"],
        &["--mount", "type=overlay,src=alone,dst=/y,upper=work,work=dir/sub"],
    ] {
        let says = ["nobody else is to change `dir`", others[0], "change the same files", "`ro`"];
        refused(&sandbox, &[&["--mount", exclusive], others].concat(), &says, "dir");
    }
    // What only reads, or changes a copy, does not break it.
    for others in [
        &["--dir", "dir::/y:ro"][..],
        &["--dir", "alone::/y"],
        &["--mount", "type=host,src=dir,dst=/y,ro"],
        &["--mount", "type=mem,src=dir,dst=/y"],
        &["--mount", "type=overlay,src=dir,dst=/y"],
        &["--fs", "mem", "--dir", "dir::/y"],
    ] {
        passes(&sandbox.run(&[&["run", "--mount", exclusive], others, &["reader.wasm"]].concat()), "hello, world\n");
    }
}

/// Packs `dir` and others.
fn packed() -> Sandbox {
    let sandbox = sandbox();
    passes(&sandbox.run(&["fs", "pack", "dir", "dir.tar"]), "");
    passes(&sandbox.run(&["fs", "pack", "dir", "dir.tar.gz"]), "");
    sandbox.file("patch/hello.txt", "patched\n");
    passes(&sandbox.run(&["fs", "pack", "patch", "patch.tar"]), "");
    // One stored file, by hand.
    let mut zip = Vec::new();
    let (name, content) = (b"hello.txt", b"zipped\n");
    let local = |sig: &[u8], more: &[u8]| {
        let mut header = sig.to_vec();
        header.extend_from_slice(more);
        header.extend_from_slice(&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x28]);
        header.extend_from_slice(&crc32(content).to_le_bytes());
        header.extend_from_slice(&(content.len() as u32).to_le_bytes());
        header.extend_from_slice(&(content.len() as u32).to_le_bytes());
        header.extend_from_slice(&(name.len() as u16).to_le_bytes());
        header.extend_from_slice(&[0, 0]);
        header
    };
    zip.extend(local(b"PK\x03\x04", b""));
    zip.extend_from_slice(name);
    zip.extend_from_slice(content);
    let directory = zip.len() as u32;
    zip.extend(local(b"PK\x01\x02", &[20, 0]));
    zip.extend_from_slice(&[0; 14]);
    zip.extend_from_slice(name);
    let size = zip.len() as u32 - directory;
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend_from_slice(&size.to_le_bytes());
    zip.extend_from_slice(&directory.to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    sandbox.file("dir.zip", zip);
    sandbox
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn a_view_can_be_changed_and_the_directory_stays() {
    let sandbox = packed();
    let before = fs::read_dir(sandbox.path().join("dir")).unwrap().count();
    for src in ["dir", "dir.tar", "dir.tar.gz"] {
        let mount = format!("type=overlay,src={src},dst=/x");
        passes(&sandbox.run(&["run", "--mount", &mount, "reader.wasm"]), "hello, world\n");
        passes(&sandbox.run(&["run", "--mount", &mount, "writer.wasm"]), "");
        assert_eq!(sandbox.run(&["run", "--mount", &format!("{mount},ro"), "writer.wasm"]).code, Some(69));
    }
    for dir in ["dir", "dir::/x"] {
        passes(&sandbox.run(&["run", "--fs", "overlay", "--dir", dir, "reader.wasm"]), "hello, world\n");
        passes(&sandbox.run(&["run", "--fs", "overlay", "--dir", dir, "writer.wasm"]), "");
    }
    assert_eq!(sandbox.run(&["run", "--fs", "overlay", "--dir", "dir:ro", "writer.wasm"]).code, Some(69));
    assert_eq!(fs::read_dir(sandbox.path().join("dir")).unwrap().count(), before);
    // Limits are those of what is in memory.
    let ran = sandbox.run(&["run", "--limit-fs-nodes", "1", "--fs", "overlay", "--dir", "dir", "writer.wasm"]);
    assert!(ran.code == Some(51) && ran.err.contains("ran out of files in `--dir dir`"), "{ran:?}");
    let ran = sandbox.run(&["run", "--limit-fs-nodes", "3", "--fs", "overlay", "--dir", "dir", "writer.wasm"]);
    passes(&ran, "");
}

#[test]
fn each_source_lies_over_the_one_before() {
    let sandbox = packed();
    for (first, second, out) in [
        ("dir", "patch.tar", "patched\n"),
        ("patch.tar", "dir", "hello, world\n"),
        ("patch", "dir.tar.gz", "hello, world\n"),
    ] {
        for ro in ["", ",ro"] {
            let mount = format!("type=overlay,src={first},src={second},dst=/x{ro}");
            passes(&sandbox.run(&["run", "--mount", &mount, "reader.wasm"]), out);
        }
    }
    let mount = "type=oci,src=dir.tar.gz,src=patch.tar,dst=/x";
    passes(&sandbox.run(&["run", "--mount", mount, "reader.wasm"]), "patched\n");
    assert_eq!(sandbox.run(&["run", "--mount", mount, "writer.wasm"]).code, Some(69));
}

#[cfg(target_os = "linux")]
#[test]
fn changes_can_be_kept_on_disk() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("upper")).unwrap();
    fs::create_dir(sandbox.path().join("work")).unwrap();
    let mount = "type=overlay,src=dir,dst=/x,upper=upper,work=work";
    let ran = sandbox.run(&["run", "--mount", mount, "writer.wasm"]);
    if ran.err.contains("xattr") || ran.err.contains("extended attributes") {
        eprintln!("not tested: {}", ran.err);
        return;
    }
    passes(&ran, "");
    assert!(!sandbox.path().join("dir/out.txt").exists());
    assert_eq!(fs::read_to_string(sandbox.path().join("upper/out.txt")).unwrap(), "hello\n");
    // The next run finds it.
    sandbox.wasm("again.wasm", &reader().replace("hello.txt", "./out.txt"));
    passes(&sandbox.run(&["run", "--mount", mount, "again.wasm"]), "hello\n");
    passes(&sandbox.run(&["run", "--mount", mount, "reader.wasm"]), "hello, world\n");
    refused(
        &sandbox,
        &["--mount", "type=overlay,src=dir,dst=/x,upper=none,work=work"],
        &["cannot keep changes in `none`: it does not exist"],
        "none",
    );
    refused(
        &sandbox,
        &["--mount", "type=overlay,src=dir,dst=/x,upper=upper,work=dir/hello.txt"],
        &["cannot keep changes in `dir/hello.txt`: it is not a directory"],
        "dir/hello.txt",
    );
    if fs::metadata("/dev/shm").is_ok_and(|found| found.is_dir()) {
        let other = tempfile::tempdir_in("/dev/shm").unwrap();
        let mount = format!("type=overlay,src=dir,dst=/x,upper=upper,work={}", other.path().display());
        refused(&sandbox, &["--mount", &mount], &["cannot keep changes in `upper`"], "upper");
    }
}

#[test]
fn images_are_read_only_directories() {
    let sandbox = packed();
    for (kind, file, out) in
        [("tar", "dir.tar", "hello, world\n"), ("tar", "dir.tar.gz", "hello, world\n"), ("zip", "dir.zip", "zipped\n")]
    {
        let mount = format!("type={kind},src={file},dst=/x");
        passes(&sandbox.run(&["run", "--mount", &mount, "reader.wasm"]), out);
        assert_eq!(sandbox.run(&["run", "--mount", &mount, "writer.wasm"]).code, Some(69));
        passes(&sandbox.run(&["run", "--mount", &format!("type=mem,src={file},dst=/x"), "reader.wasm"]), out);
        passes(&sandbox.run(&["run", "--mount", &format!("type=mem,src={file},dst=/x"), "writer.wasm"]), "");
    }
    let cut = fs::read(sandbox.path().join("dir.tar")).unwrap();
    sandbox.file("cut.tar", &cut[..512 + 5]);
    sandbox.file("noise.tar", [0xA5; 2048]);
    for (text, says, marked) in [
        ("type=tar,src=cut.tar,dst=/x", &["cannot open `cut.tar`: ", "byte"][..], "cut.tar"),
        ("type=overlay,src=dir,src=cut.tar,dst=/x", &["cannot open `cut.tar`: "], "cut.tar"),
        ("type=mem,src=cut.tar,dst=/x", &["cannot open `cut.tar`: "], "cut.tar"),
        ("type=oci,src=dir.tar,src=cut.tar,dst=/x", &["cannot open `cut.tar`: "], "cut.tar"),
        ("type=tar,src=noise.tar,dst=/x", &["cannot open `noise.tar`: "], "noise.tar"),
        ("type=tar,src=dir.zip,dst=/x", &["it is a zip, not a tar", "help: say `type=zip`"], "dir.zip"),
        ("type=zip,src=dir.tar,dst=/x", &["it is a tar, not a zip", "help: say `type=tar`"], "dir.tar"),
        ("type=tar,src=dir,dst=/x", &["it is a directory, not an image"], "dir"),
        ("type=tar,src=none,dst=/x", &["it does not exist"], "none"),
        ("type=oci,src=none,dst=/x", &["it does not exist"], "none"),
        ("type=oci,src=dir,dst=/x", &["cannot open `dir`: "], "dir"),
        ("type=overlay,src=none,dst=/x", &["cannot open `none`: it does not exist"], "none"),
    ] {
        refused(&sandbox, &["--mount", text], says, marked);
    }
}

#[test]
fn a_comma_in_a_path_is_written_twice() {
    let sandbox = sandbox();
    sandbox.file("a,b/hello.txt", "comma\n");
    passes(&sandbox.run(&["run", "--mount", "type=host,src=a,,b,dst=/x", "reader.wasm"]), "comma\n");
}

/// Prints the size in bytes of `sub/hello.txt` below descriptor 3, as that many bytes.
fn through_three() -> String {
    program(
        r#"(data (i32.const 64) "sub/hello.txt")
        (func (export "_start")
            (call $ok (call $path_open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 13)
                (i32.const 0) (i64.const 0x2) (i64.const 0) (i32.const 0) (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 1024))
            (i32.store (i32.const 4) (i32.const 1024))
            (call $ok (call $fd_read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
            (call $puts (i32.const 1) (i32.const 1024) (i32.load (i32.const 8))))"#,
    )
}

/// Prints the name of descriptor 4, or exits with the errno.
fn fourth() -> String {
    program(
        r#"(func (export "_start")
            (call $ok (call $fd_prestat_get (i32.const 4) (i32.const 16)))
            (call $ok (call $fd_prestat_dir_name (i32.const 4) (i32.const 1024) (i32.load (i32.const 20))))
            (call $puts (i32.const 1) (i32.const 1024) (i32.load (i32.const 20))))"#,
    )
}

#[test]
fn what_lies_in_another_directory_is_found_there() {
    let sandbox = sandbox();
    sandbox.wasm("through.wasm", &through_three());
    sandbox.wasm("fourth.wasm", &fourth());
    sandbox.file("top/sub/hello.txt", "covered\n");
    let dir = ["run", "--dir", "top::/top"];
    passes(&sandbox.run(&[&dir[..], &["through.wasm"]].concat()), "covered\n");
    let over = ["--mount", "type=host,src=dir,dst=/top/sub"];
    passes(&sandbox.run(&[&dir[..], &over, &["through.wasm"]].concat()), "hello, world\n");
    // It needs no descriptor of its own there. BADF is 8.
    assert_eq!(sandbox.run(&[&dir[..], &over, &["fourth.wasm"]].concat()).code, Some(8));
    // Where there is no such directory, it is offered by its name alone, and nothing is made.
    let beside = ["--mount", "type=host,src=dir,dst=/top/none"];
    passes(&sandbox.run(&[&dir[..], &beside, &["fourth.wasm"]].concat()), "/top/none");
    assert!(!sandbox.path().join("top/none").exists());
    // A mount in a mount.
    let words =
        ["run", "--mount", "type=host,src=top,dst=/m", "--mount", "type=host,src=dir,dst=/m/sub", "through.wasm"];
    passes(&sandbox.run(&words), "hello, world\n");
}

#[test]
fn limits_are_those_of_the_mount() {
    let sandbox = sandbox();
    sandbox.file("big/hello.txt", vec![b'x'; 100_000]);
    let note = |words: &[&str], says: &str| {
        let ran = sandbox.run(&[&["run"], words, &["writer.wasm"]].concat());
        // NOSPC is 51.
        assert_eq!(ran.code, Some(51), "{ran:?}");
        assert!(ran.err.contains(says), "{ran:?}");
    };
    note(&["--mount", "type=mem,dst=/x,nodes=1"], "ran out of files in `--mount type=mem,dst=/x,nodes=1`; `nodes=1`");
    note(&["--limit-fs-nodes", "1", "--mount", "type=mem,dst=/x"], "`--limit-fs-nodes 1` allows no more");
    passes(&sandbox.run(&["run", "--limit-fs-nodes", "1", "--mount", "type=mem,dst=/x,nodes=2", "writer.wasm"]), "");
    // Of a directory of the host, what is added.
    passes(&sandbox.run(&["run", "--mount", "type=host,src=dir,dst=/x,nodes=1,size=64K", "writer.wasm"]), "");
    fs::remove_file(sandbox.path().join("dir/out.txt")).unwrap();
    let ran = sandbox.run(&["run", "--mount", "type=host,src=dir,dst=/x,size=5B", "writer.wasm"]);
    // DQUOT is 19; the last byte has no place.
    assert!(matches!(ran.code, Some(0 | 19 | 51)), "{ran:?}");
    assert!(fs::read(sandbox.path().join("dir/out.txt")).unwrap().len() < 6);
    fs::remove_file(sandbox.path().join("dir/out.txt")).unwrap();
    refused(
        &sandbox,
        &["--mount", "type=mem,src=big,dst=/x,size=64K"],
        &["cannot copy into memory `big`", "hello.txt", "help: size= says"],
        "big",
    );
    sandbox
        .run(&["run", "--limit-fs-nodes", "5", "--mount", "type=host,src=dir,dst=/x", "reader.wasm"])
        .refused(2, &["`--limit-fs-nodes` limits nothing", "--mount type=mem"]);
}

#[test]
fn words_that_are_wrong() {
    let sandbox = sandbox();
    for (text, says, marked) in [
        ("src=dir,dst=/x", &["does not say its type", "`mem`"][..], "s"),
        ("type=men,dst=/x", &["no type `men`; there is one `mem`"], "men"),
        ("type=mem,dts=/x", &["no key `dts`; there is one `dst`"], "dts"),
        ("type=mem,,dst=/x", &["no type `mem,dst=/x`"], "mem,,dst=/x"),
        ("type=mem,dst=/x,", &["an empty field"], ""),
        ("", &["an empty field"], ""),
        ("type=mem", &["needs `dst`"], ""),
        ("type=host,dst=/x", &["needs `src`"], ""),
        ("type=host,src=dir,dst=/x,ref=3", &["`ref` says nothing to a mount of type `host`"], "ref=3"),
        ("type=mem,dst=/x,size=lots", &["`lots` is not a size", "begins with no number"], "lots"),
        ("type=mem,dst=/x,ro=maybe", &["`ro` is `true` or `false`"], "ro=maybe"),
        ("type=mem,dst=/x,dst=/y", &["`dst` is given twice"], "dst=/y"),
        (
            "type=host,src=none,dst=/x",
            &["cannot offer the directory `none`: it does not exist", "help: create"],
            "none",
        ),
        ("type=host,src=dir/hello.txt,dst=/x", &["it is not a directory", "help: "], "dir/hello.txt"),
        ("type=mem,src=none,dst=/x", &["cannot open `none`: it does not exist"], "none"),
    ] {
        refused(&sandbox, &["--mount", text], says, marked);
    }
    let same = ["--dir", "dir::/x", "--mount", "type=mem,dst=/x/"];
    refused(&sandbox, &same, &["`--dir dir::/x` is offered under the same name", "help: "], "/x/");
    let same = ["--mount", "type=mem,dst=/x", "--mount", "type=host,src=dir,dst=/x"];
    refused(&sandbox, &same, &["`--mount type=mem,dst=/x` is offered under the same name"], "/x");
}

#[cfg(unix)]
#[test]
fn a_mount_through_a_link_that_leads_outside_is_refused() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("top")).unwrap();
    std::os::unix::fs::symlink("/", sandbox.path().join("top/sub")).unwrap();
    let ran = sandbox.run(&["run", "--dir", "top::/top", "--mount", "type=mem,dst=/top/sub", "reader.wasm"]);
    ran.refused(126, &["nothing can be mounted on `/top/sub`"]);
}
