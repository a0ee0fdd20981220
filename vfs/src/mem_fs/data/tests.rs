//! Content against a plain vector of bytes.

use super::*;
use crate::mem_fs::testing::Rng;

/// Bytes, and for every chunk whether it may hold data.
struct Model {
    bytes: Vec<u8>,
    data: Vec<bool>,
}

impl Model {
    fn set_len(&mut self, len: usize) {
        self.bytes.resize(len, 0);
        self.data.resize(len, false);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if self.bytes.len() < offset + bytes.len() {
            self.set_len(offset + bytes.len());
        }
        self.bytes[offset..][..bytes.len()].copy_from_slice(bytes);
        self.data[offset..][..bytes.len()].fill(true);
    }
}

fn check(data: &Data, model: &Model, rng: &mut Rng) {
    assert_eq!(data.len(), model.bytes.len() as u64);
    let offset = rng.below(model.bytes.len() as u64 + 100);
    let n = rng.below(3 * CHUNK64) as usize;
    let rest = model.bytes.get(offset as usize..).unwrap_or_default();
    let expect = &rest[..rest.len().min(n)];
    let mut buf = vec![0xee; n];
    assert_eq!(data.read_at(&mut buf, offset), expect.len());
    assert!(&buf[..expect.len()] == expect, "read_at({offset}, {n})");
    assert!(data.read_bytes(offset, n).unwrap() == expect, "read_bytes({offset}, {n})");
    // A hole has zeroes, and everything written is data; how finely, is free.
    if let Ok(hole) = data.seek(offset, Seek::Hole) {
        assert!(hole >= offset && hole <= data.len());
        assert!(model.data.get(hole as usize).is_none_or(|written| !written), "a hole at {hole} was written");
    }
    match data.seek(offset, Seek::Data) {
        Ok(at) => assert!(at >= offset && !model.data[offset as usize..at as usize].contains(&true)),
        Err(e) => {
            assert_eq!(e, Errno::NXIO);
            assert!(!model.data.get(offset as usize..).unwrap_or_default().contains(&true));
        }
    }
}

/// Random operations against a plain vector, with clones that must stay what they were.
#[test]
fn behaves_like_a_vector_of_bytes() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let quota = Quota::new(u64::MAX, 0);
        let mut model = Model { bytes: vec![], data: vec![] };
        let mut data = Data::new();
        if seed % 3 == 0 {
            let image: Vec<u8> = (0..rng.below(5 * CHUNK64)).map(|i| i as u8).collect();
            model.write(0, &image);
            data = Data::image(image.into());
        }
        let mut clones = vec![];
        // Small files first, so that all forms are met.
        let range = [100, 6 * CHUNK64][(seed % 2) as usize];
        for step in 0..600u32 {
            let offset = rng.below(range);
            match rng.below(10) {
                0 => {
                    let refund = data.set_len(offset);
                    quota.refund_bytes(refund);
                    model.set_len(offset as usize);
                }
                1 => {
                    let end = offset + 1 + rng.below(range);
                    data.allocate(offset, end, &quota).unwrap();
                    if model.bytes.len() < end as usize {
                        model.set_len(end as usize);
                    }
                }
                2 if clones.len() < 8 => clones.push((data.clone(), model.bytes.clone())),
                3 if step % 50 == 0 => {
                    let refund = data.set_len(0);
                    quota.refund_bytes(refund);
                    model.set_len(0);
                }
                _ => {
                    let bytes: Vec<u8> = (0..rng.below(range / 2)).map(|_| rng.next() as u8).collect();
                    let (a, b) = bytes.split_at(bytes.len() / 3);
                    let (charged, settled) = (data.charged(), data.is_settled(offset, bytes.len()));
                    let bufs = [IoSlice::new(a), IoSlice::new(&[]), IoSlice::new(b)];
                    assert_eq!(data.write_at(&bufs, offset, &quota), Ok(bytes.len()));
                    assert!(!settled || data.charged() == charged, "a settled write charges nothing");
                    if !bytes.is_empty() {
                        model.write(offset as usize, &bytes);
                    }
                }
            }
            assert_eq!(quota.used_bytes(), data.charged());
            check(&data, &model, &mut rng);
        }
        for (clone, bytes) in clones {
            let mut buf = vec![0; bytes.len() + 1];
            assert_eq!(clone.read_at(&mut buf, 0), bytes.len());
            assert!(buf[..bytes.len()] == bytes);
        }
        let refund = data.set_len(0);
        quota.refund_bytes(refund);
        assert_eq!(quota.used_bytes(), 0);
    }
}
