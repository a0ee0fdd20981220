//! [`HashIndex`]: from the hash of a name to its entry, for large directories.
//!
//! It knows the sequence number of the entry, and where the node is in the tree's table: in a directory of a million
//! names nothing of all this is in a cache, and a processor that knows both loads entry and node at the same time.
//!
//! Linear hashing over a [`Radix`]: the number of buckets follows the number of entries one bucket at a time, so no
//! insertion ever rehashes everything, and a fork's first insertion copies a few pages and not the table.

use smallvec::SmallVec;

use super::radix::Radix;

/// What is known of one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Posting {
    pub(super) hash: u32,
    /// Of the node, in the tree's table.
    pub(super) slot: u32,
    pub(super) seq: u64,
}

type Bucket = SmallVec<[Posting; 3]>;

/// A multimap from the hash of a name to entries.
#[derive(Clone, Debug)]
pub(super) struct HashIndex {
    /// A bucket that never had an entry is absent.
    buckets: Radix<Bucket>,
    /// Number of buckets, present or not; at least 1.
    count: u64,
    len: u64,
}

impl HashIndex {
    pub(super) const fn new() -> Self {
        HashIndex { buckets: Radix::new(), count: 1, len: 0 }
    }

    /// The entries under `hash`.
    #[inline]
    pub(super) fn get(&self, hash: u32) -> impl Iterator<Item = Posting> {
        let bucket = self.buckets.get(self.place(hash)).map_or(&[][..], |bucket| bucket);
        bucket.iter().copied().filter(move |posting| posting.hash == hash)
    }

    pub(super) fn insert(&mut self, posting: Posting) {
        self.put(posting);
        self.len += 1;
        // Three entries for two buckets.
        if self.len * 2 > self.count * 3 && self.count < 1 << 32 {
            self.split();
        }
    }

    pub(super) fn remove(&mut self, hash: u32, seq: u64) {
        let place = self.place(hash);
        let Some(bucket) = self.buckets.get_mut(place) else { return };
        let Some(at) = bucket.iter().position(|e| (e.hash, e.seq) == (hash, seq)) else { return };
        bucket.swap_remove(at);
        self.len -= 1;
        // As many as an entry has buckets here, so that they go as fast as the entries.
        for _ in 0..4 {
            if self.len * 4 < self.count {
                self.merge();
            }
        }
    }

    /// Notes that an entry leads to another node.
    pub(super) fn redirect(&mut self, hash: u32, seq: u64, slot: u32) {
        let bucket = self.buckets.get_mut(self.place(hash));
        let found = bucket.and_then(|bucket| bucket.iter_mut().find(|e| (e.hash, e.seq) == (hash, seq)));
        if let Some(posting) = found {
            posting.slot = slot;
        }
    }

    /// Adds a bucket, and moves to it what belongs there of the bucket it is split from.
    fn split(&mut self) {
        let from = self.place_of_new();
        self.count += 1;
        if let Some(bucket) = self.buckets.remove(from) {
            bucket.into_iter().for_each(|posting| self.put(posting));
        }
    }

    /// Takes the last bucket away again.
    fn merge(&mut self) {
        if self.count == 1 {
            return;
        }
        self.count -= 1;
        if let Some(bucket) = self.buckets.remove(self.count) {
            bucket.into_iter().for_each(|posting| self.put(posting));
        }
    }

    fn put(&mut self, posting: Posting) {
        let place = self.place(posting.hash);
        match self.buckets.get_mut(place) {
            Some(bucket) => bucket.push(posting),
            None => {
                self.buckets.insert(place, Bucket::from_iter([posting]));
            }
        }
    }

    /// The bucket of `hash`: as many low bits as there are buckets for, one less where there is none yet.
    #[inline]
    fn place(&self, hash: u32) -> u64 {
        let size = self.count.next_power_of_two();
        let place = u64::from(hash) & (size - 1);
        if place < self.count { place } else { place & (size / 2 - 1) }
    }

    /// The bucket from which bucket number `count` will be split.
    fn place_of_new(&self) -> u64 {
        self.count - (self.count + 1).next_power_of_two() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem_fs::testing::Rng;

    #[test]
    fn finds_what_is_there_while_it_grows_and_shrinks() {
        let mut rng = Rng::new(3);
        let mut index = HashIndex::new();
        let mut model: Vec<(u32, u64)> = vec![];
        let expected = |hash, seq: u64| {
            let slot = if seq.is_multiple_of(3) { seq as u32 } else { !(seq as u32) };
            Posting { hash, slot, seq }
        };
        for round in 0..4u64 {
            for i in 0..3000 {
                // Few distinct hashes in one round: long chains must work too.
                let hash = if round == 2 { rng.below(50) as u32 } else { rng.next() as u32 };
                let seq = round * 10_000 + i;
                index.insert(Posting { hash, slot: !(seq as u32), seq });
                if seq.is_multiple_of(3) {
                    index.redirect(hash, seq, seq as u32);
                }
                model.push((hash, seq));
            }
            let keep = if round == 3 { 0 } else { 200 };
            while model.len() > keep {
                let at = rng.below(model.len() as u64) as usize;
                let (hash, seq) = model.swap_remove(at);
                assert!(index.get(hash).any(|posting| posting == expected(hash, seq)));
                index.remove(hash, seq);
                assert!(!index.get(hash).any(|posting| posting.seq == seq));
            }
            for &(hash, seq) in &model {
                assert!(index.get(hash).any(|posting| posting == expected(hash, seq)));
            }
        }
        assert_eq!((index.len, index.count), (0, 1));
    }
}
