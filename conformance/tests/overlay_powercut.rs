//! The power is cut between any two changes to the upper layer, and each of them fails once.

use gangplank_conformance::differential::{
    powercut::{Tried, every_cut},
    seeds,
};

#[test]
fn nothing_is_seen_half_done() {
    let mut all = Tried::default();
    for seed in 0..seeds(15) {
        let tried = every_cut(seed, 25).unwrap_or_else(|what| panic!("{what}"));
        all = Tried { cuts: all.cuts + tried.cuts, refusals: all.refusals + tried.refusals };
    }
    println!("{all:?}");
    assert!(all.cuts > 300 && all.refusals > 300, "hardly anything was tried: {all:?}");
}
