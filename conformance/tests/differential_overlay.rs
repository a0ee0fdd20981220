//! Random scripts on overlays: over nothing, and over random trees, whose plain form tells what the answer must be.

use gangplank_conformance::{
    Fixture, MemFixture, OverlayFixture, Prepared, Where, World,
    differential::{self, Player, Rng, Script},
};

/// `count` trees with some scripts each.
fn prepared(places: &[Where], seed: u64, count: u64) {
    for seed in seed..seed + count {
        let links = !places.contains(&Where::InTwoLayers);
        let all: Vec<Prepared> = places.iter().map(|&place| Prepared { seed, place, links }).collect();
        let players: Vec<&dyn Player> = all.iter().map(|fixture| fixture as &dyn Player).collect();
        let caps = differential::common_caps(&players);
        for round in 0..6 {
            let script = Script::random_in(World::new(all[0].make()), &mut Rng::new(seed * 1000 + round), 50, caps);
            if let Err(found) = differential::compare(&script, &players) {
                let small = differential::shrink(found, &players);
                panic!("tree {seed}, round {round}: the filesystems do not agree\n{small}");
            }
        }
    }
}

#[test]
fn over_nothing() {
    differential::fuzz(&[&MemFixture, &OverlayFixture::Mem, &OverlayFixture::Emptied], 6_000_000, 300, 60);
}

#[test]
fn over_nothing_on_the_host() {
    differential::fuzz(&[&MemFixture, &OverlayFixture::Host, &OverlayFixture::MemOverHost], 7_000_000, 100, 60);
}

#[test]
fn over_a_tree() {
    prepared(&[Where::Itself, Where::Below], 100, 100);
}

#[test]
fn over_a_tree_in_two_layers() {
    prepared(&[Where::Itself, Where::InTwoLayers], 300, 60);
}

#[test]
fn over_and_in_a_tree() {
    prepared(&[Where::Itself, Where::Above], 400, 60);
}

#[test]
fn over_a_tree_of_the_host() {
    prepared(&[Where::Itself, Where::OnHost, Where::UnderHost], 500, 15);
}
