//! Who is measured.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use gangplank::{
    Program,
    engine::{Engine, EngineOptions, Instance, InstanceOptions, Stop, engine},
    wasi::{
        ProcessBuilder, System, Thread,
        stdio::{self, Captured},
    },
};

/// An engine with options.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    engine: Arc<dyn Engine>,
}

pub(crate) fn all() -> Result<Vec<Subject>> {
    let subject = |name, of, interruptible| {
        let options = EngineOptions { interruptible, ..EngineOptions::default() };
        Ok(Subject { name, engine: engine(Some(of), &options)? })
    };
    [
        ("Cranelift", "cranelift", false),
        ("JSC", "jsc", false),
        ("Cranelift, interruptible", "cranelift", true),
        ("JSC, interruptible", "jsc", true),
    ]
    .into_iter()
    .map(|(name, of, interruptible)| subject(name, of, interruptible))
    .collect()
}

impl Subject {
    pub(crate) fn compile(&self, wasm: &[u8]) -> Result<Program> {
        Program::new(&*self.engine, "kernels", wasm).map_err(|error| anyhow!("{}: {error}", self.name))
    }

    pub(crate) fn version(&self) -> String {
        self.engine.version()
    }
}

/// An instance of a process of its own.
pub(crate) struct Running {
    instance: Box<dyn Instance>,
    stdout: Captured,
}

impl Running {
    pub(crate) fn start(program: &Program) -> Result<Running> {
        let (file, stdout) = stdio::capture(1 << 10);
        let process = ProcessBuilder::new(&System::host(), program.name()).stdout(file).build()?;
        let mut instance = program.module().instance(Thread::main(&process), &InstanceOptions::default())?;
        instance.start().map_err(stopped)?;
        Ok(Running { instance, stdout })
    }

    pub(crate) fn call(&mut self, export: &str) -> Result<()> {
        self.instance.call(export).map_err(stopped)
    }

    /// What it has written.
    pub(crate) fn output(&self) -> Vec<u8> {
        self.stdout.contents().to_vec()
    }
}

fn stopped(stop: Stop) -> anyhow::Error {
    match stop {
        Stop::Exit => anyhow!("it has exited"),
        Stop::Trap(trap) => anyhow!("{trap}"),
        Stop::Failed(error) => anyhow!("{error}"),
    }
}
