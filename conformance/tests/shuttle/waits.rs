//! Waits: whoever waits for a pipe, or for the cursor of an open file, is woken. A wake that is lost is a schedule in which
//! nobody can go on.

use std::{
    io::{IoSlice, IoSliceMut},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use gangplank_conformance::concurrent::Threads as _;
use gangplank_vfs::{Errno, MemFs, NewNode, OpenFlags, OpenHow, Tree, VirtualFile, Whence};
use gangplank_wasi::{Cancel, Canceller, Fault, Life, pipes, wait::WaitSet};

use crate::{explore::Case, programs::Scheduled};

type Body = Box<dyn FnOnce() + Send>;

/// Reads until the end; answers how many bytes.
fn drain(wait: &WaitSet, file: &dyn VirtualFile) -> Result<usize, Fault> {
    let (mut total, mut buf) = (0, [0; 5000]);
    loop {
        match wait.block_on_read(file, false, || file.read_stream(&mut [IoSliceMut::new(&mut buf)]))? {
            0 => return Ok(total),
            n => total += n,
        }
    }
}

/// Two write more than fits, two read until the writers have gone.
fn a_full_pipe_and_an_empty_one() {
    const EACH: usize = pipes::PIPE_BUF + 100;
    let (reader, writer) = pipes::pipe(pipes::PIPE_BUF);
    let (life, read) = (Life::new(), Arc::new(AtomicUsize::new(0)));
    let mut bodies: Vec<Body> = vec![];
    for _ in 0..2 {
        let (wait, writer) = (WaitSet::new(&life), writer.clone());
        bodies.push(Box::new(move || {
            let bytes = vec![1; EACH];
            let n = wait.block_on_write(&*writer, false, &mut [IoSlice::new(&bytes)], |bufs| writer.write_stream(bufs));
            assert_eq!(n.expect("the readers stay"), EACH);
        }));
        let (wait, reader, read) = (WaitSet::new(&life), reader.clone(), read.clone());
        bodies.push(Box::new(move || {
            let n = drain(&wait, &*reader).expect("nobody is canceled");
            read.fetch_add(n, Ordering::SeqCst);
        }));
    }
    drop((reader, writer));
    Scheduled.run(bodies);
    assert_eq!(read.load(Ordering::SeqCst), 2 * EACH);
}

/// Whoever waits hears of the end of the process, whenever it comes.
fn a_process_is_canceled_while_it_waits() {
    let (reader, writer) = pipes::pipe(pipes::PIPE_BUF);
    let life = Life::new();
    let (wait, canceller) = (WaitSet::new(&life), Canceller::new(&life));
    let waits: Body = Box::new(move || match drain(&wait, &*reader) {
        Err(Fault::Exit) => {}
        other => panic!("it ended with {other:?}"),
    });
    let writes = writer.clone();
    let bodies: Vec<Body> = vec![
        waits,
        Box::new(move || match writes.write_stream(&[IoSlice::new(b"some")]) {
            Ok(4) | Err(Errno::PIPE) => {}
            other => panic!("it wrote {other:?}"),
        }),
        Box::new(move || assert!(canceller.cancel(Cancel::Requested))),
    ];
    Scheduled.run(bodies);
    drop(writer);
}

/// Four move one cursor, often enough to stand in a line for it.
fn a_cursor_moves_once_for_each_who_moves_it() {
    let tree = Tree::new(Arc::new(MemFs::new()));
    let create = Some(NewNode::Regular { mode: 0o644 });
    let flags = OpenFlags::READ | OpenFlags::WRITE;
    let file = tree.open("f", &OpenHow { flags, create, exclusive: false, follow: true }).expect("make a file");
    let file = Arc::new(file);
    let bodies = (0..4).map(|which| -> Body {
        let file = file.clone();
        Box::new(move || {
            for _ in 0..3 {
                if which == 0 {
                    file.seek(Whence::Current, 1).expect("seek");
                } else {
                    file.write(&[IoSlice::new(b"x")]).expect("write");
                }
            }
        })
    });
    Scheduled.run(bodies.collect());
    assert_eq!(file.tell(), Ok(12));
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("waits: a full pipe and an empty one", a_full_pipe_and_an_empty_one),
        Case::new("waits: a process is canceled while it waits", a_process_is_canceled_while_it_waits),
        Case::new("waits: a cursor moves once for each who moves it", a_cursor_moves_once_for_each_who_moves_it),
    ]
}
