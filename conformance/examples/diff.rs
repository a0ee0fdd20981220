//! Long differential runs: `cargo xtask diff` builds this with optimisation, and runs it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use gangplank_conformance::{
    differential::{
        Class, Contestant, Divergence,
        campaign::{Campaign, Report, replay},
        contestants,
    },
    exhaustive::{Beginning, Sequences, TEAMS, Team},
    model::Freedom,
};

const HELP: &str = "\
The same random scripts on many filesystems at once, whose answers and trees have to be the same.

  cargo xtask diff [--ops N] [--seed S] [--players NAME,…] [--jobs N]
  cargo xtask diff --replay FILE [--players NAME,…]
  cargo xtask diff --exhaustive N [--players NAME,…] [--jobs N]

  --ops N          lines of scripts, in all; each is an operation of every player of its group (default 1000000)
  --seed S         where the random numbers begin; the same seed gives the same scripts (default 1)
  --players A,B    who plays: names, or `memory` (what needs no system calls, the default), or `all`
  --jobs N         threads (default: one for each processor)
  --len N          lines of a script (default 250)
  --every K        of K scripts, one is for everybody, one for hosts, one for the kernel, one for overlays over
                   prepared trees, and the others for who needs no system calls (default 16; 4 means all alike)
  --save DIR       where a script that tells players apart is saved (default target/diff)
  --replay FILE    plays a saved script again
  --exhaustive N   instead of random scripts, all sequences of up to N operations of a small alphabet, from an empty tree
                   and from one that is not
  --list           who can play
  --allowed        which differences are allowed, and why

Exits with 1 if players disagree.
";

struct Options {
    campaign: Campaign,
    players: Vec<String>,
    save: PathBuf,
    replay: Option<PathBuf>,
    exhaustive: Option<usize>,
}

