//! [`Runner`]: what a run of a program is given, and what comes out.

mod output;
mod result;
mod run;

use core::time::Duration;
use std::{sync::Arc, time::Instant};

use gangplank_vfs::{Errno, FileType, Namespace, OpenFile, OpenFlags, Place, VirtualFile};
use gangplank_wasi::{
    Process, ProcessBuilder, Rights, System, Trace,
    stdio::{self, Captured},
};

use crate::{
    Program, RunError,
    engine::{Capabilities, EngineError, InstanceOptions, MemoryLimit, Profile},
    module_info::Entry,
    mounts::{self, MountAt},
};
use output::Output;
pub use result::{Limits, RunResult, Status};
pub use run::Run;

/// Prepares runs of a [`Program`]. Each method changes it in place and returns it, so that calls can be chained; each
/// [`run`](Runner::run) is one process with what it was told until then.
///
/// What is not given is not there: no directories, no environment, an empty standard input, outputs that are thrown
/// away.
#[derive(Clone, Debug)]
pub struct Runner {
    program: Program,
    arg0: Option<Vec<u8>>,
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    preopens: Vec<(Vec<u8>, Place)>,
    sockets: Vec<Arc<dyn VirtualFile>>,
    mounts: Vec<MountAt>,
    namespace: Option<Arc<Namespace>>,
    stdin: Arc<dyn VirtualFile>,
    outputs: [Output; 2],
    system: Services,
    trace: Option<Arc<dyn Trace>>,
    rights: Rights,
    fd_limit: Option<u32>,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    limits: InstanceOptions,
    memory_limit: Option<u64>,
    invoke: Option<String>,
}

impl Runner {
    pub(crate) fn new(program: &Program) -> Runner {
        Runner {
            program: program.clone(),
            arg0: None,
            args: Vec::new(),
            env: Vec::new(),
            preopens: Vec::new(),
            sockets: Vec::new(),
            mounts: Vec::new(),
            namespace: None,
            stdin: stdio::null(),
            outputs: [Output::To(stdio::null()), Output::To(stdio::null())],
            system: Services::Host,
            trace: None,
            rights: Rights::default(),
            fd_limit: None,
            timeout: None,
            deadline: None,
            limits: InstanceOptions::default(),
            memory_limit: None,
            invoke: None,
        }
    }

