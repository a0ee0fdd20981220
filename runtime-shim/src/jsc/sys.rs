//! JavaScriptCore's C interface: our own declarations, found in the system's library when the engine is first made.
//!
//! The library is not linked. A build needs nothing of it, a process that uses another engine does not pay for loading
//! it, and where it is missing there is a message instead of a program that does not start. It is never unloaded: it
//! has threads and signal handlers of its own.

#![allow(non_snake_case, reason = "the names of the C interface")]

use core::ffi::{c_uint, c_void};
use std::{ffi::OsStr, sync::OnceLock};

use libloading::Library;

/// Something that only the library looks into.
#[repr(C)]
pub(super) struct Opaque([u8; 0]);

/// A virtual machine: heap, compilers, lock.
pub(super) type Group = *const Opaque;
/// A world of globals in a group.
pub(super) type Context = *mut Opaque;
/// Any value; null where there is none.
pub(super) type Value = *const Opaque;
/// A value that is an object.
pub(super) type Object = *mut Opaque;
/// A string that is no value.
pub(super) type Str = *mut Opaque;
/// Where a call leaves what it threw.
pub(super) type Thrown = *mut Value;
/// A function of ours, as the library calls it: context, the function itself, `this`, arguments.
pub(super) type Callback = unsafe extern "C" fn(Context, Object, Object, usize, *const Value, Thrown) -> Value;
/// Frees the bytes of an array buffer.
pub(super) type Deallocator = unsafe extern "C" fn(*mut c_void, *mut c_void);

/// `kJSTypedArrayTypeUint8Array`.
pub(super) const UINT8_ARRAY: c_uint = 3;

/// Names another library than the system's, or one of several: what the loader finds under this name or path.
pub const LIBRARY: &str = "GANGPLANK_JSC_LIBRARY";

/// The library's names, the preferred one first.
const NAMES: &[&str] = if cfg!(target_vendor = "apple") {
    &["/System/Library/Frameworks/JavaScriptCore.framework/JavaScriptCore"]
} else {
    &["libjavascriptcoregtk-4.1.so.0", "libjavascriptcoregtk-4.0.so.18", "libjavascriptcoregtk-6.0.so.1"]
};

/// Where to get it.
const ADVICE: &str = if cfg!(target_vendor = "apple") {
    "it is a part of macOS, which has lost it"
} else if cfg!(target_os = "linux") {
    "install it with `apt-get install libjavascriptcoregtk-4.1-0` (Debian 12, Ubuntu 22.04 and later), \
     `apt-get install libjavascriptcoregtk-4.0-18` (older ones), `dnf install javascriptcoregtk4.1` (Fedora) \
     or `pacman -S webkit2gtk-4.1` (Arch)"
} else {
    "it is known to exist for Linux and macOS"
};

/// The interface, loaded by the first call.
///
/// # Errors
/// What is missing and where to get it.
pub(super) fn api() -> Result<&'static Api, String> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(|| match std::env::var_os(LIBRARY) {
        Some(chosen) if !chosen.is_empty() => chosen_one(&chosen),
        _ => load(NAMES),
    })
    .as_ref()
    .map_err(Clone::clone)
}

fn load(names: &[&str]) -> Result<Api, String> {
    let mut reasons = Vec::new();
    for name in names {
        match open(name.as_ref()) {
            // SAFETY: a library of this name has functions of these types under these names.
            Ok(library) => return unsafe { Api::find((*name).to_owned(), library) },
            Err(reason) => reasons.push(reason),
        }
    }
    let tried = reasons.join("; ");
    Err(format!("its library is not there: {ADVICE}; or name another one in {LIBRARY} (tried: {tried})"))
}

fn chosen_one(name: &OsStr) -> Result<Api, String> {
    let shown = name.to_string_lossy().into_owned();
    match open(name) {
        // SAFETY: whoever sets the variable promises that it is a JavaScriptCore, as with the loader's own variables.
        // One that lacks a function is refused.
        Ok(library) => unsafe { Api::find(shown, library) },
        Err(reason) => Err(format!("there is no library `{shown}`, which {LIBRARY} names: {reason}")),
    }
}

fn open(name: &OsStr) -> Result<Library, String> {
    // SAFETY: the initialisers of these libraries, which are those of WebKit and GLib, are made to run in any process at
    // any time.
    unsafe { Library::new(name) }.map_err(|error| error.to_string())
}

