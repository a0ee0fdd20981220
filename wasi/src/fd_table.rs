//! [`FdTable`]: the descriptors of a process by number.
//!
//! # Lock order
//! `FdTable::slots` is a leaf: it is held to find, place or remove a descriptor, never while anything is done with one,
//! closing included.

use gangplank_vfs::{Errno, Result};

use crate::{
    Descriptor, SharedDescriptor,
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// How many descriptors a process can have unless its builder says otherwise.
pub const FD_LIMIT: u32 = 1024;

/// Numbers below this are given out only by the builder and by `fd_renumber`.
const FIRST: u32 = 3;

/// The descriptors of a process by number.
#[derive(Debug)]
pub struct FdTable {
    slots: RwLock<Slots>,
    /// Whether one was refused for want of numbers.
    reached: AtomicBool,
}

#[derive(Debug, Default)]
struct Slots {
    /// By number. A taken number without a descriptor is reserved for one that is being opened.
    descriptors: Vec<Option<SharedDescriptor>>,
    /// One bit for each number: whether it is taken.
    taken: Vec<u64>,
    /// No word of `taken` before this has a free bit that `lowest_free` would answer.
    first_free_word: usize,
    /// All numbers are below this.
    limit: u32,
    /// Whether the process has ended: nothing is opened any more, and the limit is 0.
    is_over: bool,
}

/// A number that nobody else gets, for a file that is about to be opened. Given back if that fails.
#[derive(Debug)]
pub(crate) struct Reservation<'t> {
    table: &'t FdTable,
    fd: u32,
}

impl FdTable {
    /// A table without descriptors, for numbers below `limit`.
    pub fn new(limit: u32) -> FdTable {
        FdTable { slots: RwLock::new(Slots { limit, ..Slots::default() }), reached: AtomicBool::new(false) }
    }

    /// The descriptor with this number.
    ///
    /// # Errors
    /// `BADF`.
    #[inline]
    pub fn get(&self, fd: u32) -> Result<SharedDescriptor> {
        match self.slots.read().descriptors.get(fd as usize) {
            Some(Some(descriptor)) => Ok(descriptor.clone()),
            _ => Err(Errno::BADF),
        }
    }

    /// Gives a descriptor the lowest free number from 3 on.
    ///
    /// # Errors
    /// `MFILE` if there is none below the limit; `BADF` if the process has ended.
    pub fn insert(&self, descriptor: Descriptor) -> Result<u32> {
        let descriptor = SharedDescriptor::new(descriptor);
        let mut slots = self.slots.write();
        let fd = slots.lowest_free();
        if fd >= slots.limit {
            let error = self.full(&slots);
            // A file is closed after the lock is given back.
            drop(slots);
            return Err(error);
        }
        slots.take(fd);
        descriptor.set_number(Some(fd));
        slots.descriptors[fd as usize] = Some(descriptor);
        Ok(fd)
    }

