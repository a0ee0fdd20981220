//! A third party's filesystem: a directory of the first thousand numbers, each a file that holds its square. Nothing of
//! it is stored. `cargo run --example numbers` runs the kit on it, and `cargo test --example numbers` does so case by
//! case.

use std::{ops::ControlFlow, process::ExitCode, sync::Arc};

use gangplank_conformance::{Fixture, Made, sanity};
use gangplank_vfs::*;

/// Node 1 is the directory, node `n + 2` the file of the number `n`.
#[derive(Clone, Debug)]
struct Numbers(FsInfo);

impl FileSystem for Numbers {
    generated_fs!();
    read_only_fs!();
    fn info(&self) -> &FsInfo {
        &self.0
    }
    fn root(&self) -> NodeId {
        NodeId::new(1).expect("not 0")
    }
    fn lookup(&self, _: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        self.parent(dir)?;
        let number = str::from_utf8(name.as_bytes()).ok().and_then(|text| text.parse::<u64>().ok());
        // One number, one name: not 007.
        let number = number.filter(|n| *n < 1000 && n.to_string().as_bytes() == name.as_bytes());
        let node = number.and_then(|n| NodeId::new(n + 2)).ok_or(Errno::NOENT)?;
        Ok(Entry { node, file_type: FileType::Regular })
    }
    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        if dir == self.root() { Ok(dir) } else { Err(Errno::NOTDIR) }
    }
    fn getattr(&self, ino: NodeId) -> Result<Metadata> {
        Open(self.clone(), ino, OpenFlags::READ).getattr()
    }
    fn open(&self, _: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        let changes = flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC);
        match node == self.root() {
            true if changes => Err(Errno::ISDIR),
            true => Ok(Arc::new(Listing(Open(self.clone(), node, flags)))),
            false if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::NOTDIR),
            false if changes => Err(Errno::ROFS),
            false => Ok(Arc::new(Open(self.clone(), node, flags))),
        }
    }
}

/// An open number.
#[derive(Debug)]
struct Open(Numbers, NodeId, OpenFlags);

impl Open {
    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.2.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }
    fn content(&self) -> Bytes {
        format!("{}\n", (self.1.get() - 2).pow(2)).into()
    }
}

impl VirtualFile for Open {
    regular_shape!(needs);
    eager_append!();
    read_only_file!();
    generated_file!(needs, content);
    fn node(&self) -> Option<NodeId> {
        Some(self.1)
    }
    fn getattr(&self) -> Result<Metadata> {
        let (dev, ino, t) = (self.0.info().dev, self.1, Time::EPOCH);
        let (file_type, mode, nlink, size) = match ino == self.0.root() {
            true => (FileType::Directory, 0o555, 2, 0),
            false => (FileType::Regular, 0o444, 1, self.content().len() as u64),
        };
        let (uid, gid, blocks, rdev, atime, mtime, ctime, btime) = (0, 0, 0, 0, t, t, t, t);
        Ok(Metadata { dev, ino, file_type, mode, nlink, uid, gid, size, blocks, rdev, atime, mtime, ctime, btime })
    }
}

/// The open directory.
#[derive(Debug)]
struct Listing(Open);

impl Listing {
    fn needs(&self, access: OpenFlags) -> Result<()> {
        self.0.needs(access)
    }
}

impl VirtualFile for Listing {
    directory_shape!(needs);
    read_only_directory!();
    fn node(&self) -> Option<NodeId> {
        self.0.node()
    }
    fn getattr(&self) -> Result<Metadata> {
        self.0.getattr()
    }
    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        for number in from.0..1000 {
            let (text, node) = (number.to_string(), NodeId::new(number + 2).expect("not 0"));
            let (name, next) = (Name::new(text.as_bytes())?, Cookie(number + 1));
            if sink(DirEntry { name, node, file_type: FileType::Regular, next }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

struct NumbersFixture;

impl Fixture for NumbersFixture {
    fn name(&self) -> &str {
        "numbers"
    }
    fn make(&self) -> Made {
        let info = FsInfo {
            fs_type: "numbers",
            dev: FsInfo::fresh_dev(),
            caps: FsCaps::STABLE_COOKIES | FsCaps::LOCAL | FsCaps::DIR_NLINK,
            name_max: 255,
            time_granularity_ns: 1,
            max_file_size: i64::MAX as u64,
        };
        Made::new(Arc::new(Numbers(info))).filled()
    }
}

#[cfg(test)]
gangplank_conformance::suite! { mod numbers, read_only: NumbersFixture }

fn main() -> ExitCode {
    sanity::main(&[&NumbersFixture])
}
