//! An allocator that counts what each thread holds, and a run that may not hold more than its target says.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use gangplank_conformance::fuzz::Target;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    /// Bytes that this thread has allocated and not freed. Negative, if it frees what others have allocated.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most that it has held since that was last looked at.
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // While a thread ends there is nowhere to count.
    let _ = HELD.try_with(|held| {
        held.set(held.get().wrapping_add(change));
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises; it came from one of the others.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as isize - layout.size() as isize);
        // SAFETY: as the caller promises; it came from one of the others.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// Runs a target, and answers the most bytes that it has held.
///
/// # Panics
/// If something is wrong, or it holds more at once than it may.
pub(crate) fn limited(target: &Target, bytes: &[u8]) -> usize {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    (target.run)(bytes);
    let most = (MOST.with(Cell::get) - before).max(0) as usize;
    let allowed = (target.heap)(bytes.len());
    assert!(most <= allowed, "{}: {most} bytes held at once, of {allowed} allowed", target.name);
    most
}
