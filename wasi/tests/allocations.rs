//! The calls that programs make all the time allocate nothing. Counted, not timed.

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System as Heap};

use gangplank_vfs::{FileType, OpenFile, OpenFlags};
use gangplank_wasi::{
    Call, GuestMemory, ProcessBuilder, System, Thread,
    abi::{self, Outcome},
    pipes, stdio,
};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { Heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; it came from `alloc` above.
        unsafe { Heap.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(f: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    f();
    COUNT.with(Cell::get) - before
}

#[test]
fn reading_writing_and_polling_allocate_nothing() {
    let (reader, writer) = pipes::pipe(pipes::PIPE_CAPACITY);
    let writer = OpenFile::from_stream(writer, OpenFlags::WRITE, FileType::Fifo);
    let process = ProcessBuilder::new(&System::deterministic(1), "guest")
        .stdin(reader)
        .stdout(stdio::null())
        .file(writer)
        .build()
        .unwrap();
    let thread = Thread::main(&process);
    let mut memory = vec![0; 65536];
    // Two buffers of 64 bytes, described at 0; 16 subscriptions at 1024: 5 clocks, 5 to read 0, 6 to write 3.
    for i in 0..2 {
        memory[8 * i..][..2].copy_from_slice(&(4096 + 64 * i as u16).to_le_bytes());
        memory[8 * i + 4] = 64;
    }
    for i in 0..16 {
        let at = 1024 + 48 * i;
        memory[at + 8] = (i % 3) as u8;
        memory[at + 16] = [1, 0, 3][i % 3];
    }
    // The last is a clock; make it the time of day.
    memory[1024 + 48 * 15 + 16] = 0;
    let mut call = |name: &str, args: &[u64]| {
        let import = abi::find("wasi_snapshot_preview1", name).unwrap();
        let mut call = Call::new(&thread, GuestMemory::exclusive(&mut memory));
        assert_eq!((import.call)(&mut call, args), Outcome::Return(0), "{name}");
    };
    let mut round = || {
        call("fd_write", &[3, 0, 2, 512]);
        call("poll_oneoff", &[1024, 8192, 16, 512]);
        call("fd_read", &[0, 0, 2, 512]);
        call("fd_write", &[1, 0, 2, 512]);
        call("poll_oneoff", &[1024, 8192, 1, 512]);
        call("clock_time_get", &[1, 0, 512]);
        call("sched_yield", &[]);
    };
    // The pipe gets its buffer.
    round();
    assert_eq!(allocations(|| (0..100).for_each(|_| round())), 0);
}
