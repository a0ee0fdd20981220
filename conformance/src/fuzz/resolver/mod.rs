//! `resolver`: paths.
//!
//! The bytes are up to three trees with symbolic links, mounts of them and of parts of them, and operations on paths,
//! each beneath a scope or in a root of its own, and from any directory; between them nodes are moved about by somebody
//! else. Every answer must be that of the naive resolver, node for node and errno for errno; what lies outside of a scope
//! is never reached but from outside; and in the end the trees are what they should be.
//!
//! One run in sixteen has no mounts, and is done on a directory of the host instead, with both of its resolvers.

mod naive;
mod real;

use std::collections::BTreeMap;

use gangplank_vfs::{NAME_MAX, PATH_MAX, host_fs::Resolver};

use self::{
    naive::{At, Kind, Naive, Open, View},
    real::Real,
};
use super::input::Input;

/// The most operations of one run.
const OPERATIONS: usize = 40;

/// Bytes as trees, mounts and operations.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if input.chance(1, 16) {
        for resolver in [Resolver::Auto, Resolver::Portable] {
            operate(&mut input.clone(), |naive| Real::on_host(naive, resolver));
        }
    } else {
        operate(&mut input, Real::in_memory);
    }
}

fn operate(input: &mut Input<'_>, make: impl FnOnce(&Naive) -> Real) {
    let mut naive = Naive::default();
    let trees: Vec<usize> = [24, 6, 4].iter().map(|&most| tree(&mut naive, input, most)).collect();
    naive.mount(trees[0], None, false);
    let mut real = make(&naive);
    if real.mounts_may_be() {
        mounts(&mut naive, &mut real, &trees, input);
    }
    for step in 0..OPERATIONS {
        if input.is_empty() {
            break;
        }
        if input.chance(1, 8) {
            move_about(&mut naive, &real, input, step);
            continue;
        }
        let (root, start) = (any_directory(&naive, input), any_directory(&naive, input));
        // Nearly always within the scope.
        let start = if naive.is_below(start, root) || input.chance(1, 8) { start } else { root };
        let view = View { beneath: input.chance(2, 3), root, start };
        let path = path(input, 7);
        operation(&mut naive, &real, &view, &path, input);
    }
    real.check_trees(&naive);
}

/// One operation, by both.
fn operation(naive: &mut Naive, real: &Real, view: &View, path: &[u8], input: &mut Input<'_>) {
    let inside = naive.is_below(view.start, view.root);
    let follow = input.chance(1, 2);
    let what = input.below(8);
    // Whatever has to be known of the tree as it is before something is removed.
    match what {
        0 | 1 => {
            let expected = naive.resolve(view, path, follow);
            let found = real.start(naive, view, |start| start.place(path, follow));
            real.check_place(naive, &expected, found, &(view, path, follow));
            if let (Ok(at), true) = (expected, inside) {
                assert!(naive.is_inside(at, view.root), "the naive resolver has left the scope");
            }
        }
        2 | 3 => {
            let expected = naive.resolve(view, path, follow);
            let found = real.start(naive, view, |start| start.stat(path, follow));
            real.check_metadata(naive, &expected, found, &(view, path, follow));
        }
        4 => {
            let expected = naive.read_link(view, path);
            let found = real.start(naive, view, |start| start.read_link(path)).map(Vec::from);
            assert_eq!(found, expected, "readlink {:?}", (view, path.escape_ascii().to_string()));
        }
        5 => {
            let flags = input.byte();
            let how = Open {
                write: flags & 1 != 0,
                truncate: flags & 6 == 6,
                directory: flags & 24 == 24,
                create: flags & 32 != 0,
                exclusive: flags & 64 != 0,
                follow,
            };
            let expected = naive.open(view, path, how);
            let found = real.open(naive, view, path, how);
            real.check_metadata(naive, &expected, found, &(view, path, how));
        }
        6 => {
            let found = real.start(naive, view, |start| start.create_dir(path, 0o755));
            let expected = naive.create_dir(view, path);
            assert_eq!(found, expected, "mkdir {:?}", (view, path.escape_ascii().to_string()));
        }
        _ => {
            let unlink = input.chance(1, 2);
            let expected = if unlink { naive.unlink(view, path) } else { naive.remove_dir(view, path) };
            if expected.is_ok_and(|node| naive.mounts.iter().any(|mount| mount.root == node)) {
                // Of a part that is mounted elsewhere, too, nothing more would be known.
                return;
            }
            let found =
                real.start(naive, view, |start| if unlink { start.unlink(path) } else { start.remove_dir(path) });
            let outcome = expected.map(|node| naive.detach(node));
            assert_eq!(found, outcome, "remove, {unlink} {:?}", (view, path.escape_ascii().to_string()));
        }
    }
}

