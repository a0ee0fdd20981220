//! Compiled code as a file: that of the cache, and that of `gangplank compile`.
//!
//! ```text
//! magic 8 | format u32 | checksum 32 | length of the rest u64 | the rest
//! the rest: version of this crate, engine, its version, target, skeleton (each u32 length and bytes)
//!           | key 32 | sizes of the code and the data section u64 each | native code
//! ```
//! Numbers are little-endian. The checksum is BLAKE3 over the rest, so no change by accident goes unnoticed. Who can
//! write the file can write the checksum too: that a file is whole says nothing about who made it.

use core::fmt;

pub(crate) const MAGIC: &[u8; 8] = b"\x89GANGPL\n";
const FORMAT: u32 = 1;
const HEAD: usize = 8 + 4 + 32 + 8;

/// What such a file holds.
#[derive(Debug)]
pub(crate) struct Artifact<'a> {
    pub(crate) maker: Maker<'a>,
    /// The module without its code and data; empty where the module itself is at hand.
    pub(crate) skeleton: &'a [u8],
    /// What it is kept under in a cache; zeros outside one.
    pub(crate) key: [u8; 32],
    /// Bytes of the module's code section and of its data section.
    pub(crate) sizes: [u64; 2],
    pub(crate) code: &'a [u8],
}

/// Who made the code, and for which machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Maker<'a> {
    pub(crate) gangplank: &'a str,
    pub(crate) engine: &'a str,
    pub(crate) engine_version: &'a str,
    pub(crate) target: &'a str,
}

impl<'a> Maker<'a> {
    /// Us.
    pub(crate) fn here(engine: &'a str, engine_version: &'a str) -> Maker<'a> {
        Maker { gangplank: env!("CARGO_PKG_VERSION"), engine, engine_version, target: TARGET }
    }
}

/// The kind of this machine, for people: `x86_64-linux`. The engine looks more closely.
pub(crate) const TARGET: &str = {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    let name = "x86_64-linux";
    #[cfg(all(target_arch = "aarch64", target_os = "linux"))]
    let name = "aarch64-linux";
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_os = "linux")))]
    let name = std::env::consts::ARCH;
    name
};

/// Why bytes are no whole artifact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    /// Something else.
    Foreign,
    /// Of a format that we do not know.
    Format(u32),
    /// Not all there, or not as it was written.
    Damaged,
}

impl Artifact<'_> {
    /// All that comes before the code in the file.
    pub(crate) fn head(&self) -> Vec<u8> {
        let Maker { gangplank, engine, engine_version, target } = self.maker;
        let mut rest = Vec::with_capacity(self.skeleton.len() + 256);
        for field in
            [gangplank.as_bytes(), engine.as_bytes(), engine_version.as_bytes(), target.as_bytes(), self.skeleton]
        {
            // No module is larger than 4 GiB; and a wrong length is found by whoever reads it.
            rest.extend_from_slice(&(field.len() as u32).to_le_bytes());
            rest.extend_from_slice(field);
        }
        rest.extend_from_slice(&self.key);
        self.sizes.iter().for_each(|size| rest.extend_from_slice(&size.to_le_bytes()));
        let checksum = checksum(&[&rest, self.code]);
        let mut head = Vec::with_capacity(HEAD + rest.len());
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&FORMAT.to_le_bytes());
        head.extend_from_slice(&checksum);
        head.extend_from_slice(&((rest.len() + self.code.len()) as u64).to_le_bytes());
        head.extend_from_slice(&rest);
        head
    }
}

