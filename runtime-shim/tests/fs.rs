//! `gangplank fs`: what is in trees, packed, unpacked and compared; and what is wrong with them.

mod common;

use std::{fs, io::Write as _, path::Path};

use common::{Ran, Sandbox};

/// `src` with a directory, a file, a link, and a file with several names.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("src/hello.txt", "hello, world\n");
    sandbox.file("src/sub/deep/data.bin", vec![7; 100_000]);
    fs::hard_link(sandbox.path().join("src/hello.txt"), sandbox.path().join("src/sub/again.txt")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("../hello.txt", sandbox.path().join("src/sub/link")).unwrap();
    sandbox
}

#[track_caller]
fn done(ran: &Ran, out: &str) {
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), out, ""), "{ran:?}");
}

/// All paths below, with their content.
fn content(top: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut left, mut found) = (vec![top.to_owned()], Vec::new());
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_symlink() {
                found.push((name, fs::read_link(&path).unwrap().to_str().unwrap().into()));
            } else if kind.is_dir() {
                found.push((name, b"/".to_vec()));
                left.push(path);
            } else {
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// `src` as a directory, and packed in each way.
const FORMS: [&str; 4] = ["src", "a.tar", "a.tar.gz", "a.tgz"];

fn packed() -> Sandbox {
    let sandbox = sandbox();
    for form in &FORMS[1..] {
        done(&sandbox.run(&["fs", "pack", "src", form]), "");
    }
    sandbox
}

#[test]
fn trees_are_listed() {
    let sandbox = packed();
    for tree in FORMS {
        done(&sandbox.run(&["fs", "ls", tree]), "hello.txt\nsub/\n");
        let all = "hello.txt\nsub/\nsub/again.txt\nsub/deep/\nsub/deep/data.bin\nsub/link\n";
        done(&sandbox.run(&["fs", "ls", "-R", tree]), all);
        done(&sandbox.run(&["fs", "ls", tree, "sub/deep"]), "sub/deep/data.bin\n");
        done(&sandbox.run(&["fs", "ls", tree, "hello.txt"]), "hello.txt\n");
        let long = sandbox.run(&["fs", "ls", "-l", "-R", tree]);
        assert_eq!((long.code, &*long.err), (Some(0), ""), "{long:?}");
        let lines: Vec<&str> = long.out.lines().collect();
        assert!(lines[0].starts_with("-rw-r--r--   2 ") && lines[0].contains(" 13 20"), "{}", long.out);
        assert!(lines[1].starts_with("drwxr-xr-x ") && lines[1].ends_with(" sub/"), "{}", long.out);
        assert!(lines[5].starts_with('l') && lines[5].ends_with(" sub/link -> ../hello.txt"), "{}", long.out);
    }
}

#[test]
fn lists_in_json() {
    let sandbox = packed();
    for tree in FORMS {
        let ran = sandbox.run(&["fs", "ls", "--json", "-R", tree]);
        let list: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 6);
        assert_eq!((&list[0]["path"], &list[0]["type"]), (&"hello.txt".into(), &"file".into()));
        assert_eq!((&list[0]["size"], &list[0]["nlink"]), (&13.into(), &2.into()));
        assert_eq!((&list[0]["mode"], &list[0]["target"]), (&"0644".into(), &serde_json::Value::Null));
        let time = list[0]["mtime"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 30, "{time}");
        assert_eq!((&list[5]["type"], &list[5]["target"]), (&"symlink".into(), &"../hello.txt".into()));
    }
    fs::create_dir(sandbox.path().join("empty")).unwrap();
    done(&sandbox.run(&["fs", "ls", "--json", "empty"]), "[]\n");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_cannot_hurt_a_terminal() {
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path().join("odd")).unwrap();
    fs::write(sandbox.path().join("odd").join(std::ffi::OsStr::from_bytes(b"a\x1b[2J\xff")), "").unwrap();
    done(&sandbox.run(&["fs", "ls", "odd"]), "a\\x1b[2J\\xff\n");
    let ran = sandbox.run(&["fs", "ls", "--json", "odd"]);
    assert!(ran.out.contains("\"path_hex\":\"611b5b324aff\""), "{}", ran.out);
}

