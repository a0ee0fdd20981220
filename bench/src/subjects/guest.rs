//! Syscalls through Cranelift: the same compiled guest over our imports and over those of `wasmtime-wasi`.

use std::{cell::RefCell, path::Path};

use anyhow::{Context as _, Result, anyhow, ensure};
use gangplank::cranelift::{Ctx, add_to_linker};
use gangplank_vfs::Place;
use gangplank_wasi::{ProcessBuilder, System, Thread};
use wasmtime::{Engine, Instance, Linker, Memory, Module, Store, StoreLimits, Val};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, p1::WasiP1Ctx};

use super::{
    Subject, Taking,
    tree::{self, Maker},
};
use crate::op::{DATA, LOG, Op, SEQUENTIAL, STEP};

/// The compiled guest.
pub(crate) struct Compiled {
    engine: Engine,
    module: Module,
}

impl Compiled {
    /// Compiles it once for all, with interruption by epochs, as our command line does it.
    pub(crate) fn new() -> Result<Compiled> {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(|e| anyhow!("{e:#}"))?;
        let wasm = wat::parse_str(include_str!("../guest.wat")).context("guest.wat")?;
        let module = Module::new(&engine, wasm).map_err(|e| anyhow!("{e:#}"))?;
        Ok(Compiled { engine, module })
    }

    /// Over our imports, in `place`.
    pub(crate) fn over_gangplank<M: Maker>(
        &self,
        name: &'static str,
        place: Place,
        maker: M,
        crowd: u32,
    ) -> Result<Guest<Data, M>> {
        let process = ProcessBuilder::new(&System::host(), "bench").preopen("/", place).build()?;
        let mut linker = Linker::new(&self.engine);
        add_to_linker(&mut linker, |data: &mut Data| &mut data.ctx).map_err(|e| anyhow!("{e:#}"))?;
        let data = Data { ctx: Ctx::new(Thread::main(&process)), limits: StoreLimits::default() };
        let mut guest = self.guest(name, linker, data, maker, crowd)?;
        // As our own runner does for a store with one instance.
        let store = guest.store.get_mut();
        store.limiter(|data| {
            data.ctx.memory_may_move();
            &mut data.limits
        });
        let ctx = &mut store.data_mut().ctx;
        ctx.bind(Some(guest.memory.into()));
        // SAFETY: the limiter is told above, and the context stays in this store.
        unsafe { ctx.remember_memory() };
        Ok(guest)
    }

    /// Over wasmtime's own imports, in a directory of the host. It may do its work on the thread of the guest, which is
    /// the quickest that it can do.
    pub(crate) fn over_wasmtime<M: Maker>(
        &self,
        name: &'static str,
        path: &Path,
        maker: M,
        crowd: u32,
    ) -> Result<Guest<WasiP1Ctx, M>> {
        let wasi = WasiCtxBuilder::new()
            .allow_blocking_current_thread(true)
            .preopened_dir(path, "/", FsPerms::ReadWrite)
            .map_err(|e| anyhow!("{e:#}"))?
            .build_p1();
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi)
            .map_err(|e| anyhow!("{e:#}"))?;
        self.guest(name, linker, wasi, maker, crowd)
    }

    fn guest<T: 'static, M: Maker>(
        &self,
        name: &'static str,
        mut linker: Linker<T>,
        data: T,
        maker: M,
        crowd: u32,
    ) -> Result<Guest<T, M>> {
        linker.func_wrap("bench", "empty", |_: i32, _: i32, _: i32, _: i32| 0_i32).map_err(|e| anyhow!("{e:#}"))?;
        let mut store = Store::new(&self.engine, data);
        store.set_epoch_deadline(1 << 40);
        let instance = linker.instantiate(&mut store, &self.module).map_err(|e| anyhow!("{e:#}"))?;
        let memory = instance.get_memory(&mut store, "memory").context("the guest has no memory")?;
        Ok(Guest { name, store: RefCell::new(store), instance, memory, maker, crowd })
    }
}

/// What our store holds.
pub(crate) struct Data {
    ctx: Ctx,
    limits: StoreLimits,
}

/// An instance of it.
pub(crate) struct Guest<T: 'static, M> {
    name: &'static str,
    store: RefCell<Store<T>>,
    instance: Instance,
    memory: Memory,
    maker: M,
    /// The largest directory that it lists.
    crowd: u32,
}

/// Where the guest expects paths.
const PATHS: [usize; 2] = [1024, 1280];
/// `FDFLAGS_APPEND`.
const APPEND: i32 = 1;
/// Rights to read, seek, tell, write, allocate, set the size: what a file is opened with.
const FILE: i32 = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 22;
/// Rights to read and list.
const DIRECTORY: i32 = 1 << 1 | 1 << 14;
/// `ERRNO_NOENT`.
const NOENT: i32 = 44;

