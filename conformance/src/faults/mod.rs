//! Every call that a filesystem makes into the one below it fails, one after the other, with one errno or another. A
//! [`Stack`] is a filesystem above a [`FaultFs`](gangplank_vfs::layers::fault::FaultFs); [`sweep`] runs each line of the
//! script language on it, again and again, until one more call is never reached.
//!
//! # What must hold
//! * The operation fails with the errno that was injected, and then nothing has changed: no name, content, number or
//!   time (but `atime`), no listing's order or cookie, no cursor, nothing that a quota counts. Tried again, it does what
//!   it would have done at first.
//! * Or it succeeds in spite of the fault, and then it has done all of its work.
//! * In the end, when everything is closed, all references have been given back, and all files below are closed.
//!
//! # What is not asked
//! `put` is two operations, to open and to write; `allocate` of a script is followed by a `touch`; after a failed `close`
//! or `fork` the files are closed all the same. Of these each part may have been done.
//!
//! # A filesystem of your own
//! What lies on top of another can be swept: make a [`Stack`] whose lowest filesystem is `FaultFs`, and give it to
//! [`sweep`] with [`lines`]. `conformance/tests/faults.rs` does so for those of ours, [`STACKS`].

mod short;
mod stacks;
mod state;

use std::{fmt::Write as _, sync::Arc};

use gangplank_vfs::{
    Errno,
    layers::fault::{Calls, Fault, Faults},
};

use self::state::{names, seen};
pub use self::{
    short::short_transfers,
    stacks::{Kind, Maker, STACKS},
};
use crate::{
    Made, World,
    differential::{Op, Rules, Run as _, Script, step::Env},
};

/// A filesystem over one that fails, with [`TREE`] in it. Its clock, if the kit knows one, stands still, and shows
/// another time than when the tree was made; so a change is told by its time.
#[derive(Debug)]
pub struct Stack {
    /// What is used.
    pub top: Made,
    /// What makes calls below fail. Nothing is armed.
    pub faults: Faults,
    /// Whether all that `statfs` counts must be as before an operation that failed. Not where preparations may stay:
    /// what an overlay has copied up.
    pub exact: bool,
    /// Whether what was done first may have been undone when the rest failed, or may be a preparation that stays: then
    /// the directories that it was done in, and the `ctime` of everything, are of now.
    pub undoes: bool,
}

/// The tree that is there before each line: to be made by a script.
pub const TREE: &str = "
mkdir a
mkdir a/b
mkdir e
mkdir full
put full/x 0123456789
put a/f X*5000
put a/b/g hello
put f 0123456789
put z Z*70
symlink ../f a/l
symlink a/b sd
symlink nowhere dang
link f h
touch f 1000003
";

/// The files that are open before each line.
const OPEN: &str = "
open 0 a/f rw
open 1 a rd
open 2 f rwa
seek 0 3
";

/// What each line is tried with.
const FAULTS: [(Calls, Fault); 4] = [
    (Calls::LOOKS, Fault::Fail(Errno::IO)),
    (Calls::LOOKS.union(Calls::CHANGES), Fault::Fail(Errno::NOMEM)),
    (Calls::CHANGES, Fault::Fail(Errno::NOSPC)),
    (Calls::CHANGES, Fault::Fail(Errno::DQUOT)),
];

/// The lines that are swept: every verb of the language, in most of the ways that it can go.
pub fn lines() -> Script {
    LINES.parse().expect("a script")
}

