//! Players that begin with the same layers: a plain memory filesystem that holds what they merge into, the kernel's
//! overlayfs, and our own. An overlay is right if nobody can tell it from the plain one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gangplank_vfs::{FileSystem, FsCaps, Mount, MountOptions, OverlayFs};

use super::{Op, Player, Rng, Rules, Run, Script, powercut::memory_without_devices, step::Env};
use crate::{
    Fixture, Made, MemFixture, World,
    layers::{Layer, merge, print},
};

/// What the layers merge into, as a memory filesystem.
#[derive(Clone, Debug)]
pub struct Flat(pub Vec<Layer>);

impl Fixture for Flat {
    fn name(&self) -> &str {
        "flat"
    }

    fn make(&self) -> Made {
        let made = MemFixture.make();
        merge(&self.0).write_to(&made.fs, "", "");
        made
    }
}

/// A random script for these layers.
pub fn script(layers: &[Layer], rng: &mut Rng, len: usize, caps: FsCaps) -> Script {
    Script::random_in(World::new(Flat(layers.to_vec()).make()), rng, len, caps)
}

/// What the layers of one of our overlays are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Memory over memory.
    Mem,
    /// The same, where whiteouts are files with a mark, because no devices can be made.
    Marked,
    /// Memory over directories of the host.
    #[cfg(target_os = "linux")]
    MemOverHost,
    /// Directories of the host.
    #[cfg(target_os = "linux")]
    Host,
}

impl Kind {
    /// All that can be had here: those on the host need somebody who may make whiteouts.
    pub fn all() -> Vec<Kind> {
        #[cfg(target_os = "linux")]
        if rustix::process::geteuid().is_root() {
            return vec![Kind::Mem, Kind::Marked, Kind::MemOverHost, Kind::Host];
        }
        vec![Kind::Mem, Kind::Marked]
    }
}

/// One of our overlays on given layers, which can be opened again.
pub struct Rig {
    lowers: Vec<Arc<dyn FileSystem>>,
    /// Where the upper layer is, if it is in memory.
    memory: Arc<dyn FileSystem>,
    kind: Kind,
    before: Vec<String>,
    #[cfg(target_os = "linux")]
    host: Option<HostStack>,
}

impl Rig {
    /// On new layers, below `parent` if they are on the host.
    ///
    /// # Panics
    /// If they cannot be made.
    pub fn new(kind: Kind, layers: &[Layer], parent: &Path) -> Rig {
        #[cfg(target_os = "linux")]
        let host = (!matches!(kind, Kind::Mem | Kind::Marked)).then(|| HostStack::new(layers, parent, false));
        #[cfg(not(target_os = "linux"))]
        let _ = parent;
        let lowers = match kind {
            Kind::Mem | Kind::Marked => layers.iter().map(in_memory).collect(),
            #[cfg(target_os = "linux")]
            Kind::MemOverHost | Kind::Host => host.as_ref().expect("a stack on the host").open(),
        };
        let memory = if kind == Kind::Marked { memory_without_devices() } else { MemFixture.make().fs };
        let world = World::new(Made::new(memory.clone()));
        for name in ["upper", "work"] {
            drop(world.mkdir(name).expect("make a directory"));
        }
        let before = lowers.iter().map(print).collect();
        Rig {
            lowers,
            memory,
            kind,
            before,
            #[cfg(target_os = "linux")]
            host,
        }
    }

    /// The layers on the host, if they are there.
    #[cfg(target_os = "linux")]
    pub fn host(&self) -> Option<&HostStack> {
        self.host.as_ref()
    }

    /// The overlay. One at a time.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn open(&self) -> World {
        World::new(Made::new(Arc::new(self.overlay())))
    }

    /// The same.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn overlay(&self) -> OverlayFs {
        match self.kind {
            #[cfg(target_os = "linux")]
            Kind::Host => self.host.as_ref().expect("a stack on the host").ours(),
            _ => {
                let builder = self.lowers.iter().fold(OverlayFs::builder(), |b, lower| b.lower(lower.clone()));
                let world = World::new(Made::new(self.memory.clone()));
                let place = |name: &str| {
                    let node = world.node(name).expect("a directory of the upper layer");
                    Mount::subtree(self.memory.clone(), node.id, MountOptions::default())
                };
                builder.upper_at(place("upper"), place("work")).build().expect("an overlay")
            }
        }
    }

    /// Whether the upper layer is in memory.
    pub fn is_memory(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.kind == Kind::Host {
            return false;
        }
        true
    }

    /// How many files are kept for names in lower layers that have not been touched.
    ///
    /// # Panics
    /// If the work directory cannot be read.
    pub fn indexed(&self) -> usize {
        #[cfg(target_os = "linux")]
        if let (false, Some(host)) = (self.is_memory(), &self.host) {
            let dir = host.upper().join("work/gangplank-index");
            return std::fs::read_dir(dir).expect("list the index").count();
        }
        let world = World::new(Made::new(self.memory.clone()));
        world.names("work/gangplank-index").expect("list the index").len()
    }

    /// The name of the first lower layer that somebody has written to, if there is one.
    pub fn lower_written_to(&self) -> Option<String> {
        let written = self.lowers.iter().map(print).zip(&self.before).position(|(now, before)| now != *before);
        written.map(|i| format!("lower layer {i}"))
    }
}

