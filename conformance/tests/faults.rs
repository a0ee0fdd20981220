//! Whatever stands on a filesystem copes with any call into it that fails.

use gangplank_conformance::faults::{Kind, STACKS, lines, short_transfers, sweep};

fn check(name: &str) {
    let kind = Kind::named(name).expect("a stack of ours");
    let swept = sweep(&(kind.maker)(), &lines()).unwrap_or_else(|wrong| panic!("{}:\n{wrong}", kind.what));
    // Each line makes at least one call that can fail.
    assert!(swept.faults > 2 * swept.lines && swept.failures > swept.lines, "{swept:?}");
}

#[test]
fn the_resolver_over_faults() {
    check("resolver");
}

#[test]
fn the_resolver_name_by_name_over_faults() {
    check("by_lookup");
}

#[test]
fn a_quota_over_faults() {
    check("quota");
}

#[test]
fn an_overlay_over_a_lower_layer_that_fails() {
    check("overlay_lower");
}

#[test]
fn an_overlay_with_an_upper_layer_that_fails() {
    check("overlay_upper");
}

/// A transfer that moves the half of what was asked: what was written is what was counted, and nothing else has changed.
#[test]
fn short_transfers_corrupt_nothing() {
    let struck: usize = STACKS.iter().map(|kind| short_transfers(&(kind.maker)())).sum();
    assert!(struck >= 9, "only {struck} transfers were short");
}