const LINES: &str = "
mkdir new
mkdir a/b/new
mkdir a
mkdir sd/new
put new hello
put f Y*5000
symlink x new
symlink x a/b/new
link f new
link h a/new
link a/l new
linkfollow a/l new
unlink f
unlink h
unlink a/l
unlink a/b/g
unlink a
rmdir e
rmdir full
rmdir sd/
rename f new
rename f a/new
rename a/f f
rename f h
rename a new
rename a/b e
rename a e
rename full e
rename e full
rename a/l new
rename sd/g new
rename a/../f a/b/../new
noreplace f new
noreplace f h
noreplace full new
exchange f a/b
exchange f a/l
exchange e full
stat a/f
stat a/l
stat sd/../b/g
stat missing
lstat a/l
lstat dang
readlink a/l
readlink f
list .
list a
list sd
read a/f
read a/l
truncate f 3
truncate a/f 40000
truncate a 0
chmod f 700
chmod a 700
chmod a/l 700
touch f 2000006
touch a 2000006
cd a/b
cd sd/..
home
open 0 f rw
open 0 new rwc
open 0 a/b/new rwcx
open 0 dang rwc
open 0 f rwt
open 0 a/f rwct
open 0 sd rd
open 0 . rd
open 0 a/.. rd
open 0 a/l rn
close 0
fread 0 100
fread 0 5000
fwrite 0 Y*5000
fwrite 2 hello
pread 0 3
pread 2 3
pwrite 0 4095 hello
pwrite 0 40000 x
pwrite 2 0 hello
seek 0 100
seekend 0
setlen 0 0
setlen 0 40000
allocate 0 16384
fstat 0
fstat 1
flist 1
dup 0 2
mount
fork
";

/// What a sweep came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Swept {
    /// Lines.
    pub lines: usize,
    /// Calls that were made to fail.
    pub faults: usize,
    /// After how many the line failed; after the others it succeeded in spite of them.
    pub failures: usize,
}

/// Verbs that do several things, each of which may be done though the next fails.
const PARTS: [&str; 4] = ["put", "allocate", "close", "fork"];

/// Sweeps every line on its own, each time on a new stack.
///
/// # Errors
/// All that must not be, as text.
pub fn sweep(make: &dyn Fn() -> Stack, script: &Script) -> Result<Swept, String> {
    let (mut swept, mut wrong) = (Swept::default(), String::new());
    for line in &script.0 {
        swept.lines += 1;
        for (calls, fault) in FAULTS {
            if let Err(what) = sweep_line(make, line, calls, fault, &mut swept) {
                let _ = writeln!(wrong, "{what}");
                break;
            }
        }
    }
    if wrong.is_empty() { Ok(swept) } else { Err(wrong) }
}

/// One line, and one kind of fault at every call of it.
fn sweep_line(
    make: &dyn Fn() -> Stack,
    line: &Op,
    calls: Calls,
    fault: Fault,
    swept: &mut Swept,
) -> Result<(), String> {
    let reference = {
        let mut run = Running::new(make());
        let right = run.env.step(line);
        let after = run.look();
        run.end().map_err(|e| format!("{line}: without any fault: {e}"))?;
        (right, after)
    };
    // More calls than any line needs: something that tries again for ever must be told.
    for k in 1..2000 {
        let mut run = Running::new(make());
        let before = run.look();
        run.faults.arm(calls, k, fault);
        let answer = run.env.step(line);
        if run.faults.disarm() {
            return run.end().map_err(|e| format!("{line}: {e}"));
        }
        swept.faults += 1;
        let failed = answer != reference.0;
        swept.failures += usize::from(failed);
        judge(&mut run, line, fault, &answer, &before, &reference)
            .and_then(|()| run.end())
            .map_err(|e| format!("{line}: {fault:?} at call {k} of {calls:?}, answering {answer}: {e}"))?;
    }
    Err(format!("{line}: does not end under {fault:?}"))
}

