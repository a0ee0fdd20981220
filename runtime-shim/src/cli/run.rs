//! `gangplank run`.

use std::{io::Write as _, path::Path, sync::mpsc, thread, time::Duration};

use gangplank::{
    RunError, Status,
    engine::{EngineError, Trap, TrapKind},
    wasi::{Cancel, Canceller, Rights as Mode},
};

#[cfg(unix)]
use super::at_end::signals::Watch as Signals;
use super::{
    args::{Rights, Run},
    at_end::{AtEnd, ProfileFile},
    changes::Report,
    compiled::{STACK, load, make_engine},
    exit,
    given::{Given, given},
    limits::{self, Size},
    listen::{self, SocketFiles},
    report::Failure,
    tracing::Tracing,
    words,
};

/// Our own share of that thread's stack.
const HOST_STACK: usize = 1 << 20;

/// How long a program that has run out of time may take to notice, before it is ended together with us.
const GRACE: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &Run) -> Result<u8, Failure> {
    // On a thread of its own, because nobody knows how large the stack of the first one is.
    thread::scope(|scope| {
        let guest = thread::Builder::new().name("guest".to_owned()).stack_size(STACK + HOST_STACK);
        let guest = guest
            .spawn_scoped(scope, || run_here(args))
            .map_err(|error| Failure::cannot_run(format!("cannot make a thread for the program: {error}")))?;
        // A panic has been printed already; the code is that of Rust's `main`.
        guest.join().unwrap_or(Ok(101))
    })
}

fn run_here(args: &Run) -> Result<u8, Failure> {
    let [path, guest_args @ ..] = args.command.as_slice() else {
        return Err(Failure::usage("no program is given"));
    };
    // What is wrong with the command line comes before what is wrong with the program.
    let env = environment(args)?;
    let Given { dirs, mounts, memory, watched, .. } = given(args)?;
    let tracing = Tracing::new(args)?;
    let at_end = AtEnd {
        summary: tracing.summary(),
        sockets: SocketFiles::default(),
        profile: ProfileFile::create(args.profile.as_deref())?,
        changes: Report::new(args.into(), watched)?,
    };
    let _removed = OnDrop(&at_end.sockets);
    #[cfg(unix)]
    let signals = match at_end.is_wanted() || !args.listen.is_empty() {
        true => Some(
            Signals::start(&at_end, GRACE)
                .map_err(|error| Failure::cannot_run(format!("cannot watch for signals: {error}")))?,
        ),
        // The system's own way is good enough.
        false => None,
    };
    let sockets = listen::listeners(&args.listen, &at_end.sockets)?;
    let engine = make_engine(args.engine.as_deref(), args.limit_fuel.is_some(), args.profile.is_some())?;
    let path = Path::new(path);
    let program = load(&*engine, path, &args.compiled)?;
    let mut runner = program.runner();
    for arg in guest_args {
        runner.arg(words::bytes(arg)?);
    }
    for (key, value) in env {
        runner.env(key, value);
    }
    for (guest, place) in dirs {
        runner.preopen(guest, place);
    }
    for (guest, place) in mounts {
        runner.mount_or_preopen(guest, place);
    }
    for socket in sockets {
        runner.socket(socket);
    }
    runner.rights(match args.rights {
        Rights::Ignore => Mode::Ignore,
        Rights::Enforce => Mode::Enforce,
    });
    if let Some(tracer) = tracing.tracer() {
        runner.trace(tracer);
    }
    if let Some(limit) = args.limit_fds {
        runner.fd_limit(limit);
    }
    if let Some(Size(bytes)) = args.limit_memory {
        runner.memory_limit(bytes);
    }
    if let Some(instructions) = args.limit_fuel {
        runner.fuel(instructions);
    }
    if let Some(profile) = at_end.profile.profile() {
        runner.profile(profile);
    }
    runner
        .inherit_stdio()
        .map_err(|errno| Failure::cannot_run(format!("cannot use our standard streams: {}", errno.message())))?;

    let refuse = |error: RunError| {
        let text = format!("cannot run `{}`: {error}", path.display());
        match (&error, error.help()) {
            // Arguments, environment, number of files: all of them ours.
            (RunError::Process(_), _) => Failure::usage(text),
            (RunError::Engine(EngineError::Instantiate { .. }), _) if args.limit_memory.is_some() => {
                Failure::cannot_run(text).help("it may need more than --limit-memory allows; `gangplank inspect` tells")
            }
            (_, Some(help)) => Failure::cannot_run(text).help(help),
            (_, None) => Failure::cannot_run(text),
        }
    };
    let run = runner.prepare().map_err(refuse)?;
    let watchdog = match args.timeout {
        Some(limit) => Some(Watchdog::start(limit, run.canceller(), path, &at_end)?),
        None => None,
    };
    #[cfg(unix)]
    if let Some(signals) = &signals {
        signals.cancels(run.canceller());
    }
    let result = run.run().map_err(refuse)?;
    drop(watchdog);
    let kept = at_end.run(result.status.is_success());
    match (&result.status, args.timeout) {
        (Status::Trap(Trap { kind: TrapKind::OutOfFuel, .. }), _) => complain(&format!(
            "`{}` was ended because it executed more instructions than --limit-fuel allows",
            path.display()
        )),
        (Status::Trap(trap), _) => complain(&format!("`{}` trapped: {trap}", path.display())),
        (Status::Canceled(Cancel::Timeout), Some(limit)) => complain(&overtime(path, limit)),
        _ => {}
    }
    limits::tell(args, path, &result, &memory);
    Ok(match result.status {
        Status::Canceled(Cancel::Timeout) => exit::TIMEOUT,
        Status::Canceled(Cancel::Interrupt) => exit::INTERRUPT,
        Status::Code(0) if !kept => exit::NOT_KEPT,
        status => status.exit_code(),
    })
}

