//! Cuts the power between any two changes that an overlay makes to its upper layer, and lets any one of them fail.
//!
//! The upper layer is a memory filesystem that keeps a fork of itself after each change. Opened on any of these, the
//! overlay must show the tree from before the operation or the one after it. And where the operation fails because a
//! change was refused, the tree must be as before.

use std::sync::{Arc, Mutex};

use gangplank_vfs::{
    Bytes, Components, Ctx, Entry, Errno, FileSystem, FsCaps, FsInfo, Goal, MemFs, Mount, MountOptions, MountPoints,
    Name, NewNode, NodeId, OpenFlags, OverlayFs, Remove, Rename, Result, SetAttr, SetXattr, Snapshots, VirtualFile,
    Walked, Xattrs,
    layers::fault::{Calls, Fault, FaultFs},
};

use super::{Op, Rng, Rules, Run as _, Script, overlay::Flat, step::Env};
use crate::{
    Fixture as _, Made, World,
    layers::{self, Layer, print},
};

/// A memory filesystem that remembers what it was after each change.
#[derive(Debug)]
struct Recorder {
    inner: MemFs,
    info: FsInfo,
    states: Option<Mutex<Vec<MemFs>>>,
}

impl Recorder {
    fn new(inner: MemFs) -> Arc<Recorder> {
        let mut info = inner.info().clone();
        info.caps -= FsCaps::SNAPSHOT;
        Arc::new(Recorder { inner, info, states: Some(Mutex::default()) })
    }

    /// One that keeps nothing, and makes no devices.
    fn without_devices(inner: MemFs) -> Recorder {
        let mut info = inner.info().clone();
        info.caps -= FsCaps::SNAPSHOT | FsCaps::WHITEOUT;
        Recorder { inner, info, states: None }
    }

    fn change<R>(&self, act: impl FnOnce(&MemFs) -> Result<R>) -> Result<R> {
        let done = act(&self.inner)?;
        if let Some(states) = &self.states {
            states.lock().expect("nobody panics here").push(self.inner.fork());
        }
        Ok(done)
    }

    fn xattrs_of(&self) -> &dyn Xattrs {
        self.inner.xattrs().expect("memory filesystems have attributes")
    }

    fn take_states(&self) -> Vec<MemFs> {
        let states =
            self.states.as_ref().map(|states| std::mem::take(&mut *states.lock().expect("nobody panics here")));
        states.unwrap_or_default()
    }
}

impl FileSystem for Recorder {
    gangplank_vfs::forward_fs! { inner: root, retain, forget, lookup, parent, readlink, getattr, statfs, sync }

    fn info(&self) -> &FsInfo {
        &self.info
    }

    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        match goal {
            Goal::Open(how) if how.create.is_some() || how.flags.contains(OpenFlags::TRUNC) => {
                self.change(|fs| fs.walk(cx, dir, path, mounts, goal))
            }
            _ => self.inner.walk(cx, dir, path, mounts, goal),
        }
    }
    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        self.change(|fs| fs.setattr(cx, node, attr))
    }
    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.change(|fs| fs.create(cx, dir, name, new))
    }
    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.change(|fs| fs.make(cx, dir, name, new))
    }
    fn link(&self, cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        self.change(|fs| fs.link(cx, node, dir, name))
    }
    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.change(|fs| fs.remove(cx, dir, name, what))
    }
    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.change(|fs| fs.rename(cx, from, to, how))
    }
    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        if flags.contains(OpenFlags::TRUNC) {
            return self.change(|fs| fs.open(cx, node, flags));
        }
        self.inner.open(cx, node, flags)
    }
    fn xattrs(&self) -> Option<&dyn Xattrs> {
        Some(self)
    }
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}

impl Xattrs for Recorder {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        self.xattrs_of().get(node, name)
    }
    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        self.change(|_| self.xattrs_of().set(node, name, value, how))
    }
    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        self.change(|_| self.xattrs_of().remove(node, name))
    }
    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.xattrs_of().list(node, sink)
    }
}

/// A memory filesystem in which no devices can be made, so that whiteouts are files with a mark.
pub(super) fn memory_without_devices() -> Arc<dyn FileSystem> {
    Arc::new(Recorder::without_devices(MemFs::new()))
}

/// Lower layers in memory.
struct Below {
    layers: Vec<Layer>,
    lowers: Vec<Arc<dyn FileSystem>>,
    rules: Rules,
}

impl Below {
    fn overlay(&self, upper: Arc<dyn FileSystem>) -> Env {
        let world = World::new(Made::new(upper.clone()));
        let place = |name: &str| {
            let node = world.node(name).expect("a directory of the upper layer");
            Mount::subtree(upper.clone(), node.id, MountOptions::default())
        };
        let builder = self.lowers.iter().fold(OverlayFs::builder(), |b, lower| b.lower(lower.clone()));
        let fs = builder.upper_at(place("upper"), place("work")).build().expect("an overlay");
        Env::new(World::new(Made::new(Arc::new(fs))), self.rules)
    }

    /// What is seen on this upper layer. How many names a file has that had several below is written down after the
    /// name has come or gone, so it is left out.
    fn tree_on(&self, upper: MemFs) -> String {
        view(&mut self.overlay(Arc::new(upper)))
    }
}

