//! JavaScriptCore: a system call allocates nothing on our side. (The library has an allocator of its own.)
#![cfg(feature = "jsc")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use gangplank::{
    Program,
    engine::{EngineOptions, engine},
    wasi::{ProcessBuilder, System as Host, Thread},
};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: by the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: by the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn system_calls_allocate_nothing() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func $calls (param $n i32)
            (loop
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (drop (call $seek (i32.const 0) (i64.const 1) (i32.const 0) (i32.const 8)))
                (drop (call $time (i32.const 1) (i64.const 1) (i32.const 16)))
                (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
        (func (export "few") (call $calls (i32.const 10)))
        (func (export "many") (call $calls (i32.const 200000))))"#;
    let engine = engine(Some("jsc"), &EngineOptions::default()).unwrap();
    let program = Program::new(&*engine, "calls", &wat::parse_str(text).unwrap()).unwrap();
    let process = ProcessBuilder::new(&Host::host(), "calls").build().unwrap();
    let mut instance = program.module().instance(Thread::main(&process), &Default::default()).unwrap();
    instance.start().unwrap();
    let mut allocations = |export| {
        let before = COUNT.load(Relaxed);
        instance.call(export).unwrap();
        COUNT.load(Relaxed) - before
    };
    allocations("few");
    let few = allocations("few");
    // Calling an export allocates; the test's own thread may print meanwhile.
    let many = allocations("many");
    assert!(many <= few + 20, "600 000 system calls: {many} allocations; 30: {few}");
}
