//! WASI preview1 against `gangplank-vfs`, for any WebAssembly engine.
