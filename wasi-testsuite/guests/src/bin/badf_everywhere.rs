//! Every call that takes a descriptor answers BADF for one that is not open.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut buf = [0u8; 64];
    let at = addr_of(&mut buf);
    let mut v = [iov(b"x")];
    let v_at = addr(&mut v);
    let p = b"p".as_ptr() as u32;
    // 99, -1, -31337, and one that a table of 2^16 would wrap round to stdout.
    for fd in [99, u32::MAX, -31337i32 as u32, 65537, 0x8000_0001] {
        let bad = [
            ("fd_advise", raw::fd_advise(fd, 0, 0, 0)),
            ("fd_allocate", raw::fd_allocate(fd, 0, 1)),
            ("fd_close", raw::fd_close(fd)),
            ("fd_datasync", raw::fd_datasync(fd)),
            ("fd_fdstat_get", raw::fd_fdstat_get(fd, at)),
            ("fd_fdstat_set_flags", raw::fd_fdstat_set_flags(fd, 0)),
            ("fd_fdstat_set_rights", raw::fd_fdstat_set_rights(fd, 0, 0)),
            ("fd_filestat_get", raw::fd_filestat_get(fd, at)),
            ("fd_filestat_set_size", raw::fd_filestat_set_size(fd, 0)),
            ("fd_filestat_set_times", raw::fd_filestat_set_times(fd, 0, 0, 0)),
            ("fd_pread", raw::fd_pread(fd, v_at, 1, 0, at)),
            ("fd_prestat_get", raw::fd_prestat_get(fd, at)),
            ("fd_prestat_dir_name", raw::fd_prestat_dir_name(fd, at, 8)),
            ("fd_pwrite", raw::fd_pwrite(fd, v_at, 1, 0, at)),
            ("fd_read", raw::fd_read(fd, v_at, 1, at)),
            ("fd_readdir", raw::fd_readdir(fd, at, 64, 0, at)),
            ("fd_renumber", raw::fd_renumber(fd, 1)),
            ("fd_renumber", raw::fd_renumber(1, fd)),
            ("fd_renumber", raw::fd_renumber(fd, fd)),
            ("fd_seek", raw::fd_seek(fd, 0, CUR, at)),
            ("fd_sync", raw::fd_sync(fd)),
            ("fd_tell", raw::fd_tell(fd, at)),
            ("fd_write", raw::fd_write(fd, v_at, 1, at)),
            ("path_create_directory", raw::path_create_directory(fd, p, 1)),
            ("path_filestat_get", raw::path_filestat_get(fd, 0, p, 1, at)),
            ("path_filestat_set_times", raw::path_filestat_set_times(fd, 0, p, 1, 0, 0, 0)),
            ("path_link", raw::path_link(fd, 0, p, 1, fd, p, 1)),
            ("path_open", raw::path_open(fd, 0, p, 1, 0, 0, 0, 0, at)),
            ("path_readlink", raw::path_readlink(fd, p, 1, at, 8, at)),
            ("path_remove_directory", raw::path_remove_directory(fd, p, 1)),
            ("path_rename", raw::path_rename(fd, p, 1, fd, p, 1)),
            ("path_symlink", raw::path_symlink(p, 1, fd, p, 1)),
            ("path_unlink_file", raw::path_unlink_file(fd, p, 1)),
            ("sock_accept", raw::sock_accept(fd, 0, at)),
            ("sock_recv", raw::sock_recv(fd, v_at, 1, 0, at, at + 8)),
            ("sock_send", raw::sock_send(fd, v_at, 1, 0, at)),
            ("sock_shutdown", raw::sock_shutdown(fd, 1)),
        ];
        for (name, code) in bad {
            if code != 8 {
                check(false, name);
                eq(code as u32, 8u32);
            }
        }
    }
    // stdout is still there.
    works(fdstat(1));
}
