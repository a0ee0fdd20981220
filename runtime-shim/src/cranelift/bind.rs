//! Our imports as functions of a `wasmtime::Linker`: one typed function for each row of the table, so that a call goes
//! from compiled code to the handler without a detour.

use core::{fmt, ptr::NonNull};

use super::limiter::Limiter;
use gangplank_wasi::{Call, GuestMemory, Thread, abi::Outcome};
use wasmtime::{Caller, Extern, Linker, Memory, SharedMemory};

/// What a store holds for our imports: whose thread it runs, and where the guest's memory is.
///
/// # One store, several instances
/// The memory lent to a syscall is that which the calling instance exports as `memory`. To find it costs a look-up by
/// name for each call. A store with a single instance saves that by [`bind`](Ctx::bind), and what wasmtime needs to get
/// from there to the bytes, half of the cheapest syscalls, by [`remember_memory`](Ctx::remember_memory).
pub struct Ctx {
    thread: Thread,
    memory: Bound,
    /// Where the bytes of `memory` are until it grows. Only while `remembers`.
    bytes: Option<Bytes>,
    remembers: bool,
    limiter: Limiter,
}

/// All bytes of a memory, as long as it does not grow.
#[derive(Clone, Copy)]
struct Bytes(NonNull<[u8]>);

// SAFETY: it is like the `&mut [u8]` that it becomes: the memory belongs to the store that this is in, and travels with
// it.
unsafe impl Send for Bytes {}

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

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("thread", &self.thread).field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl Ctx {
    /// For `thread`. Memory is looked for in each call.
    pub fn new(thread: Thread) -> Ctx {
        Ctx { thread, memory: Bound::PerCall, bytes: None, remembers: false, limiter: Limiter::default() }
    }

    /// For a store with a single instance: its memory is looked for once, in the first call, which may come from its
    /// start function.
    pub(super) fn of_one_instance(thread: Thread, limiter: Limiter) -> Ctx {
        Ctx { memory: Bound::First, limiter, ..Ctx::new(thread) }
    }

    /// The limiter, which is asked before every growth: what is remembered holds until then.
    pub(super) fn limiter(&mut self) -> &mut Limiter {
        self.memory_may_move();
        &mut self.limiter
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Uses this memory from now on: a `Memory` or `SharedMemory`; nothing else counts as one.
    pub fn bind(&mut self, memory: Option<Extern>) {
        self.bytes = None;
        self.memory = match memory {
            Some(Extern::Memory(memory)) => Bound::Own(memory),
            Some(Extern::SharedMemory(memory)) => Bound::Shared(memory),
            _ => Bound::Nothing,
        };
    }

    /// Remembers from one call to the next where the bytes of the bound memory are. Without a bound memory it changes
    /// nothing. [`Runner`](crate::Runner) does the same.
    ///
    /// ```
    /// use gangplank::{cranelift::Ctx, wasi::{ProcessBuilder, System, Thread}};
    /// use wasmtime::{Engine, ResourceLimiter, Store, StoreLimits};
    ///
    /// struct Data { ctx: Ctx, limits: StoreLimits }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let process = ProcessBuilder::new(&System::host(), "prog").build()?;
    /// let data = Data { ctx: Ctx::new(Thread::main(&process)), limits: StoreLimits::default() };
    /// let mut store = Store::new(&Engine::default(), data);
    /// store.limiter(|data| {
    ///     data.ctx.memory_may_move();
    ///     &mut data.limits
    /// });
    /// // SAFETY: the limiter is told above, and nobody takes the context out of the store.
    /// unsafe { store.data_mut().ctx.remember_memory() };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Safety
    /// * The store has a limiter (`Store::limiter`, `Store::limiter_async`) that calls
    ///   [`memory_may_move`](Self::memory_may_move) whenever it is asked about a memory.
    /// * After the first call of a guest the context is used in no other store: what `add_to_linker` finds for a store
    ///   has always been in that one.
    pub unsafe fn remember_memory(&mut self) {
        self.remembers = true;
    }

    /// To be called by a store's limiter: see [`remember_memory`](Self::remember_memory).
    pub fn memory_may_move(&mut self) {
        self.bytes = None;
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

/// Adds every import of `wasi_snapshot_preview1` and `wasi_unstable` to a linker of your own, for stores whose data
/// hold a [`Ctx`] that `get` finds. When the guest's process ends, the call into the guest fails with [`Exited`].
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
    let ctx = get(caller.data_mut());
    if let Some(Bytes(bytes)) = ctx.bytes {
        // SAFETY: `uncommon` put this there: all bytes of a memory of the store that the context is in. It has not
        // grown since, or the limiter would have had it forgotten; so it has not moved, and it lives as long as the
        // store, which is this one (`remember_memory`). Whatever else leads to the bytes goes through the store, which
        // `caller` borrows exclusively, and no guest runs until the handler is done.
        let bytes = unsafe { &mut *bytes.as_ptr() };
        return handler(&mut Call::new(&ctx.thread, GuestMemory::exclusive(bytes)));
    }
    uncommon(caller, get, handler)
}

/// Also of every call to a context that remembers nothing.
#[inline(never)]
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
            let base = NonNull::new(memory.data_ptr(&mut *caller));
            let len = memory.data_size(&mut *caller);
            let (bytes, data) = memory.data_and_store_mut(caller);
            let ctx = get(data);
            if ctx.remembers && matches!(ctx.memory, Bound::Own(_)) {
                ctx.bytes = base.map(|base| Bytes(NonNull::slice_from_raw_parts(base, len)));
            }
            handler(&mut Call::new(&ctx.thread, GuestMemory::exclusive(bytes)))
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
