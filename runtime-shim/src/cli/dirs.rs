//! `--dir` and `--tmpfs`: which directories the program is offered, and as what.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io::ErrorKind,
    path::PathBuf,
    sync::Arc,
};

use gangplank::{
    seed::copy_tree,
    vfs::{
        FileSystem, Mount, MountOptions, Place,
        host_fs::{HostFs, Options, Resolver},
        mem_fs::{MemFs, MemFsOptions},
    },
};

use super::{
    args::{Fs, HostResolver, Run},
    limits::InMemory,
    report::Failure,
};

/// What the program is offered.
pub(crate) struct Preopens {
    /// Names and directories.
    pub(crate) dirs: Vec<(Vec<u8>, Place)>,
    /// Those of them that are in memory.
    pub(crate) memory: Vec<InMemory>,
}

/// Opens everything, in the order: each `--dir`, then each `--tmpfs`.
pub(crate) fn preopens(args: &Run) -> Result<Preopens, Failure> {
    useless_limits(args)?;
    let mut preopens = Vec::new();
    let mut memory = Vec::new();
    let mut taken: HashMap<Vec<u8>, String> = HashMap::new();
    let mut take = |guest: &[u8], what: String| match taken.insert(trimmed(guest).to_vec(), what.clone()) {
        Some(other) => Err(Failure::usage(format!(
            "{other} and {what} are offered under the same name, `{}`",
            String::from_utf8_lossy(guest)
        ))
        .help("give one of them another name, as in `--dir HOST::GUEST`")),
        None => Ok(()),
    };
    for option in &args.dirs {
        let dir = Dir::parse(option)?;
        take(&dir.guest, format!("`--dir {}`", option.display()))?;
        let host = dir.open_host(args.host_resolver)?;
        let options = MountOptions { read_only: dir.read_only, ..MountOptions::default() };
        let place = match args.fs {
            Fs::Host => Mount::detached(host, options),
            Fs::Mem => {
                let copy = dir.copy(&host, args)?;
                memory.push(InMemory { option: format!("--dir {}", option.display()), fs: Arc::clone(&copy) });
                Mount::detached(copy, options)
            }
        };
        preopens.push((dir.guest, place));
    }
    for guest in &args.tmpfs {
        let guest = bytes(guest)?;
        if guest.is_empty() {
            return Err(Failure::usage("`--tmpfs` needs the name under which the program will see it"));
        }
        take(guest, format!("`--tmpfs {}`", String::from_utf8_lossy(guest)))?;
        let fs = empty(args);
        let option = format!("--tmpfs {}", String::from_utf8_lossy(guest));
        memory.push(InMemory { option, fs: Arc::clone(&fs) });
        preopens.push((guest.to_vec(), Mount::detached(fs, MountOptions::default())));
    }
    Ok(Preopens { dirs: preopens, memory })
}

/// Whoever limits what is not there is mistaken about something.
fn useless_limits(args: &Run) -> Result<(), Failure> {
    let given =
        [("--limit-fs-bytes", args.limit_fs_bytes.is_some()), ("--limit-fs-nodes", args.limit_fs_nodes.is_some())];
    let in_memory = !args.tmpfs.is_empty() || (args.fs == Fs::Mem && !args.dirs.is_empty());
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) if !in_memory => {
            Err(Failure::usage(format!("`{option}` limits nothing: no directory is in memory"))
                .help("directories in memory are those of --tmpfs, and with --fs mem those of --dir"))
        }
        _ => Ok(()),
    }
}

/// `a/` and `a` are one name; `/` stays.
fn trimmed(guest: &[u8]) -> &[u8] {
    let end = guest.iter().rposition(|&b| b != b'/').map_or(1.min(guest.len()), |last| last + 1);
    &guest[..end]
}

/// An empty filesystem that a guest cannot fill until the host has no memory left.
fn empty(args: &Run) -> Arc<MemFs> {
    let bytes = args.limit_fs_bytes.map(|size| size.0).or_else(half_of_memory);
    Arc::new(MemFsOptions::new().max_bytes(bytes).max_nodes(args.limit_fs_nodes).build())
}

/// Half of this machine's memory in bytes, as `tmpfs(5)` limits itself; `None` where we cannot tell.
fn half_of_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(512)
}

/// One `--dir`.
#[derive(PartialEq, Eq, Debug)]
struct Dir {
    host: PathBuf,
    guest: Vec<u8>,
    read_only: bool,
}

