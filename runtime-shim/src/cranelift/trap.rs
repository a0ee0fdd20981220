//! wasmtime's errors as ours.

use wasmtime::{ThrownException, Trap as Raw, WasmBacktrace};

use super::Exited;
use crate::engine::{Frame, Stop, Trap, TrapKind};

/// What an error means that came out of a call into a guest.
pub(super) fn stop(error: &wasmtime::Error) -> Stop {
    if error.is::<Exited>() {
        return Stop::Exit;
    }
    let raw = error.downcast_ref::<Raw>();
    let kind = match raw {
        Some(raw) => kind(*raw),
        None if error.is::<ThrownException>() => TrapKind::UncaughtException,
        None => TrapKind::Other,
    };
    let message = match raw {
        Some(raw) => raw.to_string(),
        None => error.root_cause().to_string(),
    };
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    Stop::Trap(Trap { kind, message, backtrace })
}

fn kind(raw: Raw) -> TrapKind {
    match raw {
        Raw::UnreachableCodeReached => TrapKind::Unreachable,
        Raw::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        Raw::TableOutOfBounds => TrapKind::TableOutOfBounds,
        Raw::IntegerDivisionByZero => TrapKind::DivisionByZero,
        Raw::IntegerOverflow => TrapKind::IntegerOverflow,
        Raw::BadConversionToInteger => TrapKind::BadConversion,
        Raw::StackOverflow => TrapKind::StackOverflow,
        Raw::IndirectCallToNull | Raw::NullReference => TrapKind::IndirectCallToNull,
        Raw::BadSignature => TrapKind::IndirectCallTypeMismatch,
        Raw::HeapMisaligned | Raw::AtomicWaitNonSharedMemory => TrapKind::Atomic,
        Raw::Interrupt => TrapKind::Interrupted,
        Raw::OutOfFuel => TrapKind::OutOfFuel,
        _ => TrapKind::Other,
    }
}

fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        function: Some(frame.func_index()),
        name: frame.func_name().map(crate::engine::demangle),
        offset: frame.module_offset().map(|offset| offset as u64),
        source: frame.symbols().first().and_then(source),
    };
    backtrace.frames().iter().map(frame).collect()
}

fn source(symbol: &wasmtime::FrameSymbol) -> Option<String> {
    let file = symbol.file()?;
    Some(match (symbol.line(), symbol.column()) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (Some(line), None) => format!("{file}:{line}"),
        _ => file.to_owned(),
    })
}
