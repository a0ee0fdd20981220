//! See `gangplank_conformance::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gangplank_fuzz::run("oci", bytes));
