//! [`Asked`]: what a case has asked of a filesystem, and what it has left out because that is not claimed. Nobody writes
//! this down by hand: a [`World`](crate::World) notes which questions it is asked.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use gangplank_vfs::FsCaps;

/// What a case has made of a [`World`](crate::World).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Whether it has done anything to the filesystem. If not, nothing was asked of it.
    pub touched: bool,
    /// What it has looked for in vain, and has asked nothing that needs it; or that it must be refused.
    pub without: Vec<String>,
    /// What it has looked for and found; a case about those who do not have it ends there.
    pub with: Vec<String>,
}

impl Asked {
    /// Why nothing, or not everything, was asked; `None` if everything was. Empty if nothing was asked without a reason.
    pub fn limits(&self) -> Option<String> {
        match (self.touched, self.without.is_empty()) {
            (true, true) => None,
            (_, false) => Some(self.without.join(", ")),
            (false, true) if self.with.is_empty() => Some(String::new()),
            (false, true) => Some(format!("{}, and this is asked of those that do not", self.with.join(", "))),
        }
    }
}

/// What a fixture may lack that is no capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lack {
    /// [`make_small`](crate::Fixture::make_small).
    Small,
    /// [`holds_removed`](crate::Made::holds_removed).
    Held,
}

/// What is noted while a case runs, by whichever of its threads.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    touched: AtomicBool,
    claimed: AtomicU32,
    unclaimed: AtomicU32,
    no_small: AtomicBool,
    not_held: AtomicBool,
}

impl Notes {
    pub(crate) fn touch(&self) {
        // Looked at first: cases of many threads do this all the time.
        if !self.touched.load(Relaxed) {
            self.touched.store(true, Relaxed);
        }
    }

    /// Somebody wants to know of `caps`, of which some are missing.
    pub(crate) fn claims(&self, caps: FsCaps, missing: FsCaps) {
        self.claimed.fetch_or((caps - missing).bits(), Relaxed);
        self.unclaimed.fetch_or(missing.bits(), Relaxed);
    }

    pub(crate) fn lacks(&self, lack: Lack) {
        match lack {
            Lack::Small => self.no_small.store(true, Relaxed),
            Lack::Held => self.not_held.store(true, Relaxed),
        }
    }

    pub(crate) fn asked(&self) -> Asked {
        let names = |bits: &AtomicU32, verb: &str| -> Vec<String> {
            let caps = FsCaps::from_bits_truncate(bits.load(Relaxed));
            caps.iter_names().map(|(name, _)| format!("{verb} `{name}`")).collect()
        };
        let mut without = names(&self.unclaimed, "does not claim");
        if self.no_small.load(Relaxed) {
            without.push("its fixture makes no small one (`Fixture::make_small`), which could be filled".to_owned());
        }
        if self.not_held.load(Relaxed) {
            without.push("loses what is neither named nor open (`Made::losing_removed`)".to_owned());
        }
        Asked { touched: self.touched.load(Relaxed), without, with: names(&self.claimed, "claims") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fixture as _, HostFixture, MemFixture, World};

    #[test]
    fn what_is_done_and_left_out_is_noted() {
        let world = World::new(MemFixture.make());
        assert_eq!(world.asked(), Asked::default());
        assert_eq!(world.asked().limits().as_deref(), Some(""), "nothing was asked, and nobody knows why");
        assert!(world.has(FsCaps::SYMLINKS) && !world.has(FsCaps::DURABLE | FsCaps::SYMLINKS));
        assert!(world.small().is_none());
        let asked = world.asked();
        assert!(!asked.touched);
        assert_eq!(asked.with, ["claims `SYMLINKS`"]);
        assert_eq!(asked.without[0], "does not claim `DURABLE`");
        assert!(asked.without[1].contains("make_small") && asked.without.len() == 2, "{asked:?}");
        world.put("a", "");
        assert!(world.asked().touched);
    }

    #[test]
    fn who_claims_what_a_case_is_not_about_is_not_asked() {
        let world = World::new(MemFixture.make());
        crate::cases::capabilities::without_hard_links(&world);
        assert!(!world.asked().touched);
        assert_eq!(
            world.asked().limits().as_deref(),
            Some("claims `HARD_LINKS`, and this is asked of those that do not")
        );
        crate::cases::link::two_names_one_node(&world);
        assert_eq!((world.asked().touched, world.asked().limits()), (true, None));
    }

    #[test]
    fn a_small_one_counts_as_the_filesystem() {
        let mut world = World::new(MemFixture.make());
        world.set_small(MemFixture.make_small().map(World::new));
        world.small().expect("a small one").put("a", "");
        assert_eq!((world.asked().touched, world.asked().limits()), (true, None));
    }

    #[test]
    fn who_loses_what_is_removed_says_so() {
        let world = World::new(HostFixture::PORTABLE.make());
        assert!(!world.holds_removed());
        assert!(world.asked().limits().is_some_and(|why| why.contains("losing_removed")), "{:?}", world.asked());
    }
}
