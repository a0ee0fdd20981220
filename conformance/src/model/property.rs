//! The property that every filesystem has: whatever is done to it, it answers what the model allows. A search draws
//! rows of numbers, and a script is what comes of them; a script that shows otherwise is made smaller by making the
//! numbers smaller, which simplifies lines and arguments alike. What is found is saved as a script.

use std::path::{Path, PathBuf};

use super::player::{follow, shrink};
use crate::differential::{DRAWS, Divergence, Player, Rng, Script, seeds};

/// How many scripts a suite tries, times what the environment variable `SEEDS` says.
pub(crate) const SCRIPTS: u64 = 48;
/// The longest of them.
const LONGEST: u64 = 50;
/// How many simpler scripts are tried at most.
const MAX_TRIES: u32 = 3000;

/// Tries random scripts, always the same: part of every [`suite!`](crate::suite).
///
/// # Panics
/// If one shows what the model does not allow. It is saved below `regressions/` in the directory of the crate that is
/// tested, where [`saved_scripts`] finds it again, and printed.
pub fn property(player: &dyn Player) {
    if let Some(found) = search(player, 0, seeds(SCRIPTS)) {
        refuse(player, &found);
    }
}

/// Saves what was found, and says it.
///
/// # Panics
/// Always.
pub(crate) fn refuse(player: &dyn Player, found: &Divergence) -> ! {
    let saved = match directory().and_then(|dir| save(&dir, player.name(), found)) {
        Some(path) => format!("saved; again: cargo xtask diff --replay {}", path.display()),
        None => "not saved: there is no directory of a crate, or it cannot be written".to_owned(),
    };
    panic!("{} does what is not allowed ({saved})\n{found}", player.name());
}

/// Looks through `count` random scripts for one that shows what the model does not allow, and cuts it down to what it
/// needs.
pub fn search(player: &dyn Player, seed: u64, count: u64) -> Option<Box<Divergence>> {
    let (caps, may_mount) = (player.caps(), player.mounts());
    (0..count).find_map(|i| {
        let mut rng = Rng::new(seed.wrapping_mul(0x1_0000_0001).wrapping_add(i));
        let len = 1 + rng.below(LONGEST);
        let rows: Vec<Row> = (0..len).map(|_| core::array::from_fn(|_| rng.below(1 << 16) as u16)).collect();
        let mounted = may_mount && rng.below(4) == 0;
        let wrong = |rows: &[Row]| follow(&Script::drawn(rows, caps, mounted), player).err();
        let found = wrong(&rows)?;
        Some(shrink(simplest(rows, found, &wrong), player))
    })
}

/// What one operation is made of.
type Row = [u16; DRAWS];

/// Leaves rows out, and makes numbers smaller, for as long as what remains is still `wrong`.
fn simplest(
    mut rows: Vec<Row>,
    mut found: Box<Divergence>,
    wrong: &dyn Fn(&[Row]) -> Option<Box<Divergence>>,
) -> Box<Divergence> {
    let mut tries = 0;
    let mut attempt = |rows: &mut Vec<Row>, found: &mut Box<Divergence>, simpler: Vec<Row>| {
        tries += 1;
        let worked = if tries <= MAX_TRIES { wrong(&simpler) } else { None };
        let better = worked.is_some();
        if let Some(now) = worked {
            (*rows, *found) = (simpler, now);
        }
        better
    };
    loop {
        let mut progress = false;
        let mut size = rows.len();
        while size > 0 {
            let mut at = 0;
            while at < rows.len() {
                let mut fewer = rows.clone();
                fewer.drain(at..(at + size).min(rows.len()));
                if attempt(&mut rows, &mut found, fewer) {
                    progress = true;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        for (at, draw) in (0..rows.len()).flat_map(|at| (0..DRAWS).map(move |draw| (at, draw))) {
            let number = rows[at][draw];
            for smaller in [0, number / 2, number.saturating_sub(1)] {
                let mut simpler = rows.clone();
                simpler[at][draw] = smaller;
                if smaller < number && attempt(&mut rows, &mut found, simpler) {
                    progress = true;
                    break;
                }
            }
        }
        if !progress {
            return found;
        }
    }
}

/// Replays the scripts in `regressions/` that the player can run.
///
/// # Panics
/// If a file is no script, or the player does what the model does not allow.
pub fn saved_scripts(player: &dyn Player) {
    if let Some(dir) = directory() {
        saved_scripts_in(&dir, player);
    }
}

/// Replays the scripts in this directory that the player can run, and answers how many these are; none if there is no
/// such directory.
///
/// # Panics
/// As [`saved_scripts`].
pub fn saved_scripts_in(dir: &Path, player: &dyn Player) -> usize {
    let Ok(files) = std::fs::read_dir(dir) else { return 0 };
    let mut played = 0;
    for path in files.map_while(|entry| entry.ok().map(|e| e.path())) {
        if path.extension().is_some_and(|e| e == "txt") {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let mut script: Script = text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            // What it answers there depends on what can be done; here the model says it.
            script.0.iter_mut().for_each(|op| op.expected = None);
            if player.caps().contains(script.needs()) && (player.mounts() || !script.mounts()) {
                if let Err(found) = follow(&script, player) {
                    panic!("{}: {} does what is not allowed\n{found}", path.display(), player.name());
                }
                played += 1;
            }
        }
    }
    played
}

/// Of the crate whose tests run.
fn directory() -> Option<PathBuf> {
    std::env::var_os("CARGO_MANIFEST_DIR").map(|dir| Path::new(&dir).join("regressions"))
}

/// Writes a script that can be replayed; `None` if that cannot be done.
pub fn save(dir: &Path, player: &str, found: &Divergence) -> Option<PathBuf> {
    std::fs::create_dir_all(dir).ok()?;
    let text = found.to_string();
    // FNV-1a: the same script has the same name.
    let hash = found
        .script
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let plain: String = player.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let path = dir.join(format!("{plain}-{:08x}.txt", hash as u32));
    std::fs::write(&path, format!("# {player} did what is not allowed.\n{text}")).ok()?;
    Some(path)
}
