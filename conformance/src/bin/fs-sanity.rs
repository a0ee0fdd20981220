//! `fs-sanity`: the conformance kit on Gangplank's own filesystems and on directories of the host.

use std::process::ExitCode;

use gangplank_conformance::{
    DirFixture, Fixture, ForkFixture, MemFixture, OverlayFixture,
    sanity::{Asked, OPTIONS, parse, run_and_tell},
};

const USAGE: &str = "\
Runs the conformance kit on filesystems, and tells which of its cases fail.

Usage: fs-sanity [OPTIONS] FILESYSTEM…

Filesystems:
  mem              a memory filesystem
  fork             a fork of one
  overlay          an overlay, memory over memory
  host DIR         new directories in DIR, of whatever filesystem is mounted there: a disk, FUSE, NFS

Examples:
  fs-sanity mem overlay
  fs-sanity host /mnt/share --json report.json
  fs-sanity host /tmp --only rename:: --only link::
  fs-sanity mem --level model --scripts 10000 --seed 7
";

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => {
            println!("{USAGE}\n{OPTIONS}");
            ExitCode::SUCCESS
        }
        Ok(Asked::Run(options, words)) => match filesystems(&words) {
            // Which cases there are does not depend on a filesystem.
            Ok(found) if found.is_empty() && !options.list => refuse("it needs a filesystem"),
            Ok(found) => run_and_tell(&found.iter().map(|f| &**f).collect::<Vec<_>>(), &options),
            Err(why) => refuse(&why),
        },
        Err(why) => refuse(&why),
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("fs-sanity: {why}\n\n{USAGE}");
    ExitCode::from(2)
}

fn filesystems(words: &[String]) -> Result<Vec<Box<dyn Fixture>>, String> {
    let (mut found, mut words): (Vec<Box<dyn Fixture>>, _) = (vec![], words.iter());
    while let Some(word) = words.next() {
        found.push(match &**word {
            "mem" => Box::new(MemFixture),
            "fork" => Box::new(ForkFixture),
            "overlay" => Box::new(OverlayFixture::Mem),
            "host" => {
                let dir = words.next().ok_or("host needs a directory after it")?;
                Box::new(DirFixture::new(dir).map_err(|e| format!("no directory can be made in {dir}: {e}"))?)
            }
            other => return Err(format!("{other} is no filesystem that is known here")),
        });
    }
    Ok(found)
}
