//! [`Guest`]: what the functions that a guest imports find when it calls them.

use core::{any::Any, cell::Cell, ptr, slice};
use std::{cell::RefCell, sync::Arc};

use gangplank_wasi::{GuestMemory, Thread};

use super::{
    machine::{Kept, Machine},
    sys::{Api, Context, Object, Thrown, Value},
    value,
};
use crate::{ModuleInfo, engine::MemoryLimit, module_info::MemoryType};

thread_local! {
    /// The guest that runs on this thread. Another one may run inside of a call of its, and it again after that.
    static CURRENT: Cell<*const Guest> = const { Cell::new(ptr::null()) };
}

/// One instance's side of its calls. It does not move while the instance lives.
pub(super) struct Guest {
    pub(super) thread: Thread,
    /// Limits of memory, and what is to be known to count against them.
    pub(super) limit: Option<Limit>,
    /// Instructions that have not been handed out yet; `None` if they are not limited.
    pub(super) fuel: Cell<Option<u64>>,
    machine: Machine,
    /// Whether values are the 64 bits that we take them for.
    pub(super) in_place: bool,
    memory: RefCell<Option<Memory>>,
    /// What is thrown to end the guest: no code of its can catch that.
    exit: Kept,
    ended: RefCell<Option<Ended>>,
}

/// Why the guest was ended by us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Its process is over.
    Exit,
    /// It has used up its instructions.
    OutOfFuel,
    /// A handler panicked, with these words.
    Panic(String),
}

/// A limit of memory, and the most that the module itself allows.
pub(super) struct Limit {
    pub(super) limit: Arc<MemoryLimit>,
    /// Units and most units of the memory, then of the tables.
    pub(super) sizes: Vec<(u64, u64)>,
}

/// Bytes of an element of a table, as wasmtime counts them: a pointer.
const ELEMENT: u64 = 8;

impl Limit {
    pub(super) fn new(limit: Arc<MemoryLimit>, info: &ModuleInfo) -> Limit {
        let memory = info.memories.first();
        let pages = |memory: &MemoryType| (memory.page_size, memory.maximum.unwrap_or(1 << 16).min(1 << 16));
        let tables = info.tables.iter().map(|table| (ELEMENT, table.maximum.unwrap_or(u32::MAX.into())));
        Limit { limit, sizes: [memory.map_or((0, 0), pages)].into_iter().chain(tables).collect() }
    }

    /// Takes what the module begins with.
    pub(super) fn take_initial(&self, info: &ModuleInfo) -> bool {
        let memories = info.memories.iter().map(|memory| memory.initial.saturating_mul(memory.page_size));
        let tables = info.tables.iter().map(|table| table.initial.saturating_mul(ELEMENT));
        memories.chain(tables).all(|bytes| self.limit.take(bytes))
    }

    /// Whether a memory or table of this size may grow; whether it can, it finds out itself.
    pub(super) fn grow(&self, which: u32, size: u32, more: u32) -> bool {
        let Some((unit, most)) = self.sizes.get(which as usize) else { return false };
        // What the module itself forbids is not our limit's doing.
        u64::from(size) + u64::from(more) > *most || self.limit.take(u64::from(more) * unit)
    }

    /// It could not.
    pub(super) fn undo(&self, which: u32, size: u32, more: u32) {
        if let Some((unit, most)) = self.sizes.get(which as usize)
            && u64::from(size) + u64::from(more) <= *most
        {
            self.limit.give_back(u64::from(more) * unit);
        }
    }
}

impl Guest {
    pub(super) fn new(thread: Thread, exit: Kept, in_place: bool) -> Guest {
        Guest {
            thread,
            limit: None,
            fuel: Cell::new(None),
            machine: exit.machine().clone(),
            in_place,
            memory: RefCell::new(None),
            exit,
            ended: RefCell::new(None),
        }
    }

    /// Lends this memory to its calls from now on: a `WebAssembly.Memory`.
    pub(super) fn bind(&self, memory: Kept, shared: bool) -> Result<(), Kept> {
        let mut memory = Memory {
            length: self.machine.api().JSObjectGetTypedArrayByteLength,
            context: self.machine.context(),
            object: ptr::null_mut(),
            base: ptr::null_mut(),
            len: 0,
            shared,
            memory,
            view: None,
        };
        memory.look()?;
        *self.memory.borrow_mut() = Some(memory);
        Ok(())
    }

