//! CVE-2025-53901: opening, closing and renumbering in any order, compared with a table of what has to be open. Whoever
//! loses count of free numbers gives one away twice, or panics.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

/// The numbers that are watched.
const SLOTS: usize = 40;

fn run() {
    let dir = scratch!();
    let mut name = [0u8; 32];
    for n in 1..=8u32 {
        make_file(dir, numbered(&mut name, "f", n), &[b'x'; 8][..n as usize]);
    }
    // The size of the file that is open under each number; 0: none. Preopens and `dir` are left alone.
    let mut model = [0u64; SLOTS];
    let first = ok(open_ro(dir, "f0001"));
    model[first as usize] = 1;
    let mut state = 1u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    for step in 0..6000u32 {
        let open = model.iter().filter(|&&size| size != 0).count();
        let any = |random: &mut dyn FnMut(u32) -> u32| match random(20) {
            0 => u32::MAX,
            1 => 1 << 31,
            _ => first + random(16),
        };
        match random(4) {
            0 | 1 if open < 14 => {
                let n = 1 + random(8);
                let fd = ok(open_ro(dir, numbered(&mut name, "f", n)));
                check((fd as usize) < SLOTS, "numbers grow without need");
                eq(model[fd as usize], 0u32);
                model[fd as usize] = n as u64;
            }
            0 | 1 => {}
            2 => {
                let fd = any(&mut random);
                match model.get_mut(fd as usize) {
                    Some(size) if *size != 0 => {
                        ok(close(fd));
                        *size = 0;
                    }
                    _ => fails(close(fd), BADF),
                }
            }
            _ => {
                let (from, to) = (any(&mut random), any(&mut random));
                let size = |fd: u32| model.get(fd as usize).copied().unwrap_or(0);
                if size(from) != 0 && size(to) != 0 {
                    let moved = size(from);
                    ok(renumber(from, to));
                    model[from as usize] = 0;
                    model[to as usize] = moved;
                } else {
                    fails(renumber(from, to), BADF);
                }
            }
        }
        if step % 50 == 0 {
            for fd in first..first + 16 {
                match model[fd as usize] {
                    0 => fails(fstat(fd), BADF),
                    size => eq(ok(fstat(fd)).size, size),
                }
            }
        }
    }
    for fd in first..first + 16 {
        if model[fd as usize] != 0 {
            ok(close(fd));
        }
    }
    fails(fstat(first), BADF);
}
