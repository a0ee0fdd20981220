//! [`Dentries`]: names of a directory that nobody else changes ([`Options::exclusive`](super::Options::exclusive)).
//!
//! # What is remembered, and why it stays true
//! Of a name that leads to a directory, the directory, by a descriptor; to a symbolic link, its target, which no link
//! ever changes; to a regular file, who it is; to nothing, that. No metadata: those the host is asked for each time. A
//! name is remembered with the identity of its directory and not with a path, so that whatever is below a directory
//! stays known when that is moved.
//!
//! By the promise, names change through us alone, and whoever makes, removes or renames one forgets it
//! ([`change`](Dentries::change)). An identity can come back only after its last name has gone. Directories are empty
//! when they go, so that nothing is left of what was below them but what is missing there; and that is missing, too, in
//! a new directory with the same identity, which is empty when it comes. Who may search a directory is the host's
//! decision, at each step that it is asked for; when that may have changed, everything is forgotten
//! ([`change_all`](Dentries::change_all)).
//!
//! A look-up that began before a change may be remembered after it. Therefore a [`Stamp`] is taken first, and what was
//! found counts only if no change has begun since, nor was under way then.
//!
//! # Bounds
//! A number of names, and a smaller one of directories, because each holds a descriptor, and by its `parent` perhaps one
//! more. Where one of them is reached, every second entry goes.

use core::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::{Equivalent, HashMap};

use super::{
    meta::{Identity, Key},
    node::Node,
};
use crate::{
    Component, Components, FileType, Name,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// Names that are remembered at most: some 10 MB, if not all of them are long links.
const MAX_NAMES: usize = 1 << 16;

/// Bytes of a symbolic link's target that are remembered at most.
const MAX_TARGET: usize = 256;

/// Directories that are remembered at most, where the limit on descriptors allows it.
const MAX_DIRS: u64 = 1024;

/// The names that are known.
#[derive(Debug)]
pub(super) struct Dentries {
    state: Mutex<State>,
    /// Counts the changes that have begun. Written under the lock.
    begun: AtomicU64,
    max_names: usize,
    max_dirs: usize,
}

#[derive(Debug, Default)]
struct State {
    names: HashMap<Place, Known, foldhash::fast::RandomState>,
    dirs: usize,
    /// Changes that are under way.
    changing: u32,
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Directory(Arc<Node>),
    Symlink(Bytes),
    /// A regular file.
    File(Identity),
    /// Nothing.
    Missing,
}

impl Known {
    fn is_dir(&self) -> bool {
        matches!(self, Known::Directory(_))
    }
}

/// When a look-up began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp(Option<u64>);

/// How far a path is known.
#[derive(Debug)]
pub(super) enum Met {
    /// As far as `here`. What comes next the host must be asked for; if it is the last name and known to be a regular
    /// file or a directory, this one.
    End { stamp: Stamp, last: Option<Identity> },
    /// To a directory on which something is mounted, which the path has been advanced past.
    Mounted(Arc<Node>),
    /// To a directory, which is all of the path.
    Directory(Arc<Node>),
    /// To a symbolic link that is to be followed, which is the next name.
    Symlink(Bytes),
    /// To a name that leads nowhere, which is the next one.
    Missing,
}

/// What of a path's end is of interest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wants {
    /// The node itself, should it be a directory.
    pub(super) node: bool,
    /// What a symbolic link leads to.
    pub(super) target: bool,
    /// That it is made, should it not exist.
    pub(super) made: bool,
}

/// A name in a directory.
#[derive(PartialEq, Eq, Debug)]
struct Place {
    dir: Key,
    name: Box<[u8]>,
}

/// The same, borrowed.
struct At<'n>(Key, &'n [u8]);

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        At(self.dir, &self.name).hash(state);
    }
}

impl Hash for At<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

impl Equivalent<Place> for At<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.0 == place.dir && *self.1 == *place.name
    }
}

