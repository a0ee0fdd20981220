//! The kernel's overlayfs as the judge of overlays.
#![cfg(target_os = "linux")]

use gangplank_conformance::{
    differential::{
        self, Player, Rng, common_caps, kernel,
        overlay::{Flat, KernelOverlay, Kind, Ours, script},
        relay::relay,
    },
    layers,
};

/// Whether the kernel can play here; says why not.
fn possible() -> bool {
    kernel::check().map_err(|why| eprintln!("skipped: {why}")).is_ok()
}

/// Random layers, and a random script on each of the players that `players` makes of them.
fn fuzz(seed: u64, count: u64, players: impl Fn(&[layers::Layer]) -> Vec<Box<dyn Player>>) {
    for seed in seed..seed + differential::seeds(count) {
        let mut rng = Rng::new(seed);
        let depth = 1 + rng.below(2) as usize;
        let mut layers = layers::random(&mut rng, depth);
        layers::tame(&mut layers);
        let players = players(&layers);
        let players: Vec<&dyn Player> = players.iter().map(|p| &**p).collect();
        let script = script(&layers, &mut rng, 40, common_caps(&players));
        differential::check(&script, &players, &format!("seed {seed}, {layers:?}"));
    }
}

/// The judge is judged: what overlayfs does is what a plain filesystem does.
#[test]
fn overlayfs_is_a_filesystem() {
    if possible() {
        fuzz(7_000_000, 60, |layers| {
            let kernel = KernelOverlay::new(layers, "/dev/shm", true);
            vec![Box::new(kernel), Box::new(Flat(layers.to_vec()))]
        });
    }
}

#[test]
fn overlayfs_for_users_is_a_filesystem_that_does_not_move_directories() {
    if possible() {
        fuzz(8_000_000, 60, |layers| {
            let kernel = KernelOverlay::new(layers, "/dev/shm", false);
            vec![Box::new(kernel), Box::new(Flat(layers.to_vec()))]
        });
    }
}

/// Ours and the kernel's, on the same layers.
#[test]
fn ours_and_overlayfs() {
    if possible() {
        fuzz(9_000_000, 60, |layers| {
            let kernel = KernelOverlay::new(layers, "/dev/shm", false);
            let ours = |kind| Box::new(Ours { kind, layers: layers.to_vec(), parent: "/dev/shm".into() });
            vec![Box::new(kernel), ours(Kind::Host), ours(Kind::MemOverHost), Box::new(Flat(layers.to_vec()))]
        });
    }
}

/// An upper layer goes to and fro between ours and the kernel's.
fn relays(seed: u64, count: u64, trusted: bool) {
    for seed in seed..seed + differential::seeds(count) {
        let mut rng = Rng::new(seed);
        let depth = 1 + rng.below(2) as usize;
        let mut layers = layers::random(&mut rng, depth);
        layers::tame(&mut layers);
        layers::without_links(&mut layers);
        let done = relay(&layers, &mut rng, (4, 12), "/dev/shm".as_ref(), trusted, seed % 2 == 0);
        done.unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    }
}

#[test]
fn relays_for_users() {
    if possible() {
        relays(13_000_000, 40, false);
    }
}

#[test]
fn relays_with_redirects() {
    if possible() {
        relays(14_000_000, 40, true);
    }
}
