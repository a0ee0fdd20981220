//! [`Group`]: a heap with its compilers and its lock, which are used again and again.
//!
//! The library keeps some hundred bytes of each group that has ever been, and to make one takes longer than to clear
//! one. So a group whose context has gone is cleared and kept for the next.

use core::ptr;

use parking_lot::Mutex;

use super::sys::{self, Api, Context};

/// Most groups that are kept. One takes about 2 MB.
const MOST_IDLE: usize = 16;

static IDLE: Mutex<Vec<Group>> = Mutex::new(Vec::new());

pub(super) struct Group {
    api: &'static Api,
    group: sys::Group,
    /// A context of nobody's: without one the group cannot be cleared.
    base: Context,
}

// SAFETY: every function of the interface takes the group's lock, so any thread may call it.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

impl Group {
    /// One without a context: an old or a new one.
    pub(super) fn take(api: &'static Api) -> Group {
        if let Some(group) = IDLE.lock().pop() {
            return group;
        }
        // SAFETY: no class for the global object is the default one.
        unsafe {
            let group = (api.JSContextGroupCreate)();
            Group { api, group, base: (api.JSGlobalContextCreateInGroup)(group, ptr::null()) }
        }
    }

    /// A new context in it, to be released before the group is given back.
    pub(super) fn context(&self) -> Context {
        // SAFETY: no class for the global object is the default one.
        unsafe { (self.api.JSGlobalContextCreateInGroup)(self.group, ptr::null()) }
    }

    /// Clears it: compiled code, memories and all.
    pub(super) fn give_back(self) {
        let Some(collect) = self.api.collect else { return };
        // SAFETY: the context lives.
        unsafe { collect(self.base) };
        let mut idle = IDLE.lock();
        if idle.len() < MOST_IDLE {
            idle.push(self);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: they are ours.
        unsafe {
            (self.api.JSGlobalContextRelease)(self.base);
            (self.api.JSContextGroupRelease)(self.group);
        }
    }
}
