//! Descriptors of the host do not outlive those of the guest. In a process of its own, because it counts all there are.
//!
//! GHSA-3p27-qvp9-27qf: `fd_renumber` left open what was there before. CVE-2025-53901: it lost count of free numbers, and
//! the host panicked.
#![cfg(all(target_os = "linux", feature = "host"))]

#[allow(dead_code, unreachable_pub)]
#[path = "preview1/guest.rs"]
mod guest;

use std::collections::BTreeMap;

use gangplank_vfs::{Mount, MountOptions, host_fs::HostFs};
use gangplank_wasi::Rights;

use guest::{CREAT, Guest, R, builder};

fn host_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn renumbering_at_random_agrees_with_a_model_and_leaks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let place = Mount::detached(HostFs::open(dir.path()).unwrap(), MountOptions::default());
    let mut g = Guest::of(builder(Rights::Ignore, place));
    // Five files, told apart by their length.
    for n in 1..=5 {
        g.file(&format!("f{n}"), &vec![b'x'; n]);
    }
    let keep = g.open("f1", CREAT, R).unwrap();
    let before = host_descriptors();
    for _ in 0..2000 {
        let fd = g.open("f2", 0, R).unwrap();
        g.ok("fd_renumber", &[fd, keep]);
        assert_eq!(g.call("fd_renumber", &[fd, keep]), "BADF");
    }
    assert_eq!(host_descriptors(), before, "two thousand renumberings");

    // Which file is open under which number.
    let mut model = BTreeMap::from([(keep, 2)]);
    let mut random = Random(1);
    for step in 0..20_000 {
        let number = |random: &mut Random| match random.below(12) {
            0 => [u64::from(u32::MAX), 1 << 31, 12_345][random.below(3) as usize],
            _ => 4 + random.below(12),
        };
        match random.below(4) {
            0 | 1 if model.len() < 10 => {
                let file = 1 + random.below(5);
                let fd = g.open(&format!("f{file}"), 0, R).unwrap();
                assert_eq!(model.insert(fd, file), None, "step {step}: {fd} was open");
            }
            0 | 1 => {}
            2 => {
                let fd = number(&mut random);
                let expected = if model.remove(&fd).is_some() { "SUCCESS" } else { "BADF" };
                assert_eq!(g.call("fd_close", &[fd]), expected, "step {step}: close {fd}");
            }
            _ => {
                let (from, to) = (number(&mut random), number(&mut random));
                let both = model.contains_key(&from) && model.contains_key(&to);
                let expected = if both { "SUCCESS" } else { "BADF" };
                assert_eq!(g.call("fd_renumber", &[from, to]), expected, "step {step}: renumber {from} to {to}");
                if both && from != to {
                    let file = model.remove(&from).unwrap();
                    model.insert(to, file);
                }
            }
        }
        if step % 16 == 0 {
            for fd in 4..16 {
                let size = g.fstat(fd).map(|stat| stat.size).ok();
                assert_eq!(size, model.get(&fd).copied(), "step {step}: what is open as {fd}");
            }
            assert_eq!(host_descriptors(), before - 1 + model.len(), "step {step}");
        }
    }
    for fd in model.keys() {
        g.close(*fd);
    }
    assert_eq!(host_descriptors(), before - 1);
}