fn in_memory(layer: &Layer) -> Arc<dyn FileSystem> {
    let fs = MemFixture.make().fs;
    layer.write_to(&fs, "", "user.overlay.");
    fs
}

/// One of our overlays as a player.
#[derive(Clone, Debug)]
pub struct Ours {
    /// What it is made of.
    pub kind: Kind,
    /// The lower layers, the topmost first.
    pub layers: Vec<Layer>,
    /// Where directories are made.
    pub parent: PathBuf,
}

impl Player for Ours {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Mem => "overlay(mem over mem)",
            Kind::Marked => "overlay(mem over mem, marked)",
            #[cfg(target_os = "linux")]
            Kind::MemOverHost => "overlay(mem over host)",
            #[cfg(target_os = "linux")]
            Kind::Host => "overlay(host over host)",
        }
    }

    fn caps(&self) -> FsCaps {
        Rig::new(self.kind, &[], &self.parent).overlay().info().caps
    }

    fn rooted(&self) -> bool {
        false
    }

    fn start(&self, rules: Rules) -> Box<dyn Run> {
        let rig = Rig::new(self.kind, &self.layers, &self.parent);
        Box::new(OursRun { env: Env::new(rig.open(), rules), rig })
    }
}

struct OursRun {
    env: Env,
    rig: Rig,
}

impl Run for OursRun {
    fn step(&mut self, op: &Op) -> String {
        self.env.step(op)
    }

    /// As it is; it must be the same when the layers are opened again, and they must be as they were.
    fn tree(&mut self) -> String {
        let tree = self.env.tree();
        // A fork has gone its own way, which the layers know nothing of.
        let again = if self.env.has_forked() { tree.clone() } else { self.rig.open().tree() };
        match self.rig.lower_written_to() {
            Some(which) => format!("{tree}# {which} has been written to"),
            None if again != tree => format!("{tree}# opened again:\n{again}"),
            None => tree,
        }
    }
}

#[cfg(target_os = "linux")]
pub use host::{HostStack, KernelOverlay};

#[cfg(target_os = "linux")]
mod host {
    use std::path::{Path, PathBuf};

    use gangplank_vfs::{
        host_fs::{HostFs, Options},
        overlay_fs::{Builder, Prefix},
    };

    use super::{Arc, FileSystem, FsCaps, Layer, OverlayFs};
    use crate::differential::{
        Op, Player, Rules, Run,
        kernel::{CAPS, Root, Thread},
    };

    /// Layers as directories of the host, and two empty ones for an upper layer and its work.
    #[derive(Debug)]
    pub struct HostStack {
        dir: PathBuf,
        /// Removed with it, unless somebody else does that.
        _keep: Option<tempfile::TempDir>,
        lowers: Vec<PathBuf>,
        trusted: bool,
    }

    impl HostStack {
        /// Below `parent`, which decides what filesystem it is. The marks are under `trusted.overlay.`, else under
        /// `user.overlay.`.
        ///
        /// # Panics
        /// If they cannot be written.
        pub fn new(layers: &[Layer], parent: &Path, trusted: bool) -> HostStack {
            let dir = tempfile::tempdir_in(parent).expect("a temporary directory");
            let mut lowers = vec![];
            for (i, layer) in layers.iter().enumerate() {
                let at = dir.path().join(format!("lower{i}"));
                std::fs::create_dir(&at).expect("make a directory");
                let prefix = if trusted { "trusted.overlay." } else { "user.overlay." };
                layer.write_dir(&at, prefix).expect("write a layer");
                lowers.push(at);
            }
            for name in ["upper/upper", "upper/work", "merged"] {
                std::fs::create_dir_all(dir.path().join(name)).expect("make a directory");
            }
            HostStack { dir: dir.path().to_owned(), _keep: Some(dir), lowers, trusted }
        }

