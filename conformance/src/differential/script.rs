//! The language of scripts. One operation a line: a verb and its arguments, separated by blanks; perhaps `->` and the
//! answer that is expected; `#` begins a comment.
//!
//! ```text
//! mkdir a
//! symlink ../c a/l
//! rename a/l a/l/x -> NOTDIR
//! ```
//!
//! Paths start at the current directory (`cd`, `home`) and are confined to the root of the filesystem. `open` puts an
//! open file into one of three slots, with flags `r` `w` `a`ppend `t`runcate `c`reate e`x`clusive `d`irectory
//! `n`ofollow; `dup 0 1` lets the second slot show what the first one shows, cursor and all. `mount` makes a second,
//! empty filesystem appear on the directory `m` of the root, which is made if it is missing.

use core::{fmt, str::FromStr};

use gangplank_vfs::FsCaps;

use super::{Rules, Run as _, step::Env};
use crate::{World, model::Model};

/// What an argument may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arg {
    Path,
    Target,
    Slot,
    Flags,
    Offset,
    Text,
    Mode,
    Seconds,
}

/// A verb, how often it is taken, the arguments it has, and what it needs.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) weight: u32,
    pub(crate) args: &'static [Arg],
    pub(crate) caps: FsCaps,
}

const fn verb(name: &'static str, weight: u32, args: &'static [Arg], caps: FsCaps) -> Verb {
    Verb { name, weight, args, caps }
}

const NONE: FsCaps = FsCaps::empty();

use Arg::{Flags, Mode, Offset, Path, Seconds, Slot, Target, Text};

/// All verbs.
pub(crate) static VERBS: &[Verb] = &[
    verb("mkdir", 10, &[Path], NONE),
    verb("put", 8, &[Path, Text], NONE),
    verb("symlink", 6, &[Target, Path], FsCaps::SYMLINKS),
    verb("link", 5, &[Path, Path], FsCaps::HARD_LINKS),
    verb("linkfollow", 1, &[Path, Path], FsCaps::HARD_LINKS.union(FsCaps::SYMLINKS)),
    verb("unlink", 6, &[Path], NONE),
    verb("rmdir", 5, &[Path], NONE),
    verb("rename", 10, &[Path, Path], NONE),
    verb("noreplace", 2, &[Path, Path], FsCaps::NO_REPLACE),
    verb("exchange", 3, &[Path, Path], FsCaps::EXCHANGE),
    verb("stat", 4, &[Path], NONE),
    verb("lstat", 3, &[Path], NONE),
    verb("readlink", 2, &[Path], FsCaps::SYMLINKS),
    verb("list", 3, &[Path], NONE),
    verb("read", 3, &[Path], NONE),
    verb("truncate", 2, &[Path, Offset], NONE),
    verb("chmod", 2, &[Path, Mode], NONE),
    verb("touch", 2, &[Path, Seconds], NONE),
    verb("cd", 2, &[Path], NONE),
    verb("home", 2, &[], NONE),
    verb("open", 9, &[Slot, Path, Flags], NONE),
    verb("close", 2, &[Slot], NONE),
    verb("dup", 2, &[Slot, Slot], NONE),
    verb("fread", 3, &[Slot, Offset], NONE),
    verb("fwrite", 5, &[Slot, Text], NONE),
    verb("pread", 2, &[Slot, Offset], NONE),
    verb("pwrite", 4, &[Slot, Offset, Text], NONE),
    verb("seek", 3, &[Slot, Offset], NONE),
    verb("seekend", 1, &[Slot], NONE),
    verb("setlen", 3, &[Slot, Offset], NONE),
    verb("allocate", 1, &[Slot, Offset], FsCaps::ALLOCATE),
    verb("fstat", 3, &[Slot], NONE),
    verb("flist", 2, &[Slot], NONE),
    verb("fork", 1, &[], NONE),
    // Only once, and only where everybody can.
    verb("mount", 0, &[], NONE),
];

/// The names of all verbs.
#[cfg(test)]
pub(crate) fn verbs() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|verb| verb.name)
}

/// What a verb needs of a filesystem.
pub(crate) fn needs(name: &str) -> FsCaps {
    VERBS.iter().find(|verb| verb.name == name).map_or(NONE, |verb| verb.caps)
}

