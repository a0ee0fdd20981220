//! Performs one operation of host_fs many times, so that its syscalls can be counted:
//!
//! ```sh
//! strace -f -e trace=all -o trace.txt host_syscalls open-5 100
//! ```
//!
//! Before and after the operations it looks for the names `BEGIN-MARK` and `END-MARK`; what is between the two
//! lookups in the trace is what the operations cost. `host_syscalls list` names the operations; `portable` as the
//! third argument takes the portable resolver, `exclusive` a directory that nobody else changes.

use std::{
    io::{IoSlice, IoSliceMut},
    ops::ControlFlow,
    sync::Arc,
};

use gangplank_vfs::{
    At, Components, Cookie, Ctx, Errno, FileSystem, Goal, NewNode, NoMounts, OpenFlags, OpenHow, Remove, Result,
    VirtualFile, Walked,
    host_fs::{HostFs, Options, Resolver},
};

const OPERATIONS: &[&str] = &[
    "open-1",
    "open-5",
    "create-1",
    "create-5",
    "recreate-5",
    "opendir-5",
    "stat-1",
    "stat-5",
    "stat-missing-1",
    "stat-missing-5",
    "node-5",
    "dotdot",
    "pread",
    "pwrite",
    "append",
    "append-ask",
    "writev",
    "fstat",
    "readdir",
    "mkdir-rmdir",
    "rename",
];

