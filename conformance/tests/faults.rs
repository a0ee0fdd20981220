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

use std::sync::Arc;

use gangplank_conformance::{
    Made, World,
    faults::{Stack, Swept, lines, plant, sweep},
    leaks,
};
use gangplank_vfs::{
    Ctx, Errno, FileSystem, ManualClock, MemFs, MemFsOptions, Mount, MountOptions, Name, NewNode, OpenFlags, OverlayFs,
    SetAttr,
    layers::{
        fault::{Calls, Fault, FaultFs},
        quota::{QuotaFs, QuotaOptions},
    },
};

fn memory(clock: &Arc<ManualClock>) -> MemFs {
    MemFsOptions::new().clock(clock.clone()).max_bytes(Some(1 << 30)).max_nodes(Some(1 << 20)).build()
}

fn new_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(1_700_000_000_123_456_789))
}

/// The tree in memory, made once.
fn planted() -> (Arc<MemFs>, Arc<ManualClock>) {
    let clock = new_clock();
    let fs = Arc::new(memory(&clock));
    plant(&(fs.clone() as Arc<dyn FileSystem>));
    clock.advance(1_000_000_007);
    (fs, clock)
}

fn check(make: &dyn Fn() -> Stack) -> Swept {
    let swept = sweep(make, &lines()).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    // Each line makes at least one call that can fail.
    assert!(swept.faults > 2 * swept.lines && swept.failures > swept.lines, "{swept:?}");
    swept
}

/// A stack whose top is made of a memory filesystem that fails.
fn over(undoes: bool, top: impl Fn(FaultFs) -> Arc<dyn FileSystem>) -> impl Fn() -> Stack {
    let (tree, clock) = planted();
    move || {
        let fs = FaultFs::new(Arc::new(tree.fork()));
        let faults = fs.faults().clone();
        Stack { top: Made::new(top(fs)).with_clock(clock.clone()), faults, exact: true, undoes }
    }
}

#[test]
fn the_resolver_over_faults() {
    check(&over(false, |fs| Arc::new(fs)));
}

#[test]
fn the_resolver_name_by_name_over_faults() {
    check(&over(true, |fs| Arc::new(fs.by_lookup())));
}

#[test]
fn a_quota_over_faults() {
    check(&over(true, |fs| {
        let options = QuotaOptions { bytes: Some(1 << 24), nodes: Some(1000) };
        Arc::new(QuotaFs::new(Arc::new(fs), options))
    }));
}

/// An overlay in memory on memory, one of which fails.
fn overlay(fault_below: bool) -> impl Fn() -> Stack {
    let (tree, clock) = planted();
    // The directories of the upper layer and its work area, made once, too.
    let above = memory(&clock);
    for name in ["upper", "work"] {
        let name = Name::new(name.as_bytes()).expect("a name");
        above.make(&Ctx::ROOT, above.root(), name, &NewNode::Directory { mode: 0o755 }).expect("a directory");
    }
    move || {
        let (lower, upper) = (Arc::new(tree.fork()), Arc::new(above.fork()));
        let failing = FaultFs::new(if fault_below { lower.clone() } else { upper.clone() });
        let faults = failing.faults().clone();
        let failing: Arc<dyn FileSystem> = Arc::new(failing);
        let (lower, upper): (Arc<dyn FileSystem>, Arc<dyn FileSystem>) =
            if fault_below { (failing, upper) } else { (lower, failing) };
        let place = |name: &'static str| {
            let name = Name::new(name.as_bytes()).expect("a name");
            let found = upper.lookup(&Ctx::ROOT, upper.root(), name).expect("a directory");
            let place = Mount::subtree(upper.clone(), found.node, MountOptions::default());
            upper.forget(found.node, 1);
            place
        };
        let fs = OverlayFs::builder().lower(lower).upper_at(place("upper"), place("work")).build();
        let top = Made::new(Arc::new(fs.expect("an overlay"))).with_clock(clock.clone());
        Stack { top, faults, exact: false, undoes: true }
    }
}

#[test]
fn an_overlay_over_a_lower_layer_that_fails() {
    check(&overlay(true));
}

#[test]
fn an_overlay_with_an_upper_layer_that_fails() {
    check(&overlay(false));
}

/// Cut by its node, not by an open file, as the lines do it.
#[test]
fn a_quota_counts_what_could_not_be_cut() {
    let options = QuotaOptions { bytes: Some(1 << 24), nodes: Some(1000) };
    let stack = over(true, |fs| Arc::new(QuotaFs::new(Arc::new(fs), options)))();
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
    for fault_below in [false, true] {
        let stack = overlay(fault_below)();
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
    let quota =
        over(true, |fs| Arc::new(QuotaFs::new(Arc::new(fs), QuotaOptions { bytes: Some(1 << 24), nodes: None })));
    let stacks: [&dyn Fn() -> Stack; 4] = [&quota, &overlay(true), &overlay(false), &over(true, |fs| Arc::new(fs))];
    let mut struck = 0;
    for make in stacks {
        for k in 1.. {
            let stack = make();
            let world = World::new(stack.top);
            let file = world.open("a/f", OpenFlags::READ | OpenFlags::WRITE).expect("open a file");
            stack.faults.arm(Calls::TRANSFERS, k, Fault::Short);
            let n = file.write(4990, b"0123456789abcdef").expect("write a part at least");
            let read = file.read(1, 3000).expect("read a part at least");
            let (end_n, end) = file.append(b"tail").expect("append a part at least");
            if stack.faults.disarm() {
                break;
            }
            struck += 1;
            let mut wanted = vec![b'X'; 4990];
            wanted.extend(&b"0123456789abcdef"[..n]);
            wanted.extend(&[b'X'; 10][n.min(10)..]);
            wanted.extend(&b"tail"[..end_n]);
            assert_eq!(end, wanted.len() as u64, "where it ends, with transfer {k} short");
            assert!(n > 0 && end_n > 0 && !read.is_empty(), "nothing was moved, with transfer {k} short");
            assert!(read.iter().all(|byte| *byte == b'X'), "what was read, with transfer {k} short");
            assert_eq!(world.read("a/f"), Ok(wanted), "with transfer {k} short");
        }
    }
    assert!(struck >= 9, "only {struck} transfers were short");
}
