//! `cargo xtask race [--seconds N] [openat2|portable]`: attackers on the host exchange directories and links while paths
//! are resolved, by each resolver in turn, or the one named. Tells what was answered, and fails if a canary outside of the
//! root was read or touched.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::{process::ExitCode, time::Duration};

    use gangplank_conformance::adversary::race;
    use gangplank_vfs::host_fs::Resolver;

    if race::attacker() {
        return ExitCode::SUCCESS;
    }
    let again = || std::process::Command::new(std::env::current_exe().expect("this program"));
    let (mut seconds, mut resolvers) = (60, vec![]);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => match args.next().and_then(|n| n.parse().ok()) {
                Some(n) => seconds = n,
                None => return usage("--seconds needs a number"),
            },
            "openat2" => resolvers.push(Resolver::Openat2),
            "portable" => resolvers.push(Resolver::Portable),
            other => return usage(&format!("`{other}` is neither --seconds nor a resolver")),
        }
    }
    if resolvers.is_empty() {
        resolvers = vec![Resolver::Openat2, Resolver::Portable];
    }
    println!("{}", race::beat_naive(Duration::from_secs(10), again()));
    for resolver in resolvers {
        match race::race(resolver, Duration::from_secs(seconds), again()) {
            Ok(report) => println!("{report}"),
            Err(what) => {
                eprintln!("error: {what}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
fn usage(what: &str) -> std::process::ExitCode {
    eprintln!("error: {what}\nusage: race [--seconds N] [openat2|portable]");
    std::process::ExitCode::from(2)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("error: the attackers need renameat2, which only Linux has");
}
