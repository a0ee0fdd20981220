//! Acceptance through FUSE; `cargo xtask fuse` installs what it needs and runs it.

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        path::{Path, PathBuf},
        time::Instant,
    };

    use gangplank_conformance::{
        acceptance::{Cached, Outcome, Subject, check, fsx, pjdfstest, programs},
        differential::kernel::isolated,
    };
    use gangplank_vfs::fuse;

    const HELP: &str = "\
Mounts our filesystems through FUSE, and runs test suites and programs on them.

  --tools DIR           where pjdfstest and fsx are
  --on NAME,…           only on these: tmpfs, mem, fork, overlay-mem, overlay-host, overlay-on-host,
                        host
  --run NAME,…          only these: pjdfstest, fsx, programs, or the name of a program
  --cases WORD,…        of pjdfstest only cases with one of these in their names
  --operations N        of fsx, for each seed; otherwise 100 000
  --seeds N,…           of fsx; otherwise 1, 2, 3
  --how direct|cached   with or without the kernel's cache; otherwise both
";

    struct Options {
        tools: PathBuf,
        on: Vec<String>,
        run: Vec<String>,
        cases: Vec<String>,
        operations: u64,
        seeds: Vec<u64>,
        how: Vec<Cached>,
    }

    impl Options {
        fn parse() -> Result<Options, String> {
            let mut options = Options {
                tools: PathBuf::from("target/tools/bin"),
                on: Vec::new(),
                run: Vec::new(),
                cases: Vec::new(),
                operations: 100_000,
                seeds: vec![1, 2, 3],
                how: vec![Cached::No, Cached::Yes],
            };
            let mut args = std::env::args().skip(1);
            while let Some(option) = args.next() {
                if option == "--help" {
                    print!("{HELP}");
                    std::process::exit(0);
                }
                let value = args.next().ok_or_else(|| format!("`{option}` has no value\n\n{HELP}"))?;
                let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
                let number = |text: &str| text.parse::<u64>().map_err(|e| format!("`{option} {value}`: {e}"));
                match &*option {
                    "--tools" => options.tools = value.into(),
                    "--on" => options.on = list(),
                    "--run" => options.run = list(),
                    "--cases" => options.cases = list(),
                    "--operations" => options.operations = number(&value)?,
                    "--seeds" => options.seeds = list().iter().map(|n| number(n)).collect::<Result<_, _>>()?,
                    "--how" if value == "direct" => options.how = vec![Cached::No],
                    "--how" if value == "cached" => options.how = vec![Cached::Yes],
                    _ => return Err(format!("`{option} {value}` is not known\n\n{HELP}")),
                }
            }
            if let Some(name) = options.on.iter().find(|name| Subject::ALL.iter().all(|one| one.name() != **name)) {
                return Err(format!("there is no filesystem `{name}`\n\n{HELP}"));
            }
            Ok(options)
        }

        fn is_on(&self, subject: Subject) -> bool {
            self.on.is_empty() || self.on.iter().any(|name| name == subject.name())
        }

        fn runs(&self, names: &[&str]) -> bool {
            self.run.is_empty() || self.run.iter().any(|name| names.contains(&&**name))
        }
    }

    /// All outcomes, each printed as it comes.
    #[derive(Default)]
    struct Table {
        count: usize,
        wrong: usize,
    }

    impl Table {
        fn add(&mut self, outcome: std::io::Result<Outcome>) {
            self.count += 1;
            match outcome {
                Ok(outcome) => {
                    self.wrong += usize::from(outcome.is_wrong());
                    println!("{outcome}");
                }
                Err(e) => {
                    self.wrong += 1;
                    println!("WRONG: cannot be run: {e}");
                }
            }
        }
    }

    fn suites(options: &Options, table: &mut Table) {
        if options.runs(&["pjdfstest"]) {
            let program = options.tools.join("pjdfstest");
            let run = |subject| pjdfstest::Results::of(subject, &program, &options.cases);
            let begun = Instant::now();
            match run(Subject::Tmpfs) {
                Ok((tmpfs, told)) => {
                    table.add(Ok(tmpfs.outcome(Subject::Tmpfs, &tmpfs, begun, &told)));
                    for subject in Subject::ALL.into_iter().filter(|s| *s != Subject::Tmpfs && options.is_on(*s)) {
                        let begun = Instant::now();
                        table.add(run(subject).map(|(results, told)| results.outcome(subject, &tmpfs, begun, &told)));
                    }
                }
                Err(e) => table.add(Err(e)),
            }
        }
        if options.runs(&["fsx"]) {
            let program = options.tools.join("fsx");
            for subject in Subject::ALL.into_iter().filter(|subject| options.is_on(*subject)) {
                for &cached in &options.how {
                    for &seed in &options.seeds {
                        table.add(fsx::outcome(subject, cached, &program, options.operations, seed));
                    }
                }
            }
        }
    }

    fn real_programs(options: &Options, table: &mut Table) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vfs");
        for program in programs::ALL.iter().filter(|program| options.runs(&["programs", program.name])) {
            for subject in Subject::ALL.into_iter().filter(|subject| options.is_on(*subject)) {
                for &cached in &options.how {
                    table.add(program.outcome(subject, cached, &source));
                }
            }
        }
    }

    /// Answers whether all is right.
    pub(super) fn main() -> Result<bool, String> {
        let options = Options::parse()?;
        check()?;
        fuse::raise_descriptor_limit().map_err(|e| format!("cannot raise the limit on descriptors: {e}"))?;
        // The mounts are nobody else's, and go with us however we end.
        isolated(|| {
            let mut table = Table::default();
            suites(&options, &mut table);
            real_programs(&options, &mut table);
            println!("\n{} runs, {} wrong", table.count, table.wrong);
            table.wrong == 0 && table.count > 0
        })
    }
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match linux::main() {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(why) => {
            eprintln!("error: {why}");
            std::process::ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("error: only Linux mounts filesystems for us");
}
