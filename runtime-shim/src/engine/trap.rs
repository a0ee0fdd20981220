//! How a guest stops other than by its own will, in words that are the same for every engine.

use core::fmt;

/// Why a guest trapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TrapKind {
    /// The `unreachable` instruction: `abort`, a failed assertion, a panic.
    Unreachable,
    /// A load, a store or a bulk operation outside the memory.
    MemoryOutOfBounds,
    /// An access outside a table, or an indirect call through an index outside it.
    TableOutOfBounds,
    /// An integer divided by zero.
    DivisionByZero,
    /// A signed division that overflows.
    IntegerOverflow,
    /// A float that does not fit the integer it is converted to.
    BadConversion,
    /// Calls nested too deeply.
    StackOverflow,
    /// An indirect call through an empty slot of a table.
    IndirectCallToNull,
    /// An indirect call of a function with another signature.
    IndirectCallTypeMismatch,
    /// An exception that nothing caught.
    UncaughtException,
    /// An atomic access that is not aligned, or a wait on memory that is not shared.
    Atomic,
    /// The host interrupted it.
    Interrupted,
    /// It has used up the instructions that it was given.
    OutOfFuel,
    /// The host's own code panicked while it served a call of the guest. A bug in the host.
    HostPanic,
    /// Something that this list has no name for; the message tells.
    Other,
}

impl TrapKind {
    /// A few words for people.
    pub const fn describe(self) -> &'static str {
        match self {
            TrapKind::Unreachable => "unreachable code was reached",
            TrapKind::MemoryOutOfBounds => "memory access out of bounds",
            TrapKind::TableOutOfBounds => "table access out of bounds",
            TrapKind::DivisionByZero => "integer division by zero",
            TrapKind::IntegerOverflow => "integer overflow",
            TrapKind::BadConversion => "a float does not fit the integer it is converted to",
            TrapKind::StackOverflow => "call stack exhausted",
            TrapKind::IndirectCallToNull => "indirect call of an empty table slot",
            TrapKind::IndirectCallTypeMismatch => "indirect call of a function with another signature",
            TrapKind::UncaughtException => "an exception was not caught",
            TrapKind::Atomic => "invalid atomic access",
            TrapKind::Interrupted => "interrupted by the host",
            TrapKind::OutOfFuel => "the limit of instructions was reached",
            TrapKind::HostPanic => "the host's own code panicked",
            TrapKind::Other => "trap",
        }
    }
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// A trap: its kind, what the engine says about it, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trap {
    /// Why.
    pub kind: TrapKind,
    /// The engine's own words; not the same from one engine to the next.
    pub message: String,
    /// The guest's calls, innermost first. Empty where the engine cannot tell.
    pub backtrace: Vec<Frame>,
}

impl Trap {
    /// A trap without a backtrace.
    pub fn new(kind: TrapKind, message: impl Into<String>) -> Trap {
        Trap { kind, message: message.into(), backtrace: Vec::new() }
    }
}

impl fmt::Display for Trap {
    /// The reason in one line, then one line for each frame.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.describe())?;
        let told = matches!(self.kind, TrapKind::Other | TrapKind::HostPanic | TrapKind::UncaughtException);
        if told && !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        for (i, frame) in self.backtrace.iter().enumerate() {
            write!(f, "\n  {i:>3}: {frame}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Trap {}

/// One call of the guest's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// Index in the module's function space.
    pub function: Option<u32>,
    /// From the name section or the exports, demangled where the engine can.
    pub name: Option<String>,
    /// Offset of the instruction in the module's file, in bytes.
    pub offset: Option<u64>,
    /// `file:line:column`, from debug information.
    pub source: Option<String>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.function) {
            (Some(name), _) => f.write_str(name)?,
            (None, Some(index)) => write!(f, "<wasm function {index}>")?,
            (None, None) => f.write_str("<unknown>")?,
        }
        if let Some(offset) = self.offset {
            write!(f, " @ {offset:#x}")?;
        }
        if let Some(source) = &self.source {
            write!(f, "\n       at {source}")?;
        }
        Ok(())
    }
}

/// The name of a function as its author wrote it: Rust's and C++'s symbols decoded, others as they are.
pub fn demangle(symbol: &str) -> String {
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        // Without the hash at the end.
        return format!("{name:#}");
    }
    let cpp = cpp_demangle::Symbol::new(symbol).ok().and_then(|name| name.demangle().ok());
    cpp.unwrap_or_else(|| symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_decoded() {
        assert_eq!(demangle("_ZN3foo3barE"), "foo::bar");
        assert_eq!(demangle("_RNvC6_123foo3bar"), "123foo::bar");
        assert_eq!(demangle("_Z3addii"), "add(int, int)");
        assert_eq!(demangle("main"), "main");
    }

    #[test]
    fn a_trap_prints_its_reason_and_its_frames() {
        let mut trap = Trap::new(TrapKind::DivisionByZero, "wasm trap: integer divide by zero");
        trap.backtrace.push(Frame { function: Some(3), name: Some("half".into()), offset: Some(0x2a), source: None });
        trap.backtrace.push(Frame { function: Some(0), source: Some("a.c:1:2".into()), ..Frame::default() });
        assert_eq!(
            trap.to_string(),
            "integer division by zero\n    0: half @ 0x2a\n    1: <wasm function 0>\n       at a.c:1:2"
        );
        assert_eq!(Trap::new(TrapKind::HostPanic, "oops").to_string(), "the host's own code panicked: oops");
    }
}
