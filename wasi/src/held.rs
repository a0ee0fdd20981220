//! [`Held`]: a descriptor for the length of one call, and how a thread finds the ones that it uses again and again.
//!
//! A look into the table costs a lock and a reference count: four atomic operations, more than reading 64 bytes. So a
//! thread remembers the last few descriptors it used, and asks each only whether it still has its number.
//!
//! What is remembered stays open a little longer than its number. That must not show: only files and directories are
//! remembered, where nobody waits for the end, only while the process has one thread, and that one forgets what it is
//! about to close.

use core::{
    cell::{Ref, RefCell},
    ops::Deref,
};

use gangplank_vfs::{FileType, Result};

use crate::{Descriptor, SharedDescriptor, Thread};

/// How many descriptors a thread remembers, each in the place that its number chooses.
const PLACES: usize = 4;

/// The descriptors that a thread remembers.
#[derive(Debug, Default)]
pub(crate) struct Known([RefCell<Option<SharedDescriptor>>; PLACES]);

/// A descriptor for the length of one call.
#[derive(Debug)]
pub(crate) enum Held<'t> {
    /// One that the thread remembers.
    Known(Ref<'t, Descriptor>),
    /// One that the table has just answered.
    Found(SharedDescriptor),
}

impl Deref for Held<'_> {
    type Target = Descriptor;

    #[inline]
    fn deref(&self) -> &Descriptor {
        match self {
            Held::Known(descriptor) => descriptor,
            Held::Found(descriptor) => descriptor,
        }
    }
}

impl Thread {
    /// The descriptor with this number.
    ///
    /// # Errors
    /// `BADF`.
    #[inline]
    pub(crate) fn descriptor(&self, fd: u32) -> Result<Held<'_>> {
        let place = &self.known().0[fd as usize % PLACES];
        if let Ok(known) = place.try_borrow()
            && let Ok(known) = Ref::filter_map(known, |known| known.as_deref().filter(|known| known.has_number(fd)))
        {
            return Ok(Held::Known(known));
        }
        // Put together here, not in `find`: what goes through memory in two halves and comes back as one is waited for.
        match self.find(fd, place) {
            Ok(found) => Ok(Held::Found(found)),
            Err(error) => Err(error),
        }
    }

    /// What `f` answers about the descriptor with this number, if the thread remembers it. As long as `f` calls
    /// nothing, neither does this, and a syscall that has its answer here is over before another one has saved its
    /// registers.
    #[inline(always)]
    pub(crate) fn glance<R>(&self, fd: u32, f: impl FnOnce(&Descriptor) -> Option<R>) -> Option<R> {
        let known = self.known().0[fd as usize % PLACES].try_borrow().ok()?;
        f(known.as_deref().filter(|known| known.has_number(fd))?)
    }

    #[inline(never)]
    fn find(&self, fd: u32, place: &RefCell<Option<SharedDescriptor>>) -> Result<SharedDescriptor> {
        let descriptor = self.process().fds().get(fd)?;
        let silent = matches!(descriptor.file().file_type(), FileType::Regular | FileType::Directory);
        let remembers = silent && self.process().has_one_thread();
        // Another descriptor of the same call may be held from this place; then this one is not remembered.
        if let Ok(mut place) = place.try_borrow_mut() {
            *place = remembers.then(|| descriptor.clone());
        }
        Ok(descriptor)
    }

    /// Forgets the descriptor with this number, which is about to be closed, so that it is closed at once, or to get
    /// another number.
    pub(crate) fn forget(&self, fd: u32) {
        if let Ok(mut place) = self.known().0[fd as usize % PLACES].try_borrow_mut()
            && place.as_ref().is_some_and(|known| known.has_number(fd))
        {
            *place = None;
        }
    }
}
