//! [`Marks`]: how whiteouts, opaque directories, redirects and origins are written down in a layer.
//!
//! The form is that of Linux's overlayfs (<https://docs.kernel.org/filesystems/overlayfs.html>), so that the kernel can
//! mount what we wrote, and the other way round. Attributes carry a prefix, `user.overlay.` by default:
//!
//! | mark | where | meaning |
//! |---|---|---|
//! | character device 0/0 | any name | *whiteout*: nothing is here, whatever lies below |
//! | `whiteout` on an empty file | in a directory whose `opaque` is `x` | the same, where devices cannot be made |
//! | `opaque` = `y` | directory | nothing below merges with it |
//! | `redirect` | directory | where in the layers below it merges: a name beside its own, or a path from the root |
//! | `origin` | copied-up node | which node it was copied from, so that its number stays |
//! | `impure` = `y` | directory | it holds nodes that have an origin, although nothing merges with it |
//! | `device` | character device 0/0 | it is no whiteout, but a device of that number |
//! | `nlink` | copied-up node with several names below | its number of names, relative to that in the upper layer |
//!
//! The kernel's own `origin` is a file handle of the host, which means nothing to us: such a node has the number that
//! the upper layer gives it. Ours has another version, which the kernel ignores without a word. The kernel follows
//! redirects under `trusted.overlay.` (`redirect_dir=on`); under `user.overlay.` it refuses a directory that has one.
//! It knows no `device` either: a guest's character device 0/0 is a whiteout to it, and with `user.overlay.` on a host
//! nobody can make one, since Linux has such attributes on files and directories alone. Everything else it reads as we
//! do.

use bytes::Bytes;

use crate::{Errno, FileSystem, FileType, NodeId, Result, SetXattr, Time};

/// Which name space the marks are in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prefix {
    /// `user.overlay.`: what Linux calls `userxattr`.
    #[default]
    User,
    /// `trusted.overlay.`: Linux's default. On a host only root has it.
    Trusted,
}

/// Whether layers below show through a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opacity {
    /// They do.
    Clear,
    /// They do, and files with the mark `whiteout` in it are whiteouts.
    Marked,
    /// They do not.
    Opaque,
}

/// Which node a copied-up node was copied from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The lower layer, counted from the bottom, which is 1.
    pub layer: u32,
    /// Its number there.
    pub ino: u64,
    /// Its birth.
    pub born: Time,
}

/// What [`Marks::read`] found.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) opacity: Opacity,
    pub(super) redirect: Option<Bytes>,
    pub(super) origin: Option<Origin>,
    pub(super) impure: bool,
    /// How many names more than the upper layer counts it has.
    pub(super) names: i64,
}

impl Default for Read {
    fn default() -> Read {
        Read { opacity: Opacity::Clear, redirect: None, origin: None, impure: false, names: 0 }
    }
}

/// Reads and writes marks under one prefix.
#[derive(Clone, Debug)]
pub struct Marks {
    prefix: &'static str,
}

/// Version, in the place where the kernel's is 0; larger ones it ignores.
const VERSION: u8 = 0x67;
const MAGIC: u8 = 0xfb;
const SIGNATURE: &[u8; 16] = b"gangplank-origin";
/// Version, magic, length, flags, type, 16 bytes of identity; layer, number, birth.
const ORIGIN_LEN: usize = 5 + 16 + 4 + 8 + 16;

impl Marks {
    /// Marks under this prefix.
    pub const fn new(prefix: Prefix) -> Marks {
        let prefix = match prefix {
            Prefix::User => "user.overlay.",
            Prefix::Trusted => "trusted.overlay.",
        };
        Marks { prefix }
    }

    /// Whether a node that was found in a layer is a whiteout. `marked`: whether the directory that holds it is
    /// [`Opacity::Marked`].
    ///
    /// # Errors
    /// Those of the layer.
    pub fn is_whiteout(&self, fs: &dyn FileSystem, node: NodeId, file_type: FileType, marked: bool) -> Result<bool> {
        match file_type {
            // An overlay as a layer of another shows no whiteouts, nor the mark of a device that is none.
            FileType::CharDevice if fs.info().fs_type == super::FS_TYPE => Ok(false),
            FileType::CharDevice => Ok(fs.getattr(node)?.rdev == 0 && self.get(fs, node, "device")?.is_none()),
            FileType::Regular if marked => Ok(self.get(fs, node, "whiteout")?.is_some()),
            _ => Ok(false),
        }
    }