/// What was seen after a fault.
fn judge(
    run: &mut Running,
    line: &Op,
    fault: Fault,
    answer: &str,
    before: &Seen,
    (right, after): &(String, Seen),
) -> Result<(), String> {
    let parts = PARTS.contains(&line.verb);
    let now = run.look();
    if answer == right {
        // As seen from above: which numbers new nodes have may differ.
        if run.undoes {
            return same("it has not done its work", &now.timeless, &after.timeless);
        }
        return same("it has not done its work", &now.tree, &after.tree);
    }
    if !matches!(fault, Fault::Fail(errno) if errno.name() == answer) {
        return Err(format!("instead of {right}"));
    }
    if parts {
        return Ok(());
    }
    if run.undoes {
        same("it has changed something", &now.timeless, &before.timeless)?;
    } else {
        same("it has changed something", &now.tree, &before.tree)?;
    }
    same("it has changed something", &now.identity, &before.identity)?;
    if run.exact && now.used != before.used {
        return Err(format!("used {:?} instead of {:?}", now.used, before.used));
    }
    let again = run.env.step(line);
    if again != *right {
        return Err(format!("tried again it answers {again} instead of {right}"));
    }
    let now = run.look();
    same("tried again, it has not done its work", &now.timeless, &after.timeless)?;
    if run.exact && now.used != after.used {
        return Err(format!("used in the end {:?} instead of {:?}", now.used, after.used));
    }
    Ok(())
}

fn same(what: &str, is: &str, wanted: &str) -> Result<(), String> {
    if is == wanted {
        return Ok(());
    }
    let only = |a: &str, b: &str| -> String {
        a.lines().filter(|line| !b.lines().any(|other| other == *line)).map(|line| format!("\n    {line}")).collect()
    };
    Err(format!("{what}; it is{}\n  instead of{}", only(is, wanted), only(wanted, is)))
}

/// What is seen from above.
struct Seen {
    /// What must be the same in every run: names, contents, metadata, cursors.
    tree: String,
    /// The same without the times of directories, and `ctime`.
    timeless: String,
    /// What must be the same in one run: numbers, orders, cookies.
    identity: String,
    /// Blocks and nodes used.
    used: (u64, u64),
}

/// A stack on which a line is run.
struct Running {
    env: Env,
    faults: Faults,
    exact: bool,
    undoes: bool,
}

impl Running {
    fn new(stack: Stack) -> Running {
        let world = World::new(stack.top);
        let rules = Rules { caps: world.fs().info().caps, rooted: false };
        let mut env = Env::new(world, rules);
        let open: Script = OPEN.parse().expect("a script");
        for line in &open.0 {
            env.step(line);
        }
        Running { env, faults: stack.faults, exact: stack.exact, undoes: stack.undoes }
    }

    fn look(&self) -> Seen {
        let world = self.env.world();
        let statfs = world.fs().statfs().expect("how much is used");
        let used = (statfs.blocks - statfs.bfree, statfs.files - statfs.ffree);
        Seen { tree: seen(&self.env, true), timeless: seen(&self.env, false), identity: names(world), used }
    }

    /// Closes everything.
    fn end(mut self) -> Result<(), String> {
        self.env.close_all();
        let faults = self.faults;
        drop(self.env);
        let held = faults.ledger().held();
        if held.is_empty() { Ok(()) } else { Err(format!("not given back: {held:?}")) }
    }
}

/// Runs [`TREE`] on a filesystem, to make a [`Stack`] of it.
///
/// # Panics
/// If it cannot be made.
pub fn plant(fs: &Arc<dyn gangplank_vfs::FileSystem>) {
    let rules = Rules { caps: fs.info().caps, rooted: false };
    let mut env = Env::new(World::new(Made::new(fs.clone())), rules);
    let tree: Script = TREE.parse().expect("a script");
    for line in &tree.0 {
        let answer = env.step(line);
        assert!(answer == "ok" || answer.parse::<u64>().is_ok(), "{line} answers {answer}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verb that the language gains has to be swept.
    #[test]
    fn every_verb_is_swept() {
        let swept: Vec<&str> = lines().0.iter().map(|op| op.verb).collect();
        for verb in crate::differential::script::verbs() {
            assert!(swept.contains(&verb), "{verb}");
        }
    }
}
