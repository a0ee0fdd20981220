//! The imports, exactly as they are on the wire: every pointer is an address and every flag an integer, so that a test
//! can pass any value at all. They are declared safe because a guest can only harm itself.

macro_rules! imports {
    ($module:literal: $($name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?;)*) => {
        #[link(wasm_import_module = $module)]
        unsafe extern "C" {
            $(pub safe fn $name($($arg: $ty),*) $(-> $ret)?;)*
        }
    };
}

pub(crate) use imports;

imports! {
    "wasi_snapshot_preview1":
    args_get(argv: u32, buf: u32) -> i32;
    args_sizes_get(count: u32, size: u32) -> i32;
    environ_get(environ: u32, buf: u32) -> i32;
    environ_sizes_get(count: u32, size: u32) -> i32;
    clock_res_get(id: u32, out: u32) -> i32;
    clock_time_get(id: u32, precision: u64, out: u32) -> i32;
    fd_advise(fd: u32, offset: u64, len: u64, advice: u32) -> i32;
    fd_allocate(fd: u32, offset: u64, len: u64) -> i32;
    fd_close(fd: u32) -> i32;
    fd_datasync(fd: u32) -> i32;
    fd_fdstat_get(fd: u32, out: u32) -> i32;
    fd_fdstat_set_flags(fd: u32, flags: u32) -> i32;
    fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) -> i32;
    fd_filestat_get(fd: u32, out: u32) -> i32;
    fd_filestat_set_size(fd: u32, size: u64) -> i32;
    fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32) -> i32;
    fd_pread(fd: u32, iovs: u32, count: u32, offset: u64, out: u32) -> i32;
    fd_prestat_get(fd: u32, out: u32) -> i32;
    fd_prestat_dir_name(fd: u32, buf: u32, len: u32) -> i32;
    fd_pwrite(fd: u32, iovs: u32, count: u32, offset: u64, out: u32) -> i32;
    fd_read(fd: u32, iovs: u32, count: u32, out: u32) -> i32;
    fd_readdir(fd: u32, buf: u32, len: u32, cookie: u64, out: u32) -> i32;
    fd_renumber(from: u32, to: u32) -> i32;
    fd_seek(fd: u32, delta: i64, whence: u32, out: u32) -> i32;
    fd_sync(fd: u32) -> i32;
    fd_tell(fd: u32, out: u32) -> i32;
    fd_write(fd: u32, iovs: u32, count: u32, out: u32) -> i32;
    path_create_directory(fd: u32, path: u32, len: u32) -> i32;
    path_filestat_get(fd: u32, lookup: u32, path: u32, len: u32, out: u32) -> i32;
    path_filestat_set_times(fd: u32, lookup: u32, path: u32, len: u32, atim: u64, mtim: u64, flags: u32) -> i32;
    path_link(old: u32, lookup: u32, path: u32, len: u32, new: u32, to: u32, to_len: u32) -> i32;
    path_open(
        fd: u32, lookup: u32, path: u32, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, out: u32
    ) -> i32;
    path_readlink(fd: u32, path: u32, len: u32, buf: u32, buf_len: u32, out: u32) -> i32;
    path_remove_directory(fd: u32, path: u32, len: u32) -> i32;
    path_rename(old: u32, path: u32, len: u32, new: u32, to: u32, to_len: u32) -> i32;
    path_symlink(target: u32, target_len: u32, fd: u32, path: u32, len: u32) -> i32;
    path_unlink_file(fd: u32, path: u32, len: u32) -> i32;
    poll_oneoff(subscriptions: u32, events: u32, count: u32, out: u32) -> i32;
    proc_exit(code: u32) -> !;
    proc_raise(signal: u32) -> i32;
    sched_yield() -> i32;
    random_get(buf: u32, len: u32) -> i32;
    sock_accept(fd: u32, flags: u32, out: u32) -> i32;
    sock_recv(fd: u32, iovs: u32, count: u32, flags: u32, out: u32, out_flags: u32) -> i32;
    sock_send(fd: u32, iovs: u32, count: u32, flags: u32, out: u32) -> i32;
    sock_shutdown(fd: u32, how: u32) -> i32;
}