    /// Whether layers below show through a directory.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn opacity(&self, fs: &dyn FileSystem, dir: NodeId) -> Result<Opacity> {
        Ok(match self.get(fs, dir, "opaque")?.as_deref() {
            Some(b"y") => Opacity::Opaque,
            Some(b"x") => Opacity::Marked,
            _ => Opacity::Clear,
        })
    }

    /// Where a directory merges with the layers below, if not under its own name: a name, or a path with a `/` in
    /// front.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn redirect_of(&self, fs: &dyn FileSystem, dir: NodeId) -> Result<Option<Bytes>> {
        self.get(fs, dir, "redirect")
    }

    /// Which node a node was copied from; `None` if it was not, or nobody knows.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn origin_of(&self, fs: &dyn FileSystem, node: NodeId) -> Result<Option<Origin>> {
        Ok(self.get(fs, node, "origin")?.and_then(|bytes| decode(&bytes)))
    }

    /// Whether an attribute of this name, in a layer, is a mark, and not one that a guest set.
    pub fn is_mark(&self, name: &[u8]) -> bool {
        name.strip_prefix(self.prefix.as_bytes()).is_some_and(|rest| !rest.starts_with(b"overlay."))
    }

    /// The name under which a guest's attribute is kept in a layer: as the kernel does, one that would look like a mark
    /// gets a further `overlay.`.
    pub fn escape(&self, name: &[u8]) -> Vec<u8> {
        match name.strip_prefix(self.prefix.as_bytes()) {
            Some(rest) => [self.prefix.as_bytes(), b"overlay.", rest].concat(),
            None => name.to_vec(),
        }
    }

    /// The name by which a guest knows an attribute of a layer; `None` for a mark.
    pub fn unescape(&self, name: &[u8]) -> Option<Vec<u8>> {
        match name.strip_prefix(self.prefix.as_bytes()) {
            Some(rest) => Some([self.prefix.as_bytes(), rest.strip_prefix(b"overlay.")?].concat()),
            None => Some(name.to_vec()),
        }
    }

    /// Whether a guest's name is kept as it is.
    pub(super) fn is_plain(&self, name: &[u8]) -> bool {
        !name.starts_with(self.prefix.as_bytes())
    }

    /// All marks of a node. Most have none, and then it is one question.
    pub(super) fn read(&self, fs: &dyn FileSystem, node: NodeId) -> Result<Read> {
        let mut read = Read::default();
        let Some(xattrs) = fs.xattrs() else { return Ok(read) };
        let (mut opaque, mut redirect, mut origin, mut nlink) = (false, false, false, false);
        let listed = xattrs.list(node, &mut |name| match name.strip_prefix(self.prefix.as_bytes()) {
            Some(b"opaque") => opaque = true,
            Some(b"redirect") => redirect = true,
            Some(b"origin") => origin = true,
            Some(b"nlink") => nlink = true,
            Some(b"impure") => read.impure = true,
            _ => {}
        });
        match listed {
            Ok(()) => {}
            Err(Errno::NOTSUP | Errno::ACCES | Errno::PERM) => return Ok(read),
            Err(e) => return Err(e),
        }
        if opaque {
            read.opacity = self.opacity(fs, node)?;
        }
        if redirect && read.opacity != Opacity::Opaque {
            read.redirect = self.redirect_of(fs, node)?;
        }
        if origin {
            read.origin = self.origin_of(fs, node)?;
        }
        if nlink && let Some(text) = self.get(fs, node, "nlink")? {
            let number =
                text.strip_prefix(b"U").and_then(|n| core::str::from_utf8(n).ok()).and_then(|n| n.parse().ok());
            // What the kernel notes relative to the lower layer we cannot resolve here.
            read.names = number.unwrap_or(0);
        }
        Ok(read)
    }

    pub(super) fn set_opaque(&self, fs: &dyn FileSystem, dir: NodeId) -> Result<()> {
        self.set(fs, dir, "opaque", b"y")
    }

    pub(super) fn set_marked(&self, fs: &dyn FileSystem, dir: NodeId) -> Result<()> {
        self.set(fs, dir, "opaque", b"x")
    }

    pub(super) fn set_whiteout(&self, fs: &dyn FileSystem, file: NodeId) -> Result<()> {
        self.set(fs, file, "whiteout", b"y")
    }

    /// Says that a character device with number 0 is what it looks like.
    ///
    /// # Errors
    /// `PERM` where the layer has no attributes for it: as Linux answers whoever wants to make one.
    pub(super) fn set_device(&self, fs: &dyn FileSystem, device: NodeId) -> Result<()> {
        match self.set(fs, device, "device", b"y") {
            Err(Errno::NOTSUP | Errno::ACCES) => Err(Errno::PERM),
            done => done,
        }
    }

    pub(super) fn set_impure(&self, fs: &dyn FileSystem, dir: NodeId) -> Result<()> {
        self.set(fs, dir, "impure", b"y")
    }

    pub(super) fn set_redirect(&self, fs: &dyn FileSystem, dir: NodeId, to: &[u8]) -> Result<()> {
        self.set(fs, dir, "redirect", to)
    }

    pub(super) fn set_origin(&self, fs: &dyn FileSystem, node: NodeId, origin: Origin) -> Result<()> {
        self.set(fs, node, "origin", &encode(origin))
    }

    pub(super) fn set_nlink(&self, fs: &dyn FileSystem, node: NodeId, more: i64) -> Result<()> {
        self.set(fs, node, "nlink", format!("U{more:+}").as_bytes())
    }

    /// A mark that means nothing, to see whether any can be made.
    pub(super) fn probe(&self) -> smallvec::SmallVec<[u8; 32]> {
        self.name("probe")
    }

    /// What a layer must allow, for people.
    pub(super) fn what(&self) -> &'static str {
        match self.prefix {
            "trusted.overlay." => "extended attributes of the kind `trusted.`",
            _ => "extended attributes of the kind `user.`",
        }
    }

    fn name(&self, mark: &str) -> smallvec::SmallVec<[u8; 32]> {
        let mut name = smallvec::SmallVec::from_slice(self.prefix.as_bytes());
        name.extend_from_slice(mark.as_bytes());
        name
    }

    fn get(&self, fs: &dyn FileSystem, node: NodeId, mark: &str) -> Result<Option<Bytes>> {
        let Some(xattrs) = fs.xattrs() else { return Ok(None) };
        match xattrs.get(node, &self.name(mark)) {
            Ok(value) => Ok(Some(value)),
            // A medium that has no attributes for this kind of node, or shows us none, has no marks.
            Err(Errno::NODATA | Errno::NOTSUP | Errno::ACCES | Errno::PERM) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn set(&self, fs: &dyn FileSystem, node: NodeId, mark: &str, value: &[u8]) -> Result<()> {
        fs.xattrs().ok_or(Errno::NOTSUP)?.set(node, &self.name(mark), value, SetXattr::Any)
    }
}

fn encode(origin: Origin) -> [u8; ORIGIN_LEN] {
    let mut out = [0; ORIGIN_LEN];
    out[..5].copy_from_slice(&[VERSION, MAGIC, ORIGIN_LEN as u8, 0, 1]);
    out[5..21].copy_from_slice(SIGNATURE);
    out[21..25].copy_from_slice(&origin.layer.to_le_bytes());
    out[25..33].copy_from_slice(&origin.ino.to_le_bytes());
    out[33..].copy_from_slice(&origin.born.0.to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Origin> {
    if bytes.len() != ORIGIN_LEN || bytes[..5] != [VERSION, MAGIC, ORIGIN_LEN as u8, 0, 1] || bytes[5..21] != *SIGNATURE
    {
        return None;
    }
    Some(Origin {
        layer: u32::from_le_bytes(bytes[21..25].try_into().ok()?),
        ino: u64::from_le_bytes(bytes[25..33].try_into().ok()?),
        born: Time(i128::from_le_bytes(bytes[33..].try_into().ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_survive_and_foreign_ones_are_unknown() {
        let origin = Origin { layer: 3, ino: u64::MAX - 7, born: Time(-5) };
        let bytes = encode(origin);
        assert_eq!(decode(&bytes), Some(origin));
        // The kernel's: version 0.
        let mut kernel = bytes;
        kernel[0] = 0;
        assert_eq!(decode(&kernel), None);
        assert_eq!(decode(&bytes[..48]), None);
        assert_eq!(decode(b""), None);
    }

    #[test]
    fn what_looks_like_a_mark_is_escaped() {
        let marks = Marks::new(Prefix::User);
        for name in [&b"user.x"[..], b"user.overlay.", b"user.overlay.opaque", b"user.overlay.overlay.opaque"] {
            let kept = marks.escape(name);
            assert!(!marks.is_mark(&kept), "{}", name.escape_ascii());
            assert_eq!(marks.unescape(&kept).as_deref(), Some(name));
        }
        assert_eq!(marks.escape(b"user.overlay.opaque"), b"user.overlay.overlay.opaque");
        assert!(marks.is_mark(b"user.overlay.opaque") && !marks.is_mark(b"trusted.overlay.opaque"));
        assert_eq!(marks.unescape(b"user.overlay.opaque"), None);
    }
}
