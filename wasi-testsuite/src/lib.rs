//! The test-suite harness.
