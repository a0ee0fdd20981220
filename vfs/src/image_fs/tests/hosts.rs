//! Other programs read what we write, and we read what they write: the system's `tar`, and Python's `tarfile` and
//! `zipfile`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::*;
use crate::{NewNode, OpenFlags, SetAttr, SetTime, Time, dir, host_fs::HostFs};

/// Whether a program is there; tells if not.
fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        eprintln!("skipped: no `{program}` here");
    }
    there
}

fn run(program: &str, args: &[&str], dir: &Path) -> String {
    let out = Command::new(program).args(args).current_dir(dir).output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn host(dir: &Path) -> Tree {
    Tree::new(HostFs::open(dir).unwrap())
}

/// What everybody on every machine can have: no devices, no attributes, no foreign owners.
fn common() -> Tree {
    let long = "a-long-name-of-a-directory-for-the-header-has-no-room/".repeat(4);
    let tree = dir! {
        "file" mode 0o640: "hello", "empty": "", "block": vec![b'b'; 512], "large": vec![b'l'; 100_000],
        "link" => "dir/below", "dangling" => "/no/where",
        "dir" mode 0o750: { "below" mode 0o755: "below", "deeper": { "still": {} } },
        "\u{fc}mlaut": "\u{fc}",
    }
    .tree()
    .unwrap();
    tree.create_dir_all(&long).unwrap();
    tree.write([&long, "file"].concat(), "far down").unwrap();
    let cx = Ctx::ROOT;
    let (fs, root) = (tree.fs().clone(), tree.fs().root());
    let file = fs.lookup(&cx, root, crate::Name::new(b"file").unwrap()).unwrap().node;
    fs.link(&cx, file, root, crate::Name::new(b"hard").unwrap()).unwrap();
    let sparse = fs.create(&cx, root, crate::Name::new(b"sparse").unwrap(), &NewNode::Regular { mode: 0o600 }).unwrap();
    let open = fs.open(&cx, sparse.node, OpenFlags::WRITE).unwrap();
    for at in [1 << 20, 5 << 20] {
        open.write_at(&[std::io::IoSlice::new(&[b'd'; 8192])], crate::At::Offset(at)).unwrap();
    }
    open.set_len(9 << 20).unwrap();
    for entry in tree.walk("").unwrap() {
        let path = entry.unwrap().path;
        let time = Time(1_600_000_000_123_456_789 + path.len() as i128);
        let attr = SetAttr { mtime: SetTime::To(time), ..SetAttr::default() };
        let place = crate::Start {
            namespace: &crate::Namespace::new(),
            cx,
            place: tree.place(),
            scope: crate::Scope::Root(tree.place()),
        };
        place.set_attr(&path, false, &attr).unwrap();
    }
    tree
}

/// The same but for owners, which are whoever runs the test.
#[track_caller]
fn assert_like(a: &Tree, b: &Tree, nanos: bool) {
    let strip = |tree: &Tree| -> Vec<Facts> {
        let mut facts = facts(tree);
        for (_, metadata, xattrs) in &mut facts {
            xattrs.clear();
            if metadata.file_type == crate::FileType::Symlink {
                metadata.mode = 0o777;
            }
            let seconds = Time(metadata.mtime.0 / 1_000_000_000 * 1_000_000_000);
            let time = if nanos { metadata.mtime } else { seconds };
            *metadata =
                Metadata { uid: 0, gid: 0, nlink: 0, mtime: time, atime: time, ctime: time, btime: time, ..*metadata };
        }
        facts
    };
    let (of_a, of_b) = (strip(a), strip(b));
    of_a.iter().zip(&of_b).for_each(|(a, b)| assert_eq!(a, b));
    assert_eq!(of_a.len(), of_b.len());
    let changed = a.changes_since(b).unwrap();
    let only_owner = crate::diff::Kind::Changed(crate::diff::Aspects::OWNER);
    assert!(changed.iter().all(|change| change.kind == only_owner), "{changed:?}");
}

#[test]
fn the_systems_tar_reads_what_we_write() {
    if !has("tar") {
        return;
    }
    let (temp, tree) = (tempfile::tempdir().unwrap(), common());
    for gzip in [false, true] {
        let mut archive = Vec::new();
        pack(&tree, &mut archive, PackOptions::new().gzip(gzip)).unwrap();
        std::fs::write(temp.path().join("a.tar"), archive).unwrap();
        let out = temp.path().join(format!("out-{gzip}"));
        std::fs::create_dir(&out).unwrap();
        run("tar", &["xpf", "../a.tar", "--no-same-owner"], &out);
        assert_like(&host(&out), &tree, true);
    }
}

#[test]
fn we_read_what_the_systems_tar_writes() {
    if !has("tar") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dir");
    std::fs::create_dir(&dir).unwrap();
    host(&dir).copy_from(&common()).unwrap();
    let on_disk = host(&dir);
    let gnu = run("tar", &["--version"], temp.path()).contains("GNU tar");
    let mut ways: Vec<&[&str]> = vec![&["cf"], &["--format=ustar", "-cf"], &["czf"]];
    if gnu {
        ways.extend([
            &["--format=gnu", "-cf"][..],
            &["--format=gnu", "-S", "-cf"],
            &["--format=posix", "-cf"],
            &["--format=posix", "-S", "-cf"],
            &["--format=posix", "-S", "--sparse-version=0.0", "-cf"],
            &["--format=posix", "-S", "--sparse-version=0.1", "-cf"],
        ]);
    }
    if has("zstd") {
        ways.push(&["--zstd", "-cf"]);
    }
    for way in ways {
        let file = temp.path().join("a.tar");
        let mut args = way.to_vec();
        args.extend(["../a.tar", "."]);
        // The seventh edition's header cannot hold it.
        let long = way[0] != "--format=ustar";
        if !long {
            args.insert(0, "--exclude=a-long-name*");
        }
        run("tar", &args, &dir);
        let image = Tree::new(Arc::new(ImageFs::open_path(&file, ImageOptions::new()).unwrap()));
        if long {
            assert_like(&image, &on_disk, way.contains(&"--format=posix"));
        } else {
            assert_eq!(image.read("file").unwrap(), "hello");
            assert_eq!(image.metadata("file").unwrap().ino, image.metadata("hard").unwrap().ino);
        }
        if way.contains(&"-S") {
            let metadata = image.metadata("sparse").unwrap();
            assert!(metadata.size == 9 << 20 && metadata.blocks < 200, "{way:?}: {metadata:?}");
        }
    }
}

#[test]
fn zstd_of_the_system_is_read() {
    if !has("zstd") || !has("tar") {
        return;
    }
    let (temp, tree) = (tempfile::tempdir().unwrap(), some_of_everything());
    let file = temp.path().join("a.tar");
    std::fs::write(&file, packed(&tree)).unwrap();
    for level in ["-1", "-19"] {
        run("zstd", &["-q", "-f", level, "a.tar", "-o", "a.tar.zst"], temp.path());
        let mut bytes = std::fs::read(temp.path().join("a.tar.zst")).unwrap();
        assert_same(&image(bytes.clone()).unwrap(), &tree);
        let error = image(bytes[..bytes.len() / 2].to_vec()).unwrap_err();
        assert!(matches!(error.problem, crate::image_fs::Problem::Truncated { .. }), "{error}");
        // A skippable frame before, a second frame after.
        let mut twice = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &bytes].concat();
        twice.extend_from_slice(&bytes);
        assert_same(&image(twice).unwrap(), &tree);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(image(bytes).is_err(), "its checksum is wrong");
    }
}