const NAMES: &[&str] = &["a", "b", "c", "d", "l", "m", "..a", ".h", "\u{fc}"];

/// A name, one in sixteen as long as can be.
fn name(input: &mut Input<'_>) -> Vec<u8> {
    match input.below(16) {
        15 => vec![b'x'; NAME_MAX],
        other => NAMES[other % NAMES.len()].as_bytes().to_vec(),
    }
}

/// A path of at most `most` names, and now and then one that is none.
fn path(input: &mut Input<'_>, most: usize) -> Vec<u8> {
    let mut path = if input.chance(1, 12) { b"/".to_vec() } else { vec![] };
    for i in 0..input.below(most) + 1 {
        if i > 0 {
            path.push(b'/');
        }
        match input.below(32) {
            0..8 => path.extend(b".."),
            8..11 => path.push(b'.'),
            11 => path.push(b'/'),
            12 => path.extend([b'x'; NAME_MAX + 1]),
            13 => path.extend(input.some(3)),
            14 => path.extend(vec![b'y'; input.pick(&[0, 200, PATH_MAX])]),
            15 if input.chance(1, 4) => path.push(0),
            _ => path.extend(name(input)),
        }
    }
    if input.chance(1, 5) {
        path.extend(input.pick(&["/", "//", "/."]).as_bytes());
    }
    path
}

/// A tree of at most `most` nodes, and its root.
fn tree(naive: &mut Naive, input: &mut Input<'_>, most: usize) -> usize {
    let root = naive.add(None, Kind::Dir(BTreeMap::new()));
    let mut dirs = vec![root];
    for _ in 0..input.below(most + 1) {
        let dir = dirs[input.below(dirs.len())];
        let name = name(input);
        let kind = match input.below(5) {
            0 | 1 => Kind::Dir(BTreeMap::new()),
            2 => Kind::File,
            _ => {
                let target = path(input, 3);
                let fine = !target.is_empty() && target.len() < PATH_MAX && !target.contains(&0);
                Kind::Link(if fine { target } else { b"a".to_vec() })
            }
        };
        if naive.entries(dir).contains_key(&name) {
            continue;
        }
        let node = naive.add(Some((dir, &name)), kind);
        if naive.is_dir(node) {
            dirs.push(node);
        }
    }
    root
}

/// All directories, seen through all mounts.
fn directories(naive: &Naive) -> Vec<At> {
    let mut all = vec![];
    for (mount, of) in naive.mounts.iter().enumerate() {
        let inside = |node: &usize| naive.is_dir(*node) && naive.is_in(*node, of.root);
        all.extend((0..naive.nodes.len()).filter(inside).map(|node| At { mount, node }));
    }
    all
}

fn any_directory(naive: &Naive, input: &mut Input<'_>) -> At {
    // The first one is the root of everything.
    if input.chance(1, 4) {
        return At { mount: 0, node: naive.mounts[0].root };
    }
    let all = directories(naive);
    all[input.below(all.len())]
}

/// Up to three mounts, of other trees or of parts of what there is.
fn mounts(naive: &mut Naive, real: &mut Real, trees: &[usize], input: &mut Input<'_>) {
    for _ in 0..input.below(4) {
        let (on, read_only) = (any_directory(naive, input), input.chance(1, 4));
        if naive.is_covered(on) {
            continue;
        }
        let (root, read_only) = match input.below(4) {
            part @ 0..2 => {
                real.mount(naive, on, 1 + part, read_only);
                (trees[1 + part], read_only)
            }
            _ => {
                let what = any_directory(naive, input);
                real.bind(naive, on, what, read_only);
                (what.node, read_only || naive.mounts[what.mount].read_only)
            }
        };
        naive.mount(root, Some(on), read_only);
    }
}

/// Somebody who has the filesystem moves a node elsewhere.
fn move_about(naive: &mut Naive, real: &Real, input: &mut Input<'_>, step: usize) {
    let (node, to) = (input.below(naive.nodes.len()), input.below(naive.nodes.len()));
    let name = format!("m{}", step % 4).into_bytes();
    let possible = naive.nodes[node].parent.is_some()
        && naive.is_dir(to)
        && naive.top(node) == naive.top(to)
        && !naive.is_in(to, node)
        && !naive.entries(to).contains_key(&name);
    // What has been removed is nowhere.
    if possible && real.rename(naive, node, to, &name) {
        naive.detach(node);
        naive.attach(node, to, &name);
    }
}
