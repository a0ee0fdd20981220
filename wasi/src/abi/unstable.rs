//! `wasi_unstable`, the snapshot before preview1, also called snapshot 0: entry points as in
//! [`preview1`](super::preview1), and the layouts that differ.
//!
//! Programs of 2019 and 2020 import it. What is not here is as in preview1, handlers included.

use super::{
    entries::entries,
    layout::layouts,
    types::{self, EventType, SubscriptionClock, enums},
};

crate::for_each_unstable!(entries! {});

layouts! {
    /// Metadata: `filestat`. There is less room for the number of names.
    pub struct Filestat: 56 {
        /// Number of the filesystem.
        dev: u64 = 0,
        /// Number of the file on it.
        ino: u64 = 8,
        /// A [`Filetype`](types::Filetype).
        filetype: u8 = 16,
        /// Number of names, or `u32::MAX` for more.
        nlink: u32 = 20,
        /// Bytes of content.
        size: u64 = 24,
        /// Last read, in nanoseconds since 1970, as are the others.
        atim: u64 = 32,
        /// Last change of the content.
        mtim: u64 = 40,
        /// Last change of content or metadata.
        ctim: u64 = 48,
    }

    /// What a guest waits for: `subscription`. A descriptor stands where the number before the clock does.
    pub struct Subscription: 56 {
        /// Repeated in the event.
        userdata: u64 = 0,
        /// An [`EventType`].
        tag: u8 = 8,
        /// A number of the guest's that says nothing, or the descriptor in its lower half.
        identifier: u64 = 16,
        /// The clock.
        clock: SubscriptionClock = 24,
    }
}

enums! {
    /// Where an offset counts from: `whence`.
    pub enum Whence: u8 {
        /// The cursor.
        Cur = 0,
        /// The end.
        End = 1,
        /// The beginning.
        Set = 2,
    }
}

impl From<types::Filestat> for Filestat {
    fn from(stat: types::Filestat) -> Filestat {
        let types::Filestat { dev, ino, filetype, nlink, size, atim, mtim, ctim } = stat;
        Filestat { dev, ino, filetype, nlink: u32::try_from(nlink).unwrap_or(u32::MAX), size, atim, mtim, ctim }
    }
}

impl From<Subscription> for types::Subscription {
    fn from(subscription: Subscription) -> types::Subscription {
        let Subscription { userdata, tag, identifier, clock } = subscription;
        let what =
            if tag == EventType::Clock as u8 { clock } else { SubscriptionClock { id: identifier as u32, ..clock } };
        types::Subscription { userdata, tag, what }
    }
}

impl From<Whence> for types::Whence {
    fn from(whence: Whence) -> types::Whence {
        match whence {
            Whence::Cur => types::Whence::Cur,
            Whence::End => types::Whence::End,
            Whence::Set => types::Whence::Set,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Layout;

    #[test]
    fn descriptors_and_clocks_stand_in_different_places() {
        let mut bytes = Subscription::ZERO;
        bytes[0] = 7;
        bytes[16..20].copy_from_slice(&9u32.to_le_bytes());
        bytes[24..28].copy_from_slice(&1u32.to_le_bytes());
        bytes[32..40].copy_from_slice(&5u64.to_le_bytes());
        bytes[48] = 1;
        let clock = types::Subscription::from(Subscription::decode(&bytes));
        assert_eq!((clock.userdata, clock.tag), (7, 0));
        assert_eq!(clock.what, SubscriptionClock { id: 1, timeout: 5, precision: 0, flags: 1 });
        bytes[8] = EventType::FdWrite as u8;
        let write = types::Subscription::from(Subscription::decode(&bytes));
        assert_eq!((write.tag, write.what.id), (2, 9));
    }

    #[test]
    fn more_names_than_there_is_room_for_are_as_many_as_there_is_room_for() {
        let of = |nlink| Filestat::from(types::Filestat { nlink, ..types::Filestat::default() }).nlink;
        assert_eq!((of(3), of(u64::from(u32::MAX) + 4)), (3, u32::MAX));
    }
}