#[test]
fn python_reads_what_we_write() {
    if !has("python3") {
        return;
    }
    let (temp, tree) = (tempfile::tempdir().unwrap(), some_of_everything());
    std::fs::write(temp.path().join("a.tar"), packed(&tree)).unwrap();
    let script = r#"
import tarfile
for m in sorted(tarfile.open("a.tar"), key=lambda m: m.name):
    kind = "d" if m.isdir() else "l" if m.issym() else "h" if m.islnk() else "f" if m.isreg() else "o"
    content = tarfile.open("a.tar").extractfile(m).read(10).decode() if kind == "f" and m.size < 10 else ""
    print(kind, oct(m.mode), m.uid, m.gid, m.name, m.linkname, content, sep="|")
"#;
    let seen = run("python3", &["-c", script], temp.path());
    for line in [
        "d|0o755|0|0|.||",
        "f|0o640|1000|4000000000|dir/a-hard-link||hello",
        "h|0o640|1000|4000000000|file|dir/a-hard-link|",
        "f|0o4755|0|0|dir/below||below",
        "f|0o600|0|0|sparse||",
        "l|0o777|1000|4000000000|link|dir/below|",
        "f|0o644|0|0|\u{fc}mlaut||\u{fc}",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line} is not in\n{seen}");
    }
}