fn main() -> ExitCode {
    let (all, without_kernel) = contestants();
    if std::env::args().any(|arg| arg == "--allowed") {
        print!("{}", allowed());
        return ExitCode::SUCCESS;
    }
    let options = match options() {
        Ok(None) => {
            print!("{HELP}\nPlayers:\n{}\nPlayers of --exhaustive:\n{}", listed(&all), teams());
            return ExitCode::SUCCESS;
        }
        Ok(Some(Options { exhaustive: Some(len), campaign, players, save, .. })) => {
            return exhaustive(len, campaign.jobs, &players, &save);
        }
        Ok(Some(options)) => options,
        Err(why) => return fail(&format!("{why}; see `cargo xtask diff --help`")),
    };
    if let Some(why) = without_kernel {
        eprintln!("the kernel does not play: {why}");
    }
    let chosen = match chosen(all, &options.players) {
        Ok(chosen) => chosen,
        Err(why) => return fail(&why),
    };
    match &options.replay {
        Some(file) => match std::fs::read_to_string(file).map_err(|e| e.to_string()) {
            Err(why) => fail(&format!("cannot read {}: {why}", file.display())),
            Ok(text) => match replay(&text, &chosen) {
                Ok(()) => {
                    println!("{}: {} players agree", file.display(), chosen.len());
                    ExitCode::SUCCESS
                }
                Err(what) => fail(&format!("{}: the players do not agree\n{what}", file.display())),
            },
        },
        None => run(&options, &chosen),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(1)
}

fn options() -> Result<Option<Options>, String> {
    let jobs = std::thread::available_parallelism().map_or(1, |n| n.get());
    let campaign = Campaign { ops: 1_000_000, seed: 1, len: 250, every: 16, jobs };
    let players = vec!["memory".to_owned()];
    let mut options = Options { campaign, players, save: "target/diff".into(), replay: None, exhaustive: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if ["--help", "-h", "--list"].contains(&&*arg) {
            return Ok(None);
        }
        let value = args.next().ok_or_else(|| format!("{arg} needs a value, or is not known"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{arg} {value}: not a number"));
        match &*arg {
            "--ops" => options.campaign.ops = number()?,
            "--seed" => options.campaign.seed = number()?,
            "--len" => options.campaign.len = number()?.max(1) as usize,
            "--every" => options.campaign.every = number()?,
            "--jobs" => options.campaign.jobs = number()? as usize,
            "--exhaustive" => options.exhaustive = Some(number()?.max(1) as usize),
            "--players" => options.players = value.split(',').map(str::to_owned).collect(),
            "--save" => options.save = value.into(),
            "--replay" => {
                options.replay = Some(value.into());
                options.players = vec!["all".to_owned()];
            }
            _ => return Err(format!("there is no option {arg}")),
        }
    }
    Ok(Some(options))
}

fn listed(all: &[Contestant]) -> String {
    all.iter().map(|c| format!("  {:17}{} ({:?})\n", c.name, c.what, c.class)).collect()
}

fn chosen(all: Vec<Contestant>, names: &[String]) -> Result<Vec<Contestant>, String> {
    let known = |name: &String| ["all", "memory"].contains(&&**name) || all.iter().any(|c| c.name == name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        return Err(format!("there is no player {name}; there are:\n{}", listed(&all)));
    }
    let is_memory = |c: &Contestant| matches!(c.class, Class::Memory | Class::Overlay);
    let wanted = |c: &Contestant| names.iter().any(|n| n == "all" || n == c.name || n == "memory" && is_memory(c));
    Ok(all.into_iter().filter(wanted).collect())
}

fn run(options: &Options, chosen: &[Contestant]) -> ExitCode {
    if chosen.len() < 2 {
        return fail("one player alone has nobody to disagree with");
    }
    let Campaign { ops, seed, len, every, jobs } = options.campaign;
    println!("{ops} operations from seed {seed}, scripts of {len}, all players in one of {every}, {jobs} threads");
    let report = options.campaign.run(chosen, &|ops, time: Duration| {
        eprintln!("{ops} operations, {:.0} per second", ops as f64 / time.as_secs_f64());
    });
    print(&report);
    let Some(found) = report.found.first() else {
        println!("all agree");
        return ExitCode::SUCCESS;
    };
    save(&options.save, &format!("seed-{seed}-script-{}", found.index), &found.to_string());
    ExitCode::from(1)
}

/// Keeps a script that tells players apart, and says how to play it again.
fn save(dir: &Path, name: &str, text: &str) {
    let file = dir.join(format!("{name}.txt"));
    println!("the players do not agree:\n{text}");
    match std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&file, text)) {
        Ok(()) => println!("again: cargo xtask diff --replay {}", file.display()),
        Err(e) => println!("it could not be saved as {}: {e}", file.display()),
    }
}

fn exhaustive(len: usize, jobs: usize, names: &[String], dir: &Path) -> ExitCode {
    if let Some(name) = names.iter().find(|name| !["all", "memory"].contains(&&***name) && Team::named(name).is_none())
    {
        return fail(&format!("there is no player {name}; there are:\n{}", teams()));
    }
    let wanted = |team: &&Team| {
        names.iter().any(|n| n == "all" || n == team.name || n == "memory" && team.is_in_memory()) && team.can_play()
    };
    let teams: Vec<&Team> = TEAMS.iter().filter(wanted).collect();
    if teams.len() < 2 {
        return fail("one player alone has nobody to disagree with");
    }
    let names: Vec<&str> = teams.iter().map(|team| team.name).collect();
    println!("all sequences of up to {len} operations on {}", names.join(", "));
    for beginning in Beginning::ALL {
        let begun = Instant::now();
        match (Sequences { beginning, len, jobs }).walk(&teams) {
            Ok(count) => {
                let seconds = begun.elapsed().as_secs_f64();
                println!(
                    "{beginning:?}: {count} sequences, all agree, in {seconds:.1} s ({:.0} per second)",
                    count as f64 / seconds
                );
            }
            Err(found) => {
                let found: &Divergence = &found;
                save(dir, &format!("exhaustive-{beginning:?}").to_lowercase(), &found.to_string());
                return ExitCode::from(1);
            }
        }
    }
    ExitCode::SUCCESS
}

fn teams() -> String {
    TEAMS.iter().map(|team| format!("  {:17}{}\n", team.name, team.what)).collect()
}

fn allowed() -> String {
    let one = |freedom: &Freedom| format!("{freedom:?}\n  {}\n  {}\n", freedom.reason(), freedom.reference());
    Freedom::ALL.iter().map(one).collect()
}

fn print(report: &Report) {
    let Report { ops, scripts, played, prepared, time, .. } = report;
    println!("{:17} {:>12} {:>14} {:>20}", "player", "operations", "per second", "allowed differences");
    for (name, played) in played.iter().chain(&[("(prepared)", *prepared)]).filter(|(_, played)| played.ops > 0) {
        println!("{name:17} {:>12} {:>14.0} {:>20}", played.ops, played.rate(), played.allowed);
    }
    let all: u64 = played.iter().map(|(_, played)| played.ops).sum::<u64>() + prepared.ops;
    println!("{ops} operations in {scripts} scripts, {all} of single players, in {:.1} s", time.as_secs_f64());
    println!("{:.0} operations per second", *ops as f64 / time.as_secs_f64());
}
