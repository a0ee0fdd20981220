//! `readdir`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/readdir.html>. Whatever is created, removed
//! and renamed between two batches, an entry that is present throughout is listed exactly once, and a listing ends.

use core::ops::ControlFlow;
use std::collections::{BTreeMap, BTreeSet};

use gangplank_vfs::{Cookie, FsCaps, OpenFlags, Rename};

use crate::{File, Listed, World};

fn dir(w: &World, path: &str) -> File {
    w.open(path, OpenFlags::READ).unwrap()
}

fn counts(all: &[Listed]) -> BTreeMap<&str, usize> {
    all.iter().fold(BTreeMap::new(), |mut m, e| {
        *m.entry(&*e.name).or_default() += 1;
        m
    })
}

/// That each of `stayed` is listed exactly once, and that nothing else is listed that may not be.
#[track_caller]
fn exactly_once(w: &World, all: &[Listed], stayed: impl IntoIterator<Item = String>, may: impl Fn(&str) -> bool) {
    let counts = counts(all);
    let stayed: BTreeSet<String> = stayed.into_iter().collect();
    if w.has(FsCaps::STABLE_COOKIES) {
        for name in &stayed {
            assert_eq!(counts.get(&**name), Some(&1), "{name} was there throughout");
        }
    }
    for name in counts.keys() {
        assert!(stayed.contains(*name) || may(name), "{name} was never there");
    }
}

