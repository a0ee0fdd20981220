//! `setattr`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/futimens.html>, `chmod`, `chown`.

use gangplank_vfs::{Errno, FsCaps, OpenFlags, SetAttr, SetTime, Time};

const NONE: SetAttr =
    SetAttr { mode: None, uid: None, gid: None, size: None, atime: SetTime::Keep, mtime: SetTime::Keep };

cases! { setattr, __cases_setattr, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/futimens.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/fchmod.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/fchown.html";

/// Nothing asked for: nothing changes, not even the ctime.
fn nothing_asked_for_changes_nothing(w) {
    let a = w.put("a", "x");
    let before = a.stat().unwrap();
    w.tick();
    a.setattr(NONE).unwrap();
    assert_eq!(a.stat().unwrap(), before);
}

/// Permission bits: masked with 07777, of files and directories, and nothing else changes but the ctime.
fn the_mode(w) {
    for node in [w.put("a", "x"), w.mkdir("d").unwrap()] {
        let before = node.stat().unwrap();
        // A host may refuse a file that nobody may read.
        let least = if w.has(FsCaps::LOCAL) { 0 } else { 0o500 };
        for mode in [0o600, 0o777, least, 0o1755] {
            node.setattr(SetAttr { mode: Some(mode), ..NONE }).unwrap();
            let after = node.stat().unwrap();
            assert_eq!(after.mode, mode);
            let rest = |m: gangplank_vfs::Metadata| (m.mtime, m.size, m.nlink, m.uid, m.gid);
            assert_eq!(rest(after), rest(before));
            assert_eq!(after.file_type, before.file_type);
        }
        node.setattr(SetAttr { mode: Some(0o170_644), ..NONE }).unwrap();
        assert_eq!(node.stat().unwrap().mode, 0o644, "type bits");
    }
}

/// Owners, one at a time and both; a host may refuse (PERM) but then changes nothing.
fn the_owner(w) {
    let a = w.put("a", "");
    let before = a.stat().unwrap();
    match a.setattr(SetAttr { uid: Some(1234), ..NONE }) {
        Err(Errno::PERM) if !w.has(FsCaps::LOCAL) => assert_eq!(a.stat().unwrap().uid, before.uid),
        other => {
            other.unwrap();
            assert_eq!((a.stat().unwrap().uid, a.stat().unwrap().gid), (1234, before.gid));
            a.setattr(SetAttr { gid: Some(4321), ..NONE }).unwrap();
            assert_eq!((a.stat().unwrap().uid, a.stat().unwrap().gid), (1234, 4321));
        }
    }
}

/// Times, to the nanosecond where that is claimed; one of the two alone leaves the other.
fn times_to_the_nanosecond(w) {
    let a = w.put("a", "");
    let exact = |t: Time| {
        let step = if w.has(FsCaps::NS_TIMES) { 1 } else { i128::from(w.fs().info().time_granularity_ns) };
        Time(t.0.div_euclid(step) * step)
    };
    let (t1, t2) = (Time(1_234_567_890_123_456_789), Time(987_654_321_987_654_321));
    a.setattr(SetAttr { atime: SetTime::To(t1), mtime: SetTime::To(t2), ..NONE }).unwrap();
    let m = a.stat().unwrap();
    assert_eq!((m.atime, m.mtime), (exact(t1), exact(t2)));
    a.setattr(SetAttr { mtime: SetTime::To(t1), ..NONE }).unwrap();
    let m = a.stat().unwrap();
    assert_eq!((m.atime, m.mtime), (exact(t1), exact(t1)));
    a.setattr(SetAttr { atime: SetTime::To(t2), ..NONE }).unwrap();
    let m = a.stat().unwrap();
    assert_eq!((m.atime, m.mtime), (exact(t2), exact(t1)));
}

/// Before 1970 and beyond 2554, where 64 bits of unsigned nanoseconds end. A host may clamp what its disk cannot
/// hold, but to its limit, not into another century; and never below what was asked by wrapping around.
fn times_before_1970_and_after_2554(w) {
    let a = w.put("a", "");
    for t in [Time(-1), Time(-1_000_000_000), Time::from_parts(-86_400 * 365 * 60, 999_999_999), Time(0), Time(1)] {
        a.setattr(SetAttr { atime: SetTime::To(t), mtime: SetTime::To(t), ..NONE }).unwrap();
        let m = a.stat().unwrap();
        assert_eq!((m.atime, m.mtime), (t, t));
    }
    for seconds in [1 << 32, 1 << 34, 18_446_744_073 + 1, 1 << 40] {
        let t = Time::from_parts(seconds, 5);
        a.setattr(SetAttr { mtime: SetTime::To(t), ..NONE }).unwrap();
        let m = a.stat().unwrap().mtime;
        if w.has(FsCaps::LOCAL) {
            assert_eq!(m, t);
        } else {
            assert!(m == t || m <= t && m >= Time::from_parts(i32::MAX.into(), 0), "{m:?} for {t:?}");
        }
    }
}

/// The furthest times are kept or clamped, and never a panic.
fn the_furthest_times_are_harmless(w) {
    let a = w.put("a", "");
    let (last, first) = (Time::from_parts(i64::MAX, 999_999_999), Time::from_parts(i64::MIN, 0));
    for t in [Time(i128::MAX), Time(i128::MIN), last, first] {
        match a.setattr(SetAttr { mtime: SetTime::To(t), ..NONE }) {
            Ok(()) => {
                let _ = a.stat().unwrap();
            }
            Err(e) => assert!([Errno::INVAL, Errno::OVERFLOW].contains(&e), "{t:?}: {e:?}"),
        }
    }
}

/// `Now` is the clock of the filesystem, as every operation takes it.
fn now_is_the_filesystems_clock(w) {
    let a = w.put("a", "");
    let long_ago = SetTime::To(Time(1));
    a.setattr(SetAttr { atime: long_ago, mtime: long_ago, ..NONE }).unwrap();
    w.tick();
    a.setattr(SetAttr { atime: SetTime::Now, mtime: SetTime::Now, ..NONE }).unwrap();
    let m = a.stat().unwrap();
    assert!(m.atime == m.mtime && m.ctime >= m.mtime, "{m:?}");
    if let Some(now) = w.now() {
        assert_eq!((m.atime, m.ctime), (now, now));
    } else {
        let b = w.put("b", "").stat().unwrap();
        let apart = b.mtime.0 - m.mtime.0;
        assert!((0..10_000_000_000).contains(&apart), "{apart} ns apart");
    }
}

/// All of it or nothing: a size that cannot be leaves the mode alone.
fn all_or_nothing(w) {
    let d = w.mkdir("d").unwrap();
    let a = w.put("a", "hello");
    let before = (d.stat().unwrap().mode, a.stat().unwrap().mode, a.stat().unwrap().mtime);
    w.tick();
    refused!(d.setattr(SetAttr { mode: Some(0o111), size: Some(1), ..NONE }), ISDIR);
    let too_big = SetAttr { mode: Some(0o111), mtime: SetTime::To(Time(5)), size: Some(u64::MAX), ..NONE };
    refused!(a.setattr(too_big), FBIG);
    assert_eq!((d.stat().unwrap().mode, a.stat().unwrap().mode, a.stat().unwrap().mtime), before);
}

/// Everything at once; the explicit mtime wins over the one that cutting implies.
fn everything_at_once(w) {
    let a = w.put("a", "hello");
    let t = SetTime::To(Time(77_000_000_000));
    a.setattr(SetAttr { mode: Some(0o640), size: Some(2), atime: t, mtime: t, ..NONE }).unwrap();
    let m = a.stat().unwrap();
    assert_eq!((m.mode, m.size, m.mtime, m.atime), (0o640, 2, Time(77_000_000_000), Time(77_000_000_000)));
}

/// Through an open file the same as by node; of a removed file too.
fn through_an_open_file(w) {
    let a = w.put("a", "hello");
    let file = a.open(OpenFlags::READ).unwrap();
    let cx = &gangplank_vfs::Ctx::ROOT;
    file.setattr(cx, &SetAttr { mode: Some(0o711), mtime: SetTime::To(Time(9_000_000_000)), ..NONE }).unwrap();
    assert_eq!((a.stat().unwrap().mode, a.stat().unwrap().mtime), (0o711, Time(9_000_000_000)));
    if w.has(FsCaps::UNLINKED_OPEN) {
        w.unlink("a").unwrap();
        file.setattr(cx, &SetAttr { mode: Some(0o700), ..NONE }).unwrap();
        assert_eq!(file.getattr().unwrap().mode, 0o700);
        assert_eq!(w.names("").unwrap(), [""; 0]);
    }
}
}
