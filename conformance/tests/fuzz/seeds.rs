//! What fuzzing begins with: small inputs, each for something that the others do not reach.

use gangplank_conformance::differential::Rng;
use gangplank_vfs::{
    Ctx, Name, SetAttr, SetTime, SetXattr, Time, Tree, dir,
    image_fs::{PackOptions, pack},
};
use gangplank_wasi::abi;

/// The seeds of a target, by name.
pub(super) fn of(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    match target {
        "scripts" => some_of_any(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"], 300),
        "resolver" => some_of_any(&["a", "b", "c", "d", "e", "f", "g", "h"], 400),
        "syscalls" => syscalls(),
        "tar" => tar(),
        "zip" => vec![("plain", zip(false)), ("zip64", zip(true))],
        "oci" => oci(),
        "module" => module(),
        other => panic!("no seeds are made for {other}"),
    }
}

/// Where any bytes mean something, any bytes do. The first one differs, for it says what kind of run it is.
fn some_of_any(names: &[&'static str], len: usize) -> Vec<(&'static str, Vec<u8>)> {
    let one = |seed: usize| {
        let mut rng = Rng::new(seed as u64);
        let rest = (1..len).map(move |_| rng.below(256) as u8);
        std::iter::once(seed as u8).chain(rest).collect()
    };
    names.iter().enumerate().map(|(seed, name)| (*name, one(seed))).collect()
}

/// The first bytes: rights ignored, parking or not, no overlay, sockets, streams, limit.
const PROCESS: [u8; 6] = [1, 0, 1, 0, 2, 0];

fn call(module: &str, name: &str, args: &[u8]) -> Vec<u8> {
    let index = abi::imports().position(|i| i.module == module && i.name == name).expect("an import");
    // 0: a call, no change of memory.
    [&[0, index as u8], args].concat()
}

fn syscalls() -> Vec<(&'static str, Vec<u8>)> {
    let preview1 = |name: &str, args: &[u8]| call("wasi_snapshot_preview1", name, args);
    let all = |module: &str| {
        let calls = abi::imports().filter(|i| i.module == module && i.name != "proc_exit");
        let calls = calls.map(|i| call(module, i.name, &vec![0; i.params.len()]));
        PROCESS.into_iter().chain(calls.collect::<Vec<_>>().concat()).collect::<Vec<u8>>()
    };
    let files = [
        PROCESS.to_vec(),
        // d/n, to read and write, made.
        preview1("path_open", &[0, 1, 3, 3, 1, 0, 0, 0, 8]),
        preview1("fd_write", &[4, 2, 3, 0]),
        preview1("fd_seek", &[4, 0, 2, 0]),
        preview1("fd_read", &[4, 1, 2, 0]),
        preview1("fd_pwrite", &[4, 2, 2, 129, 0]),
        preview1("fd_filestat_set_size", &[4, 9]),
        preview1("fd_filestat_get", &[4, 0]),
        preview1("fd_readdir", &[0, 0, 200, 0, 0]),
        preview1("path_rename", &[0, 3, 3, 0, 4, 4]),
        preview1("path_unlink_file", &[0, 4, 4]),
        preview1("fd_renumber", &[4, 3]),
        preview1("fd_close", &[3]),
    ];
    let exit = [PROCESS.to_vec(), preview1("proc_exit", &[3]), preview1("fd_close", &[0])];
    let waits = [vec![1, 3, 1, 0, 3, 0], preview1("poll_oneoff", &[0, 0, 3, 0]), preview1("fd_read", &[6, 1, 1, 0])];
    // Results that end one byte beyond the memory: 250 is followed by the argument itself.
    let beyond = |name: &str, before: &[u8], size: u32| {
        let at = [&[250][..], &((1 << 16) + 1 - size).to_be_bytes()].concat();
        preview1(name, &[before, &at].concat())
    };
    let edges = [
        PROCESS.to_vec(),
        beyond("args_sizes_get", &[0], 4),
        beyond("clock_time_get", &[0, 0], 8),
        beyond("fd_fdstat_get", &[0], 24),
        beyond("fd_filestat_get", &[0], 64),
        beyond("fd_prestat_get", &[0], 8),
    ];
    vec![
        ("preview1", all("wasi_snapshot_preview1")),
        ("edges", edges.concat()),
        ("unstable", all("wasi_unstable")),
        ("files", files.concat()),
        ("exit", exit.concat()),
        ("waits", waits.concat()),
        ("noise", some_of_any(&["noise"], 400).remove(0).1),
    ]
}

/// A tree with something of everything, and little of each.
pub(super) fn tree() -> Tree {
    let tree = dir! {
        "f" mode 0o640: "content",
        "l" => "d/f",
        "d" mode 0o1777: { "f" mode 0o4755: "x", "e": {} },
        "\u{fc}": "",
    };
    let tree = tree.tree().expect("a tree");
    let fs = tree.fs().clone();
    let name = |text: &'static str| Name::new(text.as_bytes()).expect("a name");
    let node = |text| fs.lookup(&Ctx::ROOT, fs.root(), name(text)).expect("it is there").node;
    fs.link(&Ctx::ROOT, node("f"), fs.root(), name("h")).expect("a hard link");
    let xattrs = fs.xattrs().expect("attributes");
    xattrs.set(node("f"), b"user.a", b"\0\n=\xff", SetXattr::Any).expect("set an attribute");
    for (at, (path, uid)) in ["f", "h", "l", "d", "\u{fc}"].into_iter().zip(0..).enumerate() {
        let mtime = SetTime::To(Time(1_700_000_000_123_456_789 + at as i128));
        let attr = SetAttr { mtime, uid: Some(uid * 1_000_000), ..SetAttr::default() };
        fs.setattr(&Ctx::ROOT, node(path), &attr).expect("set times");
    }
    for dir in ["d/f", "d/e", "d", ""] {
        let attr = SetAttr { mtime: SetTime::To(Time(7)), ..SetAttr::default() };
        tree.set_attr(if dir.is_empty() { "." } else { dir }, &attr).expect("set times");
    }
    tree
}

fn packed(tree: &Tree, gzip: bool) -> Vec<u8> {
    let mut archive = vec![];
    pack(tree, &mut archive, PackOptions::new().gzip(gzip)).expect("pack a tree");
    archive
}

/// A tar header, and its content.
fn entry(name: &[u8], kind: u8, link: &[u8], magic: &[u8; 8], content: &[u8]) -> Vec<u8> {
    let mut block = vec![0u8; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..107].copy_from_slice(b"0000644");
    for field in [108, 116, 329, 337] {
        block[field..field + 7].copy_from_slice(b"0000001");
    }
    block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    block[136..147].copy_from_slice(b"00000000005");
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link);
    block[257..265].copy_from_slice(magic);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(content);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn ended(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = entries.concat();
    archive.extend([0; 1024]);
    archive
}

const USTAR: &[u8; 8] = b"ustar\x0000";
const GNU: &[u8; 8] = b"ustar  \0";
const V7: &[u8; 8] = &[0; 8];

fn tar() -> Vec<(&'static str, Vec<u8>)> {
    let pax = |records: &[(&str, &str)]| {
        let records = records.iter().map(|(key, value)| {
            let len =
                (1..).find(|n: &usize| n.to_string().len() + key.len() + value.len() + 3 == *n).expect("a length");
            format!("{len} {key}={value}\n")
        });
        records.collect::<String>().into_bytes()
    };
    let gnu = [
        entry(b"././@LongLink", b'L', b"", GNU, &[&[b'n'; 120][..], b"/x\0"].concat()),
        entry(b"././@LongLink", b'K', b"", GNU, b"a/long/target\0"),
        entry(b"l", b'2', b"short", GNU, b""),
        entry(b"d/", b'5', b"", GNU, b""),
        entry(b"d/h", b'1', b"f", GNU, b""),
    ];
    let pax_all = [
        entry(b"g", b'g', b"", USTAR, &pax(&[("uid", "7"), ("mtime", "-1.5")])),
        entry(
            b"x",
            b'x',
            b"",
            USTAR,
            &pax(&[("path", "a/b"), ("size", "3"), ("gid", "4000000000"), ("SCHILY.xattr.user.x", "y")]),
        ),
        entry(b"short", b'0', b"", USTAR, b"abc"),
    ];
    let records = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s")];
    let sparse = |map: &str, size: &str| {
        let content = [map.as_bytes(), &vec![0; 512 - map.len()], b"abcdef"].concat();
        let records = pax(&[&records[..], &[("GNU.sparse.realsize", size)]].concat());
        ended(&[entry(b"x", b'x', b"", USTAR, &records), entry(b"GNUSparseFile.0/s", b'0', b"", USTAR, &content)])
    };
    vec![
        ("everything", packed(&tree(), false)),
        ("everything.gz", packed(&tree(), true)),
        ("v7", ended(&[entry(b"f", b'0', b"", V7, b"x"), entry(b"p", b'6', b"", V7, b"")])),
        ("gnu", ended(&[&[entry(b"f", b'0', b"", GNU, b"x")][..], &gnu].concat())),
        ("pax", ended(&pax_all)),
        ("sparse", sparse("2\n0\n3\n100000\n3\n", "200000")),
        // So close that they overlap as soon as a digit is another one.
        ("close-pieces", sparse("3\n1\n2\n3\n2\n6\n2\n", "9")),
        ("old-sparse", old_sparse()),
        (
            "whiteouts",
            ended(&[entry(b"d/.wh..wh..opq", b'0', b"", USTAR, b""), entry(b".wh.f", b'0', b"", USTAR, b"")]),
        ),
    ]
}

/// GNU's first form: the map is in the header.
fn old_sparse() -> Vec<u8> {
    let mut one = entry(b"s", b'S', b"", GNU, b"abcdef");
    for (at, number) in [(386, 0u64), (398, 3), (410, 100_000), (422, 3), (483, 200_000)] {
        one[at..at + 11].copy_from_slice(format!("{number:011o}").as_bytes());
    }
    one[148..156].fill(b' ');
    let sum: u32 = one[..512].iter().map(|&b| u32::from(b)).sum();
    one[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    ended(&[one])
}

/// Bit by bit, for a few bytes.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// A zip archive: a directory, a stored file, a deflated one, a link; perhaps with the fields of zip64.
fn zip(large: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (vec![], vec![]);
    let content = b"hello hello";
    // One block that is not compressed.
    let deflated = [&[1, 11, 0, 244, 255][..], content].concat();
    for (name, method, mode) in
        [("d/", 0u16, 0o040_755u32), ("d/s", 0, 0o100_644), ("f", 8, 0o100_600), ("l", 0, 0o120_777)]
    {
        let plain: &[u8] = if name.ends_with('/') { b"" } else { content };
        let data = if method == 8 { &deflated } else { plain };
        let at = archive.len() as u32;
        let mut common = vec![0, 0];
        common.extend(method.to_le_bytes());
        common.extend([0x21, 0x43, 0x65, 0x57]);
        for number in [crc(plain), data.len() as u32, plain.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        archive.extend(b"PK\x03\x04\x14\0");
        archive.extend(&common);
        archive.extend([0, 0]);
        archive.extend(name.as_bytes());
        archive.extend(data);
        let mut extra = vec![0x55, 0x54, 5, 0, 1, 1, 2, 3, 4];
        let mut sizes = common;
        if large {
            extra.extend([1, 0, 24, 0]);
            for number in [plain.len() as u64, data.len() as u64, at.into()] {
                extra.extend(number.to_le_bytes());
            }
            sizes[12..20].fill(0xff);
        }
        directory.extend(b"PK\x01\x02\x2d\x03\x2d\0");
        directory.extend(sizes);
        directory.extend((extra.len() as u16).to_le_bytes());
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(if large { u32::MAX } else { at }.to_le_bytes());
        directory.extend(name.as_bytes());
        directory.extend(extra);
    }
    let (start, size) = (archive.len() as u32, directory.len() as u32);
    archive.extend(&directory);
    if large {
        let end = archive.len() as u64;
        archive.extend(b"PK\x06\x06");
        archive.extend(44u64.to_le_bytes());
        archive.extend([0x2d, 3, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [4, 4, size.into(), u64::from(start)] {
            archive.extend(u64::to_le_bytes(number));
        }
        archive.extend(b"PK\x06\x07\0\0\0\0");
        archive.extend(end.to_le_bytes());
        archive.extend(1u32.to_le_bytes());
    }
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(if large { [0xff; 12] } else { [4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
    let end = archive.len();
    if !large {
        archive[end - 8..end - 4].copy_from_slice(&size.to_le_bytes());
        archive[end - 4..].copy_from_slice(&start.to_le_bytes());
    }
    archive.extend([0, 0]);
    archive
}

fn oci() -> Vec<(&'static str, Vec<u8>)> {
    let file = |name: &[u8], content: &[u8]| entry(name, b'0', b"", USTAR, content);
    let below = ended(&[file(b"d/f", b"below"), file(b"d/g", b"gone"), file(b"o/f", b"hidden"), file(b"f", b"x")]);
    let above = ended(&[file(b"d/.wh.g", b""), file(b"o/.wh..wh..opq", b""), file(b"o/n", b"new"), file(b"f/x", b"y")]);
    let all = |files: &[&[u8]]| files.join(&b"\n%%\n"[..]);
    let layer = r#"{"mediaType":"application/vnd.oci.image.layer.v1.tar","#;
    let manifest = format!(r#"{{"schemaVersion":2,"layers":[{layer}@2}},{layer}@3}}]}}"#);
    let index = br#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",@1}]}"#;
    let of_index = br#"{"manifests":[{"platform":{"os":"wasi","architecture":"wasm"},@1}]}"#;
    let inner = br#"{"manifests":[{"platform":{"os":"unknown","architecture":"unknown"},@2},{@2}]}"#;
    let single = format!(r#"{{"layers":[{layer}@3}}]}}"#);
    // The same without what is refused, and with what hides something of its own name.
    let below_too =
        ended(&[file(b"d/f", b"below"), file(b"d/g", b"gone"), file(b"o/f", b"hidden"), file(b"w/x", b"gone")]);
    let hides = ended(&[
        file(b"d/g", b"own"),
        file(b"d/.wh.g", b""),
        file(b"o/.wh..wh..opq", b""),
        file(b"o/n", b"new"),
        file(b".wh.w", b""),
    ]);
    vec![
        ("hiding", all(&[index, manifest.as_bytes(), &below_too, &hides])),
        ("layers", all(&[index, manifest.as_bytes(), &below, &above])),
        ("indexes", all(&[of_index, inner, single.as_bytes(), &above])),
    ]
}

fn module() -> Vec<(&'static str, Vec<u8>)> {
    let program = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1 4) (data (i32.const 0) "hello") (global $g (mut i32) (i32.const 1))
        (table 2 4 funcref) (elem (i32.const 0) $exit $start)
        (func $start (export "_start") (local i32)
            (loop $l (local.set 0 (i32.add (local.get 0) (global.get $g))) (br_if $l (i32.lt_s (local.get 0) (i32.const 9))))
            (drop (memory.grow (i32.const 1)))
            (drop (table.grow 0 (ref.func $start) (i32.const 1)))
            (call_indirect (param i32) (local.get 0) (i32.const 0)))
        (func $begin (drop (call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))) (start $begin)
        (@custom "name" "\00\02\01m") (@producers (language "C11" "") (processed-by "x" "1")))"#;
    let exceptions = r#"(module (tag $t (param i32)) (func (export "f") (result i32)
        (block $b (result i32) (try_table (catch $t $b) (throw $t (i32.const 1))) (i32.const 0)))
        (func (return_call 0)) (export "start" (func 0)) (start 1))"#;
    let collected = r#"(module (rec (type $s (struct (field i32) (field (mut (ref null $s))))) (type $f (func (param (ref $s)))))
        (table 1 (ref null $f)) (global (ref null $s) (ref.null $s))
        (func (type $f) (drop (struct.get $s 0 (local.get 0)))))"#;
    let vectors = r#"(module (memory 1) (func (param v128) (result i32)
        (v128.store (i32.const 0) (i8x16.add (local.get 0) (v128.const i32x4 1 2 3 4))) (i32x4.extract_lane 2 (local.get 0)))
        (func (param i32 i64 f32 f64) (result f64) (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
        (if (result f64) (local.get 0) (then (f64.convert_i64_u (local.get 1))) (else (f64.promote_f32 (local.get 2))))))"#;
    let others = r#"(module (import "wasi_unstable" "fd_seek" (func (param i32 i64 i32 i32) (result i32)))
        (import "wasi" "thread-spawn" (func (param i32) (result i32))) (import "env" "memory" (memory 1 2 shared))
        (func (export "_initialize")))"#;
    let made = [
        ("program", program),
        ("exceptions", exceptions),
        ("collected", collected),
        ("vectors", vectors),
        ("others", others),
        ("nothing", "(module)"),
        ("component", "(component)"),
    ];
    let made = made.map(|(name, text)| (name, wat::parse_str(text).unwrap_or_else(|e| panic!("{name}: {e}"))));
    made.into_iter().chain([("text", b"(module)".to_vec())]).collect()
}
