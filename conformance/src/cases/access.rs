//! What an open file may do, by its flags and its kind: the tables at the top of `VirtualFile`.

use std::io::{IoSlice, IoSliceMut};

use gangplank_vfs::{Advice, At, Cookie, Events, OpenFlags, Seek, SetAttr};

cases! { access, __cases_access, "VirtualFile, Access; open(2)";

/// EBADF without read access (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/pread.html>).
fn reading_needs_read(w) {
    let file = w.put("a", "hello").open(OpenFlags::WRITE).unwrap();
    refused!(file.read(0, 1), BADF);
    refused!(file.read(9, 1), BADF);
    refused!(file.read(0, 0), BADF);
    refused!(file.read_bytes(0, 1), BADF);
    refused!(w.put("b", "hello").open(OpenFlags::empty()).unwrap().read(0, 1), BADF);
}

/// EBADF without write access (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/pwrite.html>).
fn writing_needs_write(w) {
    for flags in [OpenFlags::READ, OpenFlags::empty(), OpenFlags::READ | OpenFlags::APPEND] {
        let file = w.put("a", "hello").open(flags).unwrap();
        refused!(file.write(0, b"x"), BADF);
        refused!(file.write(0, b""), BADF);
        refused!(file.append(b"x"), BADF);
        refused!(file.set_len(0), BADF);
        refused!(file.allocate(0, 100), BADF);
        assert_eq!(w.read("a").unwrap(), b"hello");
        w.unlink("a").unwrap();
    }
}

/// Vectored writing is checked like any other: the incumbent forgot.
fn vectored_writing_needs_write(w) {
    let file = w.put("a", "hello").open(OpenFlags::READ).unwrap();
    let bufs = [IoSlice::new(b"x"), IoSlice::new(b"y")];
    refused!(file.write_at(&bufs, At::Offset(0)), BADF);
    refused!(file.write_at(&bufs, At::End), BADF);
    assert_eq!(w.read("a").unwrap(), b"hello");
}

/// BADF comes before every other error.
fn access_is_checked_first(w) {
    let (read, write) = (w.put("a", "").open(OpenFlags::READ).unwrap(), w.node("a").unwrap());
    let write = write.open(OpenFlags::WRITE).unwrap();
    refused!(write.read(u64::MAX, 1), BADF);
    refused!(read.write(u64::MAX, b"x"), BADF);
    refused!(read.set_len(u64::MAX), BADF);
    refused!(read.allocate(0, 0), BADF);
    refused!(read.allocate(u64::MAX, u64::MAX), BADF);
}

/// A directory opened without READ does not list.
fn listing_needs_read(w) {
    let dir = w.mkdir("d").unwrap().open(OpenFlags::empty()).unwrap();
    refused!(dir.list(), BADF);
}

/// EISDIR for all that belongs to files (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/read.html>).
/// Without `WRITE`, which no open directory has, BADF comes first.
fn a_directory_is_no_file(w) {
    let dir = w.mkdir("d").unwrap().open(OpenFlags::READ).unwrap();
    assert!(!dir.seekable());
    refused!(dir.read(0, 1), ISDIR);
    refused!(dir.read(0, 0), ISDIR);
    refused!(dir.read_bytes(0, 1), ISDIR);
    refused!(dir.write(0, b"x"), BADF);
    refused!(dir.set_len(0), BADF);
    refused!(dir.allocate(0, 1), BADF);
    refused!(dir.seek_data(0, Seek::Data), ISDIR);
    refused!(dir.read_stream(&mut [IoSliceMut::new(&mut [0; 1])]), ISDIR);
    refused!(dir.advise(0, 0, Advice::Normal), ISDIR);
}

/// A file lists nothing, and is no stream.
fn a_file_is_no_directory_and_no_stream(w) {
    let file = w.put("a", "x").open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    assert!(file.seekable() && !file.is_terminal() && file.socket().is_none());
    refused!(file.readdir(Cookie::START, &mut |_| core::ops::ControlFlow::Continue(())), NOTDIR);
    refused!(file.read_stream(&mut [IoSliceMut::new(&mut [0; 1])]), INVAL);
    refused!(file.write_stream(&[IoSlice::new(b"x")]), INVAL);
    let write_only = w.node("a").unwrap().open(OpenFlags::WRITE).unwrap();
    refused!(write_only.readdir(Cookie::START, &mut |_| core::ops::ControlFlow::Continue(())), BADF | NOTDIR);
}

/// Metadata can be had, and changed but for the size, of whatever is open.
fn metadata_needs_no_access(w) {
    let file = w.put("a", "hello").open(OpenFlags::empty()).unwrap();
    assert_eq!(file.size(), 5);
    file.setattr(&gangplank_vfs::Ctx::ROOT, &SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
    assert_eq!(w.stat("a").unwrap().mode, 0o600);
    let cut = SetAttr { size: Some(1), ..SetAttr::default() };
    refused!(file.setattr(&gangplank_vfs::Ctx::ROOT, &cut), BADF | INVAL);
    assert_eq!(file.size(), 5);
    let file = w.node("a").unwrap().open(OpenFlags::WRITE).unwrap();
    file.setattr(&gangplank_vfs::Ctx::ROOT, &cut).unwrap();
    assert_eq!(file.size(), 1);
}

/// Regular files and directories are always ready
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/poll.html>), past the end of the file too, and an empty
/// interest is answered with nothing.
fn files_are_always_ready(w) {
    let both = Events::READ | Events::WRITE;
    let file = w.put("a", "x").open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    assert_eq!(file.poll(both, None), Ok(both));
    assert_eq!(file.poll(Events::READ, None), Ok(Events::READ));
    assert_eq!(file.poll(Events::empty(), None), Ok(Events::empty()));
    let dir = w.mkdir("d").unwrap().open(OpenFlags::READ).unwrap();
    assert_eq!(dir.poll(Events::READ, None), Ok(Events::READ));
}

/// A hint is taken, and flags can be told.
fn hints_and_flags(w) {
    let file = w.put("a", "x").open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    use Advice::{DontNeed, NoReuse, Normal, Random, Sequential, WillNeed};
    for advice in [Normal, Sequential, Random, WillNeed, DontNeed, NoReuse] {
        assert_eq!(file.advise(0, 0, advice), Ok(()), "{advice:?}");
        assert_eq!(file.advise(1 << 40, 1 << 40, advice), Ok(()), "{advice:?}");
    }
    let rw = OpenFlags::READ | OpenFlags::WRITE;
    assert_eq!(file.set_flags(rw | OpenFlags::APPEND | OpenFlags::NONBLOCK), Ok(()));
    assert_eq!(file.set_flags(rw), Ok(()));
    assert_eq!(file.flush(), Ok(()));
    assert_eq!(file.write(0, b"y"), Ok(1), "after flush, and with the flags taken back");
    assert_eq!(w.read("a").unwrap(), b"y");
}
}
