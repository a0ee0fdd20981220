//! The descriptors of a process: what several threads are told can have happened one after the other on a map of numbers,
//! and every file is closed once, when its last descriptor goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{IoSlice, IoSliceMut},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    task::Waker,
};

use gangplank_conformance::{concurrent::Threads as _, differential::Rng};
use gangplank_vfs::{Errno, Events, FileType, MemFs, Mount, MountOptions, OpenFile, OpenFlags, Tree, VirtualFile};
use gangplank_wasi::{
    Call, Descriptor, FdTable, GuestMemory, Process, ProcessBuilder, Rights, System, Thread,
    abi::{self, Outcome},
    pipes::{Stream, StreamFile},
};

use crate::{explore::Case, programs::Scheduled};

/// How many random programs there are.
const RANDOM: u64 = 60;

/// All numbers are below this, so that some are refused.
const LIMIT: u32 = 7;

/// A file that counts how often it is closed.
#[derive(Debug, Default)]
struct Closes(AtomicU32);

impl Stream for Closes {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ
    }
    fn file_type(&self) -> FileType {
        FileType::Fifo
    }
    fn read(&self, _: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        Err(Errno::AGAIN)
    }
    fn write(&self, _: &[IoSlice<'_>]) -> Result<usize, Errno> {
        Err(Errno::BADF)
    }
    fn poll(&self, _: Events, _: Option<&Waker>) -> Result<Events, Errno> {
        Ok(Events::empty())
    }
    fn flush(&self) -> Result<(), Errno> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// The files of a program, by number.
type Files = Arc<Vec<Arc<StreamFile<Closes>>>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    /// Gives a file its first descriptor.
    Open(usize),
    Close(u32),
    Duplicate(u32),
    Renumber(u32, u32),
    /// Which file it is.
    Get(u32),
}

/// A number, a file, or nothing.
type Answer = Result<Option<usize>, Errno>;

impl Act {
    fn random(rng: &mut Rng, file: usize) -> Act {
        let mut fd = || 3 + rng.below(4) as u32;
        let (a, b) = (fd(), fd());
        match rng.below(8) {
            0 | 1 => Act::Open(file),
            2 => Act::Close(a),
            3 | 4 => Act::Duplicate(a),
            5 | 6 => Act::Renumber(a, b),
            _ => Act::Get(a),
        }
    }

    fn perform(self, table: &FdTable, files: &Files) -> Answer {
        let fd = |number: u32| Some(number as usize);
        match self {
            Act::Open(file) => {
                let open = OpenFile::from_stream(files[file].clone(), OpenFlags::READ, FileType::Fifo);
                table.insert(Descriptor::new(open, Rights::Ignore)).map(fd)
            }
            Act::Close(a) => table.close(a).map(|()| None),
            Act::Duplicate(a) => table.duplicate(a).map(fd),
            Act::Renumber(a, b) => table.renumber(a, b).map(|()| None),
            Act::Get(a) => {
                let found = table.get(a)?;
                let is = |file: &Arc<StreamFile<Closes>>| same(file, found.file().file());
                Ok(Some(files.iter().position(is).expect("a file of this program")))
            }
        }
    }

    /// What it must answer if these are the descriptors, which it changes.
    fn expected(self, open: &mut BTreeMap<u32, usize>) -> Answer {
        let free = |open: &BTreeMap<u32, usize>| (3..LIMIT).find(|fd| !open.contains_key(fd)).ok_or(Errno::MFILE);
        let file = |open: &BTreeMap<u32, usize>, fd: u32| open.get(&fd).copied().ok_or(Errno::BADF);
        match self {
            Act::Open(file) => {
                let fd = free(open)?;
                open.insert(fd, file);
                Ok(Some(fd as usize))
            }
            Act::Close(a) => open.remove(&a).map(|_| None).ok_or(Errno::BADF),
            Act::Duplicate(a) => {
                let file = file(open, a)?;
                let fd = free(open)?;
                open.insert(fd, file);
                Ok(Some(fd as usize))
            }
            Act::Renumber(a, b) => {
                let moved = file(open, a)?;
                file(open, b)?;
                open.remove(&a);
                open.insert(b, moved);
                Ok(None)
            }
            Act::Get(a) => file(open, a).map(Some),
        }
    }
}