impl Dentries {
    /// Holds an eighth of the descriptors that the process may have, or a quarter with the parents, and never many.
    pub(super) fn new() -> Dentries {
        #[cfg(unix)]
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        #[cfg(not(unix))]
        let limit = None;
        let max_dirs = limit.map_or(MAX_DIRS, |limit: u64| (limit / 8).clamp(8, MAX_DIRS));
        Dentries::with_bounds(MAX_NAMES, max_dirs as usize)
    }

    fn with_bounds(max_names: usize, max_dirs: usize) -> Dentries {
        Dentries { state: Mutex::default(), begun: AtomicU64::new(0), max_names, max_dirs }
    }

    /// Goes down from `here` as far as names are known, under one lock.
    pub(super) fn descend(
        &self,
        here: &mut Arc<Node>,
        path: &mut Components<'_>,
        is_mounted: impl Fn(Key) -> bool,
        wants: Wants,
    ) -> Met {
        let state = self.state.lock();
        let stamp = self.stamp(&state);
        // The directory that has been reached, without counting a reference to each on the way.
        let mut reached = None;
        let met = loop {
            let dir = reached.map_or(here.key, |node: &Arc<Node>| node.key);
            let Ok(Component::Name(name)) = path.peek() else { break Met::End { stamp, last: None } };
            let last = path.is_last();
            match state.names.get(&At(dir, name.as_bytes())) {
                Some(Known::Directory(node)) if is_mounted(node.key) => {
                    path.advance();
                    break Met::Mounted(node.clone());
                }
                Some(Known::Directory(node)) if !last => {
                    path.advance();
                    reached = Some(node);
                }
                Some(Known::Directory(node)) if wants.node => {
                    path.advance();
                    break Met::Directory(node.clone());
                }
                Some(Known::Directory(node)) => break Met::End { stamp, last: Some(Identity::from(&**node)) },
                Some(Known::Symlink(target)) if !last || wants.target => break Met::Symlink(target.clone()),
                Some(Known::Missing) if !last || !wants.made => break Met::Missing,
                Some(Known::File(id)) if last => break Met::End { stamp, last: Some(*id) },
                _ => break Met::End { stamp, last: None },
            }
        };
        if let Some(node) = reached {
            let before = core::mem::replace(here, node.clone());
            drop(state);
            // It may be the last to hold its descriptor.
            drop(before);
        }
        met
    }

    fn stamp(&self, state: &State) -> Stamp {
        Stamp((state.changing == 0).then(|| self.begun.load(Ordering::Relaxed)))
    }

    /// Whether no name can have changed since.
    pub(super) fn is_current(&self, stamp: Stamp) -> bool {
        stamp.0 == Some(self.begun.load(Ordering::Acquire))
    }

    /// Remembers what a name was found to lead to, if that was no longer ago than the last change.
    pub(super) fn remember(&self, dir: Key, name: Name<'_>, known: Known, stamp: Stamp) {
        let mut gone = Vec::new();
        let mut state = self.state.lock();
        if !self.is_current(stamp) || state.names.contains_key(&At(dir, name.as_bytes())) {
            drop(state);
            drop(known);
            return;
        }
        if state.names.len() >= self.max_names {
            state.thin(&mut gone, |_| true);
        }
        if known.is_dir() {
            if state.dirs >= self.max_dirs {
                state.thin(&mut gone, Known::is_dir);
            }
            state.dirs += 1;
        }
        state.names.insert(Place { dir, name: name.as_bytes().into() }, known);
        drop(state);
        // Descriptors are closed here.
        drop(gone);
    }

