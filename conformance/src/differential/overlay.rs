//! Players that begin with the same layers: a plain memory filesystem that holds what they merge into, the kernel's
//! overlayfs, and our own. An overlay is right if nobody can tell it from the plain one.

use std::sync::Arc;

use gangplank_vfs::{FileSystem, FsCaps};

use super::{Rng, Script};
use crate::{
    Fixture, Made, MemFixture, World,
    layers::{Layer, merge},
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

#[cfg(target_os = "linux")]
pub use host::{HostStack, KernelOverlay};

#[cfg(target_os = "linux")]
mod host {
    use std::path::{Path, PathBuf};

    use super::{Arc, FileSystem, FsCaps, Layer};
    use crate::differential::{
        Op, Player, Rules, Run,
        kernel::{CAPS, Root, Thread},
    };

    /// Layers as directories of the host, and two empty ones for an upper layer and its work.
    #[derive(Debug)]
    pub struct HostStack {
        dir: tempfile::TempDir,
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
            HostStack { dir, lowers, trusted }
        }

        /// The lower layers, the topmost first.
        pub fn lowers(&self) -> &[PathBuf] {
            &self.lowers
        }

        /// The directory that holds `upper` and `work`.
        pub fn upper(&self) -> PathBuf {
            self.dir.path().join("upper")
        }

        /// Whether the marks are under `trusted.overlay.`.
        pub fn trusted(&self) -> bool {
            self.trusted
        }

        /// Prints of the lower layers.
        pub fn prints(&self) -> Vec<String> {
            let open = |path: &PathBuf| gangplank_vfs::host_fs::HostFs::open(path).expect("open a layer");
            self.lowers.iter().map(|path| crate::layers::print(&(open(path) as Arc<dyn FileSystem>))).collect()
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
            Thread::start(Root::Overlay { at: self.dir.path().join("merged"), options }, rules)
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
