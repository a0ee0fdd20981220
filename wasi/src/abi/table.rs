//! The table of imports: the one place that names them.
//!
//! Bindings, the generic [`IMPORTS`](super::IMPORTS), tracing and documentation are all made from these rows by macros,
//! so a row added here exists everywhere, and a handler whose parameters differ from its row does not compile.

/// Hands every function of `wasi_snapshot_preview1`, 46 of them, to the macro `$then`, as
///
/// ```text
/// $then! {
///     { extra tokens }
///     module "wasi_snapshot_preview1";
///     /// What it does, one line.
///     fn name(param: Kind, …) -> errno in handler_module;
///     …
/// }
/// ```
///
/// A `Kind` is a variant of [`Kind`](crate::abi::Kind) and a type of [`repr`](crate::abi::repr). The result is `errno`
/// (an `i32`) or `never` (the import has no result and does not return).
#[macro_export]
macro_rules! for_each_preview1 {
    ($then:ident! { $($extra:tt)* }) => {
        $crate::__rows! {
            $then! { { $($extra)* } module "wasi_snapshot_preview1"; }
            kinds OutFilestat Whence Subscriptions;
            homes fd path rw poll;
            later {
                /// Takes a connection that waits on a listening socket.
                fn sock_accept(fd: Fd, flags: FdFlags, connection: OutFd) -> errno in sock;
            }
        }
    };
}

/// Hands every function of `wasi_unstable`, the snapshot before preview1, to the macro `$then`, as
/// [`for_each_preview1`](crate::for_each_preview1) does. There are 45 of them: they are those of preview1 but for
/// `sock_accept`, and four of them have parameters of another layout.
#[macro_export]
macro_rules! for_each_unstable {
    ($then:ident! { $($extra:tt)* }) => {
        $crate::__rows! {
            $then! { { $($extra)* } module "wasi_unstable"; }
            kinds OutFilestatUnstable WhenceUnstable SubscriptionsUnstable;
            homes unstable unstable unstable unstable;
            later {}
        }
    };
}

