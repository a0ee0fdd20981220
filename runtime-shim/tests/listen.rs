//! `gangplank run --listen`: a program that serves.
#![cfg(unix)]

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::FileTypeExt as _,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use common::{Ran, Sandbox, program};

/// Accepts one connection on this descriptor, answers what it receives with `got:` before it, and ends.
fn server(fd: u32) -> String {
    program(&format!(
        r#"(data (i32.const 64) "got:")
        (func (export "_start") (local $c i32)
            (call $ok (call $sock_accept (i32.const {fd}) (i32.const 0) (i32.const 16)))
            (local.set $c (i32.load (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 68)) (i32.store (i32.const 4) (i32.const 100))
            (call $ok (call $sock_recv (local.get $c) (i32.const 0) (i32.const 1) (i32.const 0)
                (i32.const 20) (i32.const 24)))
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.add (i32.const 4) (i32.load (i32.const 20))))
            (call $ok (call $sock_send (local.get $c) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 20)))
            (call $ok (call $sock_shutdown (local.get $c) (i32.const 3)))
            (call $ok (call $fd_close (local.get $c))))"#
    ))
}

fn start(sandbox: &Sandbox, words: &[&str]) -> Child {
    let mut command = sandbox.gangplank();
    command.arg("run").args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Says `text`, and answers all that comes back.
fn ask(mut stream: impl Read + Write, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Connects as soon as somebody listens.
fn connect(path: &Path) -> UnixStream {
    for _ in 0..2000 {
        if let Ok(stream) = UnixStream::connect(path) {
            return stream;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody listens on {}", path.display());
}

#[test]
fn a_program_accepts_receives_and_answers_over_tcp() {
    let sandbox = Sandbox::new();
    // A directory has 3.
    sandbox.wasm("server.wasm", &server(4));
    let mut child = start(&sandbox, &["--dir", ".", "--listen", "tcp:127.0.0.1:0", "server.wasm"]);
    let mut note = String::new();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    err.read_line(&mut note).unwrap();
    let address = note.trim_end().strip_prefix("note: listening on tcp:").unwrap_or_else(|| panic!("{note}"));
    assert_eq!(ask(TcpStream::connect(address).unwrap(), "hello"), "got:hello");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_unix_socket_comes_and_goes() {
    let sandbox = Sandbox::new();
    sandbox.wasm("server.wasm", &server(3));
    let path = sandbox.path().join("s");
    // One that was left over is replaced.
    drop(UnixListener::bind(&path).unwrap());
    let child = start(&sandbox, &["--listen", "unix:s", "server.wasm"]);
    assert_eq!(ask(connect(&path), "you"), "got:you");
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    assert!(!path.exists());
}

#[test]
fn sockets_come_in_the_order_given() {
    let sandbox = Sandbox::new();
    sandbox.wasm("server.wasm", &server(4));
    let child = start(&sandbox, &["--listen", "unix:a", "--listen", "unix:b", "server.wasm"]);
    assert_eq!(ask(connect(&sandbox.path().join("b")), "b"), "got:b");
    assert_eq!(Ran::of(child.wait_with_output().unwrap()).code, Some(0));
    assert!(!sandbox.path().join("a").exists() && !sandbox.path().join("b").exists());
}

#[test]
fn the_socket_goes_whatever_ends_the_program() {
    let sandbox = Sandbox::new();
    sandbox.wasm("server.wasm", &server(3));
    sandbox.wasm("busy.wasm", r#"(module (func (export "_start") (loop (br 0))))"#);
    let path = sandbox.path().join("s");
    for name in ["server.wasm", "busy.wasm"] {
        let ran = sandbox.run(&["run", "--listen", "unix:s", "--timeout", "200ms", name]);
        ran.refused(124, &["took longer"]);
        assert!(!path.exists(), "{name}");
        for (signal, code, wait) in [("-INT", 130, 0), ("-INT", 130, 400), ("-TERM", 143, 400), ("-HUP", 143, 400)] {
            let child = start(&sandbox, &["--listen", "unix:s", "--stats", name]);
            while !path.exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            // As soon as it is there, or while the program runs.
            std::thread::sleep(Duration::from_millis(wait));
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
            let ran = Ran::of(child.wait_with_output().unwrap());
            assert_eq!(ran.code, Some(code), "{name} {signal}: {ran:?}");
            assert!(ran.err.contains("  total"), "{ran:?}");
            assert!(!path.exists(), "{name} {signal}");
        }
    }
    // Nor does it stay if the program cannot be run.
    sandbox.run(&["run", "--listen", "unix:s", "gone.wasm"]).refused(127, &["gone.wasm"]);
    assert!(!path.exists());
}

#[test]
fn what_is_not_ours_stays() {
    let sandbox = Sandbox::new();
    sandbox.wasm("server.wasm", &server(3));
    let file = sandbox.file("file", "precious");
    sandbox.run(&["run", "--listen", "unix:file", "server.wasm"]).refused(2, &["unix:file", "not a socket"]);
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
    std::os::unix::fs::symlink("nowhere", sandbox.path().join("link")).unwrap();
    sandbox.run(&["run", "--listen", "unix:link", "server.wasm"]).refused(2, &["unix:link", "not a socket"]);
    let path = sandbox.path().join("taken");
    let _taken = UnixListener::bind(&path).unwrap();
    sandbox.run(&["run", "--listen", "unix:taken", "server.wasm"]).refused(2, &["another program listens there"]);
    assert!(fs::symlink_metadata(path).unwrap().file_type().is_socket());
}

#[test]
fn bad_values() {
    let sandbox = Sandbox::new();
    sandbox.wasm("server.wasm", &server(3));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp:{}", taken.local_addr().unwrap());
    for (value, says) in [
        ("8080", "neither `tcp:` nor `unix:`"),
        ("udp:127.0.0.1:80", "neither `tcp:` nor `unix:`"),
        ("tcp:", "no address and port"),
        ("tcp:8080", "no address and port"),
        ("tcp::8080", "no address and port"),
        ("tcp:127.0.0.1", "no address and port"),
        ("tcp:127.0.0.1:http", "no address and port"),
        ("tcp:127.0.0.1:65536", "no address and port"),
        ("tcp:192.0.2.1:0", "cannot listen on"),
        ("unix:", "the path is empty"),
        ("unix:no/such/dir", "No such file"),
        (&*taken, "in use"),
    ] {
        sandbox.run(&["run", "--listen", value, "server.wasm"]).refused(2, &[value, says]);
    }
    sandbox.run(&["run", "--listen"]).refused(2, &["--listen"]);
    sandbox.run(&["run", "--limit-fds", "3", "--listen", "unix:s", "server.wasm"]).refused(2, &["limit"]);
    assert!(!sandbox.path().join("s").exists());
}
