//! Runs test suites in the format of the official wasi-testsuite on every filesystem and every engine that is built in.
//!
//! A suite is a directory with a `manifest.json` and any number of `NAME.wasm`, each with an optional `NAME.json` beside
//! it that says how to run it and what to expect. See [`mod@format`] for the keys. Each test runs on a fresh copy of its
//! `root`, so that no test sees what another left behind.
//!
//! The test target `suite` is the harness itself; it runs our own suites, and those below the directory that the
//! environment variable `WASI_TESTSUITE_DIR` names.

pub mod fixture;
pub mod format;
pub mod matrix;
pub mod plan;
pub mod run;
pub mod scripts;
#[cfg(unix)]
pub mod sockets;
pub mod suite;