        /// One that somebody else has made.
        pub fn existing(dir: &Path, lowers: usize, trusted: bool) -> HostStack {
            let lowers = (0..lowers).map(|i| dir.join(format!("lower{i}"))).collect();
            HostStack { dir: dir.to_owned(), _keep: None, lowers, trusted }
        }

        /// Where it is.
        pub fn dir(&self) -> &Path {
            &self.dir
        }

        /// The lower layers, the topmost first.
        pub fn lowers(&self) -> &[PathBuf] {
            &self.lowers
        }

        /// The directory that holds `upper` and `work`.
        pub fn upper(&self) -> PathBuf {
            self.dir.join("upper")
        }

        /// Whether the marks are under `trusted.overlay.`.
        pub fn trusted(&self) -> bool {
            self.trusted
        }

        /// The lower layers, opened.
        ///
        /// # Panics
        /// If they cannot be.
        pub fn open(&self) -> Vec<Arc<dyn FileSystem>> {
            let options = Options { overlay_xattrs: self.trusted, ..Options::default() };
            let open = |path| HostFs::open_with(path, options).expect("open a layer") as Arc<dyn FileSystem>;
            self.lowers.iter().map(open).collect()
        }

        /// Our overlay on them.
        ///
        /// # Panics
        /// If it cannot be made.
        pub fn ours(&self) -> OverlayFs {
            self.builder().sync(false).build().expect("an overlay on the host")
        }

        /// The same, to be made.
        ///
        /// # Panics
        /// If a lower layer cannot be opened.
        pub fn builder(&self) -> Builder {
            let prefix = if self.trusted { Prefix::Trusted } else { Prefix::User };
            let builder = self.open().into_iter().fold(OverlayFs::builder(), |b, lower| b.lower(lower));
            let (upper, work) = (self.upper().join("upper"), self.upper().join("work"));
            builder.prefix(prefix).upper_host(upper, work)
        }

        /// The kernel's overlayfs on them.
        ///
        /// # Errors
        /// What the kernel says.
        pub fn kernel(&self, rules: Rules) -> Result<Thread, String> {
            let lowers: Vec<String> = self.lowers.iter().map(|l| l.display().to_string()).collect();
            let upper = self.upper();
            let options = format!(
                "{},index=on,lowerdir={},upperdir={},workdir={}",
                if self.trusted { "redirect_dir=on" } else { "userxattr" },
                lowers.join(":"),
                upper.join("upper").display(),
                upper.join("work").display()
            );
            Thread::start(Root::Overlay { at: self.dir.join("merged"), options }, rules)
        }
    }

    /// The kernel's overlayfs.
    #[derive(Clone, Debug)]
    pub struct KernelOverlay {
        name: String,
        layers: Vec<Layer>,
        parent: PathBuf,
        trusted: bool,
    }

    impl KernelOverlay {
        /// On new directories below `parent` for each script. With `trusted` directories can be renamed.
        pub fn new(layers: &[Layer], parent: impl Into<PathBuf>, trusted: bool) -> KernelOverlay {
            let name = if trusted { "overlayfs" } else { "overlayfs, userxattr" };
            KernelOverlay { name: name.to_owned(), layers: layers.to_vec(), parent: parent.into(), trusted }
        }
    }

    impl Player for KernelOverlay {
        fn name(&self) -> &str {
            &self.name
        }

        fn caps(&self) -> FsCaps {
            CAPS - FsCaps::DIR_NLINK
        }

        fn rooted(&self) -> bool {
            true
        }

        /// Under `userxattr` directories of lower layers are not renamed (`XDEV`). And symbolic links cannot have
        /// attributes of users, so that those with several names lose their way into the index (`STALE`).
        fn is_refusal(&self, answer: &str) -> bool {
            !self.trusted && matches!(answer, "XDEV" | "STALE")
        }

        /// A descriptor that was opened for reading before the file was copied up shows the old file for ever, and the
        /// number of names of that one: <https://docs.kernel.org/filesystems/overlayfs.html#non-standard-behavior>.
        fn is_excused(&self, op: &Op) -> bool {
            matches!(op.verb, "fread" | "pread" | "fstat" | "seekend")
        }

        fn start(&self, rules: Rules) -> Box<dyn Run> {
            let stack = HostStack::new(&self.layers, &self.parent, self.trusted);
            let running = stack.kernel(rules).expect("mount an overlay");
            Box::new(KernelRun { running, _stack: stack })
        }
    }

    /// The thread ends before the directories go.
    struct KernelRun {
        running: Thread,
        _stack: HostStack,
    }

    impl Run for KernelRun {
        fn step(&mut self, op: &Op) -> String {
            self.running.step(op)
        }

        fn tree(&mut self) -> String {
            self.running.tree()
        }
    }
}
