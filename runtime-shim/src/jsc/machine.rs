//! [`Machine`]: a context in a heap of JavaScriptCore's, and [`Kept`]: a value in it.
//!
//! The collector finds values on stacks, but not on Rust's heap. So every value that we have is a [`Kept`], which is
//! protected for as long as it exists and keeps its machine.

use core::{
    ffi::c_void,
    fmt, ptr, slice,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use std::sync::Arc;

use super::{
    heap::Group,
    sys::{self, Api, Callback, Context, Object, Str, Value},
};

static MACHINES: AtomicUsize = AtomicUsize::new(0);
static VALUES: AtomicUsize = AtomicUsize::new(0);
static MODULES: AtomicUsize = AtomicUsize::new(0);

/// What this engine holds in this process: for tests that it gives everything back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// Contexts: one for each instance.
    pub machines: usize,
    /// Modules that are compiled, with a heap for each: those that instances run, and those that programs keep for
    /// their next instances.
    pub modules: usize,
    /// Values that are protected from the collector, those of modules not counted.
    pub values: usize,
}

/// What is held now.
pub fn held() -> Held {
    Held { machines: MACHINES.load(Relaxed), modules: MODULES.load(Relaxed), values: VALUES.load(Relaxed) }
}

/// Counts a module for as long as it lives.
pub(super) struct Counted(());

impl Counted {
    pub(super) fn module() -> Counted {
        MODULES.fetch_add(1, Relaxed);
        Counted(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        MODULES.fetch_sub(1, Relaxed);
    }
}

/// A context. The last clone that is dropped ends it; what it leads to is freed when its heap is cleared.
#[derive(Clone)]
pub(super) struct Machine(Arc<Inner>);

struct Inner {
    api: &'static Api,
    group: Arc<Group>,
    context: Context,
    /// Whether it is a guest's, and counts.
    guest: bool,
}

// SAFETY: every function of the interface takes the heap's lock, so any thread may call it, and several may.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Machine").field(&self.0.context).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nothing of its is left: whatever is kept keeps the machine.
        unsafe { (self.api.JSGlobalContextRelease)(self.context) };
        if self.guest {
            MACHINES.fetch_sub(1, Relaxed);
        }
    }
}

impl Machine {
    /// A new one, for a guest.
    pub(super) fn new(group: &Arc<Group>) -> Machine {
        MACHINES.fetch_add(1, Relaxed);
        Machine::of(group, true)
    }

    /// A new one that is the first in its heap, and stays.
    pub(super) fn base(group: &Arc<Group>) -> Machine {
        Machine::of(group, false)
    }

    fn of(group: &Arc<Group>, guest: bool) -> Machine {
        Machine(Arc::new(Inner { api: group.api(), context: group.context(), group: Arc::clone(group), guest }))
    }

    pub(super) fn group(&self) -> &Arc<Group> {
        &self.0.group
    }

    pub(super) fn api(&self) -> &'static Api {
        self.0.api
    }

    pub(super) fn context(&self) -> Context {
        self.0.context
    }

    /// The global object.
    pub(super) fn global(&self) -> Kept {
        // SAFETY: the context lives.
        self.keep(unsafe { (self.api().JSContextGetGlobalObject)(self.context()) })
    }

    /// A new object without properties.
    pub(super) fn object(&self) -> Kept {
        // SAFETY: no class is the default one, which has no private data.
        self.keep(unsafe { (self.api().JSObjectMake)(self.context(), ptr::null(), ptr::null_mut()) })
    }

    /// A function of ours.
    pub(super) fn function(&self, name: &str, callback: Callback) -> Kept {
        let name = Text::new(self.api(), name);
        // SAFETY: the callback is a function for all time.
        self.keep(unsafe { (self.api().JSObjectMakeFunctionWithCallback)(self.context(), name.0, callback) })
    }

    /// An array buffer with these bytes, which nobody may write to: it is for reading modules from.
    pub(super) fn bytes(&self, bytes: &Arc<[u8]>) -> Result<Kept, Kept> {
        unsafe extern "C" fn free(_: *mut c_void, owner: *mut c_void) {
            // SAFETY: it is the box that was given along below, and this is called once.
            drop(unsafe { Box::from_raw(owner.cast::<Arc<[u8]>>()) });
        }
        let owner = Box::into_raw(Box::new(Arc::clone(bytes))).cast();
        let at = bytes.as_ptr().cast_mut().cast();
        // SAFETY: the bytes stay where they are until `free` is called. Nothing writes to them: the only code that sees
        // the buffer is the constructor of modules.
        self.attempt(|thrown| unsafe {
            let make = self.api().JSObjectMakeArrayBufferWithBytesNoCopy;
            make(self.context(), at, bytes.len(), free, owner, thrown).cast_const()
        })
    }

    /// Protects a value that came out of a call.
    fn keep(&self, value: Value) -> Kept {
        // SAFETY: it is a value of this machine's, as all that we are given.
        unsafe { (self.api().JSValueProtect)(self.context(), value) };
        if self.0.guest {
            VALUES.fetch_add(1, Relaxed);
        }
        Kept { machine: self.clone(), value }
    }

    /// The result of a call of the interface, or what it threw.
    fn attempt(&self, call: impl FnOnce(sys::Thrown) -> Value) -> Result<Kept, Kept> {
        let mut thrown = ptr::null();
        let value = call(&mut thrown);
        if thrown.is_null() { Ok(self.keep(value)) } else { Err(self.keep(thrown)) }
    }
}

