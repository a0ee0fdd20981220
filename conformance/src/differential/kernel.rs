//! The kernel as a player: every line of a script is one or a few system calls, made by a thread whose root directory
//! is the tree (`chroot`), so that the kernel resolves the paths too. What it answers is right by definition.
//!
//! It needs `CAP_SYS_ADMIN` and `CAP_SYS_CHROOT`; [`check`] says why not, where it cannot be had.

use core::fmt::Write as _;
use std::{
    collections::HashMap,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::mpsc,
    thread::JoinHandle,
};

use gangplank_vfs::{Errno, FileType, FsCaps, Metadata, NodeId, Result, Time};
use rustix::{
    fs::{self, AtFlags, CWD, Dir, FallocateFlags, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    process::{chdir, chroot, fchdir, umask},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{
    Op, Player, Rules, Run,
    step::{answer, describe, text},
};
use crate::differential::quoted;

/// What a directory on a usual filesystem of Linux can do, as far as scripts ask.
pub(crate) const CAPS: FsCaps = FsCaps::HARD_LINKS
    .union(FsCaps::SYMLINKS)
    .union(FsCaps::EXCHANGE)
    .union(FsCaps::NO_REPLACE)
    .union(FsCaps::UNLINKED_OPEN)
    .union(FsCaps::ALLOCATE)
    .union(FsCaps::SEEK_HOLE)
    .union(FsCaps::DIR_NLINK);

/// Why the kernel cannot play here.
///
/// # Errors
/// A sentence for people.
pub fn check() -> core::result::Result<(), String> {
    isolated(|| ())
}

/// Runs `f` in a thread whose mounts are its own, and end with it.
///
/// # Errors
/// A sentence for people, where that cannot be had.
///
/// # Panics
/// If `f` does.
pub fn isolated<R: Send>(f: impl FnOnce() -> R + Send) -> core::result::Result<R, String> {
    let run = || isolate().map(|()| f()).map_err(|e| format!("a mount namespace needs CAP_SYS_ADMIN: {e}"));
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Mounts a filesystem in memory, with these options; only inside of [`isolated`].
///
/// # Errors
/// What the kernel says.
pub fn mount_tmpfs(at: &Path, options: &str) -> std::io::Result<()> {
    let options = std::ffi::CString::new(options)?;
    Ok(mount("tmpfs", at, "tmpfs", MountFlags::empty(), Some(options.as_c_str()))?)
}

/// A directory of the host, without anything in between: a new one below `parent` for each script.
#[derive(Clone, Debug)]
pub struct Bare {
    name: String,
    parent: PathBuf,
}

impl Bare {
    /// Below this directory, which decides what filesystem it is.
    pub fn new(name: &str, parent: impl Into<PathBuf>) -> Bare {
        Bare { name: name.to_owned(), parent: parent.into() }
    }
}

impl Player for Bare {
    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> FsCaps {
        CAPS
    }

    fn rooted(&self) -> bool {
        true
    }

    fn mounts(&self) -> bool {
        true
    }

    fn start(&self, rules: Rules) -> Box<dyn Run> {
        let dir = tempfile::tempdir_in(&self.parent).expect("a temporary directory");
        let running = Thread::start(Root::Directory(dir.path().to_owned()), rules).expect("enter the directory");
        Box::new(BareRun { running, _dir: dir })
    }
}

/// The thread ends before its directory goes.
struct BareRun {
    running: Thread,
    _dir: tempfile::TempDir,
}

impl Run for BareRun {
    fn step(&mut self, op: &Op) -> String {
        self.running.step(op)
    }

    fn tree(&mut self) -> String {
        self.running.tree()
    }

    fn play(&mut self, ops: &[Op]) -> (Vec<String>, String) {
        self.running.play(ops)
    }
}

/// What the thread has as its root directory.
#[derive(Clone, Debug)]
pub enum Root {
    /// A directory that is there.
    Directory(PathBuf),
    /// An overlay that it mounts, in a mount namespace of its own: nobody else sees it, and it goes with the thread,
    /// however that ends.
    Overlay {
        /// Where it is mounted.
        at: PathBuf,
        /// Options of the mount.
        options: String,
    },
}

/// A thread that runs a script inside a directory.
pub struct Thread {
    ask: Option<mpsc::Sender<Ask>>,
    told: mpsc::Receiver<Told>,
    thread: Option<JoinHandle<()>>,
}

/// What it is to do, in this order.
#[derive(Default)]
struct Ask {
    /// Close everything, and go on in another directory.
    enter: Option<PathBuf>,
    /// Play these.
    ops: Vec<Op>,
    /// Print the tree.
    tree: bool,
}

/// What came of each operation, and the tree; or why it could not enter.
type Told = core::result::Result<(Vec<String>, String), String>;

impl Thread {
    /// Starts it.
    ///
    /// # Errors
    /// What the kernel says to the mount or the `chroot`.
    pub fn start(root: Root, rules: Rules) -> core::result::Result<Thread, String> {
        let (ask, asked) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let inside = match Inside::enter(root, rules) {
                Ok(inside) => inside,
                Err(e) => return tell.send(Err(e)).unwrap_or_default(),
            };
            let _ = tell.send(Ok((vec![], String::new())));
            inside.run(&asked, &tell);
        });
        match told.recv() {
            Ok(Ok(_)) => Ok(Thread { ask: Some(ask), told, thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err("the thread panicked".to_owned()),
        }
    }

    /// Closes everything, and goes on in another directory, which costs less than another thread.
    ///
    /// # Errors
    /// What the kernel says to the `chroot`.
    pub fn enter(&mut self, directory: impl Into<PathBuf>) -> core::result::Result<(), String> {
        self.ask(Ask { enter: Some(directory.into()), ..Ask::default() }).map(drop)
    }

    fn ask(&self, what: Ask) -> Told {
        let sent = self.ask.as_ref().is_some_and(|ask| ask.send(what).is_ok());
        if sent { self.told.recv().ok() } else { None }.expect("the thread lives")
    }

    fn told(&self, what: Ask) -> (Vec<String>, String) {
        self.ask(what).expect("only entering fails")
    }
}

impl Run for Thread {
    fn step(&mut self, op: &Op) -> String {
        self.told(Ask { ops: vec![op.clone()], ..Ask::default() }).0.concat()
    }

    fn tree(&mut self) -> String {
        self.told(Ask { tree: true, ..Ask::default() }).1
    }

    /// All at once: the thread is woken once, and not for each line.
    fn play(&mut self, ops: &[Op]) -> (Vec<String>, String) {
        self.told(Ask { ops: ops.to_vec(), tree: true, enter: None })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Gives the calling thread a root, a working directory, a umask and mounts of its own.
fn isolate() -> rustix::io::Result<()> {
    // SAFETY: the only flag that can invalidate what other code relies on is `FILES`, and it is not among them.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS)? };
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// The thread's own view.
struct Inside {
    rules: Rules,
    slots: [Option<OwnedFd>; 3],
    /// The root directory from before, and what to unmount there in the end.
    outside: OwnedFd,
    mounted: Option<PathBuf>,
    /// Whether a second filesystem is on `m`.
    second: bool,
}

impl Inside {
    fn enter(root: Root, rules: Rules) -> core::result::Result<Inside, String> {
        let say = |what: &'static str| move |e: rustix::io::Errno| format!("{what}: {e}");
        isolate().map_err(say("a mount namespace"))?;
        umask(Mode::from_raw_mode(0o022));
        let outside = fs::open("/", OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).map_err(say("open /"))?;
        let (at, mounted) = match root {
            Root::Directory(at) => (at, None),
            Root::Overlay { at, options } => {
                let options = std::ffi::CString::new(options).map_err(|e| e.to_string())?;
                mount("overlay", &at, "overlay", MountFlags::empty(), Some(options.as_c_str()))
                    .map_err(say("mount an overlay"))?;
                (at.clone(), Some(at))
            }
        };
        let inside = Inside { rules, slots: [None, None, None], outside, mounted, second: false };
        chdir(&at).and_then(|()| chroot(".")).map_err(say("chroot"))?;
        Ok(inside)
    }

    fn run(mut self, asked: &mpsc::Receiver<Ask>, tell: &mpsc::Sender<Told>) {
        while let Ok(Ask { enter, ops, tree }) = asked.recv() {
            let told = match enter.map_or(Ok(()), |at| self.go_on_in(&at)) {
                Err(e) => Err(format!("enter a directory: {e}")),
                Ok(()) => {
                    let answers = ops.iter().map(|op| answer(self.act(op))).collect();
                    Ok((answers, if tree { self.tree() } else { String::new() }))
                }
            };
            if tell.send(told).is_err() {
                return;
            }
        }
    }

    fn go_on_in(&mut self, directory: &Path) -> rustix::io::Result<()> {
        self.leave()?;
        chdir(directory)?;
        chroot(".")
    }

    /// Closes everything, and goes back to the root directory from before.
    fn leave(&mut self) -> rustix::io::Result<()> {
        self.slots = [None, None, None];
        if std::mem::take(&mut self.second) {
            chdir("/")?;
            unmount("/m", UnmountFlags::DETACH)?;
        }
        fchdir(&self.outside)?;
        chroot(".")
    }

    fn tree(&self) -> String {
        let mut out = String::new();
        match tree(Path::new("/"), "", &mut HashMap::new(), &mut out) {
            Ok(()) => out,
            Err(e) => format!("{out}{}", e.name()),
        }
    }

    fn act(&mut self, op: &Op) -> Result<String> {
        let arg = |i: usize| op.args[i].as_str();
        let number = |i: usize| arg(i).parse::<u64>().unwrap_or(0);
        let done = |r: rustix::io::Result<()>| r.map(|()| String::new()).map_err(Errno::from);
        match op.verb {
            "mkdir" => done(fs::mkdir(arg(0), Mode::from_raw_mode(0o755))),
            "put" => {
                let file = open(arg(0), "rwct")?;
                Ok(rustix::io::write(&file, &text(arg(1)))?.to_string())
            }
            "symlink" => done(fs::symlink(arg(0), arg(1))),
            "link" => done(fs::linkat(CWD, arg(0), CWD, arg(1), AtFlags::empty())),
            "linkfollow" => done(fs::linkat(CWD, arg(0), CWD, arg(1), AtFlags::SYMLINK_FOLLOW)),
            "unlink" => done(fs::unlinkat(CWD, arg(0), AtFlags::empty())),
            "rmdir" => done(fs::unlinkat(CWD, arg(0), AtFlags::REMOVEDIR)),
            "rename" => done(fs::renameat(CWD, arg(0), CWD, arg(1))),
            "noreplace" => done(fs::renameat_with(CWD, arg(0), CWD, arg(1), RenameFlags::NOREPLACE)),
            "exchange" => done(fs::renameat_with(CWD, arg(0), CWD, arg(1), RenameFlags::EXCHANGE)),
            "stat" => Ok(self.describe(&fs::stat(arg(0))?)),
            "lstat" => Ok(self.describe(&fs::lstat(arg(0))?)),
            "readlink" => Ok(fs::readlink(arg(0), vec![])?.as_bytes().escape_ascii().to_string()),
            "list" => list(open(arg(0), "rd")?),
            "read" => {
                let file = open(arg(0), "r")?;
                let mut buf = vec![0; fs::fstat(&file)?.st_size as usize];
                let n = rustix::io::pread(&file, &mut buf, 0)?;
                Ok(quoted(String::from_utf8_lossy(&buf[..n]).as_bytes()))
            }
            "truncate" => {
                let path = std::ffi::CString::new(arg(0)).map_err(|_| Errno::INVAL)?;
                done(truncate(&path, number(1)))
            }
            "chmod" => {
                let mode = u32::from_str_radix(arg(1), 8).unwrap_or(0o700);
                done(fs::chmod(arg(0), Mode::from_raw_mode(mode)))
            }
            "touch" => {
                let times = Timestamps { last_access: OMIT, last_modification: at(number(1) as i64, 7) };
                done(fs::utimensat(CWD, arg(0), &times, AtFlags::empty()))
            }
            "cd" => done(chdir(arg(0))),
            "home" => done(chdir("/")),
            "fork" => {
                self.slots = [None, None, None];
                done(chdir("/"))
            }
            "open" => {
                let file = open(arg(1), arg(2))?;
                let kind = format!("{:?}", file_type(&fs::fstat(&file)?));
                self.slots[number(0) as usize] = Some(file);
                Ok(kind)
            }
            "dup" => match &self.slots[number(0) as usize] {
                None => Ok("empty".to_owned()),
                Some(file) => {
                    let other = rustix::io::dup(file)?;
                    self.slots[number(1) as usize] = Some(other);
                    Ok(String::new())
                }
            },
            "mount" => self.mount().map(|()| String::new()),
            "close" => Ok(if self.slots[number(0) as usize].take().is_some() { "" } else { "empty" }.to_owned()),
            _ => match &self.slots[number(0) as usize] {
                None => Ok("empty".to_owned()),
                Some(file) => self.act_on(file, op),
            },
        }
    }

    /// A filesystem in memory, which nobody else sees.
    fn mount(&mut self) -> Result<()> {
        if self.second {
            return Err(Errno::BUSY);
        }
        match fs::mkdir("/m", Mode::from_raw_mode(0o755)) {
            Err(rustix::io::Errno::EXIST) if file_type(&fs::lstat("/m")?) == FileType::Directory => {}
            made => made?,
        }
        mount("tmpfs", "/m", "tmpfs", MountFlags::empty(), Some(c"mode=755"))?;
        self.second = true;
        Ok(())
    }

    fn act_on(&self, file: &OwnedFd, op: &Op) -> Result<String> {
        let arg = |i: usize| op.args[i].as_str();
        let number = |i: usize| arg(i).parse::<u64>().unwrap_or(0);
        let done = |r: rustix::io::Result<()>| r.map(|()| String::new()).map_err(Errno::from);
        match op.verb {
            "fread" => {
                let mut buf = vec![0; number(1) as usize];
                let n = rustix::io::read(file, &mut buf)?;
                Ok(quoted(&buf[..n]))
            }
            "fwrite" => Ok(rustix::io::write(file, &text(arg(1)))?.to_string()),
            "pread" => {
                let mut buf = [0; 100];
                let n = rustix::io::pread(file, &mut buf, number(1))?;
                Ok(quoted(&buf[..n]))
            }
            "pwrite" => Ok(rustix::io::pwrite(file, &text(arg(2)), number(1))?.to_string()),
            // The kernel is not asked: its directories have cursors, ours have cookies.
            "seek" | "seekend" if file_type(&fs::fstat(file)?) == FileType::Directory => Err(Errno::ISDIR),
            "seek" => Ok(fs::seek(file, fs::SeekFrom::Start(number(1)))?.to_string()),
            "seekend" => Ok(fs::seek(file, fs::SeekFrom::End(-1))?.to_string()),
            "setlen" => done(fs::ftruncate(file, number(1))),
            "allocate" => {
                fs::fallocate(file, FallocateFlags::empty(), 0, number(1))?;
                done(fs::futimens(file, &Timestamps { last_access: OMIT, last_modification: NOW }))
            }
            "fstat" => Ok(self.describe(&fs::fstat(file)?)),
            "flist" => list(fs::openat(file, ".", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?),
            other => Ok(format!("{other}?")),
        }
    }

    fn describe(&self, stat: &Stat) -> String {
        describe(&metadata(stat), self.rules)
    }
}

impl Drop for Inside {
    /// Unmounts now rather than with the namespace: whoever waits for the thread may want to mount the same upper
    /// directory next, and the kernel tells of a thread's end before it takes its namespace down.
    fn drop(&mut self) {
        let left = self.leave();
        if let (Ok(()), Some(at)) = (left, &self.mounted) {
            let _ = unmount(at, UnmountFlags::empty()).or_else(|_| unmount(at, UnmountFlags::DETACH));
        }
    }
}

const OMIT: Timespec = at(0, fs::UTIME_OMIT);
const NOW: Timespec = at(0, fs::UTIME_NOW);

const fn at(tv_sec: i64, tv_nsec: i64) -> Timespec {
    Timespec { tv_sec, tv_nsec }
}

fn open(path: &str, flags: &str) -> rustix::io::Result<OwnedFd> {
    let has = |flag| flags.contains(flag);
    let access = match (has('r'), has('w')) {
        (_, false) => OFlags::RDONLY,
        (false, true) => OFlags::WRONLY,
        (true, true) => OFlags::RDWR,
    };
    let table = [
        ('a', OFlags::APPEND),
        ('t', OFlags::TRUNC),
        ('d', OFlags::DIRECTORY),
        ('c', OFlags::CREATE),
        ('x', OFlags::EXCL),
        ('n', OFlags::NOFOLLOW),
    ];
    let flags = table.iter().filter(|(flag, _)| has(*flag)).fold(access, |all, (_, one)| all | *one);
    fs::open(path, flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o666))
}

/// `truncate(2)`, which opens for writing and nothing else, and does not wait.
fn truncate(path: &std::ffi::CStr, len: u64) -> rustix::io::Result<()> {
    let file = fs::open(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    fs::ftruncate(file, len)
}

fn names(dir: impl AsFd) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut names: Vec<Vec<u8>> = Dir::read_from(dir)?
        .map(|entry| entry.map(|e| e.file_name().to_bytes().to_vec()))
        .collect::<rustix::io::Result<_>>()?;
    names.retain(|name| name != b"." && name != b"..");
    names.sort();
    Ok(names)
}

fn list(dir: OwnedFd) -> Result<String> {
    let mut names: Vec<String> = names(dir)?.iter().map(|n| n.escape_ascii().to_string()).collect();
    names.sort();
    Ok(names.join(",") + ".")
}

fn file_type(stat: &Stat) -> FileType {
    match fs::FileType::from_raw_mode(stat.st_mode) {
        fs::FileType::RegularFile => FileType::Regular,
        fs::FileType::Directory => FileType::Directory,
        fs::FileType::Symlink => FileType::Symlink,
        fs::FileType::Fifo => FileType::Fifo,
        fs::FileType::Socket => FileType::Socket,
        fs::FileType::CharacterDevice => FileType::CharDevice,
        fs::FileType::BlockDevice => FileType::BlockDevice,
        fs::FileType::Unknown => FileType::Unknown,
    }
}

fn metadata(stat: &Stat) -> Metadata {
    let time = |seconds: i64, nanos: u64| Time::from_parts(seconds, nanos as u32);
    let ctime = time(stat.st_ctime, stat.st_ctime_nsec);
    Metadata {
        dev: stat.st_dev,
        ino: NodeId::new(stat.st_ino).expect("inode numbers begin with 1"),
        file_type: file_type(stat),
        mode: (stat.st_mode & 0o7777) as u16,
        nlink: stat.st_nlink,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        rdev: stat.st_rdev,
        atime: time(stat.st_atime, stat.st_atime_nsec),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        ctime,
        btime: ctime,
    }
}

/// As [`World::tree`](crate::World::tree) writes it.
fn tree(dir: &Path, prefix: &str, seen: &mut HashMap<(u64, u64), String>, out: &mut String) -> Result<()> {
    let handle = fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut entries: Vec<(String, Vec<u8>)> =
        names(&handle)?.into_iter().map(|raw| (raw.escape_ascii().to_string(), raw)).collect();
    entries.sort();
    for (name, raw) in entries {
        let path = format!("{prefix}{name}");
        let stat = fs::statat(&handle, &raw[..], AtFlags::SYMLINK_NOFOLLOW)?;
        match file_type(&stat) {
            FileType::Directory => {
                writeln!(out, "{path}/").unwrap_or_default();
                let below = dir.join(std::str::from_utf8(&raw).map_err(|_| Errno::ILSEQ)?);
                tree(&below, &format!("{path}/"), seen, out)?;
            }
            FileType::Symlink => {
                let target = fs::readlinkat(&handle, &raw[..], vec![])?;
                let target = target.as_bytes().escape_ascii();
                writeln!(out, "{path} -> {target} ({} links)", stat.st_nlink).unwrap_or_default();
            }
            FileType::Regular => {
                let first = seen.entry((stat.st_dev, stat.st_ino)).or_insert_with(|| path.clone());
                if *first == path {
                    let file = fs::openat(&handle, &raw[..], OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                    let mut text = vec![0; stat.st_size as usize];
                    let n = rustix::io::pread(&file, &mut text, 0)?;
                    writeln!(out, "{path} = {} ({} links)", quoted(&text[..n]), stat.st_nlink).unwrap_or_default();
                } else {
                    writeln!(out, "{path} == {first}").unwrap_or_default();
                }
            }
            other => writeln!(out, "{path} {other:?} ({} links)", stat.st_nlink).unwrap_or_default(),
        }
    }
    Ok(())
}