#[test]
fn we_read_what_python_writes() {
    if !has("python3") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dir");
    std::fs::create_dir(&dir).unwrap();
    host(&dir).copy_from(&common()).unwrap();
    for format in ["USTAR", "GNU", "PAX"] {
        let script = format!(
            "import tarfile\nwith tarfile.open('../a.tar', 'w', format=tarfile.{format}_FORMAT) as t: t.add('.', \
             filter=lambda m: None if {format:?} == 'USTAR' and 'long' in m.name else m)"
        );
        run("python3", &["-c", &script], &dir);
        let image = Tree::new(Arc::new(ImageFs::open_path(temp.path().join("a.tar"), ImageOptions::new()).unwrap()));
        match format {
            "USTAR" => assert_eq!(image.read("dir/below").unwrap(), "below"),
            _ => assert_like(&image, &host(&dir), false),
        }
    }
}

#[test]
fn we_read_zip_archives_of_python() {
    if !has("python3") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let script = r#"
import zipfile, os, stat
for name, method in ("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name + ".zip", "w", method) as z:
        z.mkdir("dir") if hasattr(z, "mkdir") else z.writestr("dir/", "")
        i = zipfile.ZipInfo("dir/file", (2020, 2, 29, 12, 34, 56)); i.compress_type = method
        i.external_attr = (stat.S_IFREG | 0o751) << 16
        z.writestr(i, "hello " * 10000)
        i = zipfile.ZipInfo("link"); i.create_system = 3; i.compress_type = method
        i.external_attr = (stat.S_IFLNK | 0o777) << 16
        z.writestr(i, "dir/file")
        z.writestr("ümlaut", "ü")
        with z.open("streamed", "w", force_zip64=True) as f: f.write(b"x" * 5000)
        z.writestr("empty", "")
        z.comment = b"a comment with PK\x05\x06 in it"
"#;
    run("python3", &["-c", script], temp.path());
    for name in ["stored", "deflated"] {
        let path = temp.path().join(format!("{name}.zip"));
        let bytes = std::fs::read(&path).unwrap();
        let opened = [
            ImageFs::open_path(&path, ImageOptions::new()).unwrap(),
            ImageFs::open(bytes.clone(), ImageOptions::new()).unwrap(),
            // After something else, as in an archive that unpacks itself.
            ImageFs::open([&b"PK\x03\x04 is not what it looks like"[..], &bytes].concat(), ImageOptions::new())
                .unwrap(),
        ];
        for image in opened.map(|fs| Tree::new(Arc::new(fs))) {
            assert_eq!(paths(&image), ["dir", "dir/file", "empty", "link", "streamed", "\u{fc}mlaut"]);
            let file = image.metadata("dir/file").unwrap();
            assert_eq!((file.mode, file.size, file.mtime), (0o751, 60_000, Time::from_parts(1_582_979_696, 0)));
            assert_eq!(image.read("link").unwrap(), "hello ".repeat(10_000));
            assert_eq!(image.read("streamed").unwrap(), vec![b'x'; 5000]);
            assert_eq!(image.read("\u{fc}mlaut").unwrap(), "\u{fc}");
            assert_eq!(image.read("empty").unwrap(), "");
        }
        for len in (0..bytes.len()).step_by(41) {
            assert!(ImageFs::open(bytes[..len].to_vec(), ImageOptions::new()).is_err(), "cut at {len}");
        }
    }
}

#[test]
fn python_reads_a_zip_bomb_and_we_do_not() {
    if !has("python3") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let script = r#"
import zipfile
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as z: z.writestr("bomb", bytes(64 << 20))
data = bytearray(open("a.zip", "rb").read())
# One whose size is a lie: it says 10 bytes, in both headers.
for at in 22, data.rindex(b"PK\x01\x02") + 24: data[at:at + 4] = (10).to_bytes(4, "little")
open("liar.zip", "wb").write(data)
"#;
    run("python3", &["-c", script], temp.path());
    let error = ImageFs::open_path(temp.path().join("a.zip"), ImageOptions::new()).unwrap_err();
    assert_eq!(error.problem, crate::image_fs::Problem::Limit { what: "ratio", limit: 200 });
    assert_eq!(error.entry, b"bomb");
    let liar = ImageFs::open_path(temp.path().join("liar.zip"), ImageOptions::new()).unwrap();
    assert_eq!(Tree::new(Arc::new(liar)).read("bomb").unwrap_err().errno, crate::Errno::IO);
}
