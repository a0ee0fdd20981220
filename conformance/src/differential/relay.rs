//! Two overlays hand an upper layer on to each other: ours and the kernel's, in turns, on the same directories. What one
//! has written the other must show, and go on from there.

use std::path::Path;

use gangplank_vfs::{FileSystem as _, FsCaps};

use super::{
    Op, Player as _, Rng, Rules, Run, Script,
    overlay::{Flat, HostStack, KernelOverlay},
    step::Env,
};
use crate::{Fixture as _, Made, World, layers::Layer};

/// Runs `legs` scripts of `len` lines, one after the other, on one upper layer, in turns; `ours_first` says by whom
/// first. After each leg the tree must be what the same lines make of a plain filesystem, for both.
///
/// Under `userxattr` the kernel does not follow redirects, so directories are not renamed there. The layers must hold no
/// hard links: where the kernel copied one up from, only the kernel can tell.
///
/// # Errors
/// What went wrong, with everything that led to it.
pub fn relay(
    layers: &[Layer],
    rng: &mut Rng,
    (legs, len): (usize, usize),
    parent: &Path,
    trusted: bool,
    ours_first: bool,
) -> Result<(), String> {
    let stack = HostStack::new(layers, parent, trusted);
    let judge = KernelOverlay::new(layers, parent, trusted);
    let reference = Flat(layers.to_vec()).make();
    let plain = || World::new(Made::new(reference.fs.clone()));
    let lowers = || -> Vec<String> { stack.open().iter().map(crate::layers::print).collect() };
    let before = lowers();
    let caps = (judge.caps() & stack.ours().info().caps) - FsCaps::DIR_NLINK;
    let rules = Rules { caps, rooted: true };
    let mut log = format!("{layers:?}");
    for leg in 0..legs {
        let ours = (leg % 2 == 0) == ours_first;
        log += if ours { "# ours\n" } else { "# the kernel's\n" };
        let copy = reference.fs.snapshots().expect("a memory filesystem forks").fork().expect("fork");
        let script = Script::random_in(World::new(Made::new(copy)), rng, len, caps);
        let mut expected = Env::new(plain(), rules);
        let mut run: Box<dyn Run> = if ours {
            Box::new(Env::new(World::new(Made::new(std::sync::Arc::new(stack.ours()))), rules))
        } else {
            Box::new(stack.kernel(rules).map_err(|e| format!("{log}# the kernel cannot mount it: {e}"))?)
        };
        for op in script.0.iter().filter(|op| op.verb != "fork") {
            if !trusted && moves_directory(&mut expected, op) {
                continue;
            }
            log += &format!("{op}\n");
            let answer = run.step(op);
            if !ours && judge.is_refusal(&answer) {
                continue;
            }
            let right = expected.step(op);
            if answer != right && super::excused(op, &answer, &right).is_none() && (ours || !judge.is_excused(op)) {
                return Err(format!("{log}# answered {answer}\n# instead of {right}"));
            }
        }
        let right = expected.tree();
        for (who, tree) in [("who wrote it", run.tree()), ("the next", next(run, &stack, rules, ours)?)] {
            if tree != right {
                return Err(format!("{log}# {who} sees\n{tree}# instead of\n{right}"));
            }
        }
        if lowers() != before {
            return Err(format!("{log}# a lower layer has been written to"));
        }
    }
    Ok(())
}

/// What the other one shows.
fn next(run: Box<dyn Run>, stack: &HostStack, rules: Rules, ours: bool) -> Result<String, String> {
    drop(run);
    Ok(if ours { stack.kernel(rules)?.tree() } else { World::new(Made::new(std::sync::Arc::new(stack.ours()))).tree() })
}

/// Whether one of the names of a rename is that of a directory.
fn moves_directory(env: &mut Env, op: &Op) -> bool {
    matches!(op.verb, "rename" | "noreplace" | "exchange")
        && op.args.iter().any(|path| {
            ["stat", "lstat"].into_iter().any(|verb| {
                let look = Op { verb, args: vec![path.clone()], expected: None };
                env.step(&look).starts_with("dir ")
            })
        })
}