/// What only makes things.
pub(crate) const MAKERS: &[&str] = &["mkdir", "put", "symlink", "link"];

/// What makes names come and go.
const NAMERS: &[&str] = &[
    "mkdir",
    "put",
    "symlink",
    "link",
    "linkfollow",
    "unlink",
    "rmdir",
    "rename",
    "noreplace",
    "exchange",
    "open",
    "fork",
];

/// A tiny alphabet, so that things meet.
pub(crate) const PATHS: &[&str] = &[
    "a",
    "a",
    "b",
    "b",
    "c",
    "a/b",
    "a/b",
    "a/c",
    "b/a",
    "a/b/c",
    "a/b/a",
    "s",
    "s",
    "a/s",
    "s/b",
    "s/a",
    "a/s/b",
    "a/",
    "s/",
    "b/.",
    ".",
    "a/..",
    "a/../b",
    "s/..",
    "..",
    "b/../a/b",
    "./c",
    "a//b",
    "s/../c",
    "/",
    "a/b/../..",
    "s/s",
];
pub(crate) const TARGETS: &[&str] =
    &["a", "b", "a/b", "s", "../b", ".", "..", "../a/b", "nowhere", "c/", "b/..", "../../a", "a/s"];
pub(crate) const FLAGS: &[&str] =
    &["r", "w", "rw", "rwc", "rwcx", "rwt", "rwct", "rwa", "rwac", "rd", "rn", "rwcn", "rt", "rc"];
pub(crate) const OFFSETS: &[u64] = &[0, 1, 3, 5, 8, 64, 65, 100, 4095, 4096, 5000, 16_384, 16_390, 40_000];
pub(crate) const TEXTS: &[&str] = &["x", "yy", "hello", "0123456789", "Z*70", "Y*5000", "X*20000"];
pub(crate) const MODES: &[&str] = &["700", "755", "711", "777"];

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Op {
    /// What to do.
    pub verb: &'static str,
    /// With what.
    pub args: Vec<String>,
    /// What the answer must be, if the script says so.
    pub expected: Option<String>,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb)?;
        for arg in &self.args {
            write!(f, " {arg}")?;
        }
        match &self.expected {
            Some(expected) => write!(f, " -> {expected}"),
            None => Ok(()),
        }
    }
}

/// A list of operations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script(pub Vec<Op>);

impl FromStr for Script {
    type Err = String;

    fn from_str(text: &str) -> Result<Script, String> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
        lines.filter(|line| !line.is_empty()).map(parse).collect::<Result<_, _>>().map(Script)
    }
}

fn parse(line: &str) -> Result<Op, String> {
    let (call, expected) = match line.split_once(" -> ") {
        Some((call, expected)) => (call, Some(expected.trim().to_owned())),
        None => (line, None),
    };
    let mut words = call.split_whitespace();
    let name = words.next().unwrap_or("");
    let verb = VERBS.iter().find(|v| v.name == name).ok_or_else(|| format!("no such verb: {line}"))?;
    let args: Vec<String> = words.map(str::to_owned).collect();
    if args.len() != verb.args.len() {
        return Err(format!("{} takes {} arguments: {line}", verb.name, verb.args.len()));
    }
    for (kind, arg) in verb.args.iter().zip(&args) {
        let good = match kind {
            Arg::Slot => ["0", "1", "2"].contains(&&**arg),
            Arg::Offset | Arg::Seconds => arg.parse::<u64>().is_ok(),
            Arg::Mode => u16::from_str_radix(arg, 8).is_ok(),
            Arg::Flags => arg.bytes().all(|b| b"rwatcxdn".contains(&b)),
            Arg::Path | Arg::Target | Arg::Text => true,
        };
        if !good {
            return Err(format!("bad argument {arg}: {line}"));
        }
    }
    Ok(Op { verb: verb.name, args, expected })
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|op| writeln!(f, "{op}"))
    }
}

impl Script {
    /// `len` random operations that need no more than `caps`.
    pub fn random(rng: &mut Rng, len: usize, caps: FsCaps) -> Script {
        Script::random_by(Model::new(Rules { caps, rooted: false }), rng, len, caps, false)
    }