    /// Sets `argv[0]`; else it is the program's name.
    pub fn arg0(&mut self, arg: impl Into<Vec<u8>>) -> &mut Runner {
        self.arg0 = Some(arg.into());
        self
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl Into<Vec<u8>>) -> &mut Runner {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<Vec<u8>>>(&mut self, args: impl IntoIterator<Item = A>) -> &mut Runner {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment; the last value counts.
    pub fn env(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Runner {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Offers a directory under a name, as the next descriptor from 3 on: a [`Tree`](gangplank_vfs::Tree) or a
    /// [`Place`]. What the program does there stays there, for the embedder to look at.
    pub fn preopen(&mut self, guest: impl Into<Vec<u8>>, dir: impl Into<Place>) -> &mut Runner {
        self.preopens.push((guest.into(), dir.into()));
        self
    }

    /// Shows a directory at a path inside of what is preopened, in place of the directory that is there. Unlike one
    /// more preopened directory it is met by listings and by `..`. Only this runner's runs see it.
    pub fn mount(&mut self, guest: impl Into<Vec<u8>>, dir: impl Into<Place>) -> &mut Runner {
        self.mounts.push(MountAt { path: guest.into(), dir: dir.into(), or_preopen: false });
        self
    }

    /// As [`mount`](Runner::mount) if what is preopened, or mounted before, has a directory at that path; else as
    /// [`preopen`](Runner::preopen), after all others: the program finds it under this name either way.
    pub fn mount_or_preopen(&mut self, guest: impl Into<Vec<u8>>, dir: impl Into<Place>) -> &mut Runner {
        self.mounts.push(MountAt { path: guest.into(), dir: dir.into(), or_preopen: true });
        self
    }

    /// Shows the mounts of this namespace. It is not copied, unless [`mount`](Runner::mount) adds to them: what is
    /// mounted later is seen too.
    pub fn namespace(&mut self, namespace: &Arc<Namespace>) -> &mut Runner {
        self.namespace = Some(Arc::clone(namespace));
        self
    }

    /// Gives it a socket, listening or connected, as the next descriptor after the directories: a `HostSocket` of
    /// `gangplank_wasi::net`, or one of your own. Runs share it.
    pub fn socket(&mut self, socket: Arc<dyn VirtualFile>) -> &mut Runner {
        self.sockets.push(socket);
        self
    }

    /// What descriptor 0 reads: see [`stdio`].
    pub fn stdin(&mut self, file: Arc<dyn VirtualFile>) -> &mut Runner {
        self.stdin = file;
        self
    }

    /// Where descriptor 1 writes.
    pub fn stdout(&mut self, file: Arc<dyn VirtualFile>) -> &mut Runner {
        self.outputs[0] = Output::To(file);
        self
    }

    /// Where descriptor 2 writes.
    pub fn stderr(&mut self, file: Arc<dyn VirtualFile>) -> &mut Runner {
        self.outputs[1] = Output::To(file);
        self
    }

    /// Keeps what each run writes to descriptors 1 and 2, up to `limit` bytes of each, in
    /// [`RunResult::stdout`] and [`stderr`](RunResult::stderr). A write that passes the limit is cut short, the next
    /// one fails with `NOSPC`.
    pub fn capture_output(&mut self, limit: usize) -> &mut Runner {
        self.outputs = [Output::Capture(limit), Output::Capture(limit)];
        self
    }

    /// Takes the three standard streams of this process.
    ///
    /// # Errors
    /// `BADF` for one that is closed.
    pub fn inherit_stdio(&mut self) -> Result<&mut Runner, Errno> {
        self.stdin = stdio::inherit_stdin()?;
        self.outputs = [Output::To(stdio::inherit_stdout()?), Output::To(stdio::inherit_stderr()?)];
        Ok(self)
    }

    /// Clocks and random numbers, shared by all runs; else the host's.
    pub fn system(&mut self, system: Arc<System>) -> &mut Runner {
        self.system = Services::Shared(system);
        self
    }

    /// Gives each run the same: clocks that begin at 2000-01-01 and advance only when they are read or waited for, so
    /// that no sleep takes time, and random numbers that follow from `seed` ([`System::deterministic`]). Times of files
    /// are the filesystem's own: see [`MemFsOptions::clock`](gangplank_vfs::MemFsOptions::clock).
    pub fn deterministic(&mut self, seed: u64) -> &mut Runner {
        self.system = Services::Deterministic(seed);
        self
    }

    /// Tells `trace` of every syscall.
    pub fn trace(&mut self, trace: Arc<dyn Trace>) -> &mut Runner {
        self.trace = Some(trace);
        self
    }

    /// Whether rights of descriptors are enforced.
    pub fn rights(&mut self, rights: Rights) -> &mut Runner {
        self.rights = rights;
        self
    }

    /// Most descriptors open at a time.
    pub fn fd_limit(&mut self, limit: u32) -> &mut Runner {
        self.fd_limit = Some(limit);
        self
    }

    /// Cancels the run when it has taken this long. Needs [`Capabilities::INTERRUPT`].
    pub fn timeout(&mut self, limit: Duration) -> &mut Runner {
        self.timeout = Some(limit);
        self
    }

    /// Cancels the run at this moment, as `timeout`; the earlier of the two counts.
    pub fn deadline(&mut self, at: Instant) -> &mut Runner {
        self.deadline = Some(at);
        self
    }

    /// Ends the run with [`TrapKind::OutOfFuel`](crate::engine::TrapKind::OutOfFuel) when it has executed about this
    /// many instructions: unlike a timeout, at the same place every time. Needs
    /// [`Capabilities::FUEL`](crate::engine::Capabilities::FUEL), which is asked for by
    /// [`EngineOptions::fuel`](crate::engine::EngineOptions::fuel).
    pub fn fuel(&mut self, instructions: u64) -> &mut Runner {
        self.limits.fuel = Some(instructions);
        self
    }

    /// Most bytes of memory that each run may have, its tables included. More of it is refused, which C calls `ENOMEM`;
    /// [`RunResult::limits`] tells. Needs [`Capabilities::MEMORY_LIMIT`].
    pub fn memory_limit(&mut self, bytes: u64) -> &mut Runner {
        self.memory_limit = Some(bytes);
        self
    }

    /// Adds samples of what the guest does to a profile. Needs
    /// [`Capabilities::PROFILE`](crate::engine::Capabilities::PROFILE), which is asked for by
    /// [`EngineOptions::profile`](crate::engine::EngineOptions::profile).
    pub fn profile(&mut self, profile: &Arc<Profile>) -> &mut Runner {
        self.limits.profile = Some(Arc::clone(profile));
        self
    }

    /// Calls this export instead of `_start`, after `_initialize` if there is one. It takes and returns nothing.
    pub fn invoke(&mut self, export: impl Into<String>) -> &mut Runner {
        self.invoke = Some(export.into());
        self
    }

    /// Runs the program on this thread until it ends.
    ///
    /// # Errors
    /// [`RunError`] if it could not be begun. What the program itself does wrong is in the [`RunResult`].
    pub fn run(&self) -> Result<RunResult, RunError> {
        self.prepare()?.run()
    }

    /// Makes the process, so that it can be canceled from the beginning.
    ///
    /// # Errors
    /// As `run`.
    pub fn prepare(&self) -> Result<Run, RunError> {
        let program = &self.program;
        let calls = self.calls()?;
        let mut wants = Capabilities::empty();
        wants.set(Capabilities::INTERRUPT, self.timeout.is_some() || self.deadline.is_some());
        wants.set(Capabilities::FUEL, self.limits.fuel.is_some());
        wants.set(Capabilities::MEMORY_LIMIT, self.memory_limit.is_some());
        wants.set(Capabilities::PROFILE, self.limits.profile.is_some());
        EngineError::require(program.module().engine(), program.capabilities(), wants)?;
        let (process, captured) = self.process()?;
        let (timeout, deadline, mut limits) = (self.timeout, self.deadline, self.limits.clone());
        limits.memory = self.memory_limit.map(|bytes| Arc::new(MemoryLimit::new(bytes)));
        Ok(Run { program: program.clone(), process, captured, calls, timeout, deadline, limits })
    }

    fn process(&self) -> Result<(Arc<Process>, [Option<Captured>; 2]), RunError> {
        let system = match &self.system {
            Services::Host => System::host(),
            Services::Shared(system) => Arc::clone(system),
            Services::Deterministic(seed) => System::deterministic(*seed),
        };
        let (stdout, kept_stdout) = self.outputs[0].open();
        let (stderr, kept_stderr) = self.outputs[1].open();
        let arg0 = self.arg0.as_deref().unwrap_or(self.program.name());
        let mut builder = ProcessBuilder::new(&system, arg0)
            .args(self.args.iter().cloned())
            .stdin(Arc::clone(&self.stdin))
            .stdout(stdout)
            .stderr(stderr)
            .rights(self.rights);
        for (key, value) in &self.env {
            builder = builder.env(&**key, &**value);
        }
        let (namespace, preopens) = mounts::put_together(self.namespace.as_ref(), &self.preopens, &self.mounts)?;
        for (guest, place) in &*preopens {
            builder = builder.preopen(&**guest, place.clone());
        }
        for socket in &self.sockets {
            let access = OpenFlags::READ | OpenFlags::WRITE;
            builder = builder.file(OpenFile::from_stream(Arc::clone(socket), access, FileType::Socket));
        }
        if let Some(namespace) = namespace {
            builder = builder.namespace(&namespace);
        }
        if let Some(limit) = self.fd_limit {
            builder = builder.fd_limit(limit);
        }
        if let Some(trace) = &self.trace {
            builder = builder.trace(Arc::clone(trace));
        }
        Ok((builder.build()?, [kept_stdout, kept_stderr]))
    }

    /// The exports to call, in order.
    fn calls(&self) -> Result<Vec<String>, RunError> {
        let info = self.program.info();
        match &self.invoke {
            Some(export) if !info.has_plain_function(export) => Err(RunError::NoExport(export.clone())),
            Some(export) => {
                let first = (info.entry == Entry::Reactor).then(|| "_initialize".to_owned());
                Ok(first.into_iter().chain([export.clone()]).collect())
            }
            None if info.entry == Entry::Command => Ok(vec!["_start".to_owned()]),
            None => {
                Err(RunError::NoStart { reactor: info.entry == Entry::Reactor, odd: info.export("_start").is_some() })
            }
        }
    }
}

/// Where clocks and random numbers come from.
#[derive(Clone, Debug)]
enum Services {
    Host,
    Shared(Arc<System>),
    /// New for each run, from this seed.
    Deterministic(u64),
}
