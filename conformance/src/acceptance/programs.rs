//! Programs that people use, each doing what it is for, on a mount; each checks its own result.

use std::{io, path::Path, process::Command, time::Duration};

use super::{
    Cached, Outcome, Subject, Verdict,
    tool::{exists, run},
};

/// A script of the shell, and what has to be there for it.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// For people, and for the command line.
    pub name: &'static str,
    needs: &'static [&'static str],
    /// Run in an empty directory of the mount, under `-eu`. `$SOURCE`: a directory with a few hundred files.
    script: &'static str,
}

/// All of them.
pub const ALL: &[Program] = &[
    Program { name: "git", needs: &["git"], script: GIT },
    Program { name: "make", needs: &["make", "gcc"], script: MAKE },
    Program { name: "cargo", needs: &["cargo"], script: CARGO },
    Program { name: "sqlite", needs: &["sqlite3"], script: SQLITE },
    Program { name: "tar", needs: &["tar"], script: TAR },
    Program { name: "rsync", needs: &["rsync"], script: RSYNC },
    Program { name: "rm -rf of 100 000", needs: &["rm"], script: REMOVE },
];

const GIT: &str = r#"
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main one
cp -r "$SOURCE" one/tree
cd one
git add -A
git commit -q -m first
git mv tree moved
for i in 1 2 3 4 5; do echo "$i" >>moved/log; git add -A; git commit -q -m "$i"; done
git checkout -q -b side HEAD~3
git rm -q -r moved
git commit -q -m gone
git checkout -q main
git gc -q
cd ..
git clone -q one two
git -C two fsck --full --strict
git -C one fsck --full --strict
test -z "$(git -C two status --porcelain)"
diff -r -x .git one two
"#;

const MAKE: &str = r#"
for i in $(seq 40); do echo "int f$i(int x) { return x * $i; }" >"f$i.c"; done
{
    for i in $(seq 40); do echo "int f$i(int);"; done
    echo '#include <stdio.h>'
    echo 'int main(void) { int s = 0;'
    for i in $(seq 40); do echo "s += f$i(1);"; done
    echo 'printf("%d", s); return 0; }'
} >main.c
printf 'OBJECTS := $(patsubst %%.c,%%.o,$(wildcard *.c))\nprogram: $(OBJECTS)\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -O1 -c -o $@ $<\n' >Makefile
make -s -j4
test "$(./program)" = 820
make -q
touch f7.c
! make -q
make -s
test "$(./program)" = 820
"#;

const CARGO: &str = r#"
mkdir -p one/src two/src
printf '[workspace]\nresolver = "3"\nmembers = ["one", "two"]\n' >Cargo.toml
printf '[package]\nname = "one"\nversion = "0.1.0"\nedition = "2024"\n' >one/Cargo.toml
printf '[package]\nname = "two"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\none = { path = "../one" }\n' >two/Cargo.toml
echo 'pub fn double(x: u32) -> u32 { x * 2 }  #[test] fn doubles() { assert_eq!(double(2), 4); }' >one/src/lib.rs
echo 'fn main() { println!("{}", one::double(21)); }' >two/src/main.rs
export CARGO_TARGET_DIR="$PWD/target"
unset RUSTFLAGS
cargo build -q --offline
test "$(./target/debug/two)" = 42
cargo test -q --offline >log
echo 'pub fn double(x: u32) -> u32 { x * 20 }' >one/src/lib.rs
cargo build -q --offline
test "$(./target/debug/two)" = 420
"#;

const SQLITE: &str = r#"
for mode in delete truncate persist memory wal; do
    sqlite3 "$mode.db" >/dev/null <<EOF
PRAGMA journal_mode = $mode;
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, value REAL);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, 'name ' || (i * 7919 % 20000), i / 3.0 FROM n;
COMMIT;
CREATE INDEX by_name ON t (name);
BEGIN; DELETE FROM t WHERE id % 3 = 0; ROLLBACK;
DELETE FROM t WHERE id % 5 = 0;
UPDATE t SET value = value * 2 WHERE id % 2 = 0;
VACUUM;
EOF
    test "$(sqlite3 "$mode.db" 'PRAGMA integrity_check; SELECT count(*), min(id), max(id) FROM t;')" = "ok
16000|1|19999"
done
test "$(sqlite3 delete.db .dump | grep -v '^PRAGMA' | cksum)" = "$(sqlite3 wal.db .dump | grep -v '^PRAGMA' | cksum)"
"#;

const TAR: &str = r#"
cp -a "$SOURCE" tree
ln -s tree/nowhere dangling
ln tree/Cargo.toml hard
mkfifo fifo
truncate -s 10M holes
echo end >>holes
touch -d '1965-03-04 05:06:07.123456789 UTC' old
tar --format=posix -cf all.tar tree dangling hard fifo holes old
tar df all.tar
mkdir out
tar xf all.tar -C out
tar df all.tar -C out
diff -r "$SOURCE" out/tree
test "$(stat -c %h out/hard)" = 2
test "$(stat -c %y out/old)" = "$(stat -c %y old)"
test "$(stat -c %Y old)" = -152391233
"#;

const RSYNC: &str = r#"
rsync -aHX --checksum "$SOURCE/" one
rsync -aHX one/ two
test -z "$(rsync -aHXn --checksum --itemize-changes --delete one/ two)"
diff -r "$SOURCE" two
"#;

const REMOVE: &str = r#"
mkdir d
cd d
seq 100000 | xargs touch
test "$(ls -U | sort -u | wc -l)" = 100000
test "$(ls -U | wc -l)" = 100000
cd ..
rm -rf d
test ! -e d
"#;

impl Program {
    /// Runs it on a mount.
    ///
    /// # Errors
    /// What keeps it from being run at all.
    pub fn outcome(self, subject: Subject, cached: Cached, source: &Path) -> io::Result<Outcome> {
        let how = if cached == Cached::Yes { "cached" } else { "direct" };
        let what = format!("{}, {how}", self.name);
        if let Some(missing) = self.needs.iter().find(|program| !exists(program)) {
            let verdict = Verdict::NotRun(format!("there is no `{missing}` here"));
            return Ok(Outcome { subject: subject.name(), what, verdict, took: Duration::ZERO });
        }
        let ready = subject.mount(cached)?;
        let dir = ready.path().join("work");
        std::fs::create_dir(&dir)?;
        let mut command = Command::new("sh");
        command.args(["-eu", "-c", self.script]).current_dir(&dir).env("SOURCE", source);
        let ran = run(&mut command, Duration::from_secs(1200))?;
        ready.end()?;
        let verdict = match ran.succeeded() {
            true => Verdict::Right(String::new()),
            false => Verdict::Wrong(ran.tail()),
        };
        Ok(Outcome { subject: subject.name(), what, verdict, took: ran.took })
    }
}