#[test]
fn files_are_printed() {
    let sandbox = packed();
    for tree in FORMS {
        done(&sandbox.run(&["fs", "cat", tree, "hello.txt", "/sub/link"]), "hello, world\nhello, world\n");
        sandbox.run(&["fs", "cat", tree, "sub"]).refused(1, &["cannot read `sub`: it is a directory"]);
        sandbox.run(&["fs", "cat", tree, "none"]).refused(1, &["cannot read `none`"]);
    }
    assert_eq!(sandbox.run(&["fs", "cat", "a.tar", "sub/deep/data.bin"]).out.len(), 100_000);
}

#[test]
fn what_was_packed_comes_out_again() {
    let sandbox = packed();
    let original = content(&sandbox.path().join("src"));
    for form in &FORMS[1..] {
        let out = format!("{form}.out");
        done(&sandbox.run(&["fs", "unpack", form, &out]), "");
        assert_eq!(content(&sandbox.path().join(&out)), original, "{form}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let found = |name: &str| fs::metadata(sandbox.path().join(&out).join(name)).unwrap();
            assert_eq!(found("hello.txt").ino(), found("sub/again.txt").ino());
            let before = fs::metadata(sandbox.path().join("src/hello.txt")).unwrap();
            assert_eq!(found("hello.txt").mtime(), before.mtime());
        }
    }
    // Through stdout, as a pipe does it.
    let tar = sandbox.gangplank().args(["fs", "pack", "src", "-"]).output().unwrap().stdout;
    assert_eq!(tar, fs::read(sandbox.path().join("a.tar")).unwrap());
}

#[test]
fn trees_are_compared() {
    let sandbox = packed();
    for (before, after) in [("src", "a.tar"), ("a.tar", "a.tar.gz"), ("a.tgz", "src"), ("src", "src")] {
        done(&sandbox.run(&["fs", "diff", before, after]), "");
    }
    done(&sandbox.run(&["fs", "unpack", "a.tar", "after"]), "");
    sandbox.file("after/new.txt", "new");
    sandbox.file("after/sub/deep/data.bin", "less");
    fs::rename(sandbox.path().join("after/sub/link"), sandbox.path().join("after/link")).unwrap();
    for before in FORMS {
        let ran = sandbox.run(&["fs", "diff", before, "after"]);
        assert_eq!((ran.code, &*ran.err), (Some(1), ""), "{ran:?}");
        let lines: Vec<&str> = ran.out.lines().collect();
        assert!(lines.iter().any(|line| line.starts_with("+ new.txt")), "{}", ran.out);
        assert!(
            lines.iter().any(|line| line.starts_with("~ sub/deep/data.bin") && line.contains("content")),
            "{}",
            ran.out
        );
        let json = sandbox.run(&["fs", "diff", "--json", before, "after"]);
        assert_eq!((json.code, &*json.err), (Some(1), ""), "{json:?}");
        let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let of = |path: &str| json["changes"].as_array().unwrap().iter().find(|change| change["path"] == path).unwrap();
        assert_eq!((&of("new.txt")["kind"], &of("new.txt")["size"]), (&"created".into(), &3.into()));
        let data = of("sub/deep/data.bin");
        assert_eq!(
            (&data["kind"], &data["size"], &data["size_before"]),
            (&"changed".into(), &4.into(), &100_000.into())
        );
        assert!(data["aspects"].as_array().unwrap().contains(&"content".into()), "{data}");
    }
    sandbox.run(&["fs", "diff", "src", "none"]).refused(2, &["cannot open `none`"]);
    let same = sandbox.run(&["fs", "diff", "--json", "src", "a.tar"]);
    assert_eq!(same.code, Some(0));
    let same: serde_json::Value = serde_json::from_str(&same.out).unwrap();
    assert_eq!((&same["changes"], &same["summary"]["changed"]), (&serde_json::json!([]), &0.into()));
}

