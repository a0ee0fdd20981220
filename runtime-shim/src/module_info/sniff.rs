//! What a file is, from its first bytes, for those that are no WebAssembly modules.

use core::fmt;

use crate::Program;

/// Something that is no WebAssembly module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotWasm {
    /// Nothing at all.
    Empty,
    /// A module as text.
    Text,
    /// A component, or another layer than modules.
    Component,
    /// A module of a version that nobody knows.
    Version(u16),
    /// A native program or library, for Linux and others.
    Elf,
    /// The same for macOS.
    MachO,
    /// The same for Windows.
    Pe,
    /// A script with `#!`.
    Script,
    /// An archive or compressed file.
    Archive,
    /// A program that [`Program::precompile`](crate::Program::precompile) made: native code.
    Precompiled,
    /// Anything else.
    Unknown,
}

impl NotWasm {
    /// What to do about it.
    pub const fn help(self) -> Option<&'static str> {
        match self {
            NotWasm::Text => Some("compile it first, for example with `wat2wasm` or `wasm-tools parse`"),
            NotWasm::Component => Some("build it as a core module instead, for example for the target wasm32-wasip1"),
            NotWasm::Elf | NotWasm::MachO | NotWasm::Pe => Some("compile the program for wasm32-wasip1"),
            NotWasm::Script => Some("run the interpreter's module and give it the script as an argument"),
            NotWasm::Archive => Some("unpack it first"),
            NotWasm::Precompiled => {
                Some("it is native code; if you trust where it comes from, run it with --allow-precompiled")
            }
            NotWasm::Empty | NotWasm::Version(_) | NotWasm::Unknown => None,
        }
    }
}

impl fmt::Display for NotWasm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotWasm::Empty => "it is empty",
            NotWasm::Text => "it is WebAssembly text, not a compiled module",
            NotWasm::Component => "it is a WebAssembly component; only core modules can be run",
            NotWasm::Version(v) => return write!(f, "it is a WebAssembly module of the unknown version {v}"),
            NotWasm::Elf => "it is a native program (ELF), not a WebAssembly module",
            NotWasm::MachO => "it is a native program (Mach-O), not a WebAssembly module",
            NotWasm::Pe => "it is a native program for Windows, not a WebAssembly module",
            NotWasm::Script => "it is a script, not a WebAssembly module",
            NotWasm::Archive => "it is an archive or compressed, not a WebAssembly module",
            NotWasm::Precompiled => "it is a precompiled program, not a WebAssembly module",
            NotWasm::Unknown => "it is not a WebAssembly module",
        })
    }
}

/// Tells what `bytes` are, or `None` if they begin like a module, whole or not.
pub(super) fn sniff(bytes: &[u8]) -> Option<NotWasm> {
    const MACH_O: [[u8; 4]; 5] = [
        [0xfe, 0xed, 0xfa, 0xce],
        [0xfe, 0xed, 0xfa, 0xcf],
        [0xce, 0xfa, 0xed, 0xfe],
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xca, 0xfe, 0xba, 0xbe],
    ];
    const ARCHIVES: [&[u8]; 5] = [b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"!<arch>"];
    if bytes.is_empty() {
        return Some(NotWasm::Empty);
    }
    if let Some(rest) = bytes.strip_prefix(b"\0asm") {
        return match rest {
            [1, 0, 0, 0, ..] => None,
            [_, _, 1, 0, ..] => Some(NotWasm::Component),
            [low, high, 0, 0, ..] => Some(NotWasm::Version(u16::from_le_bytes([*low, *high]))),
            [_, _, _, _, ..] => Some(NotWasm::Unknown),
            _ => None,
        };
    }
    if b"\0asm".starts_with(bytes) {
        return None;
    }
    Some(match bytes {
        [0x7f, b'E', b'L', b'F', ..] => NotWasm::Elf,
        [a, b, c, d, ..] if MACH_O.contains(&[*a, *b, *c, *d]) => NotWasm::MachO,
        [b'M', b'Z', ..] => NotWasm::Pe,
        [b'#', b'!', ..] => NotWasm::Script,
        _ if ARCHIVES.iter().any(|magic| bytes.starts_with(magic)) => NotWasm::Archive,
        _ if Program::is_precompiled(bytes) => NotWasm::Precompiled,
        _ if is_text(bytes) => NotWasm::Text,
        _ => NotWasm::Unknown,
    })
}

/// Whether it is WebAssembly text: after white space and comments comes `(`, and a word of a module.
fn is_text(bytes: &[u8]) -> bool {
    let mut rest = &bytes[..bytes.len().min(64 << 10)];
    loop {
        rest = rest.trim_ascii_start();
        if let Some(line) = rest.strip_prefix(b";;") {
            let Some(end) = line.iter().position(|&b| b == b'\n') else { return false };
            rest = &line[end..];
        } else if let Some(block) = rest.strip_prefix(b"(;") {
            // Nested comments are not worth more than this.
            let Some(end) = block.windows(2).position(|w| w == b";)") else { return false };
            rest = &block[end + 2..];
        } else {
            break;
        }
    }
    let Some(inside) = rest.strip_prefix(b"(") else { return false };
    let inside = inside.trim_ascii_start();
    [&b"module"[..], b"component", b"type", b"import", b"func", b"memory", b"table", b"global", b"export", b"data"]
        .iter()
        .any(|word| inside.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart() {
        for (bytes, what) in [
            (&b""[..], Some(NotWasm::Empty)),
            (b"\0", None),
            (b"\0asm\x01", None),
            (b"\0asm\x01\0\0\0", None),
            (b"\0asm\x0d\0\x01\0", Some(NotWasm::Component)),
            (b"\0asm\x02\0\0\0", Some(NotWasm::Version(2))),
            (b"\0asmwhat", Some(NotWasm::Unknown)),
            (b"\x7fELF\x02", Some(NotWasm::Elf)),
            (b"\xcf\xfa\xed\xfe\x07", Some(NotWasm::MachO)),
            (b"MZ\x90", Some(NotWasm::Pe)),
            (b"#!/bin/sh\n", Some(NotWasm::Script)),
            (b"PK\x03\x04", Some(NotWasm::Archive)),
            (b" ;; hello\n (; x ;) (module)", Some(NotWasm::Text)),
            (b"( func)", Some(NotWasm::Text)),
            (b"(let x)", Some(NotWasm::Unknown)),
            (b";; only", Some(NotWasm::Unknown)),
            (b"\x89GANGPL\n\x01", Some(NotWasm::Precompiled)),
            (b"hello", Some(NotWasm::Unknown)),
        ] {
            assert_eq!(sniff(bytes), what, "{bytes:?}");
        }
    }
}