macro_rules! api {
    ($($(#[$doc:meta])* fn $name:ident($($param:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the interface that we use.
        pub(super) struct Api {
            $($(#[$doc])* pub(super) $name: unsafe extern "C" fn($($param),*) $(-> $result)?,)*
            /// As it was loaded.
            pub(super) library: String,
            /// Frees all that is not used any more before it returns. It is in no public header.
            pub(super) collect: Option<unsafe extern "C" fn(Context)>,
            /// Of WebKitGTK: major, minor, micro.
            pub(super) version: Option<[c_uint; 3]>,
        }

        impl Api {
            /// # Safety
            /// `library` is JavaScriptCore.
            unsafe fn find(name: String, library: Library) -> Result<Api, String> {
                let library: &'static Library = Box::leak(Box::new(library));
                // SAFETY: by the caller's promise, the types are those of its header.
                unsafe {
                    Ok(Api {
                        $($name: find(library, concat!(stringify!($name), "\0"))
                            .map_err(|error| format!("its library ({name}) is too old, or another one: {error}"))?,)*
                        library: name,
                        collect: find(library, "JSSynchronousGarbageCollectForDebugging\0").ok(),
                        version: version(library),
                    })
                }
            }
        }
    };
}

api! {
    fn JSContextGroupCreate() -> Group;
    fn JSContextGroupRelease(Group);
    /// The class of the global object, or null.
    fn JSGlobalContextCreateInGroup(Group, *const Opaque) -> Context;
    fn JSGlobalContextRelease(Context);
    fn JSContextGetGlobalObject(Context) -> Object;
    fn JSStringCreateWithCharacters(*const u16, usize) -> Str;
    fn JSStringGetLength(Str) -> usize;
    fn JSStringGetCharactersPtr(Str) -> *const u16;
    fn JSStringRelease(Str);
    fn JSValueProtect(Context, Value);
    fn JSValueUnprotect(Context, Value);
    fn JSValueMakeNumber(Context, f64) -> Value;
    fn JSValueMakeUndefined(Context) -> Value;
    fn JSValueToNumber(Context, Value, Thrown) -> f64;
    fn JSValueToBoolean(Context, Value) -> bool;
    fn JSValueToStringCopy(Context, Value, Thrown) -> Str;
    fn JSValueToObject(Context, Value, Thrown) -> Object;
    fn JSValueIsInstanceOfConstructor(Context, Value, Object, Thrown) -> bool;
    /// A class, or null; its private data, or null.
    fn JSObjectMake(Context, *const Opaque, *mut c_void) -> Object;
    fn JSObjectMakeFunctionWithCallback(Context, Str, Callback) -> Object;
    fn JSObjectGetProperty(Context, Object, Str, Thrown) -> Value;
    /// The last but one are attributes; 0 is none.
    fn JSObjectSetProperty(Context, Object, Str, Value, c_uint, Thrown);
    fn JSObjectCallAsFunction(Context, Object, Object, usize, *const Value, Thrown) -> Value;
    fn JSObjectCallAsConstructor(Context, Object, usize, *const Value, Thrown) -> Object;
    fn JSObjectMakeArrayBufferWithBytesNoCopy(Context, *mut c_void, usize, Deallocator, *mut c_void, Thrown) -> Object;
    fn JSObjectMakeTypedArrayWithArrayBuffer(Context, c_uint, Object, Thrown) -> Object;
    fn JSObjectGetTypedArrayBytesPtr(Context, Object, Thrown) -> *mut c_void;
    fn JSObjectGetTypedArrayByteLength(Context, Object, Thrown) -> usize;
}

/// # Safety
/// The function of this name, which ends with a NUL, has the type `F`.
unsafe fn find<F: Copy>(library: &'static Library, name: &str) -> Result<F, String> {
    // SAFETY: by the caller's promise.
    match unsafe { library.get::<F>(name.as_bytes()) } {
        Ok(function) => Ok(*function),
        Err(error) => Err(error.to_string()),
    }
}

/// # Safety
/// `library` is JavaScriptCore, of WebKitGTK or not.
unsafe fn version(library: &'static Library) -> Option<[c_uint; 3]> {
    type Number = unsafe extern "C" fn() -> c_uint;
    let number = |name: &str| {
        // SAFETY: WebKitGTK has functions of these names and this type; others have none.
        let function = unsafe { find::<Number>(library, name) }.ok()?;
        // SAFETY: they answer a constant.
        Some(unsafe { function() })
    };
    Some([number("jsc_get_major_version\0")?, number("jsc_get_minor_version\0")?, number("jsc_get_micro_version\0")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_missing_is_named_with_its_package() {
        let error = load(&["libjavascriptcoregtk-0.0.so.9"]).err().unwrap();
        assert!(error.contains("libjavascriptcoregtk-0.0.so.9"), "{error}");
        if cfg!(target_os = "linux") {
            assert!(error.contains("apt-get install libjavascriptcoregtk-4.1-0"), "{error}");
        }
        assert!(error.contains(LIBRARY), "{error}");
    }
}
