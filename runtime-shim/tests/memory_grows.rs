//! A guest's memory that grows, and moves: what a store remembers of it from one call to the next is never out of date.
#![cfg(feature = "cranelift")]

use gangplank::{
    Program, Status,
    cranelift::{Ctx, add_to_linker},
    engine::{EngineOptions, engine},
    wasi::{ProcessBuilder, System, Thread},
};
use wasmtime::{Config, Engine, Linker, Module, Store, StoreLimits};

/// Fills 8 bytes in each of 40 pages with random numbers: first in vain, then, after growing, with success; and sees
/// that they are there.
const GROWS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1 100)
    (func (export "_start") (local $at i32)
        (loop $next
            ;; The last bytes of the memory.
            (local.set $at (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 8)))
            (if (call $random (local.get $at) (i32.const 8)) (then (call $exit (i32.const 1))))
            (if (i64.eqz (i64.load (local.get $at))) (then (call $exit (i32.const 2))))
            ;; One byte too far.
            (if (i32.ne (call $random (i32.add (local.get $at) (i32.const 1)) (i32.const 8)) (i32.const 21))
                (then (call $exit (i32.const 3))))
            (if (i32.ne (memory.grow (i32.const 1)) (i32.shr_u (i32.add (local.get $at) (i32.const 8)) (i32.const 16)))
                (then (call $exit (i32.const 4))))
            (br_if $next (i32.lt_u (memory.size) (i32.const 40))))))"#;

#[test]
fn of_our_own_engine() {
    let engine = engine(Some("cranelift"), &EngineOptions::default()).unwrap();
    let program = Program::new(&*engine, "grows", &wat::parse_str(GROWS).unwrap()).unwrap();
    for limit in [None, Some(64 << 20)] {
        let mut runner = program.runner();
        if let Some(limit) = limit {
            runner.memory_limit(limit);
        }
        assert_eq!(runner.run().unwrap().status, Status::Code(0));
    }
}

struct Data {
    ctx: Ctx,
    limits: StoreLimits,
}

/// Growing moves this memory each time: nothing is reserved for it.
#[test]
fn of_an_embedder_where_every_growth_moves_it() {
    let mut config = Config::new();
    config.memory_reservation(0).memory_reservation_for_growth(0).memory_guard_size(0);
    let engine = Engine::new(&config).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |data: &mut Data| &mut data.ctx).unwrap();
    let module = Module::new(&engine, wat::parse_str(GROWS).unwrap()).unwrap();
    let process = ProcessBuilder::new(&System::host(), "grows").build().unwrap();
    let data = Data { ctx: Ctx::new(Thread::main(&process)), limits: StoreLimits::default() };
    let mut store = Store::new(&engine, data);
    store.limiter(|data| {
        data.ctx.memory_may_move();
        &mut data.limits
    });
    // SAFETY: the limiter is told above, and the context stays in this store.
    unsafe { store.data_mut().ctx.remember_memory() };
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    store.data_mut().ctx.bind(Some(memory.into()));
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    let before = memory.data_ptr(&store);
    start.call(&mut store, ()).unwrap();
    assert_ne!(before, memory.data_ptr(&store), "it has moved");
    // The host makes it grow, too.
    memory.grow(&mut store, 1).unwrap();
    start.call(&mut store, ()).unwrap();
}