/// Removes the files of our sockets also when the program could not be run.
struct OnDrop<'a>(&'a SocketFiles);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// Ends the program when its time is up: its waits and syscalls at once, and, if it makes none, this process.
struct Watchdog(#[expect(dead_code, reason = "its drop is the message")] mpsc::Sender<()>);

impl Watchdog {
    fn start(limit: Duration, canceller: Canceller, path: &Path, at_end: &AtEnd) -> Result<Watchdog, Failure> {
        let (alive, dropped) = mpsc::channel();
        let text = overtime(path, limit);
        let at_end = at_end.clone();
        let watch = move || {
            let is_over = |time| dropped.recv_timeout(time) != Err(mpsc::RecvTimeoutError::Timeout);
            if is_over(limit) || !canceller.cancel(Cancel::Timeout) || is_over(GRACE) {
                return;
            }
            at_end.run(false);
            complain(&text);
            std::process::exit(exit::TIMEOUT.into());
        };
        match thread::Builder::new().name("timeout".to_owned()).spawn(watch) {
            Ok(_) => Ok(Watchdog(alive)),
            Err(error) => Err(Failure::cannot_run(format!("cannot make a thread to watch the time: {error}"))),
        }
    }
}

fn overtime(path: &Path, limit: Duration) -> String {
    format!("`{}` was ended because it took longer than {limit:?}", path.display())
}

/// Says on stderr what an exit code alone does not.
pub(crate) fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("error: {text}\n").as_bytes());
}

/// Key and value.
type Variable = (Vec<u8>, Vec<u8>);

/// The variables to set, in order.
fn environment(args: &Run) -> Result<Vec<Variable>, Failure> {
    let mut variables = Vec::new();
    for option in &args.env {
        let text = words::bytes(option)?;
        let (key, value) = match text.iter().position(|&b| b == b'=') {
            Some(at) => (&text[..at], text[at + 1..].to_vec()),
            None if text.is_empty() => (text, Vec::new()),
            None => match std::env::var_os(option) {
                Some(value) => (text, words::bytes(&value)?.to_vec()),
                None => {
                    let shown = option.display();
                    return Err(Failure::usage(format!("`--env {shown}`: there is no such variable here to pass on"))
                        .help(format!("give it a value: `--env {shown}=VALUE`")));
                }
            },
        };
        if key.is_empty() {
            return Err(Failure::usage(format!("`--env {}` lacks the name of the variable", option.display()))
                .help("write `--env KEY=VALUE`, or `--env KEY` to pass a variable on"));
        }
        variables.push((key.to_vec(), value));
    }
    Ok(variables)
}
