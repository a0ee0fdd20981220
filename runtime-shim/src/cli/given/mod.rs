//! `--dir`, `--mount` and `--tmpfs`: which directories the program is offered, and as what.

mod dirs;
mod grammar;
pub(crate) mod sources;
mod spec;

use std::{collections::HashMap, sync::Arc};

use gangplank::vfs::{FileSystem, Mount, MountOptions, Place};

use super::{
    args::{Fs, Run},
    limits::{InMemory, Limit},
    report::Failure,
    words,
};
use dirs::Dir;
use spec::{Kind, Spec};

/// What the program is offered.
#[derive(Default)]
pub(crate) struct Given {
    /// Names and directories, in the order of their descriptors.
    pub(crate) dirs: Vec<(Vec<u8>, Place)>,
    /// The same, to be found inside of those if there is a directory of that name.
    pub(crate) mounts: Vec<(Vec<u8>, Place)>,
    /// Those of them that are in memory.
    pub(crate) memory: Vec<InMemory>,
    taken: HashMap<Vec<u8>, String>,
}

/// Opens everything, in the order: each `--dir`, each `--mount`, each `--tmpfs`.
pub(crate) fn given(args: &Run) -> Result<Given, Failure> {
    let specs = args.mounts.iter().map(|option| Spec::parse(option)).collect::<Result<Vec<_>, _>>()?;
    useless_limits(args, &specs)?;
    let mut given = Given::default();
    for option in &args.dirs {
        let dir = Dir::parse(option)?;
        given.dir(args, &dir, format!("--dir {}", option.display()))?;
    }
    for spec in &specs {
        given.mount(args, spec)?;
    }
    for guest in &args.tmpfs {
        let guest = words::bytes(guest)?;
        let option = format!("--tmpfs {}", String::from_utf8_lossy(guest));
        given.tmpfs(args, guest, option)?;
    }
    Ok(given)
}

impl Given {
    fn dir(&mut self, args: &Run, dir: &Dir, option: String) -> Result<(), Failure> {
        self.take(&dir.guest, &option)?;
        let cannot =
            |failure: Failure| failure.context(format_args!("cannot offer the directory `{}`", dir.host.display()));
        let host = sources::host(&dir.host, args.host_resolver).map_err(cannot)? as Arc<dyn FileSystem>;
        let options = MountOptions { read_only: dir.read_only, ..MountOptions::default() };
        let fs = match args.fs {
            Fs::Host => host,
            Fs::Mem => {
                let memory = in_memory(args, option);
                sources::copy(&host, &memory).map_err(|failure| {
                    failure.context(format_args!("cannot copy the directory `{}` into memory", dir.host.display()))
                })?;
                self.remember(memory)
            }
        };
        self.dirs.push((dir.guest.clone(), Mount::detached(fs, options)));
        Ok(())
    }

    fn mount(&mut self, args: &Run, spec: &Spec) -> Result<(), Failure> {
        let guest = &spec.dst.value;
        if let Some(other) = self.taken.insert(trimmed(guest).to_vec(), spec.option()) {
            let shown = String::from_utf8_lossy(guest);
            return Err(spec
                .wrong(&spec.dst.at, &format!("`{other}` is offered under the same name, `{shown}`"))
                .help("give one of them another name"));
        }
        let source = spec.src.first();
        let host = match source {
            Some(source) => Some(
                sources::host(&source.value, args.host_resolver)
                    .map_err(|failure| spec.wrong_source(source, "cannot offer the directory", failure))?
                    as Arc<dyn FileSystem>,
            ),
            None => None,
        };
        let fs = match (spec.kind.value, host) {
            (Kind::Host, Some(host)) => host,
            (_, host) => {
                let memory = in_memory_as(args, spec);
                if let (Some(host), Some(source)) = (host, source) {
                    sources::copy(&host, &memory)
                        .map_err(|failure| spec.wrong_source(source, "cannot copy into memory", failure))?;
                }
                self.remember(memory)
            }
        };
        self.mounts.push((
            guest.clone(),
            Mount::detached(fs, MountOptions { read_only: spec.read_only, noatime: spec.noatime }),
        ));
        Ok(())
    }

    fn tmpfs(&mut self, args: &Run, guest: &[u8], option: String) -> Result<(), Failure> {
        if guest.is_empty() {
            return Err(Failure::usage("`--tmpfs` needs the name under which the program will see it"));
        }
        self.take(guest, &option)?;
        let fs = self.remember(in_memory(args, option));
        self.dirs.push((guest.to_vec(), Mount::detached(fs, MountOptions::default())));
        Ok(())
    }

    fn take(&mut self, guest: &[u8], option: &str) -> Result<(), Failure> {
        match self.taken.insert(trimmed(guest).to_vec(), option.to_owned()) {
            Some(other) => Err(Failure::usage(format!(
                "`{other}` and `{option}` are offered under the same name, `{}`",
                String::from_utf8_lossy(guest)
            ))
            .help("give one of them another name, as in `--dir HOST::GUEST`")),
            None => Ok(()),
        }
    }

    fn remember(&mut self, memory: InMemory) -> Arc<dyn FileSystem> {
        let fs = Arc::clone(&memory.fs);
        self.memory.push(memory);
        fs
    }
}

/// An empty filesystem, limited by the options for all of them.
fn in_memory(args: &Run, option: String) -> InMemory {
    let bytes = args.limit_fs_bytes;
    InMemory {
        fs: sources::memory(bytes.map(|size| size.0), args.limit_fs_nodes),
        bytes: Limit::new("--limit-fs-bytes", bytes),
        nodes: Limit::new("--limit-fs-nodes", args.limit_fs_nodes),
        option,
    }
}

/// An empty filesystem, limited by what the mount says or else by the options for all of them.
fn in_memory_as(args: &Run, spec: &Spec) -> InMemory {
    let mut memory = in_memory(args, spec.option());
    if let Some(size) = spec.size {
        memory.bytes = Limit { name: "size=", value: Some(format!("size={size}")) };
    }
    if let Some(count) = spec.nodes {
        memory.nodes = Limit { name: "nodes=", value: Some(format!("nodes={count}")) };
    }
    let bytes = spec.size.or(args.limit_fs_bytes);
    memory.fs = sources::memory(bytes.map(|size| size.0), spec.nodes.or(args.limit_fs_nodes));
    memory
}

/// Whoever limits what is not there is mistaken about something.
fn useless_limits(args: &Run, specs: &[Spec]) -> Result<(), Failure> {
    let given =
        [("--limit-fs-bytes", args.limit_fs_bytes.is_some()), ("--limit-fs-nodes", args.limit_fs_nodes.is_some())];
    let in_memory = !args.tmpfs.is_empty()
        || (args.fs == Fs::Mem && !args.dirs.is_empty())
        || specs.iter().any(|spec| spec.kind.value == Kind::Mem);
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) if !in_memory => Err(Failure::usage(format!(
            "`{option}` limits nothing: no directory is in memory"
        ))
        .help("directories in memory are those of --tmpfs and --mount type=mem, and with --fs mem those of --dir")),
        _ => Ok(()),
    }
}

/// `a/` and `a` are one name; `/` stays.
fn trimmed(guest: &[u8]) -> &[u8] {
    let end = guest.iter().rposition(|&b| b != b'/').map_or(1.min(guest.len()), |last| last + 1);
    &guest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_slashes_at_the_end() {
        assert_eq!(trimmed(b"/a//"), b"/a");
        assert_eq!(trimmed(b"//"), b"/");
        assert_eq!(trimmed(b"."), b".");
        assert_eq!(trimmed(b""), b"");
    }
}