/// A value that is protected from the collector.
pub(super) struct Kept {
    machine: Machine,
    value: Value,
}

// SAFETY: it is a reference to what the machine's lock guards, and can be used on any thread as the machine can.
unsafe impl Send for Kept {}
// SAFETY: as above; every use of the value through the interface takes the lock.
unsafe impl Sync for Kept {}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.value).finish()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: it was protected when it was made, once.
        unsafe { (self.machine.api().JSValueUnprotect)(self.machine.context(), self.value) };
        if self.machine.0.guest {
            VALUES.fetch_sub(1, Relaxed);
        }
    }
}

impl Kept {
    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn value(&self) -> Value {
        self.value
    }

    /// As the object that it is; the interface makes one of what is none.
    fn object(&self) -> Result<Object, Kept> {
        let Machine(inner) = &self.machine;
        let object = self.machine.attempt(|thrown| {
            // SAFETY: the value is one of this context.
            unsafe { (inner.api.JSValueToObject)(inner.context, self.value, thrown).cast_const() }
        })?;
        Ok(object.value.cast_mut())
    }

    /// A property; `undefined` if there is none.
    ///
    /// # Errors
    /// What it threw, as all of these.
    pub(super) fn get(&self, name: &str) -> Result<Kept, Kept> {
        let (api, context, object) = (self.machine.api(), self.machine.context(), self.object()?);
        let name = Text::new(api, name);
        // SAFETY: object and string live.
        self.machine.attempt(|thrown| unsafe { (api.JSObjectGetProperty)(context, object, name.0, thrown) })
    }

    /// Sets a property.
    pub(super) fn set(&self, name: &str, value: &Kept) -> Result<(), Kept> {
        let (api, context, object) = (self.machine.api(), self.machine.context(), self.object()?);
        let name = Text::new(api, name);
        let set = |thrown| {
            // SAFETY: object, string and value live.
            unsafe { (api.JSObjectSetProperty)(context, object, name.0, value.value, 0, thrown) };
            value.value
        };
        self.machine.attempt(set).map(drop)
    }

    /// Calls it as a function.
    pub(super) fn call(&self, args: &[&Kept]) -> Result<Kept, Kept> {
        let (api, context, object) = (self.machine.api(), self.machine.context(), self.object()?);
        let args: Vec<Value> = args.iter().map(|arg| arg.value).collect();
        // SAFETY: object and arguments live; no `this` is the default one.
        self.machine.attempt(|thrown| unsafe {
            (api.JSObjectCallAsFunction)(context, object, ptr::null_mut(), args.len(), args.as_ptr(), thrown)
        })
    }

    /// Calls it as a constructor.
    pub(super) fn construct(&self, args: &[&Kept]) -> Result<Kept, Kept> {
        let (api, context, object) = (self.machine.api(), self.machine.context(), self.object()?);
        let args: Vec<Value> = args.iter().map(|arg| arg.value).collect();
        // SAFETY: object and arguments live.
        self.machine.attempt(|thrown| unsafe {
            (api.JSObjectCallAsConstructor)(context, object, args.len(), args.as_ptr(), thrown).cast_const()
        })
    }

    /// A new `Uint8Array` over all of an array buffer, which this is.
    pub(super) fn uint8_array(&self) -> Result<Kept, Kept> {
        let (api, context, object) = (self.machine.api(), self.machine.context(), self.object()?);
        // SAFETY: the object lives, and the interface throws if it is no buffer.
        self.machine.attempt(|thrown| unsafe {
            (api.JSObjectMakeTypedArrayWithArrayBuffer)(context, sys::UINT8_ARRAY, object, thrown).cast_const()
        })
    }

    /// Whether it is an object made by this constructor.
    pub(super) fn is_instance(&self, constructor: &Kept) -> bool {
        let (api, context) = (self.machine.api(), self.machine.context());
        let Ok(constructor) = constructor.object() else { return false };
        // SAFETY: both live. What it throws, if the constructor is none, is as good as no.
        unsafe { (api.JSValueIsInstanceOfConstructor)(context, self.value, constructor, ptr::null_mut()) }
    }

    /// Whether it counts as true.
    pub(super) fn is_true(&self) -> bool {
        // SAFETY: the value lives.
        unsafe { (self.machine.api().JSValueToBoolean)(self.machine.context(), self.value) }
    }

    /// As text; nothing if it has none.
    pub(super) fn text(&self) -> String {
        let api = self.machine.api();
        // SAFETY: the value lives; what it throws is lost, and nothing comes out then.
        let text = unsafe { (api.JSValueToStringCopy)(self.machine.context(), self.value, ptr::null_mut()) };
        if text.is_null() {
            return String::new();
        }
        let text = Text(text, api);
        // SAFETY: the string lives.
        let (at, length) = unsafe { ((api.JSStringGetCharactersPtr)(text.0), (api.JSStringGetLength)(text.0)) };
        if at.is_null() || length == 0 {
            return String::new();
        }
        // SAFETY: the string has as many characters as it says, and lives until the end of this function.
        String::from_utf16_lossy(unsafe { slice::from_raw_parts(at, length) })
    }
}

/// A string of the interface's.
struct Text(Str, &'static Api);

impl Text {
    fn new(api: &'static Api, text: &str) -> Text {
        let characters: Vec<u16> = text.encode_utf16().collect();
        // SAFETY: it copies as many characters as it is told.
        Text(unsafe { (api.JSStringCreateWithCharacters)(characters.as_ptr(), characters.len()) }, api)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: it is ours.
        unsafe { (self.1.JSStringRelease)(self.0) };
    }
}
