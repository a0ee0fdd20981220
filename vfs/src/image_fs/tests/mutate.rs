//! Small archives with bytes changed at random: whatever comes of it, it is an answer, and never a panic. The seed is
//! fixed, so that what fails once fails again.

use std::io::Write as _;

use super::*;
use crate::{
    Cookie, FileType, OpenFlags, Seek,
    image_fs::{ImageLimits, PackOptions},
};

/// Reads everything that an archive shows, with bounds.
fn use_it(archive: Vec<u8>) -> bool {
    let limits = ImageLimits { nodes: 10_000, names: 1 << 20, unpacked: 4 << 20, ratio: 1000, cache: 1 << 16 };
    let error = match ImageFs::open(archive.clone(), ImageOptions::new().limits(limits).unterminated(true)) {
        Ok(image) => {
            let tree = Tree::new(Arc::new(image));
            let mut walk = tree.walk("").unwrap();
            while let Some(met) = walk.next_place() {
                let (entry, place) = met.unwrap();
                if let Some(xattrs) = place.fs().xattrs() {
                    xattrs.list(place.node(), &mut |_| {}).unwrap();
                }
                match entry.metadata.file_type {
                    FileType::Symlink => assert!(!place.fs().readlink(place.node()).unwrap().is_empty()),
                    FileType::Regular => {
                        let file = place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ).unwrap();
                        let size = entry.metadata.size;
                        for at in [0, size / 2, size.saturating_sub(10)] {
                            // A damaged file is an error, nothing else.
                            let _ = file.read_bytes(at, 4096);
                            let _ = file.read_at(&mut [std::io::IoSliceMut::new(&mut [0; 100])], at);
                            let _ = file.seek_data(at, Seek::Hole);
                        }
                    }
                    FileType::Directory => {
                        let dir = place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ).unwrap();
                        dir.readdir(Cookie::START, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
                    }
                    _ => {}
                }
            }
            return true;
        }
        Err(error) => error,
    };
    assert!(!error.to_string().is_empty());
    // As a layer it is another reader's turn.
    let _ = ImageFs::layers([archive.clone(), archive], ImageOptions::new().limits(limits));
    false
}

/// A generator of numbers that is the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Puts the checksums of tar headers right again, so that what is behind them is reached.
fn reseal(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            bad::seal(block);
        }
    }
}

fn mutate(seed: &[u8], random: &mut Random, tar: bool) -> Vec<u8> {
    let mut archive = seed.to_vec();
    for _ in 0..=random.below(4) {
        if archive.is_empty() {
            break;
        }
        let at = random.below(archive.len());
        match random.below(8) {
            0 => archive.truncate(at),
            1 => archive[at] = 0,
            2 => archive[at] = 0xff,
            3 => archive[at] = b"0179/.,=\n "[random.below(10)],
            4 => {
                let end = (at + random.below(600)).min(archive.len());
                let part = archive[at..end].to_vec();
                archive.splice(at..at, part);
            }
            5 => {
                let end = (at + random.below(600)).min(archive.len());
                archive.drain(at..end);
            }
            _ => archive[at] ^= 1 << random.below(8),
        }
    }
    if tar && random.below(4) > 0 {
        reseal(&mut archive);
    }
    archive
}

fn fuzz(seed: &[u8], rounds: u64, tar: bool) {
    assert!(use_it(seed.to_vec()), "the seed itself is fine");
    let (mut random, mut fine) = (Random(seed.len() as u64), 0);
    for _ in 0..rounds {
        fine += u64::from(use_it(mutate(seed, &mut random, tar)));
    }
    assert!(fine > 0 && fine < rounds, "some are refused, some are not: {fine} of {rounds}");
}

fn small() -> Tree {
    let tree = some_of_everything();
    tree.remove("large").unwrap();
    tree
}

#[test]
fn damaged_tar_archives_are_answered() {
    fuzz(&packed(&small()), 800, true);
    fuzz(&packed(&crate::dir! { "f": "content", "l" => "f", "d": { "x": "" } }.tree().unwrap()), 2000, true);
}

/// Every field of every kind of header, every value that is likely to matter.
#[test]
fn every_byte_of_a_tar_header_is_checked() {
    let seed = packed(&crate::dir! { "f": "content", "l" => "f" }.tree().unwrap());
    for at in 0..seed.len() - 1024 {
        for value in [0, b'x', 0x80] {
            let mut archive = seed.clone();
            archive[at] = value;
            reseal(&mut archive);
            use_it(archive);
        }
    }
}

#[test]
fn damaged_compressed_archives_are_answered() {
    let mut gz = Vec::new();
    pack(&small(), &mut gz, PackOptions::new().gzip(true)).unwrap();
    fuzz_some(&gz, 2000);
    let zst = ruzstd::encoding::compress_to_vec(&*packed(&small()), ruzstd::encoding::CompressionLevel::Fastest);
    fuzz_some(&zst, 1000);
}

/// As `fuzz`, where nearly nothing that is damaged is fine.
fn fuzz_some(seed: &[u8], rounds: u64) {
    assert!(use_it(seed.to_vec()), "the seed itself is fine");
    let mut random = Random(seed.len() as u64);
    for _ in 0..rounds {
        use_it(mutate(seed, &mut random, false));
    }
}

/// A small zip archive with a stored and a deflated file.
fn zip() -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let content = b"hello hello hello hello";
    for (name, method, mode) in
        [("dir/", 0u16, 0o040_755u32), ("dir/stored", 0, 0o100_644), ("deflated", 8, 0o100_600), ("link", 0, 0o120_777)]
    {
        let plain: &[u8] = if name.ends_with('/') { b"" } else { content };
        let mut crc = flate2::Crc::new();
        crc.update(plain);
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        let data = if method == 8 { encoder.finish().unwrap() } else { plain.to_vec() };
        let at = archive.len() as u32;
        // From the flags to the length of the name.
        let mut common = Vec::new();
        common.extend([0, 0]);
        common.extend(method.to_le_bytes());
        common.extend([0; 4]);
        for number in [crc.sum(), data.len() as u32, plain.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        let extra = [0x55, 0x54, 5, 0, 1, 1, 2, 3, 4];
        archive.extend(b"PK\x03\x04\x14\0");
        archive.extend(&common);
        archive.extend([0, 0]);
        archive.extend(name.as_bytes());
        archive.extend(data);
        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        directory.extend(&common);
        directory.extend((extra.len() as u16).to_le_bytes());
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        directory.extend(extra);
    }
    let (start, size) = (archive.len() as u32, directory.len() as u32);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0\x04\0\x04\0");
    archive.extend(size.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

#[test]
fn a_zip_archive_is_a_tree() {
    let image = image(zip()).unwrap();
    assert_eq!(paths(&image), ["deflated", "dir", "dir/stored", "link"]);
    assert_eq!(image.read("deflated").unwrap(), "hello hello hello hello");
    assert_eq!(image.read("dir/stored").unwrap(), image.read("deflated").unwrap());
    assert_eq!(image.metadata("deflated").unwrap().mode, 0o600);
    assert_eq!(image.metadata("deflated").unwrap().mtime, crate::Time::from_parts(0x0403_0201, 0));
    assert_eq!(image.read_link("link").unwrap(), "hello hello hello hello");
}

#[test]
fn damaged_zip_archives_are_answered() {
    fuzz(&zip(), 6000, false);
    let seed = zip();
    for at in 0..seed.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut archive = seed.clone();
            archive[at] = value;
            use_it(archive);
        }
    }
}
