use core::{
    sync::atomic::{AtomicU32, Ordering},
    task::Waker,
};
use std::{
    collections::BTreeMap,
    io::{IoSlice, IoSliceMut},
    sync::Arc,
    thread,
};

use gangplank_vfs::{Events, FileType, OpenFile, OpenFlags, VirtualFile};

use super::*;
use crate::{
    Rights,
    pipes::{self, Stream, StreamFile},
};

fn descriptor() -> (Descriptor, Arc<dyn VirtualFile>) {
    let file: Arc<dyn VirtualFile> = pipes::pipe(4096).0;
    (Descriptor::new(OpenFile::from_stream(file.clone(), OpenFlags::READ, FileType::Fifo), Rights::Ignore), file)
}

#[test]
fn numbers_are_the_lowest_free_from_three_on() {
    let table = FdTable::new(6);
    assert_eq!(table.insert(descriptor().0), Ok(3));
    assert_eq!(table.insert(descriptor().0), Ok(4));
    table.insert_at(1, descriptor().0).unwrap();
    assert_eq!(table.insert_at(1, descriptor().0), Err(Errno::EXIST));
    assert_eq!(table.insert_at(6, descriptor().0), Err(Errno::MFILE));
    assert_eq!(table.insert(descriptor().0), Ok(5));
    assert_eq!(table.insert(descriptor().0), Err(Errno::MFILE));
    assert_eq!(table.close(4), Ok(()));
    assert_eq!(table.close(4), Err(Errno::BADF));
    assert_eq!(table.close(1), Ok(()));
    assert_eq!(table.insert(descriptor().0), Ok(4));
    assert_eq!(table.len(), 3);
}

#[test]
fn renumbering_moves_closes_and_never_makes_a_number() {
    let table = FdTable::new(100);
    let (a, file_a) = descriptor();
    let (b, file_b) = descriptor();
    table.insert_at(0, a).unwrap();
    assert_eq!(table.insert(b), Ok(3));
    for (from, to) in [(0, 5), (5, 0), (0, u32::MAX), (u32::MAX, u32::MAX)] {
        assert_eq!(table.renumber(from, to), Err(Errno::BADF));
    }
    assert_eq!(table.renumber(3, 3), Ok(()));
    assert_eq!(table.renumber(3, 0), Ok(()));
    assert!(Arc::ptr_eq(table.get(0).unwrap().file().file(), &file_b));
    assert_eq!(table.get(3).map(drop), Err(Errno::BADF));
    assert_eq!(Arc::strong_count(&file_a), 1, "what was at the number is closed");
    assert_eq!(table.insert(descriptor().0), Ok(3));
}

#[test]
fn a_reserved_number_is_taken_but_not_open() {
    let table = FdTable::new(4);
    let reserved = table.reserve().unwrap();
    assert_eq!(table.get(3).map(drop), Err(Errno::BADF));
    assert_eq!(table.close(3), Err(Errno::BADF));
    assert_eq!(table.renumber(3, 3), Err(Errno::BADF));
    assert_eq!(table.reserve().map(drop), Err(Errno::MFILE));
    drop(reserved);
    assert_eq!(table.reserve().unwrap().fill(descriptor().0), 3);
}

#[test]
fn nothing_is_opened_after_the_end() {
    let table = FdTable::new(10);
    let early = table.reserve().unwrap();
    table.close_all();
    assert_eq!(table.reserve().map(drop), Err(Errno::BADF));
    assert_eq!(table.insert(descriptor().0), Err(Errno::BADF));
    let (late, file) = descriptor();
    early.fill(late);
    assert!(table.is_empty() && !table.limit_was_reached());
    assert_eq!(Arc::strong_count(&file), 1, "it goes with the rest");
}

/// Counts how often it is closed.
#[derive(Debug, Default)]
struct Closes(Arc<AtomicU32>);

