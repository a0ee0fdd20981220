//! What is in files.

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

use gangplank_conformance::differential::script::Rng;

use super::{Memory, cached, direct, with_mounts};

#[test]
fn content_of_every_kind() {
    with_mounts(|| {
        let memory = Memory::new(&direct());
        let open = |name: &str| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(memory.path().join(name))
                .unwrap()
        };
        // Holes, found and kept.
        let mut file = open("holes");
        file.write_all_at(b"end", 1 << 20).unwrap();
        assert!(file.metadata().unwrap().blocks() < 256);
        use rustix::fs::SeekFrom as At;
        assert_eq!(rustix::fs::seek(&file, At::Hole(0)), Ok(0));
        let data = rustix::fs::seek(&file, At::Data(0)).unwrap();
        assert!(data > 0 && data <= 1 << 20, "{data}");
        assert_eq!(rustix::fs::seek(&file, At::Data(2 << 20)), Err(rustix::io::Errno::NXIO));
        // Copied within the filesystem, in any place.
        let copy = open("copy");
        let (mut from, mut to) = ((1 << 20) - 5, 10);
        let copied = rustix::fs::copy_file_range(&file, Some(&mut from), &copy, Some(&mut to), 100).unwrap();
        assert_eq!(copied, 8);
        let mut bytes = Vec::new();
        (&copy).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [&[0; 15][..], b"end"].concat());
        // More than is copied at a time, none of it alike.
        let long: Vec<u8> = (0..3u32 << 18).flat_map(u32::to_le_bytes).collect();
        let (from, to) = (open("long"), open("long copy"));
        from.write_all_at(&long, 0).unwrap();
        let mut copied = 0;
        while copied < long.len() {
            let n = rustix::fs::copy_file_range(&from, None, &to, None, long.len() - copied).unwrap();
            assert!(n > 0);
            copied += n;
        }
        assert!(fs::read(memory.path().join("long copy")).unwrap() == long);
        // Reserved.
        use rustix::fs::FallocateFlags;
        rustix::fs::fallocate(&copy, FallocateFlags::empty(), 0, 100).unwrap();
        assert_eq!(copy.metadata().unwrap().len(), 100);
        let punched = rustix::fs::fallocate(&copy, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 4);
        assert_eq!(punched, Err(rustix::io::Errno::OPNOTSUPP));
        // Truncated by name, by file, on opening.
        file.set_len(5).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        bytes.clear();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 5]);
        assert_eq!(open("holes").metadata().unwrap().len(), 0);
        // Appended by two.
        let append = || OpenOptions::new().append(true).open(memory.path().join("holes")).unwrap();
        let (mut one, mut two) = (append(), append());
        for _ in 0..10 {
            one.write_all(b"1").unwrap();
            two.write_all(b"22").unwrap();
        }
        assert_eq!(fs::read(memory.path().join("holes")).unwrap(), b"122".repeat(10));
        // And by somebody of whom the kernel knows nothing: the end is where the filesystem has it.
        memory.tree.append("holes", "333").unwrap();
        one.write_all(b"4").unwrap();
        assert_eq!(fs::read(memory.path().join("holes")).unwrap(), [&b"122".repeat(10)[..], b"3334"].concat());
        memory.end();
    });
}

/// One file, random operations, and a copy in memory of what it should hold.
#[test]
fn content_under_random_operations() {
    with_mounts(|| {
        for (options, seed) in [(direct(), 1), (cached(), 2), (cached(), 3)] {
            let memory = Memory::new(&options);
            churn(&memory.path().join("f"), seed);
            memory.end();
        }
    });
}

fn churn(path: &Path, seed: u64) {
    const MAX: u64 = 200_000;
    let mut random = Rng::new(seed);
    let mut number = |below: u64| random.below(below);
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    let (mut file, mut model) = (open(), Vec::<u8>::new());
    for step in 0..1500 {
        let (at, len) = (number(MAX), number(20_000) as usize);
        match number(8) {
            0 | 1 => {
                let bytes: Vec<u8> = (0..len).map(|i| (i as u64 * 31 + step) as u8).collect();
                file.write_all_at(&bytes, at).unwrap();
                model.resize(model.len().max(at as usize + len), 0);
                model[at as usize..at as usize + len].copy_from_slice(&bytes);
                if len == 0 {
                    // Nothing to write extends nothing.
                    model.truncate(file.metadata().unwrap().len() as usize);
                }
            }
            2 => {
                file.set_len(at).unwrap();
                model.resize(at as usize, 0);
            }
            3 => {
                let mut append = OpenOptions::new().append(true).open(path).unwrap();
                append.write_all(&vec![step as u8; len / 10]).unwrap();
                model.resize(model.len() + len / 10, step as u8);
            }
            4 => file = open(),
            5 => file.sync_data().unwrap(),
            6 if number(10) == 0 => {
                file = OpenOptions::new().read(true).write(true).truncate(true).open(path).unwrap();
                model.clear();
            }
            _ => {
                let mut bytes = vec![0; len];
                let n = file.read_at(&mut bytes, at).unwrap();
                let expected = model.get(at as usize..).unwrap_or_default();
                assert!(bytes[..n] == expected[..len.min(expected.len())], "seed {seed}, step {step}");
            }
        }
        assert_eq!(file.metadata().unwrap().len(), model.len() as u64, "seed {seed}, step {step}");
    }
    assert!(fs::read(path).unwrap() == model, "seed {seed}, in the end");
}
