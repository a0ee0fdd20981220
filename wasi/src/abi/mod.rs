//! The binary interface: which functions a guest imports, and how its data lies in memory.

mod entries;
mod errno;
mod flags;
mod import;
mod kind;
mod layout;
pub mod preview1;
mod table;
pub mod types;
pub mod unstable;

pub use errno::{errno_name, to_wasi};
pub use flags::{
    EventRwFlags, FdFlags, FstFlags, LookupFlags, OFlags, RiFlags, RoFlags, SdFlags, SiFlags, SubClockFlags,
};
pub use import::{Import, Outcome, Param, find, imports};
pub use kind::{Kind, ValType, repr};
pub use layout::Layout;
