//! `--limit-*`: reads sizes, and says which limits a program has run into.

use std::{path::Path, sync::Arc};

use gangplank::{Limits, RunResult, vfs::MemFs};

use super::{args::Run, report::note};

/// A filesystem in memory that a program was given, and by which words.
pub(crate) struct InMemory {
    pub(crate) option: String,
    pub(crate) fs: Arc<MemFs>,
    pub(crate) bytes: Limit,
    pub(crate) nodes: Limit,
}

/// What sets a limit, and by which words it has been set.
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
}

impl Limit {
    pub(crate) fn new(name: &'static str, value: Option<impl core::fmt::Display>) -> Limit {
        Limit { name, value: value.map(|value| format!("{name} {value}")) }
    }
}

/// Says what the exit code alone does not: that the program failed after it was refused something. A program that has
/// coped with that has no need of our words.
pub(crate) fn tell(args: &Run, path: &Path, result: &RunResult, memory: &[InMemory]) {
    if result.status.is_success() {
        return;
    }
    let tell = |what: &str, limit: &Limit| {
        let allowed = match &limit.value {
            Some(value) => format!("`{value}` allows no more"),
            None => format!("`{}` sets another limit", limit.name),
        };
        note(&format!("`{}` ran out of {what}; {allowed}", path.display()));
    };
    if result.limits.contains(Limits::FDS) {
        tell("descriptors", &Limit::new("--limit-fds", args.limit_fds));
    }
    if result.limits.contains(Limits::MEMORY) {
        tell("memory", &Limit::new("--limit-memory", args.limit_memory));
    }
    for InMemory { option, fs, bytes, nodes } in memory {
        let refused = fs.refused();
        if refused.bytes {
            tell(&format!("space in `{option}`"), bytes);
        }
        if refused.nodes {
            tell(&format!("files in `{option}`"), nodes);
        }
    }
}

/// A number of bytes: `4096`, `64K`, `1.5M`, `2G`; units are powers of 1024.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size(pub(crate) u64);

impl core::fmt::Display for Size {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (unit, letter) in [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")] {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{letter}", self.0 / unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// Reads a size that is not 0.
pub(crate) fn size(text: &str) -> Result<Size, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("it begins with no number".to_owned());
    }
    let unit = match unit {
        "" | "B" => 1u64,
        "K" | "k" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        _ => return Err(format!("`{unit}` is not a unit of size; use K, M, G or T")),
    };
    let bytes = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(unit).ok_or("it is too large")?,
        Err(_) => match number.parse::<f64>() {
            // Far below the numbers that a float cannot hold.
            Ok(part) if number.contains('.') && part < 1e6 => (part * unit as f64) as u64,
            Ok(_) => return Err("it is too large".to_owned()),
            Err(_) => return Err("it begins with no number".to_owned()),
        },
    };
    match bytes {
        0 => Err("it is zero".to_owned()),
        bytes => Ok(Size(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes, shown) in [
            ("1", 1, "1"),
            ("4096", 4096, "4K"),
            ("64K", 64 << 10, "64K"),
            ("64k", 64 << 10, "64K"),
            ("1.5M", 3 << 19, "1536K"),
            ("2GiB", 2 << 30, "2G"),
            ("1T", 1 << 40, "1024G"),
            ("10B", 10, "10"),
        ] {
            assert_eq!(size(text).map(|s| (s.0, s.to_string())), Ok((bytes, shown.to_owned())), "{text}");
        }
        for bad in ["", "M", "0", "0.0001", "-1", "1 M", "1Q", "1e3", "1.2.3", "99999999999999999999", "20000000T"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