fn same(file: &Arc<StreamFile<Closes>>, other: &Arc<dyn VirtualFile>) -> bool {
    core::ptr::addr_eq(Arc::as_ptr(file), Arc::as_ptr(other))
}

/// What was done, and between which moments.
#[derive(Clone, Debug)]
struct Event {
    act: Act,
    answer: Answer,
    called: u64,
    answered: u64,
}

/// Whether the events can have happened in some order, each between its moments, from these descriptors on to those.
fn possible(events: &[Event], done: u64, open: &BTreeMap<u32, usize>, end: &BTreeMap<u32, usize>) -> bool {
    let rest = || events.iter().enumerate().filter(move |(i, _)| done & 1 << i == 0);
    let Some(first) = rest().map(|(_, event)| event.answered).min() else { return open == end };
    rest().filter(|(_, event)| event.called < first).any(|(i, event)| {
        let mut next = open.clone();
        event.act.expected(&mut next) == event.answer && possible(events, done | 1 << i, &next, end)
    })
}

/// Two files are open first, one of them by two descriptors; then each thread does its acts.
fn play(threads: Vec<Vec<Act>>) {
    let count = 2 + threads.iter().map(Vec::len).sum::<usize>();
    let files: Files = Arc::new((0..count).map(|_| StreamFile::shared(Closes::default())).collect());
    let table = Arc::new(FdTable::new(LIMIT));
    let mut begin = BTreeMap::new();
    for act in [Act::Open(0), Act::Open(1), Act::Duplicate(3)] {
        assert_eq!(act.perform(&table, &files), act.expected(&mut begin));
    }
    let (moment, events) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(vec![])));
    let bodies = threads.into_iter().map(|acts| -> Box<dyn FnOnce() + Send> {
        let (table, files, moment, events) = (table.clone(), files.clone(), moment.clone(), events.clone());
        Box::new(move || {
            for act in acts {
                let called = moment.fetch_add(1, Ordering::SeqCst);
                let answer = act.perform(&table, &files);
                let answered = moment.fetch_add(1, Ordering::SeqCst);
                events.lock().expect("nobody panics with it").push(Event { act, answer, called, answered });
            }
        })
    });
    Scheduled.run(bodies.collect());
    let events = events.lock().expect("nobody panics with it").clone();
    let end: BTreeMap<u32, usize> = (0..LIMIT)
        .filter_map(|fd| Act::Get(fd).perform(&table, &files).ok().flatten().map(|file| (fd, file)))
        .collect();
    assert!(possible(&events, 0, &begin, &end), "from {begin:?} to {end:?} by no order of {events:#?}");
    let closes = || files.iter().map(|file| file.get().0.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let ever: BTreeSet<usize> = begin.values().copied().chain(events.iter().filter_map(opened)).collect();
    let gone = |file: usize| u32::from(ever.contains(&file) && !end.values().any(|open| *open == file));
    assert_eq!(closes(), (0..count).map(gone).collect::<Vec<_>>(), "{end:?} is open after {events:#?}");
    drop(table);
    assert_eq!(closes(), (0..count).map(|file| u32::from(ever.contains(&file))).collect::<Vec<_>>(), "in the end");
}

/// The file that was opened.
fn opened(event: &Event) -> Option<usize> {
    match (event.act, event.answer) {
        (Act::Open(file), Ok(_)) => Some(file),
        _ => None,
    }
}

fn random(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut file = 1;
    let threads = (0..2 + rng.below(2)).map(|_| {
        let one = |rng: &mut Rng| {
            file += 1;
            Act::random(rng, file)
        };
        let mut one = one;
        (0..3).map(|_| one(&mut rng)).collect::<Vec<_>>()
    });
    let threads = threads.collect();
    play(threads);
}

/// One page of memory, with the name of the file at 100.
const NAME: (u64, u64) = (100, 1);