/// The rows that the modules share. Where they differ: the kinds of the parameters whose layout has changed, where the
/// handlers of those functions are, and the functions that came later.
#[doc(hidden)]
#[macro_export]
macro_rules! __rows {
    (
        $then:ident! { $($before:tt)* }
        kinds $OutFilestat:ident $Whence:ident $Subscriptions:ident;
        homes $fd:ident $path:ident $rw:ident $poll:ident;
        later { $($later:tt)* }
    ) => {
        $then! {
            $($before)*

            /// Writes the arguments, each ended by a NUL, and an array of pointers to them.
            fn args_get(argv: OutPtrs, argv_buf: OutBuf) -> errno in args;
            /// Answers the number of arguments and the bytes they take, NULs included.
            fn args_sizes_get(argc: OutU32, argv_buf_size: OutU32) -> errno in args;
            /// Writes the environment as `KEY=VALUE`, each ended by a NUL, and an array of pointers to them.
            fn environ_get(environ: OutPtrs, environ_buf: OutBuf) -> errno in env;
            /// Answers the number of environment entries and the bytes they take, NULs included.
            fn environ_sizes_get(environc: OutU32, environ_buf_size: OutU32) -> errno in env;

            /// Answers the resolution of a clock in nanoseconds.
            fn clock_res_get(id: ClockId, resolution: OutU64) -> errno in clock;
            /// Answers the time of a clock in nanoseconds.
            fn clock_time_get(id: ClockId, precision: Timestamp, time: OutU64) -> errno in clock;

            /// Tells how a range of a file will be used.
            fn fd_advise(fd: Fd, offset: U64, len: U64, advice: Advice) -> errno in fd;
            /// Reserves the space of a range and extends the file over it.
            fn fd_allocate(fd: Fd, offset: U64, len: U64) -> errno in fd;
            /// Closes a descriptor.
            fn fd_close(fd: Fd) -> errno in fd;
            /// Makes the content of a file durable.
            fn fd_datasync(fd: Fd) -> errno in fd;
            /// Answers type, flags and rights of a descriptor.
            fn fd_fdstat_get(fd: Fd, stat: OutFdstat) -> errno in fd;
            /// Sets the flags of a descriptor.
            fn fd_fdstat_set_flags(fd: Fd, flags: FdFlags) -> errno in fd;
            /// Takes rights away from a descriptor.
            fn fd_fdstat_set_rights(fd: Fd, base: Rights, inheriting: Rights) -> errno in fd;
            /// Answers the metadata of an open file.
            fn fd_filestat_get(fd: Fd, stat: $OutFilestat) -> errno in $fd;
            /// Cuts or extends a file.
            fn fd_filestat_set_size(fd: Fd, size: U64) -> errno in fd;
            /// Sets the times of an open file.
            fn fd_filestat_set_times(fd: Fd, atim: Timestamp, mtim: Timestamp, flags: FstFlags) -> errno in fd;
            /// Reads at an offset; the cursor stays.
            fn fd_pread(fd: Fd, iovs: IovsMut, iovs_len: IovsLen, offset: U64, nread: OutU32) -> errno in rw;
            /// Answers whether a descriptor is a preopened directory, and how long its name is.
            fn fd_prestat_get(fd: Fd, prestat: OutPrestat) -> errno in fd;
            /// Writes the name of a preopened directory, without a NUL.
            fn fd_prestat_dir_name(fd: Fd, path: OutBuf, path_len: Len) -> errno in fd;
            /// Writes at an offset; the cursor stays.
            fn fd_pwrite(fd: Fd, iovs: Iovs, iovs_len: IovsLen, offset: U64, nwritten: OutU32) -> errno in rw;
            /// Reads at the cursor, or what a stream has.
            fn fd_read(fd: Fd, iovs: IovsMut, iovs_len: IovsLen, nread: OutU32) -> errno in rw;
            /// Lists a directory from a cookie on.
            fn fd_readdir(fd: Fd, buf: OutBuf, buf_len: Len, cookie: U64, bufused: OutU32) -> errno in dir;
            /// Moves a descriptor onto the number of another, which is closed.
            fn fd_renumber(fd: Fd, to: Fd) -> errno in fd;
            /// Moves the cursor.
            fn fd_seek(fd: Fd, offset: I64, whence: $Whence, newoffset: OutU64) -> errno in $rw;
            /// Makes content and metadata of a file durable, or the entries of a directory.
            fn fd_sync(fd: Fd) -> errno in fd;
            /// Answers the cursor.
            fn fd_tell(fd: Fd, offset: OutU64) -> errno in rw;
            /// Writes at the cursor, at the end of a file opened to append, or to a stream.
            fn fd_write(fd: Fd, iovs: Iovs, iovs_len: IovsLen, nwritten: OutU32) -> errno in rw;

            /// Makes a directory.
            fn path_create_directory(fd: Fd, path: Path, path_len: PathLen) -> errno in path;
            /// Answers the metadata of what a path leads to.
            fn path_filestat_get(
                fd: Fd, flags: LookupFlags, path: Path, path_len: PathLen, stat: $OutFilestat
            ) -> errno in $path;
            /// Sets the times of what a path leads to.
            fn path_filestat_set_times(
                fd: Fd, flags: LookupFlags, path: Path, path_len: PathLen, atim: Timestamp, mtim: Timestamp,
                fst_flags: FstFlags
            ) -> errno in path;
            /// Gives a file a further name.
            fn path_link(
                old_fd: Fd, old_flags: LookupFlags, old_path: Path, old_path_len: PathLen, new_fd: Fd, new_path: Path,
                new_path_len: PathLen
            ) -> errno in path;
            /// Opens a file or a directory, and makes the file if asked to.
            fn path_open(
                fd: Fd, dirflags: LookupFlags, path: Path, path_len: PathLen, oflags: OFlags, rights_base: Rights,
                rights_inheriting: Rights, fdflags: FdFlags, opened_fd: OutFd
            ) -> errno in path;
            /// Writes the target of a symbolic link, cut to the buffer.
            fn path_readlink(
                fd: Fd, path: Path, path_len: PathLen, buf: OutBuf, buf_len: Len, bufused: OutU32
            ) -> errno in path;
            /// Removes an empty directory.
            fn path_remove_directory(fd: Fd, path: Path, path_len: PathLen) -> errno in path;
            /// Gives a file or directory another name, which it takes from what had it.
            fn path_rename(
                fd: Fd, old_path: Path, old_path_len: PathLen, new_fd: Fd, new_path: Path, new_path_len: PathLen
            ) -> errno in path;
            /// Makes a symbolic link.
            fn path_symlink(
                old_path: Path, old_path_len: PathLen, fd: Fd, new_path: Path, new_path_len: PathLen
            ) -> errno in path;
            /// Removes the name of a file.
            fn path_unlink_file(fd: Fd, path: Path, path_len: PathLen) -> errno in path;

            /// Waits until one of several things happens.
            fn poll_oneoff(
                subscriptions: $Subscriptions, events: OutEvents, nsubscriptions: Len, nevents: OutU32
            ) -> errno in $poll;

            /// Ends the process.
            fn proc_exit(code: U32) -> never in proc;
            /// Sends the process a signal: not supported.
            fn proc_raise(signal: Signal) -> errno in proc;
            /// Lets others run.
            fn sched_yield() -> errno in sched;
            /// Fills a buffer with random bytes.
            fn random_get(buf: OutBuf, buf_len: Len) -> errno in random;

            $($later)*
            /// Receives from a socket.
            fn sock_recv(
                fd: Fd, iovs: IovsMut, iovs_len: IovsLen, ri_flags: RiFlags, nread: OutU32, ro_flags: OutU16
            ) -> errno in sock;
            /// Sends to a socket.
            fn sock_send(
                fd: Fd, iovs: Iovs, iovs_len: IovsLen, si_flags: SiFlags, nwritten: OutU32
            ) -> errno in sock;
            /// Ends one direction of a socket, or both.
            fn sock_shutdown(fd: Fd, how: SdFlags) -> errno in sock;
        }
    };
}