    /// Runs what calls into this guest.
    pub(super) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        struct Restore(*const Guest);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        run()
    }

    /// The guest whose call this is.
    ///
    /// # Safety
    /// It is called by a guest's import, and what it answers is not used after that.
    pub(super) unsafe fn current<'a>() -> &'a Guest {
        // SAFETY: imports are called by guest code alone, which runs only inside of `enter`.
        unsafe { &*CURRENT.get() }
    }

    /// Ends the guest's code, from inside of one of its imports. The first reason counts.
    #[cold]
    pub(super) fn end(&self, why: Ended, thrown: Thrown) -> Value {
        self.ended.borrow_mut().get_or_insert(why);
        // SAFETY: it is where the interface wants what is thrown.
        unsafe { *thrown = self.exit.value() };
        value::UNDEFINED
    }

    /// Why it was ended, if this is what ended it.
    pub(super) fn why_ended(&self, thrown: Option<&Kept>) -> Option<Ended> {
        match thrown {
            Some(thrown) if thrown.value() != self.exit.value() => None,
            _ => self.ended.borrow().clone(),
        }
    }

    /// The memory, for the length of one call.
    #[inline(always)]
    pub(super) fn lend(&self) -> GuestMemory<'_> {
        // SAFETY: `memory` is borrowed here and in `bind` alone, each time for no longer than that function; no call of
        // the guest's happens meanwhile.
        let memory = unsafe { &mut *self.memory.as_ptr() };
        match memory {
            Some(memory) => memory.lend(),
            None => GuestMemory::none(),
        }
    }
}

/// What a panic said.
pub(super) fn words(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => (*words).to_owned(),
        (_, Some(words)) => words.clone(),
        _ => "a panic without words".to_owned(),
    }
}

/// The guest's memory: where it was when we last looked, and what tells whether it still is there.
struct Memory {
    // What each call needs stands side by side.
    length: unsafe extern "C" fn(Context, Object, Thrown) -> usize,
    context: Context,
    /// That of `view`, or null.
    object: Object,
    base: *mut u8,
    len: usize,
    shared: bool,
    /// A `WebAssembly.Memory`.
    memory: Kept,
    /// A `Uint8Array` over it. When the memory grows, it is detached, and its length becomes 0.
    view: Option<Kept>,
}

impl Memory {
    #[inline(always)]
    fn lend<'a>(&mut self) -> GuestMemory<'a> {
        if self.shared || self.len == 0 || self.view_len() != self.len {
            // Fails for want of memory alone; the call then has none, and answers FAULT.
            if self.look().is_err() {
                self.len = 0;
            }
        }
        if self.len == 0 {
            return GuestMemory::none();
        }
        if self.shared {
            // SAFETY: a shared memory never moves and never shrinks, and the instance keeps it alive during the call.
            return unsafe { GuestMemory::shared(self.base, self.len) };
        }
        // SAFETY: the view has just been found to have this length, so the memory is where it was when we looked. It
        // stays there for the length of the call, which runs no guest code; nor does anything else use it meanwhile.
        GuestMemory::exclusive(unsafe { slice::from_raw_parts_mut(self.base, self.len) })
    }

    #[inline(always)]
    fn view_len(&self) -> usize {
        // SAFETY: `look` has set it to a typed array, which `view` keeps; until then there are no bytes, and nobody asks.
        unsafe { (self.length)(self.context, self.object, ptr::null_mut()) }
    }

    /// Finds out where it is.
    #[cold]
    fn look(&mut self) -> Result<(), Kept> {
        let view = self.memory.get("buffer")?.uint8_array()?;
        let (api, context) = of(&view);
        let object: Object = view.value().cast_mut();
        // SAFETY: it is a typed array, over all of its buffer.
        let (base, len) = unsafe {
            (
                (api.JSObjectGetTypedArrayBytesPtr)(context, object, ptr::null_mut()),
                (api.JSObjectGetTypedArrayByteLength)(context, object, ptr::null_mut()),
            )
        };
        (self.object, self.base, self.len) = (object, base.cast(), if base.is_null() { 0 } else { len });
        self.view = Some(view);
        Ok(())
    }
}

fn of(value: &Kept) -> (&'static Api, Context) {
    (value.machine().api(), value.machine().context())
}

impl Guest {
    pub(super) fn api(&self) -> (&'static Api, Context) {
        (self.machine.api(), self.machine.context())
    }
}