    /// Does what makes, removes or changes these names. What that finds can be remembered with the stamp, if it has been
    /// the only change.
    pub(super) fn change<T>(&self, names: &[(Key, Name<'_>)], act: impl FnOnce() -> T) -> (T, Stamp) {
        let change = Change::begin(self, Some(names));
        let stamp = change.stamp;
        (act(), stamp)
    }

    /// Does what may change whether directories can be searched.
    pub(super) fn change_all<T>(&self, act: impl FnOnce() -> T) -> T {
        let _change = Change::begin(self, None);
        act()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.names.len(), state.dirs)
    }
}

impl State {
    /// Takes out every second of those entries.
    fn thin(&mut self, gone: &mut Vec<Known>, which: impl Fn(&Known) -> bool) {
        let mut stays = false;
        let out = self.names.extract_if(|_, known| {
            which(known) && {
                stays = !stays;
                stays
            }
        });
        let first = gone.len();
        gone.extend(out.map(|(_, known)| known));
        self.dirs -= gone[first..].iter().filter(|known| known.is_dir()).count();
    }
}

/// A change of names that is under way.
struct Change<'a> {
    dentries: &'a Dentries,
    /// `None` for whatever there is.
    names: Option<&'a [(Key, Name<'a>)]>,
    /// For after it: current if no other change was under way when this began, nor has begun since.
    stamp: Stamp,
}

