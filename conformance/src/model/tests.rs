//! What the model itself answers, and in which order.

use gangplank_vfs::FsCaps;

use super::{Freedom, Model};
use crate::differential::{Rules, Script};

fn model(rooted: bool) -> Model {
    Model::new(Rules { caps: FsCaps::all(), rooted })
}

/// Every line must answer what it says.
fn run(rooted: bool, script: &str) -> Model {
    let mut model = model(rooted);
    for op in script.parse::<Script>().unwrap().0 {
        let answer = model.answer(&op);
        assert_eq!(Some(&answer), op.expected.as_ref(), "{op}");
    }
    model
}

/// What else the last line may answer.
fn others(script: &str) -> Vec<(String, Option<Freedom>)> {
    let script: Script = script.parse().unwrap();
    let mut model = model(false);
    let (last, before) = script.0.split_last().unwrap();
    for op in before {
        model.answer(op);
    }
    model.accept(last, "nothing that is allowed").unwrap_err().answers.split_off(1)
}

#[test]
fn the_way_comes_before_what_is_done_at_its_end() {
    run(
        false,
        "put f x -> 1
        mkdir f/d -> NOTDIR
        mkdir none/d -> NOENT
        mkdir none/../.. -> NOENT
        rename none/a .. -> NOENT
        unlink f/ -> NOTDIR
        unlink none/ -> NOENT
        rmdir f/. -> NOTDIR
        mkdir .. -> PERM
        stat /f -> PERM
        stat f/.. -> NOTDIR",
    );
}

#[test]
fn the_root_of_a_chroot_is_its_own_parent() {
    run(
        true,
        "put /f x -> 1
        read ../../f -> \"x\"
        mkdir / -> EXIST
        mkdir .. -> EXIST
        rmdir / -> BUSY
        unlink / -> ISDIR
        symlink /f l -> ok
        readlink l -> /f
        read l -> \"x\"",
    );
}

#[test]
fn the_forty_first_link_is_one_too_many() {
    let mut script = "put l0 x -> 1\n".to_owned();
    for i in 1..=41 {
        script += &format!("symlink l{} l{i} -> ok\n", i - 1);
    }
    run(false, &(script + "read l40 -> \"x\"\nread l41 -> LOOP\nsymlink s s -> ok\nstat s -> LOOP\nstat s/x -> LOOP"));
}

#[test]
fn open_refuses_in_the_order_of_the_kernel() {
    run(
        false,
        "mkdir d -> ok
        symlink d l -> ok
        symlink none n -> ok
        open 0 d rwcx -> EXIST
        open 0 l rwcx -> EXIST
        open 0 n rwcx -> EXIST
        open 0 d rwc -> ISDIR
        open 0 d/ rwcx -> ISDIR
        open 0 d/. rwcx -> EXIST
        open 0 d rdc -> INVAL
        open 0 n rn -> LOOP
        open 0 n/ rn -> NOENT
        open 0 n rwcn -> LOOP
        open 0 d rt -> ISDIR
        open 0 n rwc -> Regular
        open 1 none rd -> NOTDIR
        open 1 none/ r -> NOTDIR
        list . -> d,l,n,none.",
    );
}

#[test]
fn rename_refuses_in_the_order_of_the_kernel() {
    run(
        false,
        "mkdir d -> ok
        mkdir d/e -> ok
        put f x -> 1
        rename none d -> NOENT
        rename d d/e/x -> INVAL
        rename d/e d -> NOTEMPTY
        rename f d/e/none/x -> NOENT
        rename f/ x -> NOTDIR
        rename f x/ -> NOTDIR
        rename d f -> NOTDIR
        rename f d -> ISDIR
        rename d . -> BUSY
        noreplace d . -> EXIST
        noreplace d f/ -> EXIST
        exchange f none -> NOENT
        exchange d/e f/ -> NOTDIR
        exchange d d/e -> INVAL
        rename f f -> ok
        rename d/e d/e -> ok",
    );
}

#[test]
fn what_is_held_lives_on_without_a_name_and_no_longer() {
    let model = run(
        false,
        "mkdir d -> ok
        mkdir d/e -> ok
        put f hello -> 5
        open 0 f rw -> Regular
        cd d/e -> ok
        rmdir ../e -> ok
        rmdir ../../d -> ok
        unlink ../../f -> ok
        stat . -> dir 755 0 links now
        stat .. -> dir 755 0 links now
        stat ../../d -> NOENT
        mkdir x -> NOENT
        link . ../../x -> NOENT
        fwrite 0 J -> 1
        pread 0 0 -> \"Jello\"
        fstat 0 -> file 644 0 links 5 bytes now
        home -> ok
        close 0 -> ok",
    );
    assert_eq!(model, super::Model { tree: model.tree.clone(), ..self::model(false) });
    assert_eq!(model.tree.held(), 2, "the roots are left");
}

#[test]
fn slots_that_share_a_file_share_its_cursor() {
    run(
        false,
        "put f 0123456789 -> 10
        dup 0 1 -> empty
        open 0 f rw -> Regular
        dup 0 1 -> ok
        dup 1 1 -> ok
        fread 0 4 -> \"0123\"
        fread 1 3 -> \"456\"
        close 0 -> ok
        fread 0 1 -> empty
        fread 1 1 -> \"7\"
        open 0 f r -> Regular
        dup 0 1 -> ok
        fread 1 2 -> \"01\"
        fwrite 0 x -> BADF",
    );
}

