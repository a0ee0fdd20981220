//! A standard output of one's own: each line goes to a log, with a number before it.

use std::{
    error::Error,
    io::{IoSlice, IoSliceMut},
    sync::{Arc, Mutex},
    task::Waker,
};

use gangplank::{
    Program,
    engine::{EngineOptions, engine},
    vfs::{Errno, Events, FileType, OpenFlags},
    wasi::pipes::{Stream, StreamFile},
};

/// Prints two lines, in two writes that do not end where the lines do.
const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\20\00\00\00\06\00\00\00") (data (i32.const 16) "\26\00\00\00\05\00\00\00")
    (data (i32.const 32) "one\ntwo\nend")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
        (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 64)))))"#;

/// Lines, as they become whole. For output that only has to be kept there is `Runner::capture_output`, for any
/// `std::io::Write` there is `stdio::writer`.
#[derive(Debug, Default)]
struct Lines {
    done: Mutex<Vec<String>>,
    begun: Mutex<Vec<u8>>,
}

impl Stream for Lines {
    fn access(&self) -> OpenFlags {
        OpenFlags::WRITE
    }

    fn file_type(&self) -> FileType {
        FileType::Fifo
    }

    fn read(&self, _: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        Err(Errno::BADF)
    }

    // Must not wait. A stream that can be full answers `AGAIN`, and wakes the waker of `poll` when there is room.
    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let (mut done, mut begun) = (self.done.lock().unwrap(), self.begun.lock().unwrap());
        for byte in bufs.iter().flat_map(|buf| buf.iter()) {
            match byte {
                b'\n' => {
                    let line = format!("{:>3}  {}", done.len() + 1, String::from_utf8_lossy(&begun));
                    done.push(line);
                    begun.clear();
                }
                byte => begun.push(*byte),
            }
        }
        Ok(bufs.iter().map(|buf| buf.len()).sum())
    }

    fn poll(&self, interest: Events, _: Option<&Waker>) -> Result<Events, Errno> {
        Ok(interest & Events::WRITE)
    }

    fn flush(&self) -> Result<(), Errno> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = Program::new(&*engine(None, &EngineOptions::default())?, "hello", &wat::parse_str(HELLO)?)?;
    let lines = Arc::new(StreamFile::new(Lines::default()));
    let result = program.runner().stdout(lines.clone()).run()?;
    assert!(result.status.is_success());
    let done = lines.get().done.lock().unwrap();
    println!("{}", done.join("\n"));
    assert_eq!(*done, ["  1  one", "  2  two"], "the third has not ended");
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