impl Stream for Closes {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ
    }
    fn file_type(&self) -> FileType {
        FileType::Fifo
    }
    fn read(&self, _: &mut [IoSliceMut<'_>]) -> Result<usize> {
        Err(Errno::AGAIN)
    }
    fn write(&self, _: &[IoSlice<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }
    fn poll(&self, _: Events, _: Option<&Waker>) -> Result<Events> {
        Ok(Events::empty())
    }
    fn flush(&self) -> Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Errno::IO)
    }
}

#[test]
fn the_last_descriptor_closes_the_file() {
    let closes = Arc::new(AtomicU32::new(0));
    let count = || closes.load(Ordering::Relaxed);
    let file = StreamFile::shared(Closes(closes.clone()));
    let table = FdTable::new(10);
    let first = Descriptor::new(OpenFile::from_stream(file, OpenFlags::READ, FileType::Fifo), Rights::Ignore);
    let first = table.insert(first).unwrap();
    assert_eq!(table.duplicate(first + 1), Err(Errno::BADF));
    let second = table.duplicate(first).unwrap();
    let third = table.duplicate(second).unwrap();
    let in_use = table.get(second).unwrap();
    assert_eq!((table.close(first), count()), (Ok(()), 0));
    assert_eq!((table.renumber(third, second), count()), (Ok(()), 0));
    assert_eq!((table.close(second), count()), (Err(Errno::IO), 1));
    assert_eq!(table.get(second).map(drop), Err(Errno::BADF), "gone in spite of the error");
    drop(in_use);
    assert_eq!(count(), 1);
}

#[test]
fn a_file_is_closed_once_though_threads_duplicate_it_while_its_last_descriptor_goes() {
    for _ in 0..300 {
        let closes = Arc::new(AtomicU32::new(0));
        let file = StreamFile::shared(Closes(closes.clone()));
        let table = FdTable::new(100);
        let first = Descriptor::new(OpenFile::from_stream(file, OpenFlags::READ, FileType::Fifo), Rights::Ignore);
        let first = table.insert(first).unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Ok(copy) = table.duplicate(first) {
                        let _ = table.close(copy);
                    }
                });
            }
            scope.spawn(|| {
                thread::yield_now();
                let _ = table.close(first);
            });
        });
        assert!(table.is_empty());
        assert_eq!(closes.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn closing_and_renumbering_at_random_agrees_with_a_map() {
    let table = FdTable::new(200);
    let mut model = BTreeMap::new();
    let mut seed = 1u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..5_000 {
        let (a, b) = (random(210) as u32, random(210) as u32);
        match random(4) {
            0 | 1 => {
                let (descriptor, file) = descriptor();
                let free = (3..200).find(|fd| !model.contains_key(fd)).ok_or(Errno::MFILE);
                assert_eq!(table.insert(descriptor), free);
                free.map(|fd| model.insert(fd, file)).ok();
            }
            2 => assert_eq!(table.close(a).is_ok(), model.remove(&a).is_some()),
            _ => {
                let ok = model.contains_key(&a) && model.contains_key(&b);
                assert_eq!(table.renumber(a, b).is_ok(), ok);
                if ok && a != b {
                    let moved = model.remove(&a).unwrap();
                    model.insert(b, moved);
                }
            }
        }
        assert_eq!(table.len(), model.len());
    }
    for (&fd, file) in &model {
        assert!(Arc::ptr_eq(table.get(fd).unwrap().file().file(), file));
    }
    table.close_all();
    assert!(table.is_empty());
    assert!(model.values().all(|file| Arc::strong_count(file) == 1));
}

#[test]
fn descriptors_know_their_number() {
    let table = FdTable::new(10);
    let (a, b) = (table.insert(descriptor().0).unwrap(), table.insert(descriptor().0).unwrap());
    let (at_a, at_b) = (table.get(a).unwrap(), table.get(b).unwrap());
    assert!(at_a.has_number(a) && at_b.has_number(b));
    table.renumber(a, b).unwrap();
    assert!(at_a.has_number(b) && !at_a.has_number(a) && !at_b.has_number(b));
    table.close(b).unwrap();
    assert!(!at_a.has_number(b) && !at_a.has_number(u32::MAX));
}