#[test]
fn a_second_filesystem_is_another_one() {
    let model = run(
        false,
        "mkdir m -> ok
        put m/hidden x -> 1
        mount -> ok
        mount -> BUSY
        list m -> .
        put m/a 1 -> 1
        put b 2 -> 1
        rename b m/b -> XDEV
        rename m/.. b -> XDEV
        link b m/b -> XDEV
        link b m/a -> EXIST
        link m x -> XDEV
        rename m x -> BUSY
        rename b m -> ISDIR
        rmdir m -> BUSY
        unlink m -> BUSY
        read m/../b -> \"2\"
        cd m -> ok
        read ../m/a -> \"1\"
        stat ../.. -> PERM
        symlink ../b l -> ok
        read l -> \"2\"
        fork -> ok
        read m/a -> \"1\"",
    );
    assert_eq!(model.tree(), "b = \"2\" (1 links)\nm/\nm/a = \"1\" (1 links)\nm/l -> ../b (1 links)\n");
}

#[test]
fn what_is_not_claimed_is_refused() {
    let mut model = Model::new(Rules { caps: FsCaps::empty(), rooted: false });
    for line in [
        "put f x -> 1",
        "symlink f l -> NOTSUP",
        "link f g -> NOTSUP",
        "noreplace f g -> INVAL",
        "exchange f f -> INVAL",
        "open 0 f rw -> Regular",
        "allocate 0 5 -> NOTSUP",
        "stat . -> dir 755 now",
    ] {
        let op = line.parse::<Script>().unwrap().0.remove(0);
        assert_eq!(Some(model.answer(&op)), op.expected, "{line}");
    }
}

/// Every freedom comes up, and allows what it says.
#[test]
fn every_freedom_is_taken_somewhere() {
    let cases = [
        ("mkdir a\nput a/b x\nnoreplace a a/b", "INVAL", Freedom::NoReplaceIntoItself),
        ("mkdir a\nexchange a a/b", "INVAL", Freedom::ExchangeIntoItself),
        ("put a x\nopen 0 a r\nsetlen 0 1", "INVAL", Freedom::SizeWithoutWriting),
        ("put a x\nopen 0 a r\nallocate 0 0", "INVAL", Freedom::NothingWithoutWriting),
        ("put a x\nopen 0 a w\nflist 0", "NOTDIR", Freedom::ListWithoutReading),
        ("symlink a s\nopen 0 s rdn", "NOTDIR", Freedom::LinkAsDirectory),
        ("mkdir a\nopen 0 a rwdt", "ISDIR", Freedom::TruncatedDirectory),
        ("mount\nput a x\nrename a m", "BUSY", Freedom::MountPoint),
        ("mkdir a\ncd a\nrmdir ../a\nlink . ../b", "PERM", Freedom::RemovedDirectory),
    ];
    let mut seen = vec![Freedom::UnclaimedRename, Freedom::CoarseTimes, Freedom::LostWhenRemoved];
    for (script, other, freedom) in cases {
        assert!(others(script).contains(&(other.to_owned(), Some(freedom))), "{script}");
        seen.push(freedom);
    }
    let mut bare = Model::new(Rules { caps: FsCaps::empty(), rooted: false });
    let mut accepts = |line: &str| {
        let op = line.parse::<Script>().unwrap().0.remove(0);
        let answer = op.expected.clone().unwrap_or_default();
        bare.accept(&op, &answer)
    };
    assert_eq!(accepts("exchange a b -> INVAL"), Ok(()));
    assert_eq!(accepts("put f x -> 1"), Ok(()));
    assert_eq!(accepts("touch f 5 -> ok"), Ok(()));
    assert_eq!(accepts("stat f -> file 644 1 links 1 bytes 5.000000000"), Ok(()));
    assert_eq!(accepts("open 0 f r -> Regular"), Ok(()));
    assert_eq!(accepts("unlink f -> ok"), Ok(()));
    assert_eq!(accepts("fread 0 1 -> STALE"), Ok(()));
    assert!(accepts("unlink f -> ok").is_err());
    assert!(Freedom::ALL.iter().all(|freedom| seen.contains(freedom)));
}

/// Holes, cuts and positions past the end.
#[test]
fn content_is_bytes_and_zeros() {
    run(
        false,
        "open 0 f rw -> NOENT
        open 0 f rwc -> Regular
        pwrite 0 5 x -> 1
        pread 0 0 -> \"\\x00*5 x\"
        setlen 0 3 -> ok
        setlen 0 7 -> ok
        read f -> \"\\x00*7 \"
        seekend 0 -> 6
        fwrite 0 yz -> 2
        fread 0 9 -> \"\"
        pread 0 6 -> \"yz\"
        allocate 0 9 -> ok
        fstat 0 -> file 644 1 links 9 bytes now
        seek 0 9223372036854775808 -> INVAL
        open 1 f rwa -> Regular
        pwrite 1 0 end -> 3
        fread 1 4 -> \"\\x00\\x00\\x00\\x00\"
        fwrite 1 . -> 1
        fread 1 4 -> \"\"
        pread 0 9 -> \"end.\"",
    );
}
