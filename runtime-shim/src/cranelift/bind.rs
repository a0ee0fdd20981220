//! Our imports as functions of a `wasmtime::Linker`: one typed function for each row of the table, so that a call goes
//! from compiled code to the handler without a detour.

use core::fmt;

use super::limiter::Limiter;
use gangplank_wasi::{Call, GuestMemory, Thread, abi::Outcome};
use wasmtime::{Caller, Extern, Linker, Memory, SharedMemory};

/// What a store holds for our imports: whose thread it runs, and where the guest's memory is.
///
/// # One store, several instances
/// The memory lent to a syscall is that which the calling instance exports as `memory`. To find it costs a look-up by
/// name for each call. A store with a single instance saves that by [`bind`](Ctx::bind).
#[derive(Debug)]
pub struct Ctx {
    thread: Thread,
    memory: Bound,
    limiter: Limiter,
}

enum Bound {
    /// Look for the caller's in each call.
    PerCall,
    /// Take the caller's in the first call and keep it.
    First,
    Own(Memory),
    Shared(SharedMemory),
    /// There is none.
    Nothing,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::PerCall => "PerCall",
            Bound::First => "First",
            Bound::Own(_) => "Own",
            Bound::Shared(_) => "Shared",
            Bound::Nothing => "Nothing",
        })
    }
}

impl Ctx {
    /// For `thread`. Memory is looked for in each call.
    pub fn new(thread: Thread) -> Ctx {
        Ctx { thread, memory: Bound::PerCall, limiter: Limiter::default() }
    }

    /// For a store with a single instance: its memory is looked for once, in the first call, which may come from its
    /// start function.
    pub(super) fn of_one_instance(thread: Thread, limiter: Limiter) -> Ctx {
        Ctx { thread, memory: Bound::First, limiter }
    }

    pub(super) fn limiter(&mut self) -> &mut Limiter {
        &mut self.limiter
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Uses this memory from now on: a `Memory` or `SharedMemory`; nothing else counts as one.
    pub fn bind(&mut self, memory: Option<Extern>) {
        self.memory = match memory {
            Some(Extern::Memory(memory)) => Bound::Own(memory),
            Some(Extern::SharedMemory(memory)) => Bound::Shared(memory),
            _ => Bound::Nothing,
        };
    }
}

/// The error with which a syscall unwinds the guest: its process is over. `process().life().status()` says how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exited;

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has ended")
    }
}

impl core::error::Error for Exited {}

/// Adds every import of `wasi_snapshot_preview1` and `wasi_unstable` to a linker of your own, for stores whose data hold a [`Ctx`] that
/// `get` finds. When the guest's process ends, the call into the guest fails with [`Exited`].
///
/// # Errors
/// If the linker has one of them already.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut Ctx + Copy + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    gangplank_wasi::for_each_preview1!(bind! { linker, get, preview1 });
    gangplank_wasi::for_each_unstable!(bind! { linker, get, unstable });
    Ok(())
}

macro_rules! bind {
    ({ $linker:ident, $get:ident, $entries:ident } module $module:literal; $(
        #[doc = $doc:literal]
        fn $name:ident($($param:ident: $kind:ident),*) -> $result:ident in $home:ident;
    )*) => {
        $(
            $linker.func_wrap(
                $module,
                stringify!($name),
                move |mut caller: Caller<'_, T>, $($param: gangplank_wasi::abi::repr::$kind),*| {
                    let outcome = syscall(&mut caller, $get, |call| {
                        gangplank_wasi::abi::$entries::$name(call, $($param),*)
                    });
                    result!($result, outcome)
                },
            )?;
        )*
    };
}
use bind;

/// What the guest gets.
macro_rules! result {
    (errno, $outcome:ident) => {
        match $outcome {
            Outcome::Return(errno) => Ok(errno),
            Outcome::Exit => Err(exited()),
        }
    };
    // The specification has no way to return from these.
    (never, $outcome:ident) => {{
        let (Outcome::Return(_) | Outcome::Exit) = $outcome;
        Err::<(), _>(exited())
    }};
}
pub(super) use result;

#[cold]
pub(super) fn exited() -> wasmtime::Error {
    wasmtime::Error::new(Exited)
}

#[inline(always)]
pub(super) fn syscall<T: 'static>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut Ctx,
    handler: impl FnOnce(&mut Call<'_>) -> Outcome,
) -> Outcome {
    match get(caller.data_mut()).memory {
        Bound::Own(memory) => {
            let (bytes, data) = memory.data_and_store_mut(caller);
            handler(&mut Call { thread: &get(data).thread, memory: GuestMemory::exclusive(bytes) })
        }
        _ => uncommon(caller, get, handler),
    }
}

#[cold]
fn uncommon<T: 'static>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut Ctx,
    handler: impl FnOnce(&mut Call<'_>) -> Outcome,
) -> Outcome {
    let memory = match &get(caller.data_mut()).memory {
        Bound::Own(memory) => Some(Extern::Memory(*memory)),
        Bound::Shared(memory) => Some(Extern::SharedMemory(memory.clone())),
        Bound::Nothing => None,
        Bound::PerCall => caller.get_export("memory"),
        Bound::First => {
            let memory = caller.get_export("memory");
            get(caller.data_mut()).bind(memory.clone());
            memory
        }
    };
    match memory {
        Some(Extern::Memory(memory)) => {
            let (bytes, data) = memory.data_and_store_mut(caller);
            handler(&mut Call { thread: &get(data).thread, memory: GuestMemory::exclusive(bytes) })
        }
        Some(Extern::SharedMemory(memory)) => {
            let bytes = memory.data();
            // SAFETY: a shared memory never moves and never shrinks, and `memory` keeps it alive during the call.
            let lent = unsafe { GuestMemory::shared(bytes.as_ptr().cast_mut().cast(), bytes.len()) };
            handler(&mut Call { thread: &get(caller.data_mut()).thread, memory: lent })
        }
        _ => handler(&mut Call { thread: &get(caller.data_mut()).thread, memory: GuestMemory::none() }),
    }
}
