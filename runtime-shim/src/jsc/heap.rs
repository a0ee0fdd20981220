//! [`Heap`]: a virtual machine of JavaScriptCore's, its compilers and its lock, which are used again and again.
//!
//! The library keeps some hundred bytes of each heap that has ever been, and to make one takes longer than to clear
//! one. So a heap that is not used any more is cleared and kept for the next.

use core::ptr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    machine::Machine,
    sys::{self, Api, Context},
};

/// Most heaps that are kept for whoever wants one. One takes about 2 MB.
const MOST_IDLE: usize = 16;

static IDLE: Mutex<Vec<Machine>> = Mutex::new(Vec::new());

/// A "context group", as long as something is in it.
pub(super) struct Group {
    api: &'static Api,
    group: sys::Group,
}

// SAFETY: every function of the interface takes the group's lock, so any thread may call it.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

impl Group {
    fn new(api: &'static Api) -> Group {
        // SAFETY: it may be called at any time.
        Group { api, group: unsafe { (api.JSContextGroupCreate)() } }
    }

    pub(super) fn api(&self) -> &'static Api {
        self.api
    }

    /// A new context in it; whoever has it keeps the group, and releases the context first.
    pub(super) fn context(&self) -> Context {
        // SAFETY: no class for the global object is the default one.
        unsafe { (self.api.JSGlobalContextCreateInGroup)(self.group, ptr::null()) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: it is ours, and whatever was in it has been released.
        unsafe { (self.api.JSContextGroupRelease)(self.group) };
    }
}

/// A heap that is nobody else's. When it is dropped it is cleared and kept, if there is room.
pub(super) struct Heap {
    /// A context that no guest sees: what is to outlive guests is in it, and without one nothing can be cleared.
    base: Machine,
}

impl Heap {
    /// An old or a new one, with nothing in it but the base.
    pub(super) fn take(api: &'static Api) -> Heap {
        let idle = IDLE.lock().pop();
        Heap { base: idle.unwrap_or_else(|| Machine::base(&Arc::new(Group::new(api)))) }
    }

    /// The context that no guest sees.
    pub(super) fn base(&self) -> &Machine {
        &self.base
    }

    /// A context for a guest.
    pub(super) fn machine(&self) -> Machine {
        Machine::new(self.base.group())
    }

    /// Frees all that nothing leads to: contexts that are no more, with their memories and all. Answers whether that
    /// could be done.
    pub(super) fn clear(&self) -> bool {
        let Some(collect) = self.base.api().collect else { return false };
        // SAFETY: the context lives.
        unsafe { collect(self.base.context()) };
        true
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        if self.clear() {
            let mut idle = IDLE.lock();
            if idle.len() < MOST_IDLE {
                idle.push(self.base.clone());
            }
        }
    }
}
