//! fsx (<https://github.com/asomers/fsx-rs>): one file, and random operations on it, each read compared with what should
//! be there.

use std::{io, path::Path, process::Command, time::Duration};

use super::{Cached, Outcome, Subject, Verdict, tool::run};

/// All that a Linux program can do to content through a mount of ours; holes are made by truncation.
const CONFIGURATION: &str = "
[weights]
read = 10
write = 10
mapread = 5
mapwrite = 5
truncate = 5
close_open = 2
fsync = 0.2
fdatasync = 0.2
posix_fallocate = 2
sendfile = 2
posix_fadvise = 1
copy_file_range = 3
";

/// With the kernel's cache, pages are thrown out of it, too.
const WITH_CACHE: &str = "invalidate = 1\n";

/// Runs it on a new mount.
///
/// # Errors
/// What keeps it from being run at all.
pub fn outcome(subject: Subject, cached: Cached, program: &Path, operations: u64, seed: u64) -> io::Result<Outcome> {
    let ready = subject.mount(cached)?;
    let own = tempfile::tempdir()?;
    let configuration = own.path().join("fsx.toml");
    let cache = if cached == Cached::Yes { WITH_CACHE } else { "" };
    std::fs::write(&configuration, format!("{CONFIGURATION}{cache}"))?;
    let mut command = Command::new(program);
    command.arg("-f").arg(&configuration).arg("-P").arg(own.path());
    command.arg("-N").arg(operations.to_string()).arg("-S").arg(seed.to_string()).arg(ready.path().join("file"));
    let ran = run(&mut command, Duration::from_secs(60 + operations / 20))?;
    ready.end()?;
    let how = if cached == Cached::Yes { "cached" } else { "direct" };
    let verdict = match ran.succeeded() {
        true => Verdict::Right(format!("{operations} operations")),
        false => Verdict::Wrong(ran.tail()),
    };
    Ok(Outcome { subject: subject.name(), what: format!("fsx {how}, seed {seed}"), verdict, took: ran.took })
}