    /// Sets the lowest free number from 3 on aside, so that nothing is created or cut for a descriptor that then has
    /// no place.
    ///
    /// # Errors
    /// `MFILE` if there is none below the limit; `BADF` if the process has ended.
    pub(crate) fn reserve(&self) -> Result<Reservation<'_>> {
        let mut slots = self.slots.write();
        let fd = slots.lowest_free();
        if fd >= slots.limit {
            return Err(self.full(&slots));
        }
        slots.take(fd);
        Ok(Reservation { table: self, fd })
    }

    /// Gives a descriptor this number, which must be free.
    ///
    /// # Errors
    /// `MFILE` if the number is not below the limit; `EXIST` if it is taken.
    pub(crate) fn insert_at(&self, fd: u32, descriptor: Descriptor) -> Result<()> {
        let mut slots = self.slots.write();
        if fd >= slots.limit {
            return Err(Errno::MFILE);
        }
        if slots.is_taken(fd) {
            return Err(Errno::EXIST);
        }
        slots.take(fd);
        descriptor.set_number(Some(fd));
        slots.descriptors[fd as usize] = Some(SharedDescriptor::new(descriptor));
        Ok(())
    }

    /// Removes a descriptor and closes its file if it was the last one.
    ///
    /// # Errors
    /// `BADF`; what closing the file reports, and then the number is free all the same.
    pub fn close(&self, fd: u32) -> Result<()> {
        let left = {
            let mut slots = self.slots.write();
            let descriptor = slots.descriptors.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::BADF)?;
            slots.release(fd);
            Left::new(descriptor)
        };
        left.close()
    }

    /// Gives another descriptor for the open file of `fd` the lowest free number from 3 on (`dup(2)`): cursor and flags
    /// are shared, rights are not, and it is no preopen.
    ///
    /// # Errors
    /// `BADF`; `MFILE` if there is no number below the limit.
    pub fn duplicate(&self, fd: u32) -> Result<u32> {
        let mut slots = self.slots.write();
        let Some(Some(original)) = slots.descriptors.get(fd as usize) else { return Err(Errno::BADF) };
        let original = original.clone();
        let number = slots.lowest_free();
        if number >= slots.limit {
            return Err(self.full(&slots));
        }
        slots.take(number);
        let copy = SharedDescriptor::new(Descriptor::duplicate(&original));
        copy.set_number(Some(number));
        slots.descriptors[number as usize] = Some(copy);
        Ok(number)
    }

    /// Moves the descriptor `from` to the number `to`, whose own descriptor is closed. Name and rights move along.
    ///
    /// # Errors
    /// `BADF` if one of the two is not open, and nothing has happened.
    pub fn renumber(&self, from: u32, to: u32) -> Result<()> {
        let closed = {
            let mut slots = self.slots.write();
            let is_open = |fd: u32| slots.descriptors.get(fd as usize).is_some_and(Option::is_some);
            if !is_open(from) || !is_open(to) {
                return Err(Errno::BADF);
            }
            if from == to {
                return Ok(());
            }
            let moved = slots.descriptors[from as usize].take();
            slots.release(from);
            if let Some(moved) = &moved {
                moved.set_number(Some(to));
            }
            core::mem::replace(&mut slots.descriptors[to as usize], moved).map(Left::new)
        };
        // As in dup2(2), an error of closing what was there is lost: the guest learns that the number is moved.
        if let Some(closed) = closed {
            let _ = closed.close();
        }
        Ok(())
    }

    /// There is no number: `BADF` if the process has ended. Else remembers that the limit was reached.
    #[cold]
    fn full(&self, slots: &Slots) -> Errno {
        if slots.is_over {
            return Errno::BADF;
        }
        self.reached.store(true, Ordering::Relaxed);
        Errno::MFILE
    }

    /// Whether a descriptor has been refused because of the limit.
    pub fn limit_was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// How many descriptors there are.
    pub fn len(&self) -> usize {
        self.slots.read().descriptors.iter().flatten().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes everything, as the end of a process does. A thread that has not heard of it yet opens nothing more.
    pub(crate) fn close_all(&self) {
        let left: Vec<Left> = {
            let ended = Slots { is_over: true, ..Slots::default() };
            let slots = core::mem::replace(&mut *self.slots.write(), ended);
            slots.descriptors.into_iter().flatten().map(Left::new).collect()
        };
        for descriptor in left {
            // Nobody is left to hear of an error.
            let _ = descriptor.close();
        }
    }
}

impl Drop for FdTable {
    fn drop(&mut self) {
        self.close_all();
    }
}

impl Reservation<'_> {
    /// Gives the descriptor the number, and answers it.
    pub(crate) fn fill(self, descriptor: Descriptor) -> u32 {
        let fd = self.fd;
        descriptor.set_number(Some(fd));
        match self.table.slots.write().descriptors.get_mut(fd as usize) {
            Some(slot) => *slot = Some(SharedDescriptor::new(descriptor)),
            // The process has ended meanwhile and `close_all` has emptied the table: this file goes with the rest.
            None => drop(Left::new(SharedDescriptor::new(descriptor)).close()),
        }
        core::mem::forget(self);
        fd
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.table.slots.write().release(self.fd);
    }
}

/// A descriptor that has left its table.
struct Left {
    descriptor: SharedDescriptor,
    /// Whether no other leads to its open file.
    last: bool,
}

impl Left {
    /// To be called with the table locked.
    #[inline]
    fn new(descriptor: SharedDescriptor) -> Left {
        descriptor.set_number(None);
        Left { last: descriptor.leave(), descriptor }
    }

    /// Closes the file if this was the last descriptor of it. To be called without the table's lock.
    ///
    /// # Errors
    /// What closing the file reports.
    #[inline]
    fn close(self) -> Result<()> {
        if self.last { self.descriptor.file().close() } else { Ok(()) }
    }
}

impl Slots {
    fn is_taken(&self, fd: u32) -> bool {
        self.taken.get(word(fd)).is_some_and(|w| w & bit(fd) != 0)
    }

    /// The lowest number from 3 on that is not taken.
    fn lowest_free(&mut self) -> u32 {
        for at in self.first_free_word..self.taken.len() {
            let below_first = if at == 0 { (1 << FIRST) - 1 } else { 0 };
            let free = !(self.taken[at] | below_first);
            if free != 0 {
                self.first_free_word = at;
                return at as u32 * 64 + free.trailing_zeros();
            }
        }
        self.first_free_word = self.taken.len();
        (self.taken.len() as u32 * 64).max(FIRST)
    }

    fn take(&mut self, fd: u32) {
        if self.taken.len() <= word(fd) {
            self.taken.resize(word(fd) + 1, 0);
        }
        self.taken[word(fd)] |= bit(fd);
        if self.descriptors.len() <= fd as usize {
            self.descriptors.resize(fd as usize + 1, None);
        }
    }

    fn release(&mut self, fd: u32) {
        if let Some(w) = self.taken.get_mut(word(fd)) {
            *w &= !bit(fd);
            self.first_free_word = self.first_free_word.min(word(fd));
        }
    }
}

fn word(fd: u32) -> usize {
    fd as usize / 64
}

fn bit(fd: u32) -> u64 {
    1 << (fd % 64)
}

#[cfg(test)]
mod tests;
