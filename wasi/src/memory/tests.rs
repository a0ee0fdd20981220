//! Tests of guest memory, which run under Miri and AddressSanitizer as well.

use gangplank_vfs::Errno;

use super::*;
use crate::{
    Fault,
    abi::types::{Fdstat, IoVec},
};

fn with_iovecs(memory: &mut GuestMemory<'_>, at: u32, iovs: &[(u32, u32)]) {
    for (i, &(buf, len)) in iovs.iter().enumerate() {
        let out = memory.out(at + i as u32 * 8).unwrap();
        memory.put(out, IoVec { buf, len }).unwrap();
    }
}

/// Runs `test` on an exclusive and on a shared memory of `size` bytes.
fn both(size: usize, test: impl Fn(&mut GuestMemory<'_>)) {
    test(&mut GuestMemory::exclusive(&mut vec![0; size]));
    // One byte off, so that words are not where addresses of the guest suggest.
    let mut bytes = vec![0u8; size + 1];
    let base = bytes.as_mut_ptr();
    // SAFETY: `size` bytes from the second one on are inside the allocation, which nobody uses meanwhile.
    test(&mut unsafe { GuestMemory::shared(base.add(1), size) });
}

#[test]
fn values_at_any_address_and_nothing_outside() {
    both(64, |m| {
        let stat = Fdstat { filetype: 3, flags: 4, rights_base: 5, rights_inheriting: u64::MAX };
        let out = m.out::<Fdstat>(40u32).unwrap();
        m.put(out, stat).unwrap();
        assert_eq!(m.get::<Fdstat>(40u32), Ok(stat));
        assert_eq!(m.get::<u64>(56u32), Ok(u64::MAX));
        assert_eq!(m.get::<u32>(60u32), Ok(u32::MAX));
        assert_eq!(m.get::<u32>(61u32), Err(Errno::FAULT));
        assert_eq!(m.get::<u8>(u32::MAX), Err(Errno::FAULT));
        assert_eq!(m.out::<Fdstat>(41u32).map(drop), Err(Errno::FAULT));
        assert_eq!(m.write(u64::MAX, &[1, 2]), Err(Errno::FAULT));
        assert_eq!(m.check(1u32, u64::MAX), Err(Errno::FAULT));
        assert_eq!(m.check(u32::MAX, 0u32), Ok(()));
        assert_eq!(m.write(u32::MAX, &[]), Ok(()));
    });
}

#[test]
fn copies_of_every_alignment() {
    both(64, |m| {
        let bytes: Vec<u8> = (1..=40).collect();
        for at in 0..9u32 {
            for len in 0..bytes.len() {
                m.write(0u32, &[0; 64]).unwrap();
                m.write(at, &bytes[..len]).unwrap();
                let mut back = [0xff; 64];
                m.read(0u32, &mut back).unwrap();
                assert_eq!(&back[at as usize..at as usize + len], &bytes[..len]);
                assert!(back[..at as usize].iter().chain(&back[at as usize + len..]).all(|&b| b == 0));
            }
        }
    });
}

#[test]
fn no_memory_has_nothing_but_empty_buffers() {
    let mut m = GuestMemory::none();
    assert_eq!(m.get::<u8>(0u32), Err(Errno::FAULT));
    assert_eq!(m.write(5u32, &[]), Ok(()));
    assert_eq!(m.path(7u32, 0u32, &mut Copied::new()).unwrap().len(), 0);
    assert_eq!(m.iovecs(9u32, 0).unwrap().total(), 0);
    assert_eq!(m.iovecs(0u32, 1).map(drop), Err(Errno::FAULT));
}

#[test]
fn paths_are_bounded_and_utf8() {
    both(8192, |m| {
        m.write(10u32, "a/ü".as_bytes()).unwrap();
        assert_eq!(m.path(10u32, 4u32, &mut Copied::new()).unwrap(), "a/ü".as_bytes());
        assert_eq!(m.path(10u32, 3u32, &mut Copied::new()).map(drop), Err(Errno::ILSEQ));
        assert_eq!(m.path(0u32, 4096u32, &mut Copied::new()).map(drop), Err(Errno::NAMETOOLONG));
        assert_eq!(m.path(8191u32, 2u32, &mut Copied::new()).map(drop), Err(Errno::FAULT));
        assert_eq!(m.path(0u32, u32::MAX, &mut Copied::new()).map(drop), Err(Errno::FAULT));
    });
}

#[test]
fn iovecs_are_checked_before_they_mean_anything() {
    both(64, |m| {
        assert_eq!(m.iovecs(0u32, u32::MAX).map(drop), Err(Errno::FAULT));
        with_iovecs(m, 0, &[(60, 4), (u32::MAX, 0), (0, 3)]);
        assert_eq!(m.iovecs(0u32, 3).unwrap().total(), 7);
        with_iovecs(m, 0, &[(60, 5)]);
        assert_eq!(m.iovecs(0u32, 1).map(drop), Err(Errno::FAULT));
        with_iovecs(m, 0, &[(u32::MAX, u32::MAX)]);
        assert_eq!(m.iovecs(0u32, 1).map(drop), Err(Errno::FAULT));
    });
}

#[test]
fn a_call_uses_so_many_buffers_and_no_more() {
    both(3000 * 8, |m| {
        with_iovecs(m, 0, &[(0, 1); 3000]);
        with_iovecs(m, 0, &[(0, 0); 100]);
        assert_eq!(m.iovecs(0u32, 3000).unwrap().total(), IOV_MAX);
    });
}

#[test]
#[cfg_attr(miri, ignore = "too much memory")]
fn the_total_fits_a_signed_count() {
    let size = 1 << 20;
    let mut memory = vec![0; size];
    let mut m = GuestMemory::exclusive(&mut memory);
    let iovs: Vec<_> = (0..1024).map(|_| (0, size as u32)).collect();
    with_iovecs(&mut m, 0, &iovs);
    assert_eq!(m.iovecs(0u32, 1024).unwrap().total(), 1 << 30);
    // The same with three times the memory in each: the sum stops at 2^31 - 1.
    let size = 3 << 20;
    let mut memory = vec![0; size];
    let mut m = GuestMemory::exclusive(&mut memory);
    let iovs: Vec<_> = (0..1024).map(|_| (0, size as u32)).collect();
    with_iovecs(&mut m, 0, &iovs);
    assert_eq!(m.iovecs(0u32, 1024).unwrap().total(), i32::MAX as usize);
}

/// Reads the numbers from `first` on, `limit` of them.
fn reader(limit: usize) -> impl FnMut(&mut [IoSliceMut<'_>], usize) -> SysResult<usize> {
    let mut next = 0;
    move |slices, done| {
        assert_eq!(done, next);
        let mut n = 0;
        for slice in slices {
            for byte in slice.iter_mut().take(limit - next) {
                *byte = (next + 1) as u8;
                (next, n) = (next + 1, n + 1);
            }
        }
        Ok(n)
    }
}

use std::io::IoSliceMut;

#[test]
fn reads_scatter_in_order() {
    both(128, |m| {
        with_iovecs(m, 0, &[(100, 3), (90, 0), (64, 4), (80, 10)]);
        let iovs = m.iovecs(0u32, 4).unwrap();
        assert_eq!(m.fill(&iovs, reader(9)), Ok(9));
        let mut back = [0; 3];
        m.read(100u32, &mut back).unwrap();
        assert_eq!(back, [1, 2, 3]);
        m.read(80u32, &mut back).unwrap();
        assert_eq!(back, [8, 9, 0]);
    });
}

#[test]
fn the_later_of_two_overlapping_buffers_wins() {
    both(64, |m| {
        with_iovecs(m, 32, &[(0, 6), (2, 2), (3, 4)]);
        let iovs = m.iovecs(32u32, 3).unwrap();
        assert_eq!(m.fill(&iovs, reader(100)), Ok(12));
        let mut back = [0; 8];
        m.read(0u32, &mut back).unwrap();
        assert_eq!(back, [1, 2, 7, 9, 10, 11, 12, 0]);
    });
}

/// Small ones and large ones, in order and not, apart and not: each way to use buffers does what the definition says.
#[test]
fn every_size_and_order_of_buffers_is_the_same() {
    let cases: [&[(u32, u32)]; 6] = [
        &[(100, 40), (200, 1000), (1300, 8)],
        &[(100, 40), (200, 3000), (4000, 8)],
        &[(4000, 900), (0, 1000), (2000, 600)],
        &[(4000, 500), (0, 2000), (3000, 1)],
        &[(0, 3000), (100, 20), (2000, 2000)],
        &[(10, 2048), (2058, 1)],
    ];
    both(8192, |m| {
        for iovs in cases {
            let total: u32 = iovs.iter().map(|(_, len)| len).sum();
            for limit in [total, total - 1, total / 2] {
                m.write(0u32, &[0; 8192]).unwrap();
                with_iovecs(m, 6000, iovs);
                let vector = m.iovecs(6000u32, iovs.len() as u32).unwrap();
                assert_eq!(m.fill(&vector, reader(limit as usize)), Ok(limit as usize));
                let (mut expected, mut next) = ([0u8; 6000], 0);
                for &(at, len) in iovs {
                    for i in (at..at + len).take((limit - next) as usize) {
                        next += 1;
                        expected[i as usize] = next as u8;
                    }
                }
                let mut found = [0; 6000];
                m.read(0u32, &mut found).unwrap();
                assert!(found == expected, "{iovs:?}, {limit} bytes");
                let mut written = Vec::new();
                let drained = m.drain(&vector, |slices, _| {
                    let before = written.len();
                    slices.iter().for_each(|slice| written.extend_from_slice(slice));
                    Ok(written.len() - before)
                });
                assert_eq!(drained, Ok(total as usize));
                let parts: Vec<_> = iovs.iter().map(|&(at, len)| &found[at as usize..][..len as usize]).collect();
                assert!(written == parts.concat(), "{iovs:?}");
            }
        }
    });
}

#[test]
fn writes_gather_in_order_and_may_overlap() {
    both(64, |m| {
        m.write(0u32, b"abcdef").unwrap();
        with_iovecs(m, 32, &[(4, 2), (0, 3), (1, 3)]);
        let iovs = m.iovecs(32u32, 3).unwrap();
        let mut seen = Vec::new();
        let n = m.drain(&iovs, |slices, _| {
            slices.iter().for_each(|s| seen.extend_from_slice(s));
            Ok(seen.len())
        });
        assert_eq!((n, &seen[..]), (Ok(8), &b"efabcbcd"[..]));
    });
}

#[test]
fn an_operation_on_no_bytes_still_happens() {
    both(16, |m| {
        let iovs = m.iovecs(0u32, 0).unwrap();
        assert_eq!(m.fill(&iovs, |_, _| Err(Errno::BADF.into())), Err(Fault::Errno(Errno::BADF)));
        assert_eq!(m.drain(&iovs, |_, _| Err(Errno::BADF.into())), Err(Fault::Errno(Errno::BADF)));
    });
}

#[test]
#[cfg_attr(miri, ignore = "too much memory")]
fn large_transfers_bounce_in_pieces_and_errors_come_later() {
    let size = 5 << 20;
    let mut bytes = vec![0u8; size];
    let base = bytes.as_mut_ptr();
    // SAFETY: all of the allocation, which nobody uses meanwhile.
    let mut m = unsafe { GuestMemory::shared(base, size) };
    with_iovecs(&mut m, 0, &[(4096, 3 << 20)]);
    let iovs = m.iovecs(0u32, 1).unwrap();
    let mut calls = 0;
    let n = m.fill(&iovs, |slices, done| {
        calls += 1;
        assert_eq!(done, (calls - 1) << 20);
        if done == 2 << 20 {
            return Err(Errno::IO.into());
        }
        slices[0].fill(calls as u8);
        Ok(slices[0].len())
    });
    assert_eq!(n, Ok(2 << 20));
    assert_eq!(m.get::<u8>(4096u32 + (1 << 20)), Ok(2));
    assert_eq!(m.fill(&iovs, |_, _| Err(Fault::Exit)), Err(Fault::Exit));
}

#[test]
fn regions_take_what_fits_and_are_filled_whole() {
    both(10_000, |m| {
        let mut region = m.region(9_990u32, 10u32).unwrap();
        assert_eq!(region.write_at(8, b"abc"), 2);
        assert_eq!(region.write_at(10, b"abc"), 0);
        assert_eq!(region.write_at(11, b"abc"), 0);
        assert_eq!(m.get::<u16>(9_998u32), Ok(u16::from_le_bytes(*b"ab")));
        let mut total = 0;
        m.region(1u32, 9_999u32)
            .unwrap()
            .fill_with(|part| {
                total += part.len();
                part.fill(7);
                Ok(())
            })
            .unwrap();
        assert_eq!(total, 9_999);
        assert_eq!((m.get::<u8>(0u32), m.get::<u8>(1u32), m.get::<u8>(9_999u32)), (Ok(0), Ok(7), Ok(7)));
        assert!(m.region(1u32, 10_000u32).is_err());
    });
}