impl<'a> Change<'a> {
    fn begin(dentries: &'a Dentries, names: Option<&'a [(Key, Name<'a>)]>) -> Change<'a> {
        let mut state = dentries.state.lock();
        let is_alone = state.changing == 0;
        state.changing += 1;
        // Not before the count: whoever sees the one takes no stamp, and whoever took his before sees the other.
        let before = dentries.begun.fetch_add(1, Ordering::Release);
        drop(state);
        Change { dentries, names, stamp: Stamp(is_alone.then_some(before.wrapping_add(1))) }
    }
}

impl Drop for Change<'_> {
    /// After the change, however it ended: what was found in between has not been remembered.
    fn drop(&mut self) {
        let mut gone = Vec::new();
        let mut state = self.dentries.state.lock();
        match self.names {
            Some(names) => {
                for (dir, name) in names {
                    gone.extend(state.names.remove(&At(*dir, name.as_bytes())));
                }
            }
            None => gone.extend(state.names.drain().map(|(_, known)| known)),
        }
        state.dirs -= gone.iter().filter(|known| known.is_dir()).count();
        state.changing -= 1;
        drop(state);
        drop(gone);
    }
}

impl From<&Node> for Identity {
    fn from(node: &Node) -> Identity {
        Identity { key: node.key, file_type: node.file_type }
    }
}

/// What can be remembered of a node that was opened.
pub(super) fn known_node(id: Identity) -> Option<Known> {
    (id.file_type == FileType::Regular).then_some(Known::File(id))
}

/// What can be remembered of a symbolic link: not those that would fill the memory.
pub(super) fn known_link(target: &Bytes) -> Option<Known> {
    (target.len() <= MAX_TARGET).then(|| Known::Symlink(target.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Key = Key { dev: 1, ino: 1 };

    fn name(name: &str) -> Name<'_> {
        Name::new(name.as_bytes()).unwrap()
    }

    fn node(ino: u64) -> Arc<Node> {
        let id = Identity { key: Key { dev: 1, ino }, file_type: FileType::Directory };
        Arc::new(Node::new(id, None, None))
    }

    fn file(ino: u64) -> Known {
        Known::File(Identity { key: Key { dev: 1, ino }, file_type: FileType::Regular })
    }

    /// The inode that `path` is known to lead to, from the root.
    fn find(dentries: &Dentries, path: &str) -> (Stamp, Option<u64>) {
        let mut here = node(1);
        let mut path = Components::new(path.as_bytes()).unwrap();
        match dentries.descend(&mut here, &mut path, |_| false, Wants { node: false, target: true, made: true }) {
            Met::End { stamp, last } => (stamp, last.map(|id| id.key.ino)),
            met => panic!("{met:?}"),
        }
    }

    /// Whether `path` is known to lead nowhere.
    fn is_missing(dentries: &Dentries, path: &str) -> bool {
        let mut path = Components::new(path.as_bytes()).unwrap();
        let wants = Wants { node: false, target: true, made: false };
        matches!(dentries.descend(&mut node(1), &mut path, |_| false, wants), Met::Missing)
    }

    #[test]
    fn what_is_missing_is_that_until_it_is_made() {
        let dentries = Dentries::with_bounds(100, 10);
        let before = find(&dentries, "a").0;
        dentries.remember(ROOT, name("a"), Known::Missing, before);
        assert!(is_missing(&dentries, "a") && is_missing(&dentries, "a/b") && !is_missing(&dentries, "b"));
        // Whoever makes it asks the host; whoever looked before it was made knows nothing.
        assert_eq!(find(&dentries, "a").1, None);
        let looked = find(&dentries, "b").0;
        dentries.change(&[(ROOT, name("a"))], || ());
        dentries.remember(ROOT, name("b"), Known::Missing, looked);
        assert!(!is_missing(&dentries, "a") && !is_missing(&dentries, "b"));
    }

    #[test]
    fn what_was_found_before_a_change_is_not_remembered_after_it() {
        let dentries = Dentries::with_bounds(100, 10);
        let before = find(&dentries, "a").0;
        dentries.change(&[(ROOT, name("b"))], || {
            let during = find(&dentries, "a").0;
            assert!(!dentries.is_current(before) && !dentries.is_current(during));
            dentries.remember(ROOT, name("a"), file(5), during);
        });
        dentries.remember(ROOT, name("a"), file(5), before);
        let (after, found) = find(&dentries, "a");
        assert_eq!(found, None);
        dentries.remember(ROOT, name("a"), file(5), after);
        assert_eq!(find(&dentries, "a").1, Some(5));
    }

    #[test]
    fn what_a_change_finds_is_remembered_if_it_was_the_only_one() {
        let dentries = Dentries::with_bounds(100, 10);
        let ((), alone) = dentries.change(&[(ROOT, name("a"))], || ());
        dentries.remember(ROOT, name("a"), file(5), alone);
        assert_eq!(find(&dentries, "a").1, Some(5));
        let (inner, outer) = dentries.change(&[(ROOT, name("a"))], || dentries.change(&[(ROOT, name("b"))], || ()).1);
        dentries.remember(ROOT, name("a"), file(6), outer);
        dentries.remember(ROOT, name("b"), file(7), inner);
        assert_eq!((find(&dentries, "a").1, find(&dentries, "b").1), (None, None));
    }

    #[test]
    fn a_change_forgets_its_names_and_no_others() {
        let dentries = Dentries::with_bounds(100, 10);
        let stamp = find(&dentries, "a").0;
        dentries.remember(ROOT, name("d"), Known::Directory(node(7)), stamp);
        dentries.remember(Key { dev: 1, ino: 7 }, name("a"), file(5), stamp);
        dentries.remember(ROOT, name("a"), file(6), stamp);
        assert_eq!(find(&dentries, "d/a").1, Some(5));
        dentries.change(&[(ROOT, name("a"))], || ());
        assert_eq!((find(&dentries, "a").1, find(&dentries, "d/a").1), (None, Some(5)));
        dentries.change(&[(ROOT, name("d"))], || ());
        assert_eq!((find(&dentries, "d/a").1, dentries.len()), (None, (1, 0)));
        dentries.change_all(|| ());
        assert_eq!(dentries.len(), (0, 0));
    }

    #[test]
    fn both_bounds_hold_and_the_counts_stay_right() {
        let dentries = Dentries::with_bounds(64, 8);
        let stamp = find(&dentries, "a").0;
        for i in 0..1000 {
            let known = if i % 3 == 0 { Known::Directory(node(i)) } else { file(i) };
            dentries.remember(ROOT, name(&i.to_string()), known, stamp);
            let (names, dirs) = dentries.len();
            assert!(names <= 64 && dirs <= 8, "{names} names, {dirs} directories");
        }
        let state = dentries.state.lock();
        assert_eq!(state.dirs, state.names.values().filter(|known| known.is_dir()).count());
        assert!(state.names.len() > 16, "thinned too much");
    }
}
