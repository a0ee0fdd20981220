//! Preview1 without an engine: handlers on a vector for memory, over the memory filesystem. Each behaviour is tried
//! with rights ignored and enforced, and in a memory of our own and a shared one.

mod bounded;
mod descriptors;
mod directories;
mod files;
mod guest;
mod heap;
mod hostile;
mod paths;
mod process;
mod unstable;
