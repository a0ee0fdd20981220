//! `scripts`: operations on filesystems.
//!
//! The first byte says who plays, the others are what the [language](crate::differential::script) is spoken with. From
//! an empty tree every answer must be one that the [model] allows; from a tree that was prepared the plain
//! filesystem that holds it is the judge of the overlays over it. A divergence is told as a script of a few lines, which
//! belongs into `conformance/regressions`.

use std::sync::Arc;

use gangplank_vfs::layers::quota::{QuotaFs, QuotaOptions};

use crate::{
    Fixture, ForkFixture, Made, MemFixture, OverlayFixture, Prepared, Where, World,
    differential::{self, Player, Rng, Script},
    model,
};

/// The most operations of one run.
const OPERATIONS: usize = 80;

/// How many bytes one operation takes, about.
const BYTES: usize = 5;

/// Bytes as players and a script.
pub fn run(bytes: &[u8]) {
    let Some((&who, script)) = bytes.split_first() else { return };
    let len = (script.len() / BYTES + 1).min(OPERATIONS);
    let mut rng = Rng::chosen(script);
    let alone: &dyn Player = match who % 16 {
        0 | 1 => &MemFixture,
        2 => &ForkFixture,
        3..6 => &OverlayFixture::Mem,
        6 => &OverlayFixture::Emptied,
        7 => &OverlayFixture::Buried,
        8 => &OverlayFixture::Fork,
        9 => &Quota,
        _ => return prepared(who / 16, len, &mut rng),
    };
    let make = if who / 16 % 4 == 3 { Script::random_mounted } else { Script::random };
    model::check(&make(&mut rng, len, alone.caps()), alone, "fuzz");
}

/// Overlays over a tree that is there already. Below other overlays' layers it has no hard links: only in its own work
/// directory does an overlay find which names had one.
fn prepared(seed: u8, len: usize, rng: &mut Rng) {
    let links = seed % 4 != 3;
    let at = |place| Prepared { seed: seed.into(), place, links };
    let plain = at(Where::Itself);
    let (one, other) = if links { (at(Where::Below), at(Where::Above)) } else { (at(Where::InTwoLayers), plain) };
    let players: [&dyn Player; 3] = [&plain, &one, &other];
    let script = Script::random_in(World::new(plain.make()), rng, len, differential::common_caps(&players));
    differential::check(&script, &players, &format!("fuzz, prepared tree {seed}"));
}

/// A filesystem that is counted, and has room.
struct Quota;

impl Fixture for Quota {
    fn name(&self) -> &str {
        "quota"
    }

    fn make(&self) -> Made {
        let inner = MemFixture.make();
        let fs = Arc::new(QuotaFs::new(inner.fs.clone(), QuotaOptions::default()));
        Made { fs, ..inner }
    }
}
