//! A program of 2019, built against `wasi_unstable` alone, as its C library starts and ends it: arguments, environment,
//! preopens, a file beneath the one it found, and output. It exits with the number of the step that went wrong.
#![no_std]
#![no_main]

use guest::{
    Event, FdStat, Iov, PATH_OPEN, READ, READ_WRITE,
    unstable::{self, Stat, Subscription},
};

#[unsafe(no_mangle)]
pub extern "C" fn _start() {
    let (mut argc, mut argv_size) = (0u32, 0u32);
    step(1, unstable::args_sizes_get(at(&mut argc), at(&mut argv_size)));
    let (mut argv, mut argv_buf) = ([0u32; 4], [0u8; 256]);
    expect(2, argc == 2 && argv_size <= 256);
    step(3, unstable::args_get(at(&mut argv), at(&mut argv_buf)));
    let (mut envc, mut env_size) = (0u32, 0u32);
    step(4, unstable::environ_sizes_get(at(&mut envc), at(&mut env_size)));
    let (mut env, mut env_buf) = ([0u32; 2], [0u8; 64]);
    expect(5, envc == 1 && env_size == 8);
    step(6, unstable::environ_get(at(&mut env), at(&mut env_buf)));
    expect(7, env_buf[..8] == *b"LANG=de\0");

    // Preopens, from 3 until there are no more.
    let mut root = 0;
    for fd in 3.. {
        let mut prestat = [0u32; 2];
        match unstable::fd_prestat_get(fd, at(&mut prestat)) {
            0 => {}
            8 => break,
            _ => exit(8),
        }
        let mut name = [0u8; 16];
        expect(9, prestat == [0, 1]);
        step(10, unstable::fd_prestat_dir_name(fd, at(&mut name), 1));
        expect(11, name[0] == b'/');
        root = fd;
    }
    let mut stat = FdStat::default();
    step(12, unstable::fd_fdstat_get(root, at(&mut stat)));
    expect(13, stat.filetype == 3 && stat.base & PATH_OPEN != 0);

    // fopen, fprintf, fseek to the end, ftell, rewind, fread, fclose.
    let mut fd = 0u32;
    let path = b"unstable_program.cleanup";
    let (p, n) = (path.as_ptr() as u32, path.len() as u32);
    step(14, unstable::path_open(root, 1, p, n, 1 | 8, READ_WRITE, 0, 0, at(&mut fd)));
    let mut stat = Stat::default();
    step(15, unstable::fd_filestat_get(fd, at(&mut stat)));
    expect(16, stat.filetype == 4 && stat.nlink == 1 && stat.size == 0);
    write(17, fd, b"written in 2019\n");
    let mut offset = 0u64;
    step(18, unstable::fd_seek(fd, 0, unstable::END, at(&mut offset)));
    expect(19, offset == 16);
    step(20, unstable::fd_seek(fd, -5, unstable::CUR, at(&mut offset)));
    expect(21, offset == 11);
    let mut buf = [0u8; 16];
    let iov = [Iov { base: at(&mut buf), len: 16 }];
    let mut count = 0u32;
    step(22, unstable::fd_read(fd, iov.as_ptr() as u32, 1, at(&mut count)));
    expect(23, count == 5 && buf[..5] == *b"2019\n");
    step(24, unstable::fd_close(fd));
    expect(25, unstable::fd_close(fd) == 8);
    step(26, unstable::path_filestat_get(root, 0, p, n, at(&mut stat)));
    expect(27, stat.size == 16);
    step(28, unstable::path_open(root, 0, p, n, 0, READ, 0, 0, at(&mut fd)));

    // sleep(0), time, random numbers, isatty of stdout.
    let sleep = Subscription { clock: 1, timeout: 1, ..Subscription::default() };
    let mut event = Event::default();
    let subscription = &raw const sleep as u32;
    step(29, unstable::poll_oneoff(subscription, at(&mut event), 1, at(&mut count)));
    expect(30, count == 1 && event.kind == 0);
    step(31, unstable::clock_time_get(0, 1000, at(&mut offset)));
    step(32, unstable::random_get(at(&mut buf), 16));
    let mut stdout = FdStat::default();
    step(33, unstable::fd_fdstat_get(1, at(&mut stdout)));
    // printf
    write(34, 1, b"hello, ");
    let second = argv[1].wrapping_sub(argv[0]) as usize;
    expect(35, argv_buf.get(second..second + 5) == Some(b"world"));
    write(36, 1, b"world\n");
    exit(0);
}

fn at<T>(value: &mut T) -> u32 {
    guest::addr(value)
}

fn step(number: u32, code: i32) {
    expect(number, code == 0);
}

fn expect(number: u32, condition: bool) {
    if !condition {
        exit(number);
    }
}

fn write(number: u32, fd: u32, text: &[u8]) {
    let iov = [Iov { base: text.as_ptr() as u32, len: text.len() as u32 }];
    let mut written = 0u32;
    step(number, unstable::fd_write(fd, iov.as_ptr() as u32, 1, at(&mut written)));
    // As the compiler cannot foresee what the host writes.
    expect(number, unsafe { core::ptr::read_volatile(&written) } == text.len() as u32);
}

fn exit(code: u32) -> ! {
    unstable::proc_exit(code)
}
