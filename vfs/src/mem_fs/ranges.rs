//! [`Ranges`]: a set of chunk numbers as sorted ranges, for reservations.

use triomphe::Arc;

/// A set of `u64` as disjoint, non-adjacent ranges in order. A clone is one reference count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    ranges: Option<Arc<Vec<(u64, u64)>>>,
    total: u64,
}

impl Ranges {
    pub(crate) const fn new() -> Ranges {
        Ranges { ranges: None, total: 0 }
    }

    /// How many numbers are in it.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    #[inline]
    pub(crate) fn contains(&self, n: u64) -> bool {
        let ranges = self.as_slice();
        let after = ranges.partition_point(|&(from, _)| from <= n);
        after > 0 && n < ranges[after - 1].1
    }

    /// Adds `from..to`; answers the parts of it that were missing.
    pub(crate) fn insert(&mut self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        if from >= to {
            return missing;
        }
        let ranges = Arc::make_mut(self.ranges.get_or_insert_default());
        // All ranges that touch the new one become one with it.
        let first = ranges.partition_point(|&(_, end)| end < from);
        let last = ranges.partition_point(|&(start, _)| start <= to);
        let (mut at, mut merged) = (from, (from, to));
        for &(start, end) in &ranges[first..last] {
            if at < start {
                missing.push((at, start.min(to)));
            }
            at = at.max(end);
            merged = (merged.0.min(start), merged.1.max(end));
        }
        if at < to {
            missing.push((at, to));
        }
        ranges.splice(first..last, [merged]);
        self.total += missing.iter().map(|(from, to)| to - from).sum::<u64>();
        missing
    }

    /// Takes `from` and everything after it away.
    pub(crate) fn cut(&mut self, from: u64) {
        let Some(ranges) = &mut self.ranges else { return };
        let ranges = Arc::make_mut(ranges);
        ranges.truncate(ranges.partition_point(|&(start, _)| start < from));
        if let Some((_, end)) = ranges.last_mut() {
            *end = (*end).min(from);
        }
        self.total = ranges.iter().map(|(from, to)| to - from).sum();
        if ranges.is_empty() {
            self.ranges = None;
        }
    }

    fn as_slice(&self) -> &[(u64, u64)] {
        self.ranges.as_deref().map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mem_fs::testing::Rng;

    #[test]
    fn behaves_like_a_set() {
        let mut rng = Rng::new(11);
        let (mut ranges, mut set) = (Ranges::new(), BTreeSet::new());
        for _ in 0..5000 {
            let from = rng.below(300);
            if rng.below(10) == 0 {
                ranges.cut(from);
                set.split_off(&from);
            } else {
                let to = from + rng.below(12);
                let missing: Vec<u64> = ranges.insert(from, to).into_iter().flat_map(|(a, b)| a..b).collect();
                let expect: Vec<u64> = (from..to).filter(|n| set.insert(*n)).collect();
                assert_eq!(missing, expect);
            }
            assert_eq!(ranges.total(), set.len() as u64);
            let n = rng.below(320);
            assert_eq!(ranges.contains(n), set.contains(&n));
            assert!(ranges.as_slice().windows(2).all(|w| w[0].1 < w[1].0), "adjacent ranges are one");
        }
    }
}
