//! What JavaScriptCore throws as our traps.

use super::machine::Kept;
use crate::engine::{Frame, Trap, TrapKind, demangle};

/// How the messages of its errors begin.
const MESSAGES: &[(&str, TrapKind)] = &[
    ("Unreachable code should not be executed", TrapKind::Unreachable),
    ("Out of bounds memory access", TrapKind::MemoryOutOfBounds),
    ("Invalid data segment initialization", TrapKind::MemoryOutOfBounds),
    ("Element is trying to set an out of bounds table index", TrapKind::TableOutOfBounds),
    ("Out of bounds table access", TrapKind::TableOutOfBounds),
    ("Out of bounds call_indirect", TrapKind::TableOutOfBounds),
    ("Division by zero", TrapKind::DivisionByZero),
    ("Integer overflow", TrapKind::IntegerOverflow),
    ("Out of bounds Trunc operation", TrapKind::BadConversion),
    ("Maximum call stack size exceeded", TrapKind::StackOverflow),
    ("Stack overflow", TrapKind::StackOverflow),
    ("call_indirect to a null table entry", TrapKind::IndirectCallToNull),
    ("call_ref to a null reference", TrapKind::IndirectCallToNull),
    ("call_indirect to a signature that does not match", TrapKind::IndirectCallTypeMismatch),
    ("Unaligned memory access", TrapKind::Atomic),
];

/// What it threw, with `hooks` imports of ours among the functions after `imported` of the module's own.
pub(super) fn trap(thrown: &Kept, imported: u32, hooks: u32) -> Trap {
    let message = message(thrown);
    let known = MESSAGES.iter().find(|(begin, _)| message.starts_with(begin));
    let kind = match known {
        Some((_, kind)) => *kind,
        None if is_wasm_exception(thrown) => TrapKind::UncaughtException,
        None => TrapKind::Other,
    };
    Trap { kind, message, backtrace: backtrace(thrown, imported, hooks) }
}

/// What an error says; of what is no error, what it is as text.
pub(super) fn message(thrown: &Kept) -> String {
    let message = thrown.get("message").map(|message| message.text()).unwrap_or_default();
    if message.is_empty() || message == "undefined" { thrown.text() } else { message }
}

fn is_wasm_exception(thrown: &Kept) -> bool {
    let constructor = thrown.machine().global().get("WebAssembly").and_then(|namespace| namespace.get("Exception"));
    constructor.is_ok_and(|constructor| thrown.is_instance(&constructor))
}

/// From lines as `main@<?>:wasm-function[1]`.
fn backtrace(thrown: &Kept, imported: u32, hooks: u32) -> Vec<Frame> {
    let stack = thrown.get("stack").map(|stack| stack.text()).unwrap_or_default();
    stack.lines().filter_map(|line| frame(line, imported, hooks)).collect()
}

fn frame(line: &str, imported: u32, hooks: u32) -> Option<Frame> {
    let (name, index) = line.rsplit_once("wasm-function[")?;
    let index = index.strip_suffix(']')?.parse::<u32>().ok()?;
    let (name, _) = name.rsplit_once('@')?;
    // What it says where there is no name, and where there are none.
    let nameless = name == "(null)" || name == index.to_string();
    Some(Frame {
        function: Some(if index < imported { index } else { index.checked_sub(hooks)? }),
        name: (!nameless).then(|| demangle(name)),
        ..Frame::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_whatever_they_are_called() {
        let frame = |line| frame(line, 2, 3).map(|frame| (frame.function.unwrap(), frame.name));
        assert_eq!(frame("main@<?>:wasm-function[7]"), Some((4, Some("main".to_owned()))));
        assert_eq!(frame("_Z3addii@<?>:wasm-function[1]"), Some((1, Some("add(int, int)".to_owned()))));
        assert_eq!(frame("a@b[1]@<?>:wasm-function[5]"), Some((2, Some("a@b[1]".to_owned()))));
        assert_eq!(frame("(null)@<?>:wasm-function[5]"), Some((2, None)));
        assert_eq!(frame("5@<?>:wasm-function[5]"), Some((2, None)));
        assert_eq!((frame("wasm-stub@[wasm code]"), frame("main@[native code]"), frame("")), (None, None, None));
        assert_eq!(frame("refill@<?>:wasm-function[2]"), None, "one of ours");
    }
}