cases! { readdir, __cases_readdir, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/readdir.html";

/// An empty directory has no entries, and a cookie past the end lists nothing.
fn an_empty_directory(w) {
    w.mkdir("d").unwrap();
    assert_eq!(dir(w, "d").list().unwrap(), []);
    assert_eq!(dir(w, "").list().unwrap().len(), 1);
    w.put("d/a", "");
    let d = dir(w, "d");
    let last = d.list().unwrap()[0].next;
    assert_eq!(d.list_from(last, 9).unwrap(), []);
    assert_eq!(d.list_from(last, 9).unwrap(), []);
}

/// The entry at which the sink breaks counts as not listed: going on lists it.
fn the_entry_at_a_break_is_not_lost(w) {
    for i in 0..5 {
        w.put(&format!("{i}"), "");
    }
    let d = dir(w, "");
    let (mut calls, mut from, mut seen) = (0, Cookie::START, BTreeSet::new());
    while seen.len() < 5 {
        let mut taken = None;
        d.readdir(from, &mut |e| {
            calls += 1;
            if taken.is_some() {
                return ControlFlow::Break(());
            }
            taken = Some((e.name.as_bytes().to_vec(), e.next));
            ControlFlow::Continue(())
        })
        .unwrap();
        let (name, next) = taken.expect("an entry is left");
        assert!(seen.insert(name));
        from = next;
    }
    assert_eq!(calls, 9);
}

/// Breaking at the first entry is no progress and no loss.
fn breaking_at_once_changes_nothing(w) {
    w.put("a", "");
    let d = dir(w, "");
    for _ in 0..3 {
        let mut calls = 0;
        d.readdir(Cookie::START, &mut |_| {
            calls += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(calls, 1);
    }
    assert_eq!(d.list().unwrap().len(), 1);
}

/// Ten thousand entries in small batches: each once, and in linear time (a quadratic listing takes minutes).
fn ten_thousand_entries(w) {
    let d = w.mkdir("d").unwrap();
    for i in 0..10_000 {
        w.create_in(&d, format!("entry-{i:05}"), gangplank_vfs::NewNode::Regular { mode: 0o644 }).unwrap();
    }
    let all = dir(w, "d").list_in_steps(50, |_| {}).unwrap();
    assert_eq!(all.len(), 10_000);
    exactly_once(w, &all, (0..10_000).map(|i| format!("entry-{i:05}")), |_| false);
    let d = dir(w, "d");
    assert_eq!(d.list().unwrap().len(), 10_000);
}

/// What is new is seen by who begins anew, even with the same open directory
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/rewinddir.html>).
fn beginning_anew_sees_what_is_new(w) {
    let d = dir(w, "");
    assert_eq!(d.list().unwrap().len(), 0);
    w.put("a", "");
    assert_eq!(d.list().unwrap().len(), 1);
    w.unlink("a").unwrap();
    w.put("b", "");
    assert_eq!(d.list().unwrap()[0].name, "b");
}

/// Removing what was just listed, batch by batch, as `rm -r` does, removes all.
fn removing_while_listing_removes_all(w) {
    for step in [1, 3, 16] {
        w.mkdir("d").unwrap();
        for i in 0..100 {
            w.put(&format!("d/{i}"), "");
        }
        let d = dir(w, "d");
        let all = d
            .list_in_steps(step, |batch| {
                for e in batch {
                    w.unlink(&format!("d/{}", e.name)).unwrap();
                }
            })
            .unwrap();
        if w.has(FsCaps::STABLE_COOKIES) {
            assert_eq!(all.len(), 100, "in steps of {step}");
            w.rmdir("d").unwrap();
        } else {
            for name in w.names("d").unwrap() {
                w.unlink(&format!("d/{name}")).unwrap();
            }
            w.rmdir("d").unwrap();
        }
    }
}

/// Removing what has not been listed yet: it is not listed, and the rest is, once.
fn removing_ahead(w) {
    for i in 0..60 {
        w.put(&format!("{i}"), "");
    }
    let d = dir(w, "");
    let first = d.list_from(Cookie::START, 10).unwrap();
    let listed: BTreeSet<_> = first.iter().map(|e| e.name.clone()).collect();
    let gone: Vec<_> = (0..60).map(|i| i.to_string()).filter(|n| !listed.contains(n)).step_by(2).collect();
    for name in &gone {
        w.unlink(name).unwrap();
    }
    let mut all = first.clone();
    let mut from = first[9].next;
    while let batch @ [.., last] = &d.list_from(from, 7).unwrap()[..] {
        from = last.next;
        all.extend_from_slice(batch);
    }
    // A host may have read ahead.
    let may = |n: &str| !w.has(FsCaps::LOCAL) && gone.iter().any(|g| g == n);
    exactly_once(w, &all, (0..60).map(|i| i.to_string()).filter(|n| !gone.contains(n)), may);
}

/// The entry at which a listing stands may go; going on after it works.
fn the_entry_of_a_cookie_may_go(w) {
    for i in 0..20 {
        w.put(&format!("{i}"), "");
    }
    let d = dir(w, "");
    let mut from = Cookie::START;
    let mut seen = vec![];
    while let [e, ..] = &d.list_from(from, 1).unwrap()[..] {
        w.unlink(&e.name).unwrap();
        from = e.next;
        seen.push(e.clone());
    }
    exactly_once(w, &seen, (0..20).map(|i| i.to_string()), |_| false);
}

/// Others come, go and change their names between every two batches; who stays is listed once.
fn a_storm_of_changes(w) {
    let d = w.mkdir("d").unwrap();
    for i in 0..300 {
        w.put(&format!("d/stay{i}"), "");
        w.put(&format!("d/old{i}"), "");
    }
    let mut round = 0;
    let all = d
        .open(OpenFlags::READ)
        .unwrap()
        .list_in_steps(7, |_| {
            for k in 0..3 {
                w.put(&format!("d/new{round}-{k}"), "");
            }
            w.unlink(&format!("d/new{round}-0")).unwrap();
            w.mv(&format!("d/new{round}-1"), &format!("d/moved{round}")).unwrap();
            if round < 300 {
                w.unlink(&format!("d/old{round}")).unwrap();
            }
            if round % 2 == 0 && round + 150 < 300 {
                w.mv(&format!("d/old{}", round + 150), &format!("d/moved-old{round}")).unwrap();
            }
            round += 1;
            assert!(round < 2000, "the listing does not end");
        })
        .unwrap();
    exactly_once(w, &all, (0..300).map(|i| format!("stay{i}")), |n| {
        ["new", "moved", "old"].iter().any(|p| n.starts_with(p))
    });
}

/// Entries that are renamed ahead of the listing for as long as it lasts do not keep it from ending
/// (the bug of Linux's tmpfs that `offset_ctx` had).
fn renaming_for_ever_does_not_keep_it_from_ending(w) {
    for i in 0..20 {
        w.put(&format!("{i}"), "");
    }
    let mut round = 0;
    let mut name = "0".to_owned();
    dir(w, "")
        .list_in_steps(1, |batch| {
            // Always the one just listed, if it is the wanderer, and the wanderer anyway.
            let _ = batch;
            let next = format!("w{round}");
            w.mv(&name, &next).unwrap();
            name = next;
            round += 1;
            assert!(round < 500, "the listing does not end");
        })
        .unwrap();
}

/// Entries that are created as fast as they are listed do not keep it from ending.
fn creating_for_ever_does_not_keep_it_from_ending(w) {
    w.put("first", "");
    let mut round = 0;
    let all = dir(w, "")
        .list_in_steps(1, |_| {
            w.put(&format!("more{round}"), "");
            w.put(&format!("most{round}"), "");
            round += 1;
            assert!(round < 2000, "the listing does not end");
        })
        .unwrap();
    exactly_once(w, &all, ["first".to_owned()], |n| n.starts_with("mo"));
}

/// Replacing and exchanging: the name that stays is listed once, whoever is behind it.
fn a_name_that_is_replaced_is_listed_once(w) {
    for i in 0..40 {
        w.put(&format!("{i:02}"), "");
    }
    w.mkdir("elsewhere").unwrap();
    let d = dir(w, "");
    let mut round = 0;
    let all = d
        .list_in_steps(3, |_| {
            for k in 0..4 {
                let name = format!("{:02}", (round * 7 + k * 11) % 40);
                w.put("elsewhere/x", "");
                w.mv("elsewhere/x", &name).unwrap();
                if w.has(FsCaps::EXCHANGE) {
                    w.rename(&name, "39", Rename::Exchange).unwrap();
                }
            }
            round += 1;
        })
        .unwrap();
    let counts = counts(&all);
    for i in 0..40 {
        let n = counts.get(&*format!("{i:02}")).copied().unwrap_or(0);
        // Replaced by rename is neither removed nor there throughout for POSIX; listed twice is never right.
        assert!(n <= 1, "{i:02} is listed {n} times");
        if w.has(FsCaps::STABLE_COOKIES | FsCaps::LOCAL) {
            assert_eq!(n, 1, "{i:02} was there throughout");
        }
    }
    assert_eq!(counts.get("elsewhere"), Some(&1));
}

/// Two listings of one open directory do not disturb each other.
fn two_listings_at_once(w) {
    for i in 0..30 {
        w.put(&format!("{i}"), "");
    }
    let d = dir(w, "");
    let mut inner = None;
    let outer = d
        .list_in_steps(4, |_| {
            if inner.is_none() {
                inner = Some(d.list_in_steps(5, |_| {}).unwrap());
            }
        })
        .unwrap();
    for all in [&outer, inner.as_ref().unwrap()] {
        exactly_once(w, all, (0..30).map(|i| i.to_string()), |_| false);
        assert_eq!(all.len(), 30);
    }
}

/// A cookie outlives the description that gave it, if it names one of the same directory.
fn a_cookie_works_on_another_description(w) {
    for i in 0..30 {
        w.put(&format!("{i}"), "");
    }
    let first = dir(w, "").list_from(Cookie::START, 11).unwrap();
    let rest = dir(w, "").list_from(first[10].next, usize::MAX).unwrap();
    let all: Vec<_> = first.into_iter().chain(rest).collect();
    exactly_once(w, &all, (0..30).map(|i| i.to_string()), |_| false);
}

/// A cookie that was never given out is no crash, no error but INVAL or NOENT, and no endless listing.
fn a_made_up_cookie_is_harmless(w) {
    for i in 0..30 {
        w.put(&format!("{i}"), "");
    }
    let d = dir(w, "");
    for cookie in [1, 2, 3, 1000, u64::from(u32::MAX), i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 16, u64::MAX] {
        match d.list_from(Cookie(cookie), usize::MAX) {
            Ok(list) => assert!(list.len() <= 30, "cookie {cookie}"),
            Err(e) => assert!(["INVAL", "NOENT"].contains(&e.name()), "cookie {cookie}: {e:?}"),
        }
    }
    assert_eq!(d.list().unwrap().len(), 30);
}

/// A directory that has been removed is empty, in the middle of a listing too.
fn a_removed_directory_is_empty(w) {
    let d = w.mkdir("d").unwrap().open(OpenFlags::READ).unwrap();
    w.put("d/a", "");
    w.put("d/b", "");
    let from = d.list_from(Cookie::START, 1).unwrap()[0].next;
    w.unlink("d/a").unwrap();
    w.unlink("d/b").unwrap();
    w.rmdir("d").unwrap();
    assert_eq!(d.list().unwrap(), []);
    // A snapshot taken before may still be told to its end, but never anything else.
    assert!(d.list_from(from, 9).unwrap().iter().all(|e| ["a", "b"].contains(&&*e.name)));
    assert_eq!(d.list().unwrap(), []);
}

/// The batches do not depend on the names' lengths.
fn names_of_every_length(w) {
    let names: Vec<String> = (1..=255usize.min(w.fs().info().name_max.into())).map(|n| "n".repeat(n)).collect();
    for n in &names {
        w.put(n, "");
    }
    let all = dir(w, "").list_in_steps(5, |_| {}).unwrap();
    assert_eq!(all.len(), names.len());
    exactly_once(w, &all, names, |_| false);
}
}