    /// The same, with a second filesystem from the second quarter on.
    pub fn random_mounted(rng: &mut Rng, len: usize, caps: FsCaps) -> Script {
        Script::random_by(Model::new(Rules { caps, rooted: false }), rng, len, caps, true)
    }

    /// The same, for a tree that is not empty to begin with: `world` holds a copy of it, which is used up.
    pub fn random_in(world: World, rng: &mut Rng, len: usize, caps: FsCaps) -> Script {
        Script::random_by(Env::new(world, Rules { caps, rooted: false }), rng, len, caps, false)
    }

    fn random_by(guide: impl Guide, rng: &mut Rng, len: usize, caps: FsCaps, mounted: bool) -> Script {
        let mut maker = Maker::new(guide, caps);
        let one = |i| match mounted && i == len / 4 {
            true => maker.mount(),
            false => maker.make(i, len, &mut |n| rng.below(n)),
        };
        Script((0..len).map(one).collect())
    }

    /// The script that comes of numbers, whoever draws them: a row for each operation, [`DRAWS`] of them at most. The
    /// smaller the numbers, the simpler the script.
    pub fn drawn<R: AsRef<[u16]>>(rows: &[R], caps: FsCaps, mounted: bool) -> Script {
        let mut maker = Maker::new(Model::new(Rules { caps, rooted: false }), caps);
        let mut ops: Vec<Op> = mounted.then(|| maker.mount()).into_iter().collect();
        for (i, row) in rows.iter().enumerate() {
            let mut row = row.as_ref().iter();
            ops.push(maker.make(i, rows.len(), &mut |n| u64::from(row.next().copied().unwrap_or(0)) % n));
        }
        Script(ops)
    }

    /// What a filesystem must claim to run it.
    pub fn needs(&self) -> FsCaps {
        let caps = |op: &Op| VERBS.iter().find(|v| v.name == op.verb).map_or(NONE, |v| v.caps);
        self.0.iter().fold(NONE, |all, op| all | caps(op))
    }

    /// Whether it needs a second filesystem.
    pub fn mounts(&self) -> bool {
        self.0.iter().any(|op| op.verb == "mount")
    }
}

/// How many numbers [`Script::drawn`] takes for one operation: one for the verb, and three for each path.
pub const DRAWS: usize = 7;

/// Makes operations, and does them as it makes them: half of all paths lead to something that is there, so that things
/// meet.
struct Maker<G> {
    guide: G,
    verbs: Vec<&'static Verb>,
    /// The first quarter only makes things: in an empty tree everything is NOENT.
    makers: Vec<&'static Verb>,
    was_empty: bool,
    /// What is there, which is asked for when a name may have come or gone.
    known: Vec<String>,
}

impl<G: Guide> Maker<G> {
    fn new(guide: G, caps: FsCaps) -> Maker<G> {
        let verbs: Vec<&Verb> = VERBS.iter().filter(|v| caps.contains(v.caps)).collect();
        let makers = verbs.iter().copied().filter(|v| MAKERS.contains(&v.name)).collect();
        let known = guide.existing();
        Maker { was_empty: known.is_empty(), known, guide, verbs, makers }
    }

    fn mount(&mut self) -> Op {
        self.done(Op { verb: "mount", args: vec![], expected: None })
    }

    /// The operation number `i` of `len`; `below` draws a number below another.
    fn make(&mut self, i: usize, len: usize, below: &mut dyn FnMut(u64) -> u64) -> Op {
        let verbs = if self.was_empty && i < len / 4 { &self.makers } else { &self.verbs };
        let total: u32 = verbs.iter().map(|v| v.weight).sum();
        let mut at = below(total.into()) as u32;
        let verb = verbs.iter().find(|v| {
            let here = at < v.weight;
            at = at.saturating_sub(v.weight);
            here
        });
        let verb: &'static Verb = verb.copied().unwrap_or(verbs[0]);
        let args: Vec<String> = verb.args.iter().map(|arg| arg.random(below, &self.known)).collect();
        self.done(Op { verb: verb.name, args, expected: None })
    }