fn view(env: &mut Env) -> String {
    without_counts(&env.tree()) + &env.modes()
}

/// A tree without the numbers of names.
pub(super) fn without_counts(tree: &str) -> String {
    let line = |line: &str| line.rsplit_once(" (").map_or(line, |(rest, _)| rest).to_owned() + "\n";
    tree.lines().map(line).collect()
}

/// What one script came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tried {
    /// How often the power was cut.
    pub cuts: usize,
    /// How many changes were refused.
    pub refusals: usize,
}

/// Runs a random script of `len` lines, and tries each line with every cut and every refusal.
///
/// # Errors
/// What was seen that must not be, and everything that led to it.
///
/// # Panics
/// If a layer cannot be made.
pub fn every_cut(seed: u64, len: usize) -> core::result::Result<Tried, String> {
    let mut rng = Rng::new(seed);
    let count = 1 + rng.below(2) as usize;
    let layers = layers::random(&mut rng, count);
    let lower = |layer: &Layer| -> Arc<dyn FileSystem> {
        let fs = Arc::new(MemFs::new());
        layer.write_to(&(fs.clone() as Arc<dyn FileSystem>), "", "user.overlay.");
        fs
    };
    let mut upper = MemFs::new();
    let rules = Rules { caps: upper.info().caps - FsCaps::SNAPSHOT - FsCaps::DIR_NLINK, rooted: false };
    for name in ["upper", "work"] {
        let name = Name::new(name.as_bytes()).expect("a name");
        let root = upper.root();
        upper.make(&Ctx::ROOT, root, name, &NewNode::Directory { mode: 0o755 }).expect("make a directory");
    }
    let below = Below { lowers: layers.iter().map(lower).collect(), layers, rules };
    let before: Vec<String> = below.lowers.iter().map(print).collect();
    let mut reference = Env::new(World::new(Flat(below.layers.clone()).make()), rules);
    let (mut tried, mut log) = (Tried::default(), format!("seed {seed}, {:?}", below.layers));
    for op in script(&below.layers, &mut rng, len, rules.caps).0 {
        log += &format!("{op}\n");
        let was = view(&mut reference);
        let right = reference.step(&op);
        let is = view(&mut reference);
        reference.close_all();
        try_line(&below, &mut upper, &op, &right, (&was, &is), &mut tried).map_err(|e| format!("{log}{e}"))?;
    }
    if before != below.lowers.iter().map(print).collect::<Vec<_>>() {
        return Err(format!("{log}# a lower layer has been written to"));
    }
    Ok(tried)
}

/// One line, on an upper layer that then becomes what it is after the line.
fn try_line(
    below: &Below,
    upper: &mut MemFs,
    op: &Op,
    right: &str,
    (was, is): (&str, &str),
    tried: &mut Tried,
) -> core::result::Result<(), String> {
    let recorder = Recorder::new(upper.fork());
    let mut env = below.overlay(recorder.clone());
    recorder.take_states();
    let answer = env.step(op);
    if answer != right && super::excused(op, &answer, right).is_none() {
        return Err(format!("# answers {answer} instead of {right}"));
    }
    drop(env);
    let states = recorder.take_states();
    let changes = states.len();
    for (i, state) in states.into_iter().enumerate() {
        tried.cuts += 1;
        let tree = below.tree_on(state);
        if tree != was && tree != is {
            let i = i + 1;
            return Err(format!("# cut after change {i} of {changes}:\n{tree}# it was\n{was}# and becomes\n{is}"));
        }
    }
    for k in 1.. {
        let inner = Recorder::new(upper.fork());
        let failing = FaultFs::new(inner.clone());
        let faults = failing.faults().clone();
        let mut env = below.overlay(Arc::new(failing));
        faults.arm(Calls::CHANGES, k, Fault::Fail(Errno::NOSPC));
        let answer = env.step(op);
        if faults.disarm() {
            break;
        }
        tried.refusals += 1;
        env.close_all();
        let live = view(&mut env);
        drop(env);
        let again = below.tree_on(inner.inner.fork());
        let wanted = if answer == right { is } else { was };
        if answer != right && answer != "NOSPC" {
            return Err(format!("# with change {k} refused it answers {answer}"));
        }
        for (who, tree) in [("it", &live), ("who opens it again", &again)] {
            if tree != wanted {
                return Err(format!(
                    "# with change {k} refused, answering {answer}, {who} sees\n{tree}# instead of\n{wanted}"
                ));
            }
        }
    }
    *upper = recorder.inner.fork();
    Ok(())
}

/// Lines that need no open file from before, and that are done or not done.
fn script(layers: &[Layer], rng: &mut Rng, len: usize, caps: FsCaps) -> Script {
    let changes =
        ["mkdir", "symlink", "link", "unlink", "rmdir", "rename", "noreplace", "exchange", "truncate", "chmod"];
    let all = super::overlay::script(layers, rng, len * 3, caps).0.into_iter();
    let lines = all.filter_map(|op| match op.verb {
        "put" => Some(Op { verb: "open", args: vec!["0".to_owned(), op.args[0].clone(), "rwct".to_owned()], ..op }),
        verb if changes.contains(&verb) => Some(op),
        _ => None,
    });
    Script(lines.take(len).collect())
}
