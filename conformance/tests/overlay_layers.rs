//! Our overlays on random layers: nobody can tell them from a plain filesystem that holds what the layers merge into.

use gangplank_conformance::{
    differential::{
        self, Player, Rng, common_caps,
        overlay::{Flat, Kind, Ours, script},
    },
    layers,
};

fn fuzz(seed: u64, count: u64, kinds: &[Kind]) {
    for seed in seed..seed + differential::seeds(count) {
        let mut rng = Rng::new(seed);
        let depth = 1 + rng.below(3) as usize;
        let layers = layers::random(&mut rng, depth);
        let ours = |&kind: &Kind| Ours { kind, layers: layers.clone(), parent: std::env::temp_dir() };
        let ours: Vec<Ours> = kinds.iter().filter(|kind| Kind::all().contains(kind)).map(ours).collect();
        let flat = Flat(layers.clone());
        let mut players: Vec<&dyn Player> = vec![&flat];
        players.extend(ours.iter().map(|o| o as &dyn Player));
        let script = script(&layers, &mut rng, 40, common_caps(&players));
        differential::check(&script, &players, &format!("seed {seed}, {layers:?}"));
    }
}

#[test]
fn memory_over_memory() {
    fuzz(10_000_000, 150, &[Kind::Mem]);
}

#[test]
fn memory_over_memory_without_devices() {
    fuzz(15_000_000, 80, &[Kind::Marked]);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_over_host() {
    fuzz(11_000_000, 50, &[Kind::MemOverHost]);
}

#[test]
#[cfg(target_os = "linux")]
fn host_over_host() {
    fuzz(12_000_000, 50, &[Kind::Host]);
}