/// Reads a file, and checks that it is whole.
pub(crate) fn read(bytes: &[u8]) -> Result<Artifact<'_>, Flaw> {
    if !bytes.starts_with(MAGIC) {
        return Err(Flaw::Foreign);
    }
    let mut head = Fields(&bytes[MAGIC.len()..]);
    match u32::from_le_bytes(head.array()?) {
        FORMAT => {}
        other => return Err(Flaw::Format(other)),
    }
    let expected: [u8; 32] = head.array()?;
    let length = u64::from_le_bytes(head.array()?);
    let mut rest = head;
    if rest.0.len() as u64 != length || checksum(&[rest.0]) != expected {
        return Err(Flaw::Damaged);
    }
    let maker =
        Maker { gangplank: rest.text()?, engine: rest.text()?, engine_version: rest.text()?, target: rest.text()? };
    let skeleton = rest.bytes()?;
    let key = rest.array()?;
    let sizes = [u64::from_le_bytes(rest.array()?), u64::from_le_bytes(rest.array()?)];
    Ok(Artifact { maker, skeleton, key, sizes, code: rest.0 })
}

fn checksum(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// What has not been read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let (taken, left) = self.0.split_at_checked(len).ok_or(Flaw::Damaged)?;
        self.0 = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.take(N)?.try_into().map_err(|_| Flaw::Damaged)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Flaw> {
        let len = u32::from_le_bytes(self.array()?);
        self.take(len as usize)
    }

    fn text(&mut self) -> Result<&'a str, Flaw> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Flaw::Damaged)
    }
}

/// Why a file that was compiled ahead of time cannot be used here.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PrecompiledError {
    /// It is no such file.
    Foreign,
    /// It has been cut off or altered.
    Damaged,
    /// It was made by another version, of ours or of the engine's.
    Version {
        /// Which.
        made_by: String,
        /// This one.
        here: String,
    },
    /// It was made for another engine.
    Engine {
        /// Which.
        made_for: String,
        /// This one.
        here: String,
    },
    /// It was made for another kind of machine.
    Target {
        /// Which.
        made_for: String,
        /// This one.
        here: String,
    },
}

impl fmt::Display for PrecompiledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrecompiledError::Foreign => f.write_str("it has not been compiled by `gangplank compile`"),
            PrecompiledError::Damaged => f.write_str("it is a precompiled program that has been cut off or altered"),
            PrecompiledError::Version { made_by, here } => {
                write!(f, "it was compiled by {made_by}, and this is {here}")
            }
            PrecompiledError::Engine { made_for, here } => {
                write!(f, "it was compiled for the engine `{made_for}`, and this is `{here}`")
            }
            PrecompiledError::Target { made_for, here } => {
                write!(f, "it was compiled for {made_for}, and this machine is {here}")
            }
        }
    }
}

impl std::error::Error for PrecompiledError {}

impl From<Flaw> for PrecompiledError {
    fn from(flaw: Flaw) -> PrecompiledError {
        match flaw {
            Flaw::Foreign => PrecompiledError::Foreign,
            Flaw::Damaged => PrecompiledError::Damaged,
            Flaw::Format(format) => PrecompiledError::Version {
                made_by: format!("a gangplank that writes format {format}"),
                here: format!("one that reads format {FORMAT}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let maker = Maker { gangplank: "1", engine: "e", engine_version: "e 2", target: "t" };
        let artifact = Artifact { maker, skeleton: b"skel", key: [7; 32], sizes: [9, 10], code: b"native code" };
        [artifact.head(), artifact.code.to_vec()].concat()
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = sample();
        let artifact = read(&bytes).unwrap();
        assert_eq!(artifact.maker, Maker { gangplank: "1", engine: "e", engine_version: "e 2", target: "t" });
        assert_eq!((artifact.skeleton, artifact.key, artifact.sizes), (&b"skel"[..], [7; 32], [9, 10]));
        assert_eq!(artifact.code, b"native code");
    }

    #[test]
    fn no_change_goes_unnoticed() {
        let bytes = sample();
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "{len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                assert!(read(&bad).is_err(), "{at}.{bit}");
            }
        }
        assert!(read(&[&bytes[..], b"x"].concat()).is_err());
        assert_eq!(read(b"\0asm").unwrap_err(), Flaw::Foreign);
    }
}
