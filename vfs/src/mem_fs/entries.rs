//! [`Entries`]: the names in one directory.
//!
//! Every entry has a sequence number, which is its readdir cookie: never reused in its directory, kept when the entry
//! changes its name in place, and kept by the name when another node is renamed over it. Listing from a cookie is a
//! successor search, so that nothing that happens between two calls can repeat or skip an entry that stays.
//!
//! A small directory is two flat vectors; a large one two persistent structures, so that its first change after a fork
//! copies a few pages, not all names.

use core::{fmt, ops::ControlFlow};
use std::sync::Arc;

use super::{
    index::{HashIndex, Posting},
    radix::{FANOUT, Radix},
    tree,
};
use crate::{FileType, Name, NodeId};

/// Most entries in flat form. Scanning so many hashes costs less than the pages of the other form.
const SMALL_MAX: usize = 48;
/// A large directory that shrinks to this becomes small again; far enough from [`SMALL_MAX`] not to swing.
const SMALL_AGAIN: u64 = 16;
/// Entries in a page of the large form.
const PAGE: u64 = FANOUT as u64;

/// One name and the node it leads to.
#[derive(Clone, Debug)]
pub(super) struct Dirent {
    pub(super) name: NameBuf,
    pub(super) node: NodeId,
    pub(super) file_type: FileType,
    /// That of the name.
    hash: u32,
    pub(super) seq: u64,
}

/// The names in one directory. `hash` is always that of the name beside it.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    form: Form,
    /// The next sequence number.
    next: u64,
}

#[derive(Clone, Debug)]
enum Form {
    /// In the order of `seq`; hashes beside them.
    Small(Vec<u32>, Vec<Dirent>),
    Large(Box<Large>),
}

#[derive(Clone, Debug)]
struct Large {
    by_seq: Radix<Dirent>,
    by_name: HashIndex,
    len: u64,
}

impl Entries {
    pub(super) const fn new() -> Entries {
        Entries { form: Form::Small(Vec::new(), Vec::new()), next: 1 }
    }

