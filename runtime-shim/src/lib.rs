//! Runs WebAssembly programs over virtual filesystems.
