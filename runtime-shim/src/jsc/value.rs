//! How JavaScriptCore lays out values: a number is not behind the pointer that stands for it, it is in its bits.
//!
//! To read arguments there, and to make results, saves a call of the interface with its lock for each. It is knowledge
//! of the library's insides: [`is_as_known`] finds out whether it holds, and without it the interface is asked.

use core::ptr;

use super::sys::{Api, Context, Value};

/// The upper bits of a 32-bit integer; of a double they are something else.
const INT32: u64 = 0xfffe << 48;
/// Added to the bits of a double.
const DOUBLE: u64 = 1 << 49;

/// `undefined`.
pub(super) const UNDEFINED: Value = ptr::without_provenance(0xa);

/// An integer.
#[inline(always)]
pub(super) fn int32(number: u32) -> Value {
    ptr::without_provenance((INT32 | u64::from(number)) as usize)
}

/// The integer that a value is.
#[inline(always)]
pub(super) fn as_int32(value: Value) -> Option<u32> {
    let bits = value.addr() as u64;
    (bits & INT32 == INT32).then_some(bits as u32)
}

/// An integer, through the interface.
#[cold]
pub(super) fn slow_int32(api: &Api, context: Context, number: u32) -> Value {
    // SAFETY: the context lives.
    unsafe { (api.JSValueMakeNumber)(context, f64::from(number.cast_signed())) }
}

/// The integer that a value is, through the interface.
#[cold]
pub(super) fn slow_as_int32(api: &Api, context: Context, value: Value) -> u32 {
    // SAFETY: it is a value that the interface has just given us; to make a number of a number does not throw.
    let number = unsafe { (api.JSValueToNumber)(context, value, ptr::null_mut()) };
    number as i64 as u32
}

/// Whether values are laid out as we think.
pub(super) fn is_as_known(api: &Api, context: Context) -> bool {
    if size_of::<Value>() != 8 {
        return false;
    }
    // SAFETY: the context lives.
    let number = |number: f64| unsafe { (api.JSValueMakeNumber)(context, number) };
    // SAFETY: as above.
    let undefined = unsafe { (api.JSValueMakeUndefined)(context) };
    let integers = [0, 1, -1, 5, i32::MIN, i32::MAX];
    integers.iter().all(|&n| {
        let value = number(n.into());
        value == int32(n.cast_unsigned()) && as_int32(value) == Some(n.cast_unsigned())
    }) && [1.5, -0.5, 1e300, f64::INFINITY, 4294967295.0].iter().all(|&n: &f64| {
        let value = number(n);
        as_int32(value).is_none() && value.addr() as u64 == n.to_bits().wrapping_add(DOUBLE)
    }) && undefined == UNDEFINED
}
