//! Types of imports and exports.

use core::fmt;

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValType {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// A vector.
    V128,
    /// A reference of any kind.
    Ref,
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValType::I32 => "i32",
            ValType::I64 => "i64",
            ValType::F32 => "f32",
            ValType::F64 => "f64",
            ValType::V128 => "v128",
            ValType::Ref => "ref",
        })
    }
}

impl From<gangplank_wasi::abi::ValType> for ValType {
    fn from(ty: gangplank_wasi::abi::ValType) -> ValType {
        match ty {
            gangplank_wasi::abi::ValType::I32 => ValType::I32,
            gangplank_wasi::abi::ValType::I64 => ValType::I64,
        }
    }
}

/// The type of a function.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// Its parameters.
    pub params: Vec<ValType>,
    /// Its results.
    pub results: Vec<ValType>,
}

impl fmt::Display for Signature {
    /// `(i32, i64) -> i32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValType]| {
            types.iter().enumerate().try_for_each(|(i, ty)| write!(f, "{}{ty}", if i == 0 { "" } else { ", " }))
        };
        f.write_str("(")?;
        list(f, &self.params)?;
        f.write_str(")")?;
        match self.results.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " -> {one}"),
            many => {
                f.write_str(" -> (")?;
                list(f, many)?;
                f.write_str(")")
            }
        }
    }
}

/// The type of a memory, sizes in pages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryType {
    /// Size to begin with.
    pub initial: u64,
    /// Largest size.
    pub maximum: Option<u64>,
    /// Whether threads share it.
    pub shared: bool,
    /// Whether its addresses have 64 bits.
    pub memory64: bool,
    /// Bytes of a page: 65536 unless the module says otherwise.
    pub page_size: u64,
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.initial == 1 { "" } else { "s" };
        write!(f, "{}{} page{s}", if self.shared { "shared " } else { "" }, self.initial)?;
        match self.maximum {
            Some(max) => write!(f, ", at most {max}")?,
            None => f.write_str(", no maximum")?,
        }
        if self.memory64 {
            f.write_str(", 64-bit addresses")?;
        }
        if self.page_size != 65536 {
            write!(f, ", of {} bytes", self.page_size)?;
        }
        Ok(())
    }
}

/// The type of a table.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TableType {
    /// What it holds: `funcref`, `externref`, or another type in the notation of the text format.
    pub element: String,
    /// Elements to begin with.
    pub initial: u64,
    /// Most elements.
    pub maximum: Option<u64>,
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.initial == 1 { "" } else { "s" };
        write!(f, "of {}, {} element{s}", self.element, self.initial)?;
        match self.maximum {
            Some(max) => write!(f, ", at most {max}"),
            None => f.write_str(", no maximum"),
        }
    }
}

/// The type of an import or export.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ExternType {
    /// A function.
    Func(Signature),
    /// A memory.
    Memory(MemoryType),
    /// A table.
    Table(TableType),
    /// A global variable.
    Global {
        /// Type of its value.
        ty: ValType,
        /// Whether it can be set.
        mutable: bool,
    },
    /// A tag of exceptions.
    Tag(Signature),
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(signature) => write!(f, "{signature}"),
            ExternType::Memory(memory) => write!(f, "memory, {memory}"),
            ExternType::Table(table) => write!(f, "table {table}"),
            ExternType::Global { ty, mutable } => write!(f, "{}global {ty}", if *mutable { "mutable " } else { "" }),
            ExternType::Tag(signature) => write!(f, "tag {signature}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_read_like_rust() {
        use ValType::{F64, I32, I64};
        let show = |params: &[ValType], results: &[ValType]| {
            Signature { params: params.to_vec(), results: results.to_vec() }.to_string()
        };
        assert_eq!(show(&[], &[]), "()");
        assert_eq!(show(&[I32, I64], &[I32]), "(i32, i64) -> i32");
        assert_eq!(show(&[F64], &[I32, I32]), "(f64) -> (i32, i32)");
    }
}