impl<T: 'static, M> Guest<T, M> {
    fn call(&self, export: &str, args: &[i32]) -> Result<i32> {
        let mut store = self.store.borrow_mut();
        let function = self.instance.get_func(&mut *store, export).with_context(|| format!("no export {export}"))?;
        let args: Vec<Val> = args.iter().map(|&arg| Val::I32(arg)).collect();
        let mut results = [Val::I32(0)];
        function.call(&mut *store, &args, &mut results).map_err(|e| anyhow!("{export}: {e:#}"))?;
        results[0].i32().context("an export without a result")
    }

    fn write_path(&self, slot: usize, path: &str) -> Result<i32> {
        let mut store = self.store.borrow_mut();
        self.memory.write(&mut *store, PATHS[slot], path.as_bytes())?;
        Ok(path.len() as i32)
    }

    fn open(&self, path: &str, fdflags: i32, rights: i32) -> Result<Fd<'_, T, M>> {
        let len = self.write_path(0, path)?;
        let fd = self.call("open", &[len, 0, fdflags, rights])?;
        ensure!(fd >= 0, "{}: {path} cannot be opened", self.name);
        Ok(Fd { guest: self, fd })
    }

    /// Calls an export whose first parameter says how often, and whose result how often in vain.
    fn repeat(&self, export: &str, n: u64, args: &[i32]) -> Result<()> {
        let args: Vec<i32> = [i32::try_from(n)?].iter().chain(args).copied().collect();
        let failures = self.call(export, &args)?;
        ensure!(failures == 0, "{}: {export} failed {failures} times of {n}", self.name);
        Ok(())
    }

    /// A batch that has a path, and no more.
    fn with_path(&self, export: &'static str, path: String, more: &'static [i32]) -> Result<Taking<'_>> {
        Taking::part(move |n| {
            let len = self.write_path(0, &path)?;
            self.repeat(export, n, &[&[len], more].concat())
        })
    }

    /// A batch that has an open file.
    fn with_fd<'a>(&'a self, export: &'static str, fd: Fd<'a, T, M>, more: &[u64]) -> Result<Taking<'a>> {
        let mut args = vec![fd.fd];
        for &arg in more {
            args.push(i32::try_from(arg)?);
        }
        Taking::part(move |n| {
            // All of it moves in here, and stays open as long as the batch is there.
            let open = &fd;
            open.guest.repeat(export, n, &args)
        })
    }
}

/// A descriptor of the guest's, closed on drop.
struct Fd<'a, T: 'static, M> {
    guest: &'a Guest<T, M>,
    fd: i32,
}

impl<T: 'static, M> Drop for Fd<'_, T, M> {
    fn drop(&mut self) {
        // It cannot fail in a way that would matter to what has been measured.
        let _ = self.guest.call("close", &[self.fd]);
    }
}

impl<T: 'static, M: Maker> Subject for Guest<T, M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn batch(&self, op: Op) -> Result<Taking<'_>> {
        let data_in = || self.open(tree::DATA_IN, 0, FILE);
        let data_out = || self.open(tree::DATA_OUT, 0, FILE);
        match op {
            Op::Hostcall => Taking::part(|n| self.repeat("hostcall", n, &[])),
            Op::Stat(depth) => self.with_path("stat", tree::path(depth).to_owned(), &[0]),
            Op::StatLink => self.with_path("stat", tree::LINK.to_owned(), &[0]),
            Op::StatMissing => self.with_path("stat", tree::MISSING.to_owned(), &[NOENT]),
            Op::OpenClose(depth) => self.with_path("open_close", tree::path(depth).to_owned(), &[FILE]),
            Op::Tell => self.with_fd("tell", data_in()?, &[]),
            Op::Read(size) => self.with_fd("read", data_in()?, &[size.into(), DATA]),
            Op::Pread(size) => self.with_fd("pread", data_in()?, &[size.into()]),
            Op::Write(size) => self.with_fd("write", data_out()?, &[size.into(), DATA]),
            Op::Pwrite(size) => self.with_fd("pwrite", data_out()?, &[size.into()]),
            Op::Append(size) => self.with_fd("append", self.open(tree::LOG_FILE, APPEND, FILE)?, &[size.into(), LOG]),
            Op::Readv => self.with_fd("readv", data_in()?, &[]),
            Op::Writev => self.with_fd("writev", data_out()?, &[]),
            Op::CreateUnlink => self.with_path("create_unlink", tree::NEW.to_owned(), &[FILE]),
            Op::MkdirRmdir => self.with_path("mkdir_rmdir", tree::NEW.to_owned(), &[]),
            Op::Rename => Taking::part(|n| {
                let (old, new) = (self.write_path(0, tree::path(1))?, self.write_path(1, tree::NEW)?);
                self.repeat("rename", n, &[old, new])
            }),
            Op::SequentialRead => {
                tree::lengthen(&self.maker)?;
                let fd = self.open(tree::SEQUENTIAL_IN, 0, FILE)?;
                self.with_fd("sequential_read", fd, &[SEQUENTIAL / u64::from(STEP)])
            }
            Op::SequentialWrite => {
                let fd = self.open(tree::SEQUENTIAL_OUT, 0, FILE)?;
                self.with_fd("sequential_write", fd, &[SEQUENTIAL / u64::from(STEP)])
            }
            Op::Readdir(n) if n > self.crowd => Ok(Taking::No("each call lists from the front: minutes")),
            Op::Readdir(entries) => {
                let fd = self.open(&tree::crowd(&self.maker, entries)?, 0, DIRECTORY)?;
                // And the two dots.
                self.with_fd("readdir", fd, &[u64::from(entries) + 2])
            }
            Op::StatAmong(_) | Op::CreateAmong(_) => Ok(Taking::No("in the process only")),
            Op::Fork(_) | Op::ForkWrite(_) => Ok(Taking::No("no syscall forks a filesystem")),
        }
    }
}
