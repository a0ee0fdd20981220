//! See `gangplank_conformance::fuzz::syscalls`. Here each run is made twice: with a memory that only the guest can reach,
//! and with one that is shared with other threads.
#![no_main]

use gangplank_conformance::fuzz::syscalls::run_with;
use gangplank_wasi::GuestMemory;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gangplank_fuzz::run("syscalls", bytes);
    let exclusive = run_with(bytes, |memory| GuestMemory::exclusive(memory));
    // SAFETY: all of the slice, which nobody touches during the call.
    let shared = run_with(bytes, |memory| unsafe { GuestMemory::shared(memory.as_mut_ptr(), memory.len()) });
    // Where it waited for ever it was ended after some time, and that may come earlier or later.
    for (one, other) in exclusive.iter().zip(&shared) {
        if one.ends_with("EXIT") || other.ends_with("EXIT") {
            break;
        }
        assert_eq!(one, other, "a shared memory makes a difference");
    }
});
