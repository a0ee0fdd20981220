//! What a parameter means, and how it travels.

/// The type of a value that crosses into wasm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValType {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $repr:ident $val:ident,)*) => {
        /// What a parameter of an import means.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Its type in wasm.
            pub const fn val_type(self) -> ValType {
                match self {
                    $(Kind::$name => ValType::$val,)*
                }
            }
        }

        /// The Rust type of each [`Kind`], under the same name.
        pub mod repr {
            $($(#[$doc])* pub type $name = $repr;)*
        }
    };
}

kinds! {
    /// A descriptor.
    Fd: u32 I32,
    /// Bytes of the buffer before it, or elements of the array.
    Len: u32 I32,
    /// Start of a path; a [`PathLen`](super::Kind::PathLen) follows.
    Path: u32 I32,
    /// Bytes of the path before it.
    PathLen: u32 I32,
    /// Array of buffers to read from; an [`IovsLen`](super::Kind::IovsLen) follows.
    Iovs: u32 I32,
    /// Array of buffers to fill; an [`IovsLen`](super::Kind::IovsLen) follows.
    IovsMut: u32 I32,
    /// Number of buffers of the array before it.
    IovsLen: u32 I32,
    /// Array of `subscription`.
    Subscriptions: u32 I32,
    /// Array of `subscription` as in `wasi_unstable`.
    SubscriptionsUnstable: u32 I32,
    /// Array of `event` to fill.
    OutEvents: u32 I32,
    /// Bytes to fill.
    OutBuf: u32 I32,
    /// Array of pointers to fill.
    OutPtrs: u32 I32,
    /// Where a `u16` goes.
    OutU16: u32 I32,
    /// Where a `u32` goes.
    OutU32: u32 I32,
    /// Where a `u64` goes.
    OutU64: u32 I32,
    /// Where a descriptor goes.
    OutFd: u32 I32,
    /// Where an `fdstat` goes.
    OutFdstat: u32 I32,
    /// Where a `filestat` goes.
    OutFilestat: u32 I32,
    /// Where a `filestat` as in `wasi_unstable` goes.
    OutFilestatUnstable: u32 I32,
    /// Where a `prestat` goes.
    OutPrestat: u32 I32,
    /// A plain number.
    U32: u32 I32,
    /// A plain number.
    U64: u64 I64,
    /// A number with a sign.
    I64: i64 I64,
    /// Nanoseconds.
    Timestamp: u64 I64,
    /// Set of `rights`.
    Rights: u64 I64,
    /// Set of `lookupflags`.
    LookupFlags: u32 I32,
    /// Set of `oflags`.
    OFlags: u32 I32,
    /// Set of `fdflags`.
    FdFlags: u32 I32,
    /// Set of `fstflags`.
    FstFlags: u32 I32,
    /// Set of `riflags`.
    RiFlags: u32 I32,
    /// Set of `siflags`.
    SiFlags: u32 I32,
    /// Set of `sdflags`.
    SdFlags: u32 I32,
    /// A `clockid`.
    ClockId: u32 I32,
    /// An `advice`.
    Advice: u32 I32,
    /// A `whence`.
    Whence: u32 I32,
    /// A `whence` as in `wasi_unstable`.
    WhenceUnstable: u32 I32,
    /// A signal number.
    Signal: u32 I32,
}
