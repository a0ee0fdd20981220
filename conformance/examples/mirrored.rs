//! A third party's filesystem that can be written: it lies over another, and stores each byte with its bits in reverse.
//! (Zeros stay zeros, and so holes stay holes.) `cargo run --example mirrored` runs the kit on it, and
//! `cargo test --example mirrored` does so case by case.

use std::io::{IoSlice, IoSliceMut};
use std::{any::Any, process::ExitCode, sync::Arc};

use gangplank_conformance::{Fixture, Made, MemFixture, sanity};
use gangplank_vfs::*;

#[derive(Debug)]
struct Mirrored(Arc<dyn FileSystem>, FsInfo);

impl FileSystem for Mirrored {
    forward_fs! { 0: root, retain, forget, lookup, parent, walk_by_lookup, readlink, getattr, setattr, create, make, link,
    remove, rename, statfs, sync, xattrs }
    fn info(&self) -> &FsInfo {
        &self.1
    }
    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        Ok(Arc::new(MirroredFile(self.0.open(cx, node, flags)?)))
    }
    // A fork would be one of the other filesystem, and show bytes as they are stored.
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}

#[derive(Debug)]
struct MirroredFile(Arc<dyn VirtualFile>);

impl VirtualFile for MirroredFile {
    eager_append!();
    forward_file! { 0: node, seekable, getattr, setattr, set_len, allocate, seek_data, readdir, sync, poll, read_stream,
    write_stream, flush, set_flags, advise, socket, is_terminal }
    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let n = self.0.read_at(bufs, offset)?;
        bufs.iter_mut().flat_map(|buf| buf.iter_mut()).take(n).for_each(|byte| *byte = byte.reverse_bits());
        Ok(n)
    }
    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        Ok(self.0.read_bytes(offset, len)?.iter().map(|byte| byte.reverse_bits()).collect())
    }
    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        let bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter()).map(|byte| byte.reverse_bits()).collect();
        self.0.write_at(&[IoSlice::new(&bytes)], at)
    }
    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        let target = (target as &dyn Any).downcast_ref::<MirroredFile>().ok_or(Errno::XDEV)?;
        self.0.clone_to(&*target.0)
    }
}

struct MirroredFixture;

impl Fixture for MirroredFixture {
    fn name(&self) -> &str {
        "mirrored"
    }
    fn make(&self) -> Made {
        let made = MemFixture.make();
        let info = made.fs.info().clone();
        let info = FsInfo { fs_type: "mirrored", caps: info.caps - FsCaps::SNAPSHOT, ..info };
        Made { fs: Arc::new(Mirrored(made.fs, info)), ..made }
    }
}

#[cfg(test)]
gangplank_conformance::suite! { mod mirrored, fixture: MirroredFixture }

fn main() -> ExitCode {
    sanity::main(&[&MirroredFixture])
}