impl Dir {
    fn parse(option: &OsStr) -> Result<Dir, Failure> {
        let text = bytes(option)?;
        let (text, read_only) = match text.strip_suffix(b":ro") {
            // `HOST::ro` is the guest directory `ro`.
            Some(rest) if !rest.ends_with(b":") => (rest, true),
            _ => (text, false),
        };
        let (host, guest) = match text.windows(2).rposition(|pair| pair == b"::") {
            Some(at) => (&text[..at], &text[at + 2..]),
            None => (text, text),
        };
        let missing = match (host.is_empty(), guest.is_empty()) {
            (true, _) => "the directory to offer",
            (_, true) => "the name under which the program will see it",
            _ => return Ok(Dir { host: path(host)?, guest: guest.to_vec(), read_only }),
        };
        Err(Failure::usage(format!("`--dir {}` lacks {missing}", option.display()))
            .help("write `--dir HOST`, `--dir HOST::GUEST`, or either with `:ro` at the end"))
    }

    /// Copies the directory into memory.
    fn copy(&self, host: &Arc<dyn FileSystem>, args: &Run) -> Result<Arc<MemFs>, Failure> {
        let memory = empty(args);
        let whole = |fs: Arc<dyn FileSystem>| Mount::detached(fs, MountOptions::default());
        copy_tree(&whole(Arc::clone(host)), &whole(Arc::clone(&memory) as _)).map_err(|error| {
            let text = format!("cannot copy the directory `{}` into memory: {error}", self.host.display());
            let refused = memory.refused();
            match () {
                () if refused.bytes => Failure::usage(text).help("--limit-fs-bytes says how much can be in memory"),
                () if refused.nodes => Failure::usage(text).help("--limit-fs-nodes says how many can be in memory"),
                () => Failure::usage(text),
            }
        })?;
        Ok(memory)
    }

    fn open_host(&self, resolver: HostResolver) -> Result<Arc<dyn FileSystem>, Failure> {
        let shown = self.host.display();
        let refuse =
            |why: &dyn core::fmt::Display| Failure::usage(format!("cannot offer the directory `{shown}`: {why}"));
        // Asked beforehand for the sake of the message alone; opening it asks again.
        match std::fs::metadata(&self.host) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(refuse(&"it is not a directory").help("offer the directory that holds the file")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(refuse(&"it does not exist").help("create it first, or correct the path"));
            }
            Err(error) => return Err(refuse(&error)),
        }
        let resolver = match resolver {
            HostResolver::Auto => Resolver::Auto,
            HostResolver::Openat2 => Resolver::Openat2,
            HostResolver::Portable => Resolver::Portable,
        };
        let options = Options { resolver, ..Options::default() };
        match HostFs::open_with(&self.host, options) {
            Ok(fs) => Ok(fs),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                Err(refuse(&"this system does not have the resolver asked for").help("leave `--host-resolver` away"))
            }
            Err(error) => Err(refuse(&error)),
        }
    }
}

/// The bytes of a word of the command line.
pub(crate) fn bytes(word: &OsStr) -> Result<&[u8], Failure> {
    #[cfg(unix)]
    {
        Ok(std::os::unix::ffi::OsStrExt::as_bytes(word))
    }
    #[cfg(not(unix))]
    match word.to_str() {
        Some(text) => Ok(text.as_bytes()),
        None => Err(Failure::usage(format!("`{}` is not valid Unicode", word.display()))),
    }
}

/// The reverse of [`bytes`].
fn path(bytes: &[u8]) -> Result<PathBuf, Failure> {
    #[cfg(unix)]
    {
        Ok(PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes.to_vec())))
    }
    #[cfg(not(unix))]
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PathBuf::from(OsString::from(text))),
        Err(_) => Err(Failure::usage("a path is not valid Unicode")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dirs_are_split_at_the_last_pair_of_colons() {
        for (text, host, guest, read_only) in [
            (".", ".", ".", false),
            ("/a/b", "/a/b", "/a/b", false),
            ("sub/:ro", "sub/", "sub/", true),
            ("a::/", "a", "/", false),
            ("a::b::c", "a::b", "c", false),
            ("a::/x:ro", "a", "/x", true),
            ("a::ro", "a", "ro", false),
            ("a::ro:ro", "a", "ro", true),
            ("a:b", "a:b", "a:b", false),
        ] {
            let dir = Dir::parse(OsStr::new(text)).unwrap();
            let want = Dir { host: host.into(), guest: guest.into(), read_only };
            assert_eq!(dir, want, "{text}");
        }
        for bad in ["", "::", "::/x", "x::", ":ro", "x:::ro"] {
            let parsed = Dir::parse(OsStr::new(bad));
            assert!(parsed.is_err() || bad == "x:::ro", "{bad}: {parsed:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_this_machine_is_known() {
        let half = half_of_memory().unwrap();
        assert!(half > 16 << 20, "{half}");
        assert!(half < 1 << 50, "{half}");
    }

    #[test]
    fn names_are_compared_without_slashes_at_the_end() {
        assert_eq!(trimmed(b"/a//"), b"/a");
        assert_eq!(trimmed(b"//"), b"/");
        assert_eq!(trimmed(b"."), b".");
        assert_eq!(trimmed(b""), b"");
    }
}
