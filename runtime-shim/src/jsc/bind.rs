//! Our imports as functions that JavaScriptCore calls: one for each row of the table.
//!
//! All parameters and results of theirs are 32 bits wide. What is wider in the table comes as two halves, the lower
//! first: [`adapter`](super::adapter) has split it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gangplank_wasi::{
    Call,
    abi::{Outcome, ValType, repr},
};

use super::{
    guest::{Ended, Guest, words},
    sys::{Callback, Context, Object, Thrown, Value},
    value,
};
use crate::module_info::Import;

/// What each refill of the meter hands out, in instructions: about a millisecond.
const SLICE: u64 = 1 << 20;

/// An import that we provide.
#[derive(Clone, Copy)]
pub(super) struct Provided {
    /// Its row.
    pub(super) import: &'static gangplank_wasi::abi::Import,
    pub(super) callback: Callback,
}

impl Provided {
    /// Whether its parameters have to be split.
    pub(super) fn is_wide(&self) -> bool {
        self.import.params.iter().any(|param| param.kind.val_type() == ValType::I64)
    }
}

/// What we provide for an import.
pub(super) fn find(import: &Import) -> Option<Provided> {
    let row = gangplank_wasi::abi::find(&import.module, &import.name)?;
    let callback = callback(row.module, row.name)?;
    Some(Provided { import: row, callback })
}

fn callback(module: &str, name: &str) -> Option<Callback> {
    gangplank_wasi::for_each_preview1!(bind! { module, name, preview1 });
    gangplank_wasi::for_each_unstable!(bind! { module, name, unstable });
    None
}

macro_rules! bind {
    ({ $module:ident, $wanted:ident, $entries:ident } module $its:literal; $(
        #[doc = $doc:literal]
        fn $name:ident($($param:ident: $kind:ident),*) -> $result:ident in $home:ident;
    )*) => {
        $(
            if $module == $its && $wanted == stringify!($name) {
                unsafe extern "C" fn $name(
                    _: Context, _: Object, _: Object, count: usize, args: *const Value, thrown: Thrown,
                ) -> Value {
                    let handler = |call: &mut Call<'_>, args: &mut Args<'_>| {
                        $(let $param = <repr::$kind as Argument>::take(args);)*
                        let _ = args;
                        result!($result, gangplank_wasi::abi::$entries::$name(call, $($param),*))
                    };
                    // SAFETY: only the library calls this, for a guest, with as many arguments as it says.
                    unsafe { hostcall(count, args, thrown, handler) }
                }
                return Some($name);
            }
        )*
    };
}
use bind;

macro_rules! result {
    (errno, $outcome:expr) => {
        $outcome
    };
    // The specification has no way to return from these.
    (never, $outcome:expr) => {{
        let (Outcome::Return(_) | Outcome::Exit) = $outcome;
        Outcome::Exit
    }};
}
use result;

/// # Safety
/// The library calls an import for a guest; `args` are `count` values.
#[inline(always)]
unsafe fn hostcall(
    count: usize,
    args: *const Value,
    thrown: Thrown,
    handler: impl FnOnce(&mut Call<'_>, &mut Args<'_>) -> Outcome,
) -> Value {
    // SAFETY: this is such a call.
    let guest = unsafe { Guest::current() };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: by the caller's promise.
        let mut args = unsafe { Args::new(guest, count, args) };
        handler(&mut Call::new(&guest.thread, guest.lend()), &mut args)
    }));
    match outcome {
        Ok(Outcome::Return(errno)) => answer(guest, errno),
        Ok(Outcome::Exit) => guest.end(Ended::Exit, thrown),
        Err(panic) => guest.end(Ended::Panic(words(&*panic)), thrown),
    }
}

#[inline(always)]
fn answer(guest: &Guest, number: u32) -> Value {
    if guest.in_place {
        return value::int32(number);
    }
    let (api, context) = guest.api();
    value::slow_int32(api, context, number)
}

/// The arguments that are left.
struct Args<'a> {
    guest: &'a Guest,
    left: core::slice::Iter<'a, Value>,
}

