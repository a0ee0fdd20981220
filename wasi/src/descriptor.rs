//! [`Descriptor`]: an open file as one number of a process knows it.

use gangplank_vfs::{Errno, FileType, OpenFile, OpenFlags, Result};

use crate::{
    RightSet, Rights,
    abi::FdFlags,
    abi::types::{Fdstat, Filetype},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// A descriptor that the table and the calls that use it share. Not the standard library's: nobody needs weak
/// references, which would cost another atomic operation for each descriptor that goes.
pub type SharedDescriptor = triomphe::Arc<Descriptor>;

/// An open file as one number of a process knows it: with rights, and with a name if it is a preopened directory.
#[derive(Debug)]
pub struct Descriptor {
    open: Open,
    base: AtomicU64,
    inheriting: AtomicU64,
    enforced: bool,
    preopen: Option<Box<[u8]>>,
    /// The number it has now, or `NONE`.
    number: AtomicU64,
}

/// Unlike every number: numbers are 32 bits wide.
const NONE: u64 = u64::MAX;

/// The open file of a descriptor. Most files have one descriptor, which then holds the file itself and needs no
/// allocation beyond its own.
#[derive(Debug)]
enum Open {
    /// The file, and how many descriptors lead to it.
    Own { file: OpenFile, descriptors: AtomicU32 },
    /// That of another descriptor, which has its own.
    Of(SharedDescriptor),
}

impl Descriptor {
    /// A descriptor with all the rights that the file makes possible.
    #[inline]
    pub fn new(file: OpenFile, rights: Rights) -> Descriptor {
        let (base, inheriting) = RightSet::possible(file.file_type(), file.flags(), rights);
        Descriptor {
            open: Open::Own { file, descriptors: AtomicU32::new(1) },
            base: AtomicU64::new(base.bits()),
            inheriting: AtomicU64::new(inheriting.bits()),
            enforced: rights == Rights::Enforce,
            preopen: None,
            number: AtomicU64::new(NONE),
        }
    }

    /// A preopened directory that is called `name`.
    pub(crate) fn preopened(file: OpenFile, rights: Rights, name: &[u8]) -> Descriptor {
        Descriptor { preopen: Some(name.into()), ..Descriptor::new(file, rights) }
    }

    /// What a guest opened, asking for these rights.
    #[inline]
    pub(crate) fn opened(file: OpenFile, rights: Rights, base: RightSet, inheriting: RightSet) -> Descriptor {
        let mut descriptor = Descriptor::new(file, rights);
        if rights == Rights::Enforce {
            *descriptor.base.get_mut() &= base.bits();
            // What a file hands on has no consequence, but guests get back what they passed.
            *descriptor.inheriting.get_mut() = inheriting.bits();
        }
        descriptor
    }

    /// Another descriptor for the same open file. To be called with the table locked that `original` is in: so no file
    /// gets another descriptor while its last one leaves.
    pub(crate) fn duplicate(original: &SharedDescriptor) -> Descriptor {
        let owner = match &original.open {
            Open::Own { .. } => original,
            Open::Of(owner) => owner,
        };
        owner.own().1.fetch_add(1, Ordering::Relaxed);
        Descriptor {
            open: Open::Of(owner.clone()),
            base: AtomicU64::new(original.base.load(Ordering::Relaxed)),
            inheriting: AtomicU64::new(original.inheriting.load(Ordering::Relaxed)),
            enforced: original.enforced,
            preopen: None,
            number: AtomicU64::new(NONE),
        }
    }

    /// The open file.
    #[inline]
    pub fn file(&self) -> &OpenFile {
        match &self.open {
            Open::Own { file, .. } => file,
            Open::Of(owner) => owner.own().0,
        }
    }

    /// The file, and how many descriptors lead to it.
    #[inline(never)]
    fn own(&self) -> (&OpenFile, &AtomicU32) {
        match &self.open {
            Open::Own { file, descriptors } => (file, descriptors),
            Open::Of(owner) => owner.own(),
        }
    }

    /// The open file, unless it is a directory: reading and writing one is `BADF` in preview1, not `ISDIR`.
    ///
    /// # Errors
    /// `BADF`; `NOTCAPABLE` without the rights `need`.
    #[inline]
    pub(crate) fn content(&self, need: RightSet) -> Result<&OpenFile> {
        let file = self.file();
        if file.file_type() == FileType::Directory {
            return Err(Errno::BADF);
        }
        self.require(need)?;
        Ok(file)
    }

    /// Where the cursor is, if the file is its own, has one, and no right has to be looked at. Calls nothing.
    #[inline]
    pub(crate) fn position(&self) -> Option<u64> {
        match &self.open {
            Open::Own { file, .. } if !self.enforced => file.known_position(),
            _ => None,
        }
    }

    /// Whether it has the number `fd` now. One load, that orders nothing: who holds a descriptor sees all of it.
    #[inline]
    pub(crate) fn has_number(&self, fd: u32) -> bool {
        self.number.load(Ordering::Relaxed) == u64::from(fd)
    }

    /// Told by its table, under the table's lock.
    pub(crate) fn set_number(&self, number: Option<u32>) {
        self.number.store(number.map_or(NONE, u64::from), Ordering::Relaxed);
    }

    /// Its name, if it is a preopened directory.
    pub fn preopen(&self) -> Option<&[u8]> {
        self.preopen.as_deref()
    }

    /// Checks that it has the rights `need`, where rights are enforced.
    ///
    /// # Errors
    /// `NOTCAPABLE`.
    #[inline]
    pub fn require(&self, need: RightSet) -> Result<()> {
        if self.enforced && !self.base().contains(need) { Err(Errno::NOTCAPABLE) } else { Ok(()) }
    }

    /// Checks that what is opened through it may have these rights, where rights are enforced.
    ///
    /// # Errors
    /// `NOTCAPABLE`.
    pub(crate) fn require_inheriting(&self, base: RightSet, inheriting: RightSet) -> Result<()> {
        let may = RightSet::from_bits_retain(self.inheriting.load(Ordering::Relaxed));
        if self.enforced && !may.contains(base | inheriting) { Err(Errno::NOTCAPABLE) } else { Ok(()) }
    }

    /// Takes away all rights but these.
    ///
    /// # Errors
    /// `NOTSUP` where rights are ignored: whoever gives up a right counts on its being gone. `NOTCAPABLE` if that would
    /// add one.
    pub(crate) fn narrow(&self, base: RightSet, inheriting: RightSet) -> Result<()> {
        if !self.enforced {
            return Err(Errno::NOTSUP);
        }
        let has = |rights: &AtomicU64, wanted: RightSet| {
            RightSet::from_bits_retain(rights.load(Ordering::Relaxed)).contains(wanted)
        };
        if !has(&self.base, base) || !has(&self.inheriting, inheriting) {
            return Err(Errno::NOTCAPABLE);
        }
        // `and`, not a store: of two that narrow at the same time, neither gives back what the other took.
        self.base.fetch_and(base.bits(), Ordering::Relaxed);
        self.inheriting.fetch_and(inheriting.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Type, flags and rights, as a guest gets them.
    pub(crate) fn fdstat(&self) -> Fdstat {
        let file = self.file();
        let flags = match file.file_type() {
            FileType::Directory => FdFlags::empty(),
            _ => FdFlags::from_open_flags(file.flags()),
        };
        Fdstat {
            filetype: self.filetype() as u8,
            flags: flags.bits(),
            rights_base: self.base.load(Ordering::Relaxed),
            rights_inheriting: self.inheriting.load(Ordering::Relaxed),
        }
    }

    /// Its type in the words of WASI.
    pub(crate) fn filetype(&self) -> Filetype {
        let file = self.file();
        match file.file_type() {
            FileType::Socket if file.file().socket().is_some_and(|s| s.is_datagram()) => Filetype::SocketDgram,
            other => other.into(),
        }
    }

    /// Whether operations answer `AGAIN` rather than wait.
    #[inline]
    pub(crate) fn nonblock(&self) -> bool {
        self.file().flags().contains(OpenFlags::NONBLOCK)
    }

    /// Called once, when the descriptor leaves its table, with that locked. Answers whether it was the last one of its
    /// open file, which is then to be closed.
    pub(crate) fn leave(&self) -> bool {
        let (_, descriptors) = self.own();
        // If this is the only one, nobody can make another: that takes the lock.
        descriptors.load(Ordering::Acquire) == 1 || descriptors.fetch_sub(1, Ordering::AcqRel) == 1
    }

    #[inline]
    fn base(&self) -> RightSet {
        RightSet::from_bits_retain(self.base.load(Ordering::Relaxed))
    }
}