    pub(super) fn len(&self) -> u64 {
        match &self.form {
            Form::Small(_, entries) => entries.len() as u64,
            Form::Large(large) => large.len,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence number that the next new entry will get: no present entry has it or a larger one.
    pub(super) fn end(&self) -> u64 {
        self.next
    }

    #[inline]
    pub(super) fn find(&self, hash: u32, name: Name<'_>) -> Option<&Dirent> {
        self.find_with_slot(hash, name).map(|(entry, _)| entry)
    }

    /// The entry, and where its node is in the tree's table: known before the entry has been loaded.
    #[inline]
    pub(super) fn find_with_slot(&self, hash: u32, name: Name<'_>) -> Option<(&Dirent, u32)> {
        match &self.form {
            Form::Small(hashes, entries) => {
                let entry = &entries[small_find(hashes, entries, hash, name)?];
                Some((entry, tree::slot_of(entry.node)))
            }
            Form::Large(large) => large.find(hash, name),
        }
    }

    /// Adds a name that is not there.
    pub(super) fn insert(&mut self, hash: u32, name: Name<'_>, node: NodeId, file_type: FileType) {
        let seq = self.next;
        self.next += 1;
        let entry = Dirent { name: NameBuf::new(name), node, file_type, hash, seq };
        if let Form::Small(hashes, entries) = &mut self.form {
            if entries.len() < SMALL_MAX {
                hashes.push(hash);
                entries.push(entry);
                return;
            }
            let mut large = Large::new();
            hashes.clear();
            entries.drain(..).for_each(|entry| large.insert(entry));
            self.form = Form::Large(Box::new(large));
        }
        if let Form::Large(large) = &mut self.form {
            large.insert(entry);
        }
    }

    pub(super) fn remove(&mut self, hash: u32, name: Name<'_>) -> Option<Dirent> {
        match &mut self.form {
            Form::Small(hashes, entries) => {
                let at = small_find(hashes, entries, hash, name)?;
                hashes.remove(at);
                Some(entries.remove(at))
            }
            Form::Large(large) => {
                let seq = large.find(hash, name)?.0.seq;
                large.by_name.remove(hash, seq);
                let gone = large.take(seq, self.next);
                large.len -= 1;
                if large.len <= SMALL_AGAIN {
                    self.form = large.to_small();
                }
                gone
            }
        }
    }

    /// Lets a name that is there lead to another node.
    pub(super) fn redirect(&mut self, hash: u32, name: Name<'_>, node: NodeId, file_type: FileType) {
        let entry = match &mut self.form {
            Form::Small(hashes, entries) => small_find(hashes, entries, hash, name).and_then(|at| entries.get_mut(at)),
            Form::Large(large) => match large.find(hash, name).map(|(e, _)| e.seq) {
                Some(seq) => {
                    large.by_name.redirect(hash, seq, tree::slot_of(node));
                    large.by_seq.get_mut(seq)
                }
                None => None,
            },
        };
        if let Some(entry) = entry {
            (entry.node, entry.file_type) = (node, file_type);
        }
    }

    /// Gives the entry `old` the name `new`, which is not there. Its cookie stays.
    pub(super) fn rename(&mut self, old: (u32, Name<'_>), new: (u32, Name<'_>)) {
        match &mut self.form {
            Form::Small(hashes, entries) => {
                if let Some(at) = small_find(hashes, entries, old.0, old.1) {
                    hashes[at] = new.0;
                    (entries[at].hash, entries[at].name) = (new.0, NameBuf::new(new.1));
                }
            }
            Form::Large(large) => {
                let Some((seq, slot)) = large.find(old.0, old.1).map(|(e, slot)| (e.seq, slot)) else { return };
                if let Some(entry) = large.by_seq.get_mut(seq) {
                    (entry.hash, entry.name) = (new.0, NameBuf::new(new.1));
                }
                large.by_name.remove(old.0, seq);
                large.by_name.insert(Posting { hash: new.0, slot, seq });
            }
        }
    }

    /// Calls `f` with the entries of two forks of one directory that differ: those with one sequence number together.
    /// Pages that the two share are not looked at; the others are counted.
    pub(super) fn differing(
        &self,
        other: &Entries,
        visited: &mut u64,
        f: &mut dyn FnMut(Option<&Dirent>, Option<&Dirent>),
    ) {
        if let (Form::Large(a), Form::Large(b)) = (&self.form, &other.form) {
            return a.by_seq.differing(&b.by_seq, visited, &mut |_, a, b| f(a, b));
        }
        let all = |entries: &Entries| {
            let mut all = Vec::new();
            entries.range(0, &mut |entry| {
                all.push(entry.clone());
                ControlFlow::Continue(())
            });
            all
        };
        let (a, b) = (all(self), all(other));
        *visited += (self.len() + other.len()).div_ceil(PAGE);
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        while let Some(seq) = a.peek().into_iter().chain(b.peek()).map(|entry| entry.seq).min() {
            f(a.next_if(|entry| entry.seq == seq), b.next_if(|entry| entry.seq == seq));
        }
    }

    /// Calls `f` with the entries from sequence number `from` on, in order, until it breaks.
    pub(super) fn range(&self, from: u64, f: &mut dyn FnMut(&Dirent) -> ControlFlow<()>) {
        match &self.form {
            Form::Small(_, entries) => {
                let start = entries.partition_point(|e| e.seq < from);
                let _ = entries[start..].iter().try_for_each(f);
            }
            Form::Large(large) => large.by_seq.range(from, &mut |_, entry| f(entry)),
        }
    }
}

/// Where `name` is.
#[inline]
fn small_find(hashes: &[u32], entries: &[Dirent], hash: u32, name: Name<'_>) -> Option<usize> {
    if hashes.len() < 8 {
        return hashes.iter().zip(entries).position(|(&h, entry)| h == hash && entry.name.is(name));
    }
    let mut from = 0;
    loop {
        let at = from + position(&hashes[from..], hash)?;
        if entries[at].name.is(name) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// As `Iterator::position`, eight at a time, which compiles to vector instructions.
#[inline]
fn position(hashes: &[u32], hash: u32) -> Option<usize> {
    let (eights, rest) = hashes.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        if eight.iter().fold(false, |any, &h| any | (h == hash)) {
            return eight.iter().position(|&h| h == hash).map(|at| i * 8 + at);
        }
    }
    rest.iter().position(|&h| h == hash).map(|at| eights.len() * 8 + at)
}

impl Large {
    const fn new() -> Large {
        Large { by_seq: Radix::new(), by_name: HashIndex::new(), len: 0 }
    }

    #[inline]
    fn find(&self, hash: u32, name: Name<'_>) -> Option<(&Dirent, u32)> {
        let mut named =
            self.by_name.get(hash).filter_map(|posting| Some((self.by_seq.get(posting.seq)?, posting.slot)));
        named.find(|(entry, _)| entry.name.is(name))
    }

    fn insert(&mut self, entry: Dirent) {
        let seq = entry.seq;
        self.by_name.insert(Posting { hash: entry.hash, slot: tree::slot_of(entry.node), seq });
        self.by_seq.insert(seq, entry);
        if seq.is_multiple_of(PAGE) {
            // The page that `take` left, perhaps empty.
            self.by_seq.prune(seq - 1);
        }
        self.len += 1;
    }

    /// Takes an entry away. The page where the next entry, `next`, will be stays: what makes and removes one file again
    /// and again does not make and drop a page each time.
    fn take(&mut self, seq: u64, next: u64) -> Option<Dirent> {
        if seq / PAGE == next / PAGE { self.by_seq.take(seq) } else { self.by_seq.remove(seq) }
    }

    fn to_small(&self) -> Form {
        let (mut hashes, mut entries) = (Vec::new(), Vec::new());
        self.by_seq.range(0, &mut |_, entry| {
            hashes.push(entry.hash);
            entries.push(entry.clone());
            ControlFlow::Continue(())
        });
        Form::Small(hashes, entries)
    }
}

const INLINE_NAME: usize = 22;

/// A name, in place if it is short: the first change of a directory after a fork copies names, and reference counts
/// cost more than bytes.
#[derive(Clone)]
pub(super) enum NameBuf {
    Inline(u8, [u8; INLINE_NAME]),
    Heap(Arc<[u8]>),
}

impl NameBuf {
    fn new(name: Name<'_>) -> NameBuf {
        let bytes = name.as_bytes();
        if bytes.len() > INLINE_NAME {
            return NameBuf::Heap(bytes.into());
        }
        let mut buf = [0; INLINE_NAME];
        buf[..bytes.len()].copy_from_slice(bytes);
        NameBuf::Inline(bytes.len() as u8, buf)
    }

    #[inline]
    pub(super) fn as_name(&self) -> Name<'_> {
        Name::from_checked(self.as_bytes())
    }

    #[inline]
    fn is(&self, name: Name<'_>) -> bool {
        same(self.as_bytes(), name.as_bytes())
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            NameBuf::Inline(len, buf) => &buf[..usize::from(*len)],
            NameBuf::Heap(bytes) => bytes,
        }
    }
}

/// Whether two names are equal. Most are shorter than what a call of the standard library is worth.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The first bytes and the last ones are all of it.
    match a.len() {
        0..4 => a.iter().zip(b).all(|(a, b)| a == b),
        4..8 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        _ => a == b,
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::mem_fs::testing::Rng;

    fn hash(name: &str) -> u32 {
        // Few distinct ones, so that names with equal hashes are met.
        name.bytes().fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into())) % 1009
    }

    fn key(name: &str) -> (u32, Name<'_>) {
        (hash(name), Name::new(name.as_bytes()).unwrap())
    }

    fn id(n: u64) -> NodeId {
        NodeId::new(n).unwrap()
    }

    fn list(entries: &Entries, from: u64, most: usize) -> Vec<(String, u64, u64)> {
        let mut out = vec![];
        entries.range(from, &mut |e| {
            if out.len() == most {
                return ControlFlow::Break(());
            }
            out.push((String::from_utf8(e.name.as_bytes().to_vec()).unwrap(), e.node.get(), e.seq));
            ControlFlow::Continue(())
        });
        out
    }

    #[test]
    fn names_are_the_same_if_all_their_bytes_are() {
        for len in 1..40 {
            let name = vec![b'x'; len];
            assert!(same(&name, &name.clone()));
            assert!(!same(&name, &name[1..]));
            for at in 0..len {
                let mut other = name.clone();
                other[at] = b'y';
                assert!(!same(&name, &other), "{at} of {len}");
            }
        }
    }

    /// Random changes against a map, through both forms and both kinds of name, with clones that must stay.
    #[test]
    fn behaves_like_a_map() {
        let mut rng = Rng::new(5);
        let (mut entries, mut model) = (Entries::new(), BTreeMap::new());
        let mut clones = vec![];
        let spell = |n: u64| {
            if n.is_multiple_of(3) { format!("a-name-too-long-to-be-kept-inline-{n}") } else { format!("{n}") }
        };
        for step in 1..40_000u64 {
            // The directory grows and shrinks over its limits again and again.
            let names = [30, 400][(step / 4000 % 2) as usize];
            let (a, b) = (spell(rng.below(names)), spell(rng.below(names)));
            let ((h, n), to) = (key(&a), key(&b));
            assert_eq!(entries.find(h, n).map(|e| e.node), model.get(&a).copied().map(id));
            assert_eq!(entries.find_with_slot(h, n).map(|(_, slot)| u64::from(slot)), model.get(&a).copied());
            match rng.below(8) {
                0..3 if !model.contains_key(&a) => {
                    entries.insert(h, n, id(step), FileType::Regular);
                    model.insert(a, step);
                }
                3 | 4 => {
                    assert_eq!(entries.remove(h, n).map(|e| e.node), model.remove(&a).map(id));
                }
                5 if model.contains_key(&a) => {
                    entries.redirect(h, n, id(step), FileType::Directory);
                    model.insert(a, step);
                }
                6 if model.contains_key(&a) && !model.contains_key(&b) => {
                    let before = entries.find(h, n).unwrap().seq;
                    entries.rename((h, n), to);
                    assert_eq!(entries.find(to.0, to.1).unwrap().seq, before, "the cookie stays");
                    let node = model.remove(&a).unwrap();
                    model.insert(b, node);
                }
                7 if step.is_multiple_of(500) => clones.push((entries.clone(), model.clone())),
                _ => (),
            }
            assert_eq!(entries.len(), model.len() as u64);
        }
        clones.push((entries, model));
        for (entries, model) in clones {
            let listed = list(&entries, 0, usize::MAX);
            assert!(listed.is_sorted_by_key(|e| e.2));
            assert_eq!(listed.into_iter().map(|e| (e.0, e.1)).collect::<BTreeMap<_, _>>(), model);
        }
    }

    /// Pages of a listing, with a storm of changes between them: what stays is listed once, and the listing ends.
    #[test]
    fn a_listing_survives_a_storm() {
        for size in [20, 1000] {
            let mut rng = Rng::new(size);
            let mut entries = Entries::new();
            for n in 0..size {
                let (h, name) = (hash(&format!("stay{n}")), format!("stay{n}"));
                entries.insert(h, Name::new(name.as_bytes()).unwrap(), id(1), FileType::Regular);
            }
            let (end, mut cookie, mut seen, mut pages) = (entries.end(), 0, BTreeSet::new(), 0);
            let mut live: Vec<String> = vec![];
            loop {
                let page = list(&entries, cookie, 7);
                let page: Vec<_> = page.into_iter().take_while(|e| e.2 < end).collect();
                let Some(last) = page.last() else { break };
                cookie = last.2 + 1;
                pages += 1;
                for (name, ..) in page {
                    assert!(!name.starts_with("stay") || seen.insert(name.clone()), "{name} twice");
                }
                for i in 0..50 {
                    let new = format!("new{pages}-{i}");
                    if live.len() > 20 && rng.below(3) > 0 {
                        let old = live.swap_remove(rng.below(live.len() as u64) as usize);
                        if rng.below(2) == 0 {
                            entries.rename(key(&old), key(&new));
                            live.push(new);
                        } else {
                            entries.remove(key(&old).0, key(&old).1).unwrap();
                        }
                    } else {
                        entries.insert(key(&new).0, key(&new).1, id(2), FileType::Regular);
                        live.push(new);
                    }
                }
            }
            assert_eq!(seen.len() as u64, size);
            assert!(pages <= size / 7 + 1, "{pages}");
        }
    }
}