impl<'a> Args<'a> {
    /// # Safety
    /// `args` are `count` values that live for `'a`.
    #[inline(always)]
    unsafe fn new(guest: &'a Guest, count: usize, args: *const Value) -> Args<'a> {
        let args = match count {
            0 => &[],
            // SAFETY: by the caller's promise.
            _ => unsafe { core::slice::from_raw_parts(args, count) },
        };
        Args { guest, left: args.iter() }
    }

    /// The next one; the guest's compiled code gives as many as the import has.
    #[inline(always)]
    fn next(&mut self) -> u32 {
        let value = *self.left.next().unwrap_or(&value::UNDEFINED);
        match value::as_int32(value) {
            Some(number) if self.guest.in_place => number,
            _ => {
                let (api, context) = self.guest.api();
                value::slow_as_int32(api, context, value)
            }
        }
    }
}

/// A parameter's type.
trait Argument {
    fn take(args: &mut Args<'_>) -> Self;
}

impl Argument for u32 {
    #[inline(always)]
    fn take(args: &mut Args<'_>) -> u32 {
        args.next()
    }
}

impl Argument for u64 {
    #[inline(always)]
    fn take(args: &mut Args<'_>) -> u64 {
        let low = args.next();
        u64::from(low) | u64::from(args.next()) << 32
    }
}

impl Argument for i64 {
    #[inline(always)]
    fn take(args: &mut Args<'_>) -> i64 {
        u64::take(args).cast_signed()
    }
}

/// The guest whose call this is, and what it gives.
///
/// # Safety
/// The library calls a function for a guest; `args` are `count` values, and neither they nor the guest are used after
/// the call.
#[inline(always)]
unsafe fn entered<'a>(count: usize, args: *const Value) -> (&'a Guest, Args<'a>) {
    // SAFETY: by the caller's promise.
    unsafe {
        let guest = Guest::current();
        (guest, Args::new(guest, count, args))
    }
}

/// A guest whose meter is below zero asks for more: how much it is below goes in, what it may use comes out.
///
/// # Safety
/// Only the library calls it, for a guest.
pub(super) unsafe extern "C" fn refill(
    _: Context,
    _: Object,
    _: Object,
    count: usize,
    args: *const Value,
    thrown: Thrown,
) -> Value {
    // SAFETY: this is such a call, with so many arguments.
    let (guest, mut args) = unsafe { entered(count, args) };
    if guest.thread.process().life().is_over() {
        return guest.end(Ended::Exit, thrown);
    }
    let Some(left) = guest.fuel.get() else { return answer(guest, SLICE as u32) };
    let used = args.next().cast_signed().min(0).unsigned_abs();
    let Some(left) = left.checked_sub(used.into()) else { return guest.end(Ended::OutOfFuel, thrown) };
    let slice = left.min(SLICE);
    guest.fuel.set(Some(left - slice));
    answer(guest, slice as u32)
}

/// A guest's memory (0) or one of its tables is to grow: which, its size and how much more go in, whether it may comes
/// out.
///
/// # Safety
/// Only the library calls it, for a guest.
pub(super) unsafe extern "C" fn grow(
    _: Context,
    _: Object,
    _: Object,
    count: usize,
    args: *const Value,
    _: Thrown,
) -> Value {
    // SAFETY: this is such a call, with so many arguments.
    let (guest, mut args) = unsafe { entered(count, args) };
    let [which, size, more] = [args.next(), args.next(), args.next()];
    answer(guest, guest.limit.as_ref().is_none_or(|limit| limit.grow(which, size, more)).into())
}

/// It could not grow after all.
///
/// # Safety
/// Only the library calls it, for a guest.
pub(super) unsafe extern "C" fn undo(
    _: Context,
    _: Object,
    _: Object,
    count: usize,
    args: *const Value,
    _: Thrown,
) -> Value {
    // SAFETY: this is such a call, with so many arguments.
    let (guest, mut args) = unsafe { entered(count, args) };
    let [which, size, more] = [args.next(), args.next(), args.next()];
    if let Some(limit) = &guest.limit {
        limit.undo(which, size, more);
    }
    value::UNDEFINED
}
