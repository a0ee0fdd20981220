//! Our imports in a wasmtime `Linker`, in place of those of `wasmtime-wasi`.
//!
//! Before:
//!
//! ```ignore
//! use wasmtime_wasi::{DirPerms, FilePerms, WasiCtxBuilder, p1::{self, WasiP1Ctx}};
//!
//! struct State { limits: StoreLimits, wasi: WasiP1Ctx }
//!
//! let mut linker = Linker::new(&engine);
//! p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)?;
//! let wasi = WasiCtxBuilder::new()
//!     .args(&["prog", "/data/greeting.txt"])
//!     .inherit_stdout()
//!     .preopened_dir("./data", "/data", DirPerms::READ, FilePerms::READ)?
//!     .build_p1();
//! let mut store = Store::new(&engine, State { limits, wasi });
//! // instantiate and call `_start`; `proc_exit` is the error `wasmtime_wasi::I32Exit`
//! ```
//!
//! After: this file. Engine, store, limits and calls stay as they are; three things change.

use std::error::Error;

use gangplank::{
    cranelift::{Ctx, Exited, add_to_linker},
    vfs::dir,
    wasi::{ExitStatus, ProcessBuilder, System, Thread, stdio},
};
use wasmtime::{Engine, Linker, Module, Store, StoreLimits, StoreLimitsBuilder};

/// Prints the file that descriptor 3 holds, and exits with 7.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\00\01\00\00\00\01\00\00") (data (i32.const 64) "greeting.txt")
    (func (export "_start")
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 12) (i32.const 0) (i64.const 2)
            (i64.const 0) (i32.const 0) (i32.const 16)))
        (drop (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 4)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))
        (call $exit (i32.const 7))))"#;

struct State {
    limits: StoreLimits,
    // 1. The store holds our context instead of theirs. The rest of its data is no business of ours.
    wasi: Ctx,
}

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(GUEST)?)?;

    // 2. One call adds all imports, once for all instances.
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |state: &mut State| &mut state.wasi)?;

    // What the guest can reach. The directory could be one of the host's (`HostFs::open`); here it is in memory.
    let data = dir! { "greeting.txt": "hello from memory\n" }.tree()?;
    let (stdout, output) = stdio::capture(1 << 16); // or `stdio::inherit_stdout()?`
    let process = ProcessBuilder::new(&System::host(), "prog")
        .arg("/data/greeting.txt")
        .stdout(stdout)
        .preopen("/data", data.read_only().into())
        .build()?;

    let limits = StoreLimitsBuilder::new().memory_size(16 << 20).build();
    let mut store = Store::new(&engine, State { limits, wasi: Ctx::new(Thread::main(&process)) });
    store.limiter(|state| &mut state.limits);
    let instance = linker.instantiate(&mut store, &module)?;
    // Optional: spares each call the look-up of the memory. Only for stores with a single instance.
    let memory = instance.get_export(&mut store, "memory");
    store.data_mut().wasi.bind(memory);

    // 3. `proc_exit` is the error `Exited`; the process knows the code.
    let error = instance.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ()).unwrap_err();
    assert!(error.is::<Exited>(), "{error:?}");
    assert_eq!(process.finish(0), ExitStatus::Code(7));
    print!("{}", String::from_utf8_lossy(&output.contents()));
    assert_eq!(output.contents(), b"hello from memory\n");
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