/// An OCI image of one or more layers, each a tar, as a directory.
fn oci(sandbox: &Sandbox, dir: &str, layers: &[&str]) {
    use std::process::Command;
    let blob = |content: &[u8]| {
        // A digest by a program that everybody has; without it there is no such test.
        let path = sandbox.file("blob", content);
        let sum = Command::new("sha256sum").arg(path).output().unwrap().stdout;
        let digest = String::from_utf8(sum).unwrap()[..64].to_owned();
        sandbox.file(&format!("{dir}/blobs/sha256/{digest}"), content);
        format!(r#""digest":"sha256:{digest}","size":{}"#, content.len())
    };
    let list: Vec<String> = layers
        .iter()
        .map(|layer| {
            let content = fs::read(sandbox.path().join(layer)).unwrap();
            let kind = if layer.ends_with("gz") { "tar+gzip" } else { "tar" };
            format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.{kind}",{}}}"#, blob(&content))
        })
        .collect();
    let config = blob(b"{}");
    let manifest = blob(
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},"layers":[{}]}}"#,
            list.join(",")
        )
        .as_bytes(),
    );
    sandbox.file(
        &format!("{dir}/index.json"),
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",{manifest},
            "annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#
        ),
    );
    sandbox.file(&format!("{dir}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[cfg(unix)]
#[test]
fn oci_images_are_trees() {
    let sandbox = packed();
    sandbox.file("patch/sub/.wh.link", "");
    sandbox.file("patch/hello.txt", "patched\n");
    done(&sandbox.run(&["fs", "pack", "patch", "patch.tar"]), "");
    oci(&sandbox, "image", &["a.tar.gz", "patch.tar"]);
    done(&sandbox.run(&["fs", "pack", "image", "image.tar"]), "");
    for tree in ["oci:image", "oci:image:v1", "oci:image.tar", "oci:./image.tar:v1"] {
        done(&sandbox.run(&["fs", "ls", "-R", tree]), "hello.txt\nsub/\nsub/again.txt\nsub/deep/\nsub/deep/data.bin\n");
        done(&sandbox.run(&["fs", "cat", tree, "hello.txt", "sub/again.txt"]), "patched\nhello, world\n");
    }
    done(&sandbox.run(&["fs", "unpack", "oci:image", "out"]), "");
    assert!(!sandbox.path().join("out/sub/link").exists());
    sandbox.run(&["fs", "ls", "oci:image:v2"]).refused(1, &["cannot open `oci:image:v2`", "v2"]);
    sandbox.run(&["fs", "ls", "oci:none"]).refused(1, &["cannot open `oci:none`: it does not exist"]);
    sandbox.run(&["fs", "ls", "oci:src"]).refused(1, &["cannot open `oci:src`"]);
    sandbox.run(&["fs", "ls", "oci:a.tar"]).refused(1, &["cannot open `oci:a.tar`"]);
    // Without `oci:` it is a directory like any other.
    done(&sandbox.run(&["fs", "ls", "image"]), "blobs/\nindex.json\noci-layout\n");
}

#[test]
fn the_same_files_make_the_same_bytes() {
    let sandbox = sandbox();
    let pack = |out: &str, epoch: Option<&str>| {
        let mut command = sandbox.gangplank();
        if let Some(epoch) = epoch {
            command.env("SOURCE_DATE_EPOCH", epoch);
        }
        let ran = Ran::of(command.args(["fs", "pack", "--deterministic", "src", out]).output().unwrap());
        done(&ran, "");
        fs::read(sandbox.path().join(out)).unwrap()
    };
    let first = pack("1.tar.gz", None);
    let hello = fs::File::options().write(true).open(sandbox.path().join("src/hello.txt")).unwrap();
    hello.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(pack("2.tar.gz", None), first);
    assert_ne!(pack("3.tar.gz", Some("1000000000")), first);
    let list = sandbox.run(&["fs", "ls", "-l", "3.tar.gz"]).out;
    assert!(list.lines().all(|line| line.contains("0:0") && line.contains("2001-09-09 01:46:40")), "{list}");
    let ran = Ran::of(
        sandbox
            .gangplank()
            .env("SOURCE_DATE_EPOCH", "soon")
            .args(["fs", "pack", "--deterministic", "src", "4.tar"])
            .output()
            .unwrap(),
    );
    ran.refused(2, &["SOURCE_DATE_EPOCH is `soon`"]);
}

#[test]
fn nothing_is_overwritten_unless_told() {
    let sandbox = packed();
    sandbox.run(&["fs", "pack", "src", "a.tar"]).refused(1, &["cannot write `a.tar`: it exists", "help: --force"]);
    done(&sandbox.run(&["fs", "pack", "--force", "src", "a.tar"]), "");

    sandbox.file("there/hello.txt", "mine");
    sandbox.file("there/keep.txt", "kept");
    sandbox.file("there/sub/deep", "a file where a directory comes");
    fs::create_dir_all(sandbox.path().join("there/sub/again.txt/full")).unwrap();
    let before = content(&sandbox.path().join("there"));
    sandbox
        .run(&["fs", "unpack", "a.tar", "there"])
        .refused(1, &["cannot unpack into `there`: it is not empty", "help: --force"]);
    assert_eq!(content(&sandbox.path().join("there")), before);
    done(&sandbox.run(&["fs", "unpack", "--force", "a.tar", "there"]), "");
    let mut expected = content(&sandbox.path().join("src"));
    expected.push(("keep.txt".to_owned(), b"kept".to_vec()));
    expected.sort();
    assert_eq!(content(&sandbox.path().join("there")), expected);
    // Into an empty directory it needs no leave.
    fs::create_dir(sandbox.path().join("empty")).unwrap();
    done(&sandbox.run(&["fs", "unpack", "a.tar", "empty"]), "");
}

/// The command as a user who owns nothing and may give nothing away, if we are root and the system has `setpriv`.
#[cfg(target_os = "linux")]
fn as_nobody(sandbox: &Sandbox) -> Option<std::process::Command> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return Some(sandbox.gangplank());
    }
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_gangplank")]);
    command.current_dir(sandbox.path());
    fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let works = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_gangplank"), "--version"])
        .current_dir(sandbox.path())
        .output();
    works.is_ok_and(|out| out.status.success()).then_some(command)
}

