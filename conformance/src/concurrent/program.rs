//! [`Program`]: what several threads do to one tree.

use core::{fmt, str::FromStr};

use gangplank_vfs::FsCaps;

use crate::differential::{Rng, Script};

/// What is there before the threads begin, and what each of them does. As text, `---` begins each thread.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Program {
    /// What one thread does first, alone. All threads share the files that are open then.
    pub setup: Script,
    /// What each thread does.
    pub threads: Vec<Script>,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.setup)?;
        self.threads.iter().try_for_each(|thread| write!(f, "---\n{thread}"))
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Program, String> {
        let mut parts = text.split("---").map(str::parse);
        let setup = parts.next().unwrap_or_else(|| Ok(Script::default()))?;
        Ok(Program { setup, threads: parts.collect::<Result<_, _>>()? })
    }
}

/// Who begins with what; `k` and `d` never change their names. Slot 2 is where each thread opens what it likes.
const SETUP: &str = "
mkdir d
put k hello
put d/f 0123456789
open 0 k rw
open 1 d/f rwa
";

/// Names that come and go.
const NAMES: [&str; 5] = ["a", "b", "c", "d/a", "d/b"];

/// What a line may be. `*` stands for a name that comes and goes.
const LINES: [(u32, &str, FsCaps); 31] = [
    (4, "mkdir *", FsCaps::empty()),
    (2, "symlink nowhere *", FsCaps::SYMLINKS),
    (3, "link k *", FsCaps::HARD_LINKS),
    (4, "unlink *", FsCaps::empty()),
    (3, "rmdir *", FsCaps::empty()),
    (6, "rename * *", FsCaps::empty()),
    (2, "noreplace * *", FsCaps::NO_REPLACE),
    (2, "exchange * *", FsCaps::EXCHANGE),
    (3, "stat *", FsCaps::empty()),
    (3, "lstat *", FsCaps::empty()),
    (1, "readlink *", FsCaps::SYMLINKS),
    (1, "truncate k 3", FsCaps::empty()),
    (1, "chmod k 700", FsCaps::empty()),
    (1, "touch k 1000003", FsCaps::empty()),
    (3, "open 2 * rwcx", FsCaps::empty()),
    (2, "open 2 * rwc", FsCaps::empty()),
    (1, "open 2 * rwct", FsCaps::empty()),
    (1, "open 2 * r", FsCaps::empty()),
    (1, "open 2 d/f rwt", FsCaps::empty()),
    (2, "fread 0 2", FsCaps::empty()),
    (1, "fread 1 64", FsCaps::empty()),
    (2, "fwrite 0 yy", FsCaps::empty()),
    (3, "fwrite 1 x", FsCaps::empty()),
    (1, "pread 0 0", FsCaps::empty()),
    (1, "pread 1 0", FsCaps::empty()),
    (1, "pwrite 0 3 0123456789", FsCaps::empty()),
    (1, "seek 0 1", FsCaps::empty()),
    (1, "seekend 0", FsCaps::empty()),
    (1, "setlen 0 3", FsCaps::empty()),
    (1, "setlen 1 100", FsCaps::empty()),
    (2, "fstat 0", FsCaps::empty()),
];

