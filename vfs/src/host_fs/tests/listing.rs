//! Listings: in small steps, under change, with the names that hosts have.

use std::{collections::HashMap, os::unix::ffi::OsStrExt};

use super::*;
use crate::{Cookie, VirtualFile};

/// Lists in steps of `step` entries, as a guest with a small buffer does, and calls `between` after each.
fn in_steps(dir: &Arc<dyn VirtualFile>, step: usize, mut between: impl FnMut(usize)) -> Vec<Vec<u8>> {
    let (mut names, mut cookie) = (vec![], Cookie::START);
    loop {
        let mut got = 0;
        dir.readdir(cookie, &mut |entry| {
            if got == step {
                return ControlFlow::Break(());
            }
            got += 1;
            names.push(entry.name.as_bytes().to_vec());
            cookie = entry.next;
            ControlFlow::Continue(())
        })
        .unwrap();
        between(names.len());
        if got == 0 {
            return names;
        }
    }
}

#[test]
fn small_steps_list_everything_once() {
    everywhere(|w| {
        for i in 0..1500 {
            std::fs::write(w.host(&format!("root/file-{i:05}")), b"").unwrap();
        }
        let dir = w.open(".", OpenFlags::READ).unwrap();
        for step in [1, 7, 1000, 10_000] {
            let mut names = in_steps(dir.file(), step, |_| {});
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 1500, "steps of {step}");
        }
        // A step back to a cookie long gone.
        let mut cookies = vec![];
        let all = |e: crate::DirEntry<'_>| {
            cookies.push((e.name.as_bytes().to_vec(), e.next));
            ControlFlow::Continue(())
        };
        dir.readdir(Cookie::START, &mut { all }).unwrap();
        for i in [10, 1400, 3, 1498] {
            let mut first = None;
            dir.readdir(cookies[i].1, &mut |e| {
                first = Some(e.name.as_bytes().to_vec());
                ControlFlow::Break(())
            })
            .unwrap();
            assert_eq!(first.as_ref(), Some(&cookies[i + 1].0));
        }
        for cookie in [u64::MAX, i64::MAX as u64] {
            dir.readdir(Cookie(cookie), &mut |e| panic!("{e:?}")).unwrap();
        }
    });
}

#[test]
fn what_stays_is_listed_once_whatever_comes_and_goes() {
    everywhere(|w| {
        for i in 0..1200 {
            std::fs::write(w.host(&format!("root/stay-{i:05}")), b"").unwrap();
            std::fs::write(w.host(&format!("root/go-{i:05}")), b"").unwrap();
        }
        let dir = w.open(".", OpenFlags::READ).unwrap();
        let mut turn = 0;
        let names = in_steps(dir.file(), 5, |_| {
            for _ in 0..3 {
                let _ = std::fs::remove_file(w.host(&format!("root/go-{:05}", (turn * 7919) % 1200)));
                if turn < 2000 {
                    std::fs::write(w.host(&format!("root/come-{turn:05}")), b"").unwrap();
                }
                turn += 1;
            }
        });
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        for name in names {
            *seen.entry(name).or_default() += 1;
        }
        for i in 0..1200 {
            assert_eq!(seen.get(format!("stay-{i:05}").as_bytes()), Some(&1), "{i}");
        }
        assert!(seen.values().all(|n| *n == 1));
    });
}

#[test]
fn deleting_while_listing_deletes_all() {
    everywhere(|w| {
        for i in 0..500 {
            std::fs::write(w.host(&format!("root/f{i}")), b"").unwrap();
        }
        let dir = w.open(".", OpenFlags::READ).unwrap();
        let mut batch: Vec<Vec<u8>> = vec![];
        let mut cookie = Cookie::START;
        loop {
            dir.readdir(cookie, &mut |e| {
                if batch.len() == 40 {
                    return ControlFlow::Break(());
                }
                batch.push(e.name.as_bytes().to_vec());
                cookie = e.next;
                ControlFlow::Continue(())
            })
            .unwrap();
            if batch.is_empty() {
                break;
            }
            for name in batch.drain(..) {
                w.start().unlink(&name).unwrap();
            }
        }
        assert_eq!(std::fs::read_dir(w.host("root")).unwrap().count(), 0);
    });
}

#[test]
fn entries_agree_with_stat() {
    everywhere(|w| {
        std::fs::create_dir(w.host("root/d")).unwrap();
        std::fs::write(w.host("root/f"), b"").unwrap();
        symlink("f", w.host("root/l"));
        let odd = b"\xff\xfe\n";
        std::fs::write(w.host("root").join(std::ffi::OsStr::from_bytes(odd)), b"odd").unwrap();
        let dir = w.open(".", OpenFlags::READ).unwrap();
        assert_eq!(list(&dir), [b"d".to_vec(), b"f".to_vec(), b"l".to_vec(), odd.to_vec()]);
        let mut entries = vec![];
        let all = |e: crate::DirEntry<'_>| {
            entries.push((e.name.as_bytes().to_vec(), e.node, e.file_type));
            ControlFlow::Continue(())
        };
        dir.readdir(Cookie::START, &mut { all }).unwrap();
        for (name, node, file_type) in entries {
            let m = w.start().stat(&name, false).unwrap();
            assert_eq!((m.ino, m.file_type), (node, file_type));
        }
        let f = w.lookup(w.fs.root(), "f").unwrap();
        assert_eq!(w.fs.getattr(f.node).unwrap().ino, f.node);
        std::fs::create_dir(w.host("root/gone")).unwrap();
        let gone = w.open("gone", OpenFlags::READ).unwrap();
        std::fs::remove_dir(w.host("root/gone")).unwrap();
        assert_eq!(list(&gone), [b""; 0]);
    });
}

#[test]
fn a_new_listing_is_new() {
    everywhere(|w| {
        let dir = w.open(".", OpenFlags::READ).unwrap();
        assert_eq!(list(&dir), [b""; 0]);
        std::fs::write(w.host("root/f"), b"").unwrap();
        assert_eq!(list(&dir), [b"f"]);
        std::fs::remove_file(w.host("root/f")).unwrap();
        assert_eq!(list(&dir), [b""; 0]);
    });
}