#[cfg(target_os = "linux")]
#[test]
fn an_ordinary_user_can_unpack_what_belongs_to_others_and_is_read_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox();
    let mode = |path: &str, mode| {
        fs::set_permissions(sandbox.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("src/sub/deep/data.bin", 0o444);
    mode("src/hello.txt", 0o4755);
    mode("src/sub/deep", 0o555);
    done(&sandbox.run(&["fs", "pack", "--deterministic", "src", "a.tar"]), "");
    let Some(mut command) = as_nobody(&sandbox) else {
        eprintln!("not tested: no setpriv here");
        return;
    };
    done(&Ran::of(command.args(["fs", "unpack", "a.tar", "out"]).output().unwrap()), "");
    assert_eq!(content(&sandbox.path().join("out")), content(&sandbox.path().join("src")));
    let bits = |path: &str| fs::metadata(sandbox.path().join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((bits("out/sub/deep"), bits("out/sub/deep/data.bin"), bits("out/hello.txt")), (0o555, 0o444, 0o755));
    // For whoever clears up after us.
    mode("src/sub/deep", 0o755);
    mode("out/sub/deep", 0o755);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_way_is_replaced_and_not_followed() {
    let sandbox = packed();
    fs::create_dir(sandbox.path().join("outside")).unwrap();
    fs::create_dir(sandbox.path().join("there")).unwrap();
    for (target, name) in [("../outside", "sub"), ("../outside/hello.txt", "hello.txt")] {
        std::os::unix::fs::symlink(target, sandbox.path().join("there").join(name)).unwrap();
    }
    done(&sandbox.run(&["fs", "unpack", "--force", "a.tar", "there"]), "");
    assert!(content(&sandbox.path().join("outside")).is_empty());
    assert_eq!(content(&sandbox.path().join("there")), content(&sandbox.path().join("src")));
}

#[test]
fn a_damaged_image_is_named_with_the_place_and_changes_nothing() {
    let sandbox = packed();
    let whole = fs::read(sandbox.path().join("a.tar")).unwrap();
    // Cut in the middle of the large file.
    sandbox.file("cut.tar", &whole[..20_000]);
    let mut flipped = whole.clone();
    flipped[512 * 2 + 3] ^= 0x40;
    sandbox.file("flipped.tar", flipped);
    let packed = fs::read(sandbox.path().join("a.tar.gz")).unwrap();
    sandbox.file("cut.tar.gz", &packed[..packed.len() / 2]);
    sandbox.file("noise", [0xA5; 4096]);
    sandbox.file("empty.tar", "");
    for name in ["cut.tar", "flipped.tar", "cut.tar.gz", "noise"] {
        for words in [&["fs", "ls", name][..], &["fs", "cat", name, "hello.txt"], &["fs", "unpack", name, "out"]] {
            let ran = sandbox.run(words);
            ran.refused(1, &[&format!("cannot open `{name}`")]);
            assert!(name == "noise" || ran.err.contains("byte") || ran.err.contains("offset"), "{ran:?}");
        }
        assert!(!sandbox.path().join("out").exists(), "{name}");
    }
}

#[test]
fn an_image_cannot_get_out() {
    let sandbox = Sandbox::new();
    for name in ["../out.txt", "/out.txt", "a/../../out.txt"] {
        let mut tar = Vec::new();
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(b"00000000004\0");
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(b"evil");
        tar.resize(512 * 4, 0);
        sandbox.file("evil.tar", tar);
        let ran = sandbox.run(&["fs", "unpack", "evil.tar", "dir/../there"]);
        // Refused, or kept inside.
        assert!(!sandbox.path().join("out.txt").exists() && !Path::new("/out.txt").exists(), "{name}: {ran:?}");
        let _ = fs::remove_dir_all(sandbox.path().join("there"));
    }
}

#[test]
fn bad_words() {
    let sandbox = packed();
    sandbox.file("plain.txt", "x");
    for (words, code, says) in [
        (&["fs"][..], 2, &["ls", "unpack"][..]),
        (&["fs", "mount"], 2, &["mount"]),
        (&["fs", "ls"], 2, &["TREE"]),
        (&["fs", "ls", "-l", "--json", "src"], 2, &["--json"]),
        (&["fs", "ls", "none"], 1, &["cannot open `none`: it does not exist"]),
        (&["fs", "ls", "src", "none"], 1, &["none"]),
        (&["fs", "ls", "src", "hello.txt/"], 1, &["hello.txt/"]),
        (&["fs", "cat", "src"], 2, &["PATH"]),
        (&["fs", "pack", "src", "out.rar"], 2, &["`out.rar` does not say what to make", "`.tar.gz`"]),
        (&["fs", "pack", "none", "out.tar"], 1, &["cannot open `none`"]),
        (&["fs", "pack", "src", "src/out.tar"], 1, &["it would be in the tree to pack, `src`", "help: "]),
        (&["fs", "pack", ".", "out.tar"], 1, &["it would be in the tree to pack, `.`"]),
        (&["fs", "pack", "src", "none/out.tar"], 1, &["cannot write `none/out.tar`"]),
        (&["fs", "unpack", "src", "out"], 1, &["cannot open `src`: it is a directory"]),
        (&["fs", "unpack", "a.tar", "plain.txt"], 1, &["cannot unpack into `plain.txt`"]),
        (&["fs", "unpack", "a.tar", "none/out"], 1, &["cannot unpack into `none/out`"]),
    ] {
        let ran = sandbox.run(words);
        assert_eq!((ran.code, &*ran.out), (Some(code), ""), "{ran:?}");
        assert!(says.iter().all(|word| ran.err.contains(word)), "{words:?}: {ran:?}");
    }
    assert!(!sandbox.path().join("out.tar").exists() && !sandbox.path().join("out").exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_or_device_is_not_read() {
    let sandbox = Sandbox::new();
    sandbox.run(&["fs", "ls", "/dev/zero"]).refused(1, &["it is not a regular file"]);
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path().join("fifo")).status().unwrap().success());
    sandbox.run(&["fs", "cat", ".", "fifo"]).refused(1, &["it is not a regular file"]);
    sandbox.run(&["fs", "ls", "fifo"]).refused(1, &["it is not a regular file"]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_no_trouble() {
    let sandbox = packed();
    for words in [&["fs", "ls", "src"][..], &["fs", "cat", "a.tar", "sub/deep/data.bin"], &["fs", "pack", "src", "-"]] {
        let mut child = sandbox
            .gangplank()
            .args(words)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{words:?}");
    }
    std::io::stdout().flush().unwrap();
}