/// What has gone wrong elsewhere, or is promised by name.
pub const PROGRAMS: &[(&str, &str)] = &[
    (
        "of several that create exclusively one wins",
        "--- \n open 2 a rwcx \n--- \n open 2 a rwcx \n--- \n open 2 a rwcx \n lstat a",
    ),
    ("of several that make a directory one wins", "--- \n mkdir a \n--- \n mkdir a \n--- \n rmdir a \n mkdir a"),
    (
        "whoever looks during a rename sees the old or the new name",
        "put a x \n open 0 . rd \n--- \n rename a b \n rename b a \n--- \n flist 0 \n flist 0 \n--- \n flist 0",
    ),
    (
        "a name that is replaced is never missing",
        "put a x \n put b yy \n--- \n rename b a \n--- \n lstat a \n lstat b \n--- \n lstat a \n lstat b",
    ),
    (
        "two that rename the same name to two others",
        "put a x \n--- \n rename a b \n lstat c \n--- \n rename a c \n lstat b",
    ),
    ("an exchange is seen whole", "put a x \n mkdir b \n--- \n exchange a b \n--- \n lstat a \n lstat b \n lstat a"),
    (
        "what is removed is empty",
        "mkdir a \n--- \n rmdir a \n--- \n rename d/f a/f \n lstat a \n--- \n rename k d/k \n lstat a",
    ),
    (
        "appended lines are neither lost nor torn",
        "put f x \n open 1 f rwa \n open 0 f rwa \n--- \n fwrite 1 hello \n fwrite 0 yy \n--- \n fwrite 1 0123456789 \n \
         pread 0 0 \n--- \n fwrite 0 Z*70 \n fstat 1",
    ),
    (
        "reads at a shared cursor share out the file",
        "put f 0123456789 \n open 0 f rw \n--- \n fread 0 3 \n fread 0 3 \n--- \n fread 0 3 \n--- \n fread 0 2 \n seek 0 1",
    ),
    (
        "writes at a shared cursor follow each other",
        "put f x \n open 0 f rw \n--- \n fwrite 0 hello \n--- \n fwrite 0 yy \n fwrite 0 x \n--- \n seekend 0 \n pread 0 0",
    ),
    (
        "links count",
        "put f x \n open 0 f r \n--- \n link f a \n unlink a \n--- \n link f b \n fstat 0 \n--- \n fstat 0 \n rename b c",
    ),
    (
        "a file that is cut while it is read and written",
        "put f 0123456789 \n open 0 f rw \n open 1 f rwa \n--- \n setlen 0 3 \n fstat 0 \n--- \n fwrite 1 hello \n--- \n \
         pread 1 0 \n pwrite 0 5 yy",
    ),
    (
        "what is appended to a file that has been cut stays",
        "put f 0123456789 \n open 0 f rw \n open 1 f rwa \n--- \n setlen 0 3 \n--- \n fwrite 1 hello \n pread 1 0",
    ),
    (
        "a file that is cut by whoever opens it while it is appended to",
        "put f 0123456789 \n open 1 f rwa \n--- \n open 2 f rwt \n fstat 2 \n--- \n fwrite 1 hello \n--- \n pread 1 0 \n \
         pread 1 0 \n lstat f",
    ),
    (
        "what is unlinked while it is opened and linked",
        "put f hello \n--- \n unlink f \n--- \n open 2 f rwc \n lstat f \n--- \n open 2 f r \n lstat f",
    ),
    (
        "an open directory that is removed stays empty",
        "mkdir e \n open 0 e rd \n--- \n mkdir e/a \n lstat e/a \n--- \n rmdir e \n flist 0 \n--- \n flist 0",
    ),
    (
        "what is mounted has names of its own, and keeps its place",
        "mount \n put m/f x \n put f yy \n--- \n rename f m/f \n link m/f f \n lstat m/f \n--- \n rename m/f m/g \n lstat f \n \
         stat m \n--- \n mkdir m/f \n rmdir m \n lstat m/g",
    ),
];

impl Program {
    /// A few threads, two or three, with two to four lines each, which need no more than `caps`.
    pub fn random(rng: &mut Rng, caps: FsCaps) -> Program {
        let mut setup = SETUP.to_owned();
        for name in NAMES {
            match rng.below(6) {
                0 => setup += &format!("mkdir {name}\n"),
                1 | 2 => setup += &format!("put {name} x\n"),
                _ => {}
            }
        }
        let lines: Vec<_> = LINES.iter().filter(|(_, _, needs)| caps.contains(*needs)).collect();
        let total: u64 = lines.iter().map(|(weight, ..)| u64::from(*weight)).sum();
        let line = |rng: &mut Rng| {
            let mut at = rng.below(total);
            let chosen = lines.iter().find(|(weight, ..)| {
                let here = at < u64::from(*weight);
                at = at.saturating_sub(u64::from(*weight));
                here
            });
            let mut text = chosen.map_or("lstat *", |(_, text, _)| text).to_owned();
            while text.contains('*') {
                text = text.replacen('*', NAMES[rng.below(NAMES.len() as u64) as usize], 1);
            }
            text + "\n"
        };
        let thread = |rng: &mut Rng| -> Script {
            let text: String = (0..2 + rng.below(3)).map(|_| line(rng)).collect();
            text.parse().expect("lines of the language")
        };
        let threads = (0..2 + rng.below(2)).map(|_| thread(rng)).collect();
        Program { setup: setup.parse().expect("lines of the language"), threads }
    }

    /// The same, where the directory `d` is another filesystem; or as it is, if it mounts one anyhow.
    pub fn mounted(&self) -> Program {
        if self.setup.mounts() {
            return self.clone();
        }
        let text = self.to_string().replace("mkdir d\n", "").replace("d/", "m/");
        format!("mount\n{text}").parse().expect("lines of the language")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_round_trip_through_text() {
        for seed in 0..50 {
            let program = Program::random(&mut Rng::new(seed), FsCaps::all());
            assert_eq!(program.to_string().parse::<Program>().unwrap(), program);
            assert!((2..=3).contains(&program.threads.len()), "{program}");
            assert!(program.threads.iter().all(|thread| (2..=4).contains(&thread.0.len())), "{program}");
        }
    }

    #[test]
    fn a_mounted_program_uses_what_is_mounted_and_no_directory_in_its_place() {
        for seed in 0..50 {
            let program = Program::random(&mut Rng::new(seed), FsCaps::all()).mounted();
            let text = program.to_string();
            assert!(program.setup.mounts() && text.contains("m/f") && !text.contains("d/"), "{text}");
            assert!(!program.setup.0.iter().any(|op| op.verb == "mkdir" && op.args == ["d"]), "{text}");
        }
    }

    #[test]
    fn every_program_is_one() {
        for (name, text) in PROGRAMS {
            let program: Program = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(program.threads.len() >= 2, "{name}");
        }
    }
}