    fn done(&mut self, op: Op) -> Op {
        self.guide.try_out(&op);
        if NAMERS.contains(&op.verb) {
            self.known = self.guide.existing();
        }
        op
    }
}

/// Whoever knows what is there in the middle of a script.
trait Guide {
    fn existing(&self) -> Vec<String>;
    fn try_out(&mut self, op: &Op);
}

impl Guide for Model {
    fn existing(&self) -> Vec<String> {
        self.paths()
    }

    fn try_out(&mut self, op: &Op) {
        self.answer(op);
    }
}

impl Guide for Env {
    fn existing(&self) -> Vec<String> {
        Env::existing(self)
    }

    fn try_out(&mut self, op: &Op) {
        self.step(op);
    }
}

impl Arg {
    fn random(self, below: &mut dyn FnMut(u64) -> u64, known: &[String]) -> String {
        fn pick(below: &mut dyn FnMut(u64) -> u64, from: &[&str]) -> String {
            from[below(from.len() as u64) as usize].to_owned()
        }
        match self {
            Arg::Path if !known.is_empty() && below(8) < 6 => {
                let there = &known[below(known.len() as u64) as usize];
                let name = ["", "", "", "", "", "", "/a", "/b", "/", "/.."][below(10) as usize];
                format!("{there}{name}")
            }
            Arg::Path => pick(below, PATHS),
            Arg::Target => pick(below, TARGETS),
            Arg::Slot => below(3).to_string(),
            Arg::Flags => pick(below, FLAGS),
            Arg::Offset => OFFSETS[below(OFFSETS.len() as u64) as usize].to_string(),
            Arg::Text => pick(below, TEXTS),
            Arg::Mode => pick(below, MODES),
            Arg::Seconds => (below(1000) * 1_000_003).to_string(),
        }
    }
}

/// The same numbers for the same seed, on every machine (SplitMix64); or those that somebody else has chosen.
#[derive(Clone, Debug)]
pub struct Rng(Numbers);

#[derive(Clone, Debug)]
enum Numbers {
    Seed(u64),
    /// The rest of them. Then come zeros.
    Chosen(std::vec::IntoIter<u8>),
}

impl Rng {
    /// From a seed. Neighbouring seeds must not give the same numbers, shifted: so the state is mixed first.
    pub fn new(seed: u64) -> Rng {
        Rng(Numbers::Seed(mix(seed ^ 0x6A09_E667_F3BC_C908)))
    }

    /// From bytes that a fuzzer has chosen: one for each number up to 256, more for larger ones.
    pub fn chosen(bytes: impl Into<Vec<u8>>) -> Rng {
        Rng(Numbers::Chosen(bytes.into().into_iter()))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        match &mut self.0 {
            Numbers::Seed(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                mix(*state) % n
            }
            Numbers::Chosen(bytes) => {
                let width = u64::from(n.saturating_sub(1).max(1).ilog2() / 8 + 1);
                let number = bytes.take(width as usize).fold(0, |number, byte| number << 8 | u64::from(byte));
                number % n
            }
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_round_trip_through_text() {
        for seed in 0..50 {
            let script = Script::random(&mut Rng::new(seed), 60, FsCaps::all());
            assert_eq!(script.to_string().parse::<Script>().unwrap(), script);
        }
        let text = "mkdir a -> ok\n# comment\n\nopen 1 a rd # another\n";
        assert_eq!(text.parse::<Script>().unwrap().to_string(), "mkdir a -> ok\nopen 1 a rd\n");
    }

    #[test]
    fn bad_scripts_are_refused() {
        for text in ["fly a", "mkdir", "mkdir a b", "open 3 a r", "open 0 a q", "seek 0 x", "chmod a 9"] {
            assert!(text.parse::<Script>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_verb_comes_up() {
        let ops = |caps| (0..50).flat_map(move |seed| Script::random(&mut Rng::new(seed), 60, caps).0);
        let mut all: Vec<Op> = ops(FsCaps::all()).collect();
        all.extend(Script::random_mounted(&mut Rng::new(0), 60, FsCaps::all()).0);
        assert!(VERBS.iter().all(|v| all.iter().any(|op| op.verb == v.name)));
        assert!(!ops(FsCaps::empty()).any(|op| op.verb == "symlink"));
    }
}
