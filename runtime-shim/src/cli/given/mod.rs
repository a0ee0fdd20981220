//! `--dir`, `--mount` and `--tmpfs`: which directories the program is offered, and as what.

mod dirs;
mod grammar;
mod layer;
mod memory;
#[cfg(all(feature = "fuse", target_os = "linux"))]
pub(crate) mod offered;
mod overlay;
mod promises;
mod spec;

use std::{collections::HashMap, ffi::OsString, path::PathBuf, sync::Arc, time::SystemTime};

use gangplank::vfs::{
    FileSystem, Mount, MountOptions, OverlayFs, Place, Time, Tree,
    host_fs::Options,
    layers::quota::{QuotaFs, QuotaOptions},
};

use super::{
    args::{Fs, Run},
    changes::{Below, Watch, Watched},
    limits::{InMemory, Limit},
    report::Failure,
    sources, words,
};
use dirs::Dir;
use grammar::Spanned;
use overlay::Upper;
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
    /// Those whose changes can be told.
    pub(crate) watched: Vec<Watched>,
    taken: HashMap<Vec<u8>, String>,
}

/// Opens everything, in the order: each `--dir`, each `--mount`, each `--tmpfs`.
pub(crate) fn given(args: &Run) -> Result<Given, Failure> {
    let specs = args.mounts.iter().map(|option| Spec::parse(option)).collect::<Result<Vec<_>, _>>()?;
    useless_limits(args, &specs)?;
    let dir = |option: &OsString| Ok((Dir::parse(option)?, format!("--dir {}", option.display())));
    let dirs = args.dirs.iter().map(dir).collect::<Result<Vec<_>, Failure>>()?;
    promises::kept(args, &dirs, &specs)?;
    let mut given = Given::default();
    for (dir, option) in dirs {
        given.dir(args, &dir, option)?;
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
        let shown = dir.host.display();
        let cannot = |failure: Failure| failure.context(format_args!("cannot offer the directory `{shown}`"));
        let host = sources::host(&dir.host, args.host_resolver).map_err(cannot)?;
        let host = Tree::new(host as Arc<dyn FileSystem>);
        let fs = match args.fs {
            Fs::Host => Arc::clone(host.fs()),
            Fs::Mem => {
                let memory = in_memory(args, option, 0);
                memory::copy(host.place(), &memory).map_err(|failure| {
                    failure.context(format_args!("cannot copy the directory `{shown}` into memory"))
                })?;
                self.memory(&dir.guest, memory, false)
            }
            Fs::Overlay if dir.read_only => Arc::clone(host.fs()),
            Fs::Overlay => {
                let since = now();
                let memory = in_memory(args, option, overlay::OWN_NODES);
                let view = overlay::view(&[host.place().clone()], Upper::Memory(&memory.fs)).map_err(cannot)?;
                let below = Some(Below { path: dir.host.clone(), tree: host, since });
                self.view(&dir.guest, view, below, Some(memory))
            }
        };
        let options = MountOptions { read_only: dir.read_only, ..MountOptions::default() };
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
        let fs = match spec.kind.value {
            Kind::Host => limited(source(args, spec, &spec.src[0])?.fs().clone(), spec),
            Kind::Mem => {
                let memory = in_memory_as(args, spec, 0);
                if let Some(src) = spec.src.first() {
                    memory::copy(source(args, spec, src)?.place(), &memory)
                        .map_err(|failure| spec.wrong_path(src, "cannot copy into memory", failure))?;
                }
                self.memory(guest, memory, spec.src.is_empty())
            }
            Kind::Overlay => self.overlay(args, spec)?,
            Kind::Tar | Kind::Zip | Kind::Oci => image(spec)?,
        };
        let options = MountOptions { read_only: spec.read_only, noatime: spec.noatime };
        self.mounts.push((guest.clone(), Mount::detached(fs, options)));
        Ok(())
    }

    fn overlay(&mut self, args: &Run, spec: &Spec) -> Result<Arc<dyn FileSystem>, Failure> {
        let sources = spec.src.iter().map(|src| {
            let source = source(args, spec, src)?;
            let cannot = |error| spec.wrong_path(src, "cannot make a view of", Failure::usage(error));
            // An image may be a layer; in a directory, all names are names.
            if src.value.is_dir() { Ok(source) } else { layer::marked(source).map_err(cannot) }
        });
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let places: Vec<Place> = sources.iter().map(|source| source.place().clone()).collect();
        let guest = &spec.dst.value;
        if let Some((upper, work)) = &spec.upper {
            for dir in [upper, work] {
                sources::host(&dir.value, args.host_resolver)
                    .map_err(|failure| spec.wrong_path(dir, "cannot keep changes in", failure))?;
            }
            let view = overlay::view(&places, Upper::Host(&upper.value, &work.value))
                .map_err(|failure| spec.wrong_path(upper, "cannot keep changes in", failure))?;
            return Ok(match spec.read_only {
                true => Arc::new(view),
                false => limited(self.view(guest, view, None, None), spec),
            });
        }
        let whole = |failure: Failure| spec.wrong_path(&spec.src[0], "cannot make a view of", failure);
        if spec.read_only {
            return Ok(Arc::new(overlay::view(&places, Upper::None).map_err(whole)?));
        }
        let since = now();
        let memory = in_memory_as(args, spec, overlay::OWN_NODES);
        let view = overlay::view(&places, Upper::Memory(&memory.fs)).map_err(whole)?;
        // What is changed can be told from one directory below, and put into it; not from several.
        let below = match (&*spec.src, &*sources) {
            ([src], [source]) if src.value.is_dir() => {
                Some(Below { path: src.value.clone(), tree: source.clone(), since })
            }
            _ => None,
        };
        Ok(self.view(guest, view, below, Some(memory)))
    }

    fn tmpfs(&mut self, args: &Run, guest: &[u8], option: String) -> Result<(), Failure> {
        if guest.is_empty() {
            return Err(Failure::usage("`--tmpfs` needs the name under which the program will see it"));
        }
        self.take(guest, &option)?;
        let fs = self.memory(guest, in_memory(args, option, 0), true);
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

    /// Offers what is in memory. `empty`: whether it is not a copy of something.
    fn memory(&mut self, guest: &[u8], memory: InMemory, empty: bool) -> Arc<dyn FileSystem> {
        let fs = Arc::clone(&memory.fs);
        self.watched.push(Watched {
            guest: guest.to_vec(),
            kind: Watch::Memory { before: fs.fork(), now: Arc::clone(&fs), empty },
        });
        self.memory.push(memory);
        fs
    }

    /// Offers a view. `below`: the directory that its changes can be put into.
    fn view(
        &mut self,
        guest: &[u8],
        view: OverlayFs,
        below: Option<Below>,
        memory: Option<InMemory>,
    ) -> Arc<dyn FileSystem> {
        let view = Arc::new(view);
        let kind = Watch::View { view: Arc::clone(&view), below };
        self.watched.push(Watched { guest: guest.to_vec(), kind });
        self.memory.extend(memory);
        view
    }
}

/// What is on disk, with a limit on what is added to it, if the mount has one.
fn limited(fs: Arc<dyn FileSystem>, spec: &Spec) -> Arc<dyn FileSystem> {
    match (spec.size.map(|size| size.0), spec.nodes) {
        (None, None) => fs,
        (bytes, nodes) => Arc::new(QuotaFs::new(fs, QuotaOptions { bytes, nodes })),
    }
}

/// Opens a source of a mount.
fn source(args: &Run, spec: &Spec, src: &Spanned<PathBuf>) -> Result<Tree, Failure> {
    match spec.kind.value {
        Kind::Host => sources::host_with(&src.value, args.host_resolver, host_options(spec))
            .map(|host| Tree::new(host as Arc<dyn FileSystem>))
            .map_err(|failure| spec.wrong_path(src, "cannot offer the directory", failure)),
        _ => sources::dir_or_image(&src.value, args.host_resolver)
            .map_err(|failure| spec.wrong_path(src, "cannot open", failure)),
    }
}

fn host_options(spec: &Spec) -> Options {
    Options { exclusive: spec.exclusive, ..Options::default() }
}

/// Opens an image.
fn image(spec: &Spec) -> Result<Arc<dyn FileSystem>, Failure> {
    let first = &spec.src[0];
    let cannot = |failure: Failure| spec.wrong_path(first, "cannot open", failure);
    let image = match spec.kind.value {
        Kind::Oci if spec.src.len() == 1 => sources::oci(&first.value, spec.reference.as_deref()).map_err(cannot)?,
        Kind::Oci => {
            let paths: Vec<_> = spec.src.iter().map(|src| &*src.value).collect();
            sources::layers(&paths).map_err(|(at, failure)| spec.wrong_path(&spec.src[at], "cannot open", failure))?
        }
        kind => {
            let form = if kind == Kind::Zip { sources::Form::Zip } else { sources::Form::Tar };
            sources::image_of(&first.value, form).map_err(cannot)?
        }
    };
    Ok(Arc::new(image))
}

/// By the finest clock of the host: by a coarser one, a file that was changed just before might look changed since.
fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_parts(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
}

/// An empty filesystem, limited by the options for all of them. `own`: nodes in it that are not the guest's.
fn in_memory(args: &Run, option: String, own: u64) -> InMemory {
    let bytes = args.limit_fs_bytes;
    InMemory {
        fs: memory::empty(bytes.map(|size| size.0), args.limit_fs_nodes, own),
        bytes: Limit::new("--limit-fs-bytes", bytes),
        nodes: Limit::new("--limit-fs-nodes", args.limit_fs_nodes),
        option,
    }
}

/// An empty filesystem, limited by what the mount says or else by the options for all of them.
fn in_memory_as(args: &Run, spec: &Spec, own: u64) -> InMemory {
    let mut memory = in_memory(args, spec.option(), own);
    if let Some(size) = spec.size {
        memory.bytes = Limit { name: "size=", value: Some(format!("size={size}")) };
    }
    if let Some(count) = spec.nodes {
        memory.nodes = Limit { name: "nodes=", value: Some(format!("nodes={count}")) };
    }
    let bytes = spec.size.or(args.limit_fs_bytes);
    memory.fs = memory::empty(bytes.map(|size| size.0), spec.nodes.or(args.limit_fs_nodes), own);
    memory
}

const IN_MEMORY: &str = "in memory are the directories of --tmpfs and of --mount type=mem and type=overlay, and those of \
                         --dir with --fs mem or --fs overlay";

/// Whoever limits what is not there is mistaken about something.
fn useless_limits(args: &Run, specs: &[Spec]) -> Result<(), Failure> {
    let given =
        [("--limit-fs-bytes", args.limit_fs_bytes.is_some()), ("--limit-fs-nodes", args.limit_fs_nodes.is_some())];
    let in_memory = !args.tmpfs.is_empty()
        || (args.fs != Fs::Host && !args.dirs.is_empty())
        || specs.iter().any(|spec| match spec.kind.value {
            Kind::Mem => true,
            Kind::Overlay => !spec.read_only && spec.upper.is_none(),
            _ => false,
        });
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) if !in_memory => {
            Err(Failure::usage(format!("`{option}` limits nothing: no directory is in memory")).help(IN_MEMORY))
        }
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
