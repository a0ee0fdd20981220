//! Damage, for runs without a fuzzer: the same for the same seed.

use crate::differential::Rng;

/// A copy with some bytes changed, repeated, taken away or taken from another input.
pub fn mutated(input: &[u8], other: &[u8], rng: &mut Rng, max_len: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=rng.below(4) {
        if bytes.is_empty() {
            bytes.push(rng.below(256) as u8);
        }
        let at = rng.below(bytes.len() as u64) as usize;
        let up_to = 1 << rng.below(10);
        let end = (at + 1 + rng.below(up_to) as usize).min(bytes.len());
        match rng.below(9) {
            0 => bytes.truncate(at),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize],
            2 => bytes[at] = b"0179/.,=\n \"{@"[rng.below(13) as usize],
            3 => bytes[at] = rng.below(256) as u8,
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            5 => drop(bytes.drain(at..end)),
            6 if !other.is_empty() => {
                let from = rng.below(other.len() as u64) as usize;
                let part = other[from..(from + end - at).min(other.len())].iter().copied();
                bytes.splice(at..end, part);
            }
            _ => bytes[at] ^= 1 << rng.below(8),
        }
    }
    bytes.truncate(max_len);
    bytes
}
