//! An allocator that remembers, for each thread, how often and how much at once was asked of it.

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};

struct Watched;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises; it came from `alloc` above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// How often `f` allocates, and the most bytes at once.
pub(crate) fn watch(f: impl FnOnce()) -> (usize, usize) {
    let before = COUNT.with(Cell::get);
    LARGEST.with(|largest| largest.set(0));
    f();
    (COUNT.with(Cell::get) - before, LARGEST.with(Cell::get))
}
