//! Whatever stands on a filesystem copes with any call into it that fails.
//!
//! # What they see
//! Each of these was changed on purpose, one at a time, and at least the test beside it failed:
//!
//! | what was wrong | who saw it |
//! |---|---|
//! | `walk_by_lookup` keeps its reference when a lookup fails | `the_resolver_name_by_name_over_faults` |
//! | so it does when what it found cannot be opened | `the_resolver_name_by_name_over_faults` |
//! | it leaves a file that it made and could not open | `the_resolver_name_by_name_over_faults` |
//! | a quota counts a node that was not made | `a_quota_over_faults` |
//! | and a link that was not made | `a_quota_over_faults` |
//! | and what was not written | `a_quota_over_faults` |
//! | and not what was not cut | `a_quota_counts_what_could_not_be_cut` |
//! | it keeps a reference when it cannot learn how many names a node has | `a_quota_over_faults` |
//! | an overlay leaves a file that it made and could not open | `an_overlay_with_an_upper_layer_that_fails` |
//! | its index has a copy that never got its name | `an_overlay_with_an_upper_layer_that_fails` |
//! | it takes a copy for made before it has its name | `an_overlay_with_an_upper_layer_that_fails` |
//! | it takes a name for gone before it is | `an_overlay_over_a_lower_layer_that_fails` |
//! | it keeps a reference to a whiteout that it makes | `an_overlay_with_an_upper_layer_that_fails` |
//! | and to a node whose copy failed | `an_overlay_holds_nothing_of_what_is_gone` |
//! | and to nodes that are gone | `an_overlay_holds_nothing_of_what_is_gone` |

use gangplank_conformance::{
    World,
    faults::{Kind, STACKS, Stack, lines, short_transfers, sweep},
    leaks,
};
use gangplank_vfs::{
    Errno, SetAttr,
    layers::fault::{Calls, Fault},
};

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

/// A new stack of this name.
fn one(name: &str) -> Stack {
    let kind = Kind::named(name).expect("a stack of ours");
    (kind.maker)()()
}

/// Cut by its node, not by an open file, as the lines do it.
#[test]
fn a_quota_counts_what_could_not_be_cut() {
    let stack = one("quota");
    let world = World::new(stack.top);
    let node = world.put("new", [b'x'; 100_000]);
    let (before, cut) = (leaks::used(&**world.fs()), SetAttr { size: Some(0), ..SetAttr::default() });
    stack.faults.arm(Calls::CHANGES, 1, Fault::Fail(Errno::NOSPC));
    assert_eq!(node.setattr(cut), Err(Errno::NOSPC));
    assert!(!stack.faults.disarm(), "nothing has failed");
    assert_eq!(leaks::used(&**world.fs()), before);
    node.setattr(cut).expect("cut it");
    assert!(leaks::used(&**world.fs()).0 < before.0);
}

/// An overlay that lives on holds nothing of what is gone: not in the upper layer, and not in the lower one, though the
/// copy of a file failed before.
#[test]
fn an_overlay_holds_nothing_of_what_is_gone() {
    for name in ["overlay_lower", "overlay_upper"] {
        let stack = one(name);
        let world = World::new(stack.top);
        let held = || stack.faults.ledger().held().references.len();
        let before = held();
        for i in 0..20 {
            world.put(&format!("new{i}"), "new");
        }
        for i in 0..20 {
            world.unlink(&format!("new{i}")).expect("remove it");
        }
        assert_eq!(held(), before, "of new files");
        for k in 1..100 {
            stack.faults.arm(Calls::LOOKS | Calls::CHANGES, k, Fault::Fail(Errno::IO));
            let moved = world.mv("z", "moved");
            if stack.faults.disarm() {
                moved.expect("nothing has failed");
                break;
            }
            if moved.is_ok() {
                world.mv("moved", "z").expect("move it back");
            }
        }
        world.unlink("moved").expect("remove it");
        assert_eq!(held(), before, "of a file that was copied up");
    }
}

/// A transfer that moves the half of what was asked: what was written is what was counted, and nothing else has changed.
#[test]
fn short_transfers_corrupt_nothing() {
    let struck: usize = STACKS.iter().map(|kind| short_transfers(&(kind.maker)())).sum();
    assert!(struck >= 9, "only {struck} transfers were short");
}