/// A call as a guest makes it; what it answers, and what it has put at 0.
fn call(thread: &Thread, memory: &mut [u8], name: &str, args: &[u64]) -> (Outcome, u32) {
    let import = abi::find("wasi_snapshot_preview1", name).expect("an import of preview1");
    let outcome = (import.call)(&mut Call::new(thread, GuestMemory::exclusive(memory)), args);
    (outcome, u32::from_le_bytes([memory[0], memory[1], memory[2], memory[3]]))
}

fn process() -> (Arc<MemFs>, Arc<Process>) {
    let fs = Arc::new(MemFs::new());
    Tree::new(fs.clone()).write("f", "content").expect("make a file");
    let place = Mount::detached(fs.clone(), MountOptions::default());
    let builder = ProcessBuilder::new(&System::deterministic(1), "guest").preopen("/", place);
    (fs, builder.build().expect("a process"))
}

/// Two threads open and close, and one ends the process meanwhile: no number is given twice, nothing stays open.
fn a_process_ends_while_its_threads_open_files() {
    let (fs, process) = process();
    let held = Arc::new(Mutex::new(BTreeSet::new()));
    let mut bodies: Vec<Box<dyn FnOnce() + Send>> = vec![];
    for _ in 0..2 {
        let (process, held) = (process.clone(), held.clone());
        bodies.push(Box::new(move || {
            let (thread, mut memory) = (Thread::main(&process), vec![0; 1 << 16]);
            memory[NAME.0 as usize] = b'f';
            for _ in 0..2 {
                let (outcome, fd) =
                    call(&thread, &mut memory, "path_open", &[3, 0, NAME.0, NAME.1, 0, u64::MAX, u64::MAX, 0, 0]);
                if outcome != Outcome::Return(0) {
                    assert!(process.life().is_over(), "opening: {outcome:?}");
                    return;
                }
                assert!(held.lock().expect("nobody panics with it").insert(fd), "{fd} was given twice");
                // From here on the number may be given to somebody else.
                held.lock().expect("nobody panics with it").remove(&fd);
                let (outcome, _) = call(&thread, &mut memory, "fd_close", &[u64::from(fd)]);
                let over = process.life().is_over();
                assert!(outcome == Outcome::Return(0) || over, "closing {fd}: {outcome:?}");
            }
        }));
    }
    let ends = process.clone();
    bodies.push(Box::new(move || {
        ends.finish(0);
    }));
    Scheduled.run(bodies);
    assert!(process.fds().is_empty(), "{:?} stay open", process.fds());
    drop(process);
    assert_eq!(Arc::strong_count(&fs), 1, "somebody still has the filesystem");
}

pub(crate) fn cases() -> Vec<Case> {
    use Act::{Close, Duplicate, Get, Open, Renumber};
    let named: [(&str, Vec<Vec<Act>>); 5] = [
        (
            "a file whose last descriptor goes while it is duplicated",
            vec![vec![Close(4)], vec![Duplicate(4), Get(4)], vec![Duplicate(4)]],
        ),
        ("two renumber in opposite directions", vec![vec![Renumber(3, 4), Get(4)], vec![Renumber(4, 3), Get(3)]]),
        (
            "whoever looks during a renumbering sees one of the two files",
            vec![vec![Renumber(3, 4)], vec![Get(4), Get(3), Get(4)], vec![Open(2)]],
        ),
        ("a number is closed once", vec![vec![Close(3), Open(2)], vec![Close(3), Open(3)], vec![Close(5)]]),
        ("numbers are given once", vec![vec![Open(2), Close(6)], vec![Open(3), Get(6)], vec![Duplicate(3), Open(4)]]),
    ];
    let mut cases = vec![];
    for (name, threads) in named {
        cases.push(Case::new(format!("descriptors: {name}"), move || play(threads.clone())));
    }
    for seed in 0..RANDOM {
        cases.push(Case::new(format!("descriptors: random acts {seed}"), move || random(seed)));
    }
    let name = "descriptors: a process ends while its threads open files";
    cases.push(Case::new(name, a_process_ends_while_its_threads_open_files));
    cases
}
