//! Arguments, environment, clocks, random numbers, the end, and who watches.

use std::sync::{Arc, Mutex};

use gangplank_wasi::{
    Call, Cancel, Event, ExitStatus, Fault, GuestMemory, ProcessBuilder, Rights, System, Thread, Trace,
    abi::{self, Outcome, preview1},
};

use crate::guest::{BUF, Guest, OUT, builder, everywhere, mem_fs};

#[test]
fn arguments_and_environment_arrive_as_they_are() {
    let system = System::deterministic(1);
    let builder = ProcessBuilder::new(&system, "prog").args(["", "a \"b\""]).env("K", "v=1\n").env("L", "");
    let mut g = Guest::of(builder);
    g.ok("args_sizes_get", &[OUT, OUT + 4]);
    assert_eq!((g.u32(OUT), g.u32(OUT + 4)), (3, 5 + 1 + 6));
    g.ok("args_get", &[OUT, BUF]);
    assert_eq!(g.bytes(BUF, 12), b"prog\0\0a \"b\"\0");
    assert_eq!((g.u32(OUT), g.u32(OUT + 4), g.u32(OUT + 8)), (BUF, BUF + 5, BUF + 6));
    g.ok("environ_sizes_get", &[OUT, OUT + 4]);
    assert_eq!((g.u32(OUT), g.u32(OUT + 4)), (2, 7 + 3));
    g.ok("environ_get", &[OUT, BUF]);
    assert_eq!(g.bytes(BUF, 10), b"K=v=1\n\0L=\0");
    assert_eq!(g.call("fd_prestat_get", &[3, OUT]), "BADF", "no directory unless there is one");
}

#[test]
fn clocks() {
    everywhere(|g| {
        let mut last = 0;
        for id in 0..4 {
            g.ok("clock_res_get", &[id, OUT]);
            assert!(g.u64(OUT) > 0);
            g.ok("clock_time_get", &[id, u64::MAX, OUT]);
        }
        for _ in 0..10 {
            g.ok("clock_time_get", &[1, 0, OUT]);
            assert!(g.u64(OUT) > last);
            last = g.u64(OUT);
        }
        for bad in [4, u64::from(u32::MAX)] {
            assert_eq!(g.call("clock_res_get", &[bad, OUT]), "INVAL");
            assert_eq!(g.call("clock_time_get", &[bad, 0, OUT]), "INVAL");
        }
    });
}

#[test]
fn random_numbers() {
    everywhere(|g| {
        g.ok("random_get", &[BUF, 90_000]);
        assert!(g.bytes(BUF, 90_000).chunks(32).all(|part| part.iter().any(|&b| b != 0)));
        g.ok("random_get", &[u64::from(u32::MAX), 0]);
        assert_eq!(g.call("random_get", &[BUF, u64::from(u32::MAX)]), "FAULT");
        g.ok("sched_yield", &[]);
        for signal in [0, 9, 15, 200] {
            assert_eq!(g.call("proc_raise", &[signal]), "NOTSUP");
        }
    });
}

#[test]
fn exit_needs_no_memory_and_is_the_last_thing() {
    let process = builder(Rights::Ignore, mem_fs(false)).build().unwrap();
    let thread = Thread::main(&process);
    let mut call = Call::new(&thread, GuestMemory::none());
    assert_eq!(preview1::fd_filestat_get(&mut call, 3, 0), Outcome::Return(21), "FAULT");
    assert_eq!(preview1::sched_yield(&mut call), Outcome::Return(0));
    assert_eq!(process.exit_status(), None);
    assert_eq!(preview1::proc_exit(&mut call, u32::MAX), Outcome::Exit);
    assert_eq!(process.exit_status(), Some(ExitStatus::Code(u32::MAX)));
    assert_eq!(preview1::sched_yield(&mut call), Outcome::Exit);
    assert!(!process.canceller().cancel(Cancel::Requested), "the first end counts");
    assert_eq!(process.finish(0), ExitStatus::Code(u32::MAX));
    assert!(process.fds().is_empty());
}

#[test]
fn a_canceled_process_makes_no_more_calls() {
    let mut g = Guest::new(Rights::Ignore);
    assert!(g.process.canceller().cancel(Cancel::Timeout));
    for import in abi::preview1::IMPORTS {
        assert_eq!(g.call(import.name, &vec![0; import.params.len()]), "EXIT");
    }
    assert_eq!(g.process.finish(0), ExitStatus::Canceled(Cancel::Timeout));
}

#[derive(Debug, Default)]
struct Log(Mutex<Vec<String>>);

impl Trace for Log {
    fn begin(&self, import: &'static abi::Import) -> u64 {
        import.name.len() as u64
    }

    fn event(&self, event: &Event<'_, '_>) {
        let result = match event.result {
            Ok(()) => "ok".to_string(),
            Err(Fault::Errno(errno)) => errno.name().to_string(),
            Err(Fault::Exit) => "exit".to_string(),
        };
        let size = event.call.memory.size();
        assert_eq!(event.begun, event.import.name.len() as u64);
        self.0.lock().unwrap().push(format!("{}{:?}={result} of {size}", event.import.name, event.args));
    }
}

#[test]
fn whoever_traces_sees_every_call() {
    let log = Arc::new(Log::default());
    let mut g = Guest::of(builder(Rights::Ignore, mem_fs(false)).trace(log.clone()));
    g.call("fd_tell", &[9, 4]);
    g.call("fd_seek", &[3, -1i64 as u64, 1, 0]);
    g.call("proc_exit", &[7]);
    g.call("sched_yield", &[]);
    let expected = ["fd_tell[9, 4]=BADF", "fd_seek[3, 18446744073709551615, 1, 0]=BADF", "proc_exit[7]=exit"];
    assert_eq!(*log.0.lock().unwrap(), expected.map(|line| format!("{line} of 131072")));
}

#[test]
fn the_table_is_whole() {
    for (module, imports, count) in
        [("wasi_snapshot_preview1", abi::preview1::IMPORTS, 46), ("wasi_unstable", abi::unstable::IMPORTS, 45)]
    {
        assert_eq!(imports.len(), count);
        let mut names: Vec<_> = imports.iter().map(|i| i.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        for import in imports {
            assert_eq!(import.module, module);
            assert!(import.doc.ends_with('.') && !import.doc.starts_with(' '), "{}", import.doc);
            assert_eq!(import.results.len(), usize::from(import.name != "proc_exit"));
            assert!(std::ptr::eq(abi::find(import.module, import.name).unwrap(), import));
        }
    }
    assert_eq!(abi::imports().count(), 91);
    assert!(abi::find("wasi_unstable", "sock_accept").is_none());
    let seek: Vec<_> = abi::find("wasi_snapshot_preview1", "fd_seek").unwrap().params.to_vec();
    assert_eq!(format!("{:?}", seek.iter().map(|p| p.kind.val_type()).collect::<Vec<_>>()), "[I32, I64, I32, I32]");
    let mut g = Guest::new(Rights::Ignore);
    let call = abi::find("wasi_snapshot_preview1", "sched_yield").unwrap().call;
    let thread = Thread::main(&g.process);
    assert_eq!(call(&mut Call::new(&thread, GuestMemory::exclusive(&mut g.memory)), &[1]), Outcome::Return(28));
}
