//! `fd_readdir`.

use std::collections::BTreeMap;

use gangplank_wasi::abi::{Layout, types::Dirent};

use crate::guest::{BUF, Guest, OUT, R, ROOT, everywhere};

/// One listing call: the whole entries in it, and whether there is more.
fn page(g: &mut Guest, fd: u64, len: u64, cookie: u64) -> (Vec<(String, Dirent)>, bool) {
    g.ok("fd_readdir", &[fd, BUF, len, cookie, OUT]);
    let used = g.u32(OUT) as usize;
    assert!(used as u64 <= len);
    let (mut rest, mut entries) = (g.bytes(BUF, used), Vec::new());
    while let Some((head, after)) = rest.split_at_checked(Dirent::SIZE) {
        let head = Dirent::decode(head.try_into().unwrap());
        let Some((name, after)) = after.split_at_checked(head.namlen as usize) else { break };
        entries.push((String::from_utf8(name.to_vec()).unwrap(), head));
        rest = after;
    }
    (entries, used as u64 == len)
}

/// All entries, through buffers of `len` bytes, as a C library reads them.
fn list(g: &mut Guest, fd: u64, len: u64) -> Vec<(String, Dirent)> {
    let (mut all, mut cookie) = (Vec::new(), 0);
    loop {
        let (entries, more) = page(g, fd, len, cookie);
        assert!(!more || !entries.is_empty(), "no progress through {len} bytes");
        cookie = entries.last().map_or(cookie, |(_, head)| head.next);
        all.extend(entries);
        if !more {
            return all;
        }
    }
}

#[test]
fn dot_and_dotdot_come_first_and_reveal_nothing() {
    everywhere(|g| {
        g.mkdir("d");
        g.mkdir("d/e");
        let root = g.fstat(ROOT).unwrap().ino;
        let entries = list(g, ROOT, 4096);
        let names: Vec<_> = entries.iter().map(|(name, head)| (name.as_str(), head.ino, head.filetype)).collect();
        let d = g.stat("d", 0).unwrap().ino;
        assert_eq!(names, [(".", root, 3), ("..", root, 3), ("d", d, 3)]);
        let fd = g.open_dir("d").unwrap();
        let names: Vec<_> = list(g, fd, 4096).into_iter().map(|(name, head)| (name, head.ino)).collect();
        let e = g.stat("d/e", 0).unwrap().ino;
        assert_eq!(names, [(".".to_string(), d), ("..".to_string(), root), ("e".to_string(), e)]);
        let again = g.open_dir(".").unwrap();
        assert!(list(g, again, 4096)[..2].iter().all(|(_, head)| head.ino == root));
    });
}

#[test]
fn every_buffer_shows_the_same() {
    everywhere(|g| {
        let mut expected: Vec<_> = vec![".".to_string(), "..".to_string()];
        for i in 0..50 {
            let name = format!("{i}{}", "ü".repeat(i));
            g.file(&name, b"");
            expected.push(name);
        }
        expected.sort();
        for len in [130, 256, 300, 1000, 4096] {
            let mut names: Vec<_> = list(g, ROOT, len).into_iter().map(|(name, _)| name).collect();
            names.sort();
            assert_eq!(names, expected, "{len}");
        }
        let all = list(g, ROOT, 8192);
        for (name, head) in &all[2..] {
            let stat = g.stat(name, 0).unwrap();
            assert_eq!((head.ino, head.filetype), (stat.ino, stat.filetype));
        }
        // From any cookie on, at any time.
        for i in [0, 1, 2, 7, 51] {
            let (entries, _) = page(g, ROOT, 30000, all[i].1.next);
            assert_eq!(entries, all[i + 1..]);
        }
    });
}

#[test]
fn entries_are_cut_where_the_buffer_ends() {
    everywhere(|g| {
        g.file("name", b"");
        g.ok("fd_readdir", &[ROOT, BUF, 4096, 0, OUT]);
        let whole = g.bytes(BUF, g.u32(OUT) as usize).to_vec();
        assert_eq!(whole.len(), 25 + 26 + 28);
        for len in 0..whole.len() {
            g.put(BUF, &[0xaa; 100]);
            g.ok("fd_readdir", &[ROOT, BUF, len as u64, 0, OUT]);
            assert_eq!(g.u32(OUT), len as u64);
            assert_eq!(g.bytes(BUF, len), &whole[..len]);
            assert!(g.bytes(BUF + len as u64, 20).iter().all(|&b| b == 0xaa));
        }
    });
}

#[test]
fn cookies_from_nowhere_are_past_the_end() {
    everywhere(|g| {
        g.file("name", b"");
        let last = list(g, ROOT, 4096)[2].1.next;
        for cookie in [last, last + 1, 1 << 40, u64::MAX - 15, u64::MAX] {
            assert_eq!(page(g, ROOT, 4096, cookie), (vec![], false), "{cookie}");
        }
    });
}

#[test]
fn only_directories_are_listed() {
    everywhere(|g| {
        g.file("f", b"");
        let fd = g.open("f", 0, R).unwrap();
        assert_eq!(g.call("fd_readdir", &[fd, BUF, 100, 0, OUT]), "NOTDIR");
        assert_eq!(g.call("fd_readdir", &[0, BUF, 100, 0, OUT]), "BADF");
        assert_eq!(g.call("fd_readdir", &[50, BUF, 100, 0, OUT]), "BADF");
        g.mkdir("gone");
        let fd = g.open_dir("gone").unwrap();
        g.rmdir("gone");
        assert!(list(g, fd, 4096).iter().all(|(name, _)| name == "." || name == ".."));
    });
}

#[test]
fn what_stays_is_listed_once_whatever_else_comes_and_goes() {
    everywhere(|g| {
        for i in 0..300 {
            g.file(&format!("{}{i}", ["stay", "go"][i % 2]), b"");
        }
        let (mut seen, mut cookie, mut step) = (BTreeMap::new(), 0, 0);
        loop {
            let (entries, more) = page(g, ROOT, 256, cookie);
            for (name, head) in entries {
                *seen.entry(name).or_insert(0) += 1;
                cookie = head.next;
            }
            if !more {
                break;
            }
            g.unlink(&format!("go{}", step * 2 + 1));
            g.file(&format!("new{step}"), b"");
            step += 1;
            assert!(step < 2000, "the listing ends");
        }
        assert!(seen.values().all(|&n| n == 1));
        assert!((0..300).step_by(2).all(|i| seen.contains_key(&format!("stay{i}"))));
    });
}