fn main() {
    let mut args = std::env::args().skip(1);
    let operation = args.next().unwrap_or_default();
    let count: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(100);
    let options = match args.next().as_deref() {
        Some("portable") => Options { resolver: Resolver::Portable, ..Options::default() },
        Some("exclusive") => Options { exclusive: true, ..Options::default() },
        _ => Options::default(),
    };
    if !OPERATIONS.contains(&operation.as_str()) {
        println!("{}", OPERATIONS.join("\n"));
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    if let Err(e) = run(dir.path(), &operation, count, options) {
        eprintln!("{operation}: {e}");
        std::process::exit(1);
    }
}

pub(crate) fn run(dir: &std::path::Path, operation: &str, count: usize, options: Options) -> Result<()> {
    std::fs::create_dir_all(dir.join("a/b/c/d/e"))?;
    for file in ["f", "a/b/c/d/f"] {
        std::fs::write(dir.join(file), [7; 8192])?;
    }
    if operation == "readdir" {
        std::fs::create_dir(dir.join("many"))?;
        for i in 0..10_000 {
            std::fs::write(dir.join(format!("many/file-{i:05}")), b"")?;
        }
    }
    let fs = HostFs::open_with(dir, options)?;
    let rw = OpenFlags::READ | OpenFlags::WRITE;
    let file = open(&fs, "f", rw, false)?;
    let listed = if operation == "readdir" { Some(open(&fs, "many", OpenFlags::READ, false)?) } else { None };

    // Once to warm up what is asked only once, then the marked turns.
    turn(&fs, operation, &*file, listed.as_deref(), count)?;
    let turns = if operation == "readdir" { 1 } else { count };
    let _ = stat(&fs, "BEGIN-MARK");
    for i in 0..turns {
        turn(&fs, operation, &*file, listed.as_deref(), i)?;
    }
    let _ = stat(&fs, "END-MARK");
    Ok(())
}

fn turn(fs: &HostFs, operation: &str, file: &dyn VirtualFile, many: Option<&dyn VirtualFile>, i: usize) -> Result<()> {
    let mut block = [0; 4096];
    match operation {
        "open-1" => drop(open(fs, "f", OpenFlags::READ, false)?),
        "open-5" => drop(open(fs, "a/b/c/d/f", OpenFlags::READ, false)?),
        "opendir-5" => drop(open(fs, "a/b/c/d/e", OpenFlags::READ, false)?),
        "create-1" => drop(open(fs, &format!("new-{i}"), OpenFlags::WRITE, true)?),
        "create-5" => drop(open(fs, &format!("a/b/c/d/new-{i}"), OpenFlags::WRITE, true)?),
        "recreate-5" => drop(open(fs, "a/b/c/d/f", OpenFlags::WRITE | OpenFlags::TRUNC, true)?),
        "stat-1" => stat(fs, "f")?,
        "stat-5" => stat(fs, "a/b/c/d/f")?,
        "stat-missing-1" => assert_eq!(stat(fs, "none"), Err(Errno::NOENT)),
        "stat-missing-5" => assert_eq!(stat(fs, "a/b/c/d/none"), Err(Errno::NOENT)),
        "node-5" => {
            let node = node(fs, "a/b/c/d/f")?;
            fs.forget(node, 1);
        }
        "dotdot" => {
            let node = node(fs, "a/b/..")?;
            let up = fs.parent(node)?;
            fs.forget(up, 1);
            fs.forget(node, 1);
        }
        "pread" => drop(file.read_at(&mut [IoSliceMut::new(&mut block)], 64)?),
        "pwrite" => drop(file.write_at(&[IoSlice::new(&block)], At::Offset(64))?),
        "append" => drop(file.append(&[IoSlice::new(&block)])?),
        "append-ask" => drop(file.write_at(&[IoSlice::new(&block)], At::End)?),
        "writev" => drop(file.write_at(&[IoSlice::new(&block[..100]); 16], At::Offset(64))?),
        "fstat" => drop(file.getattr()?),
        "readdir" => list(many.ok_or(Errno::BADF)?)?,
        "mkdir-rmdir" => {
            let name = gangplank_vfs::Name::new(b"made")?;
            fs.make(&Ctx::ROOT, fs.root(), name, &NewNode::Directory { mode: 0o755 })?;
            fs.remove(&Ctx::ROOT, fs.root(), name, Remove::Directory)?;
        }
        "rename" => {
            let (a, b) = (gangplank_vfs::Name::new(b"f")?, gangplank_vfs::Name::new(b"g")?);
            let (from, to) = if i.is_multiple_of(2) { (a, b) } else { (b, a) };
            match fs.rename(&Ctx::ROOT, (fs.root(), from), (fs.root(), to), gangplank_vfs::Rename::Replace) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        _ => return Err(Errno::INVAL),
    }
    Ok(())
}

fn open(fs: &HostFs, path: &str, flags: OpenFlags, create: bool) -> Result<Arc<dyn VirtualFile>> {
    let create = create.then_some(NewNode::Regular { mode: 0o644 });
    let how = OpenHow { flags, create, exclusive: false, follow: true };
    match fs.walk(&Ctx::ROOT, fs.root(), &mut Components::new(path.as_bytes())?, &NoMounts, Goal::Open(&how))? {
        Walked::Opened(opened) => {
            if opened.file_type == gangplank_vfs::FileType::Directory {
                fs.forget(opened.node, 1);
            }
            Ok(opened.file)
        }
        _ => Err(Errno::NOENT),
    }
}

fn stat(fs: &HostFs, path: &str) -> Result<()> {
    let goal = Goal::Stat { follow: true };
    match fs.walk(&Ctx::ROOT, fs.root(), &mut Components::new(path.as_bytes())?, &NoMounts, goal)? {
        Walked::Stat(_) => Ok(()),
        Walked::Missing => Err(Errno::NOENT),
        _ => Err(Errno::INVAL),
    }
}

fn node(fs: &HostFs, path: &str) -> Result<gangplank_vfs::NodeId> {
    let goal = Goal::Node { follow: true };
    match fs.walk(&Ctx::ROOT, fs.root(), &mut Components::new(path.as_bytes())?, &NoMounts, goal)? {
        Walked::Node(entry) => Ok(entry.node),
        _ => Err(Errno::NOENT),
    }
}

/// In steps of 100 entries, as through a small buffer.
fn list(dir: &dyn VirtualFile) -> Result<()> {
    let (mut cookie, mut total) = (Cookie::START, 0);
    loop {
        let mut got = 0;
        dir.readdir(cookie, &mut |entry| {
            if got == 100 {
                return ControlFlow::Break(());
            }
            got += 1;
            cookie = entry.next;
            ControlFlow::Continue(())
        })?;
        total += got;
        if got == 0 {
            assert_eq!(total, 10_000);
            return Ok(());
        }
    }
}
