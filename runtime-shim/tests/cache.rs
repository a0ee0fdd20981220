//! Compiled code on disk: the cache, and programs compiled ahead of time.
#![cfg(all(unix, feature = "cranelift"))]

mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime},
};

use common::{Ran, Sandbox, program};
use gangplank::{
    Cache, LoadError, PrecompiledError, Program, Reason, Status,
    cache::Unusable,
    engine::{Capabilities, Engine, EngineError, EngineOptions, Module, engine},
};

fn cranelift() -> Arc<dyn Engine> {
    engine(Some("cranelift"), &EngineOptions::default()).unwrap()
}

/// A program that ends with this code.
fn exits(code: u32) -> Vec<u8> {
    wat::parse_str(program(&format!(r#"(func (export "_start") (call $proc_exit (i32.const {code})))"#))).unwrap()
}

/// Runs it with the cache, and answers its code.
fn run(cache: &Cache, wasm: &[u8]) -> Status {
    Program::cached(&*cranelift(), cache, "prog", wasm).unwrap().runner().run().unwrap().status
}

/// Hits, misses, rejected.
fn counts(cache: &Cache) -> (u64, u64, u64) {
    let stats = cache.stats();
    (stats.hits, stats.misses, stats.rejected)
}

fn modules(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cwasm"));
    paths.sort();
    paths
}

fn only_module(dir: &Path) -> PathBuf {
    let modules = modules(dir);
    assert_eq!(modules.len(), 1, "{modules:?}");
    modules[0].clone()
}

#[test]
fn a_program_is_compiled_once() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("deep/er/cache");
    let cache = Cache::at(&dir).unwrap();
    assert_eq!(run(&cache, &exits(7)), Status::Code(7));
    assert_eq!(counts(&cache), (0, 1, 0));
    assert_eq!(run(&cache, &exits(7)), Status::Code(7));
    assert_eq!(counts(&cache), (1, 1, 0));
    // Another module is another.
    assert_eq!(run(&cache, &exits(8)), Status::Code(8));
    assert_eq!(counts(&cache), (1, 2, 0));
    // So is another set of options.
    let options = EngineOptions { interruptible: false, ..EngineOptions::default() };
    Program::cached(&*engine(None, &options).unwrap(), &cache, "prog", &exits(7)).unwrap();
    assert_eq!(counts(&cache), (1, 3, 0));
    // Another process's cache finds it as well.
    let again = Cache::at(&dir).unwrap();
    assert_eq!(run(&again, &exits(8)), Status::Code(8));
    assert_eq!(counts(&again), (1, 0, 0));

    assert_eq!(modules(&dir).len(), 3);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert!(modules(&dir).iter().all(|path| mode(path) == 0o600));
    let leftovers = fs::read_dir(&dir)
        .unwrap()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("tmp-")));
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn what_does_not_compile_is_not_kept() {
    let sandbox = Sandbox::new();
    let cache = Cache::at(sandbox.path().join("cache")).unwrap();
    let invalid = wat::parse_str(r#"(module (func (export "_start") i64.const 1 i32.eqz drop))"#).unwrap();
    for _ in 0..2 {
        let error = Program::cached(&*cranelift(), &cache, "bad", &invalid).unwrap_err();
        assert!(error.to_string().contains("type mismatch"), "{error}");
    }
    assert_eq!(modules(&sandbox.path().join("cache")), [] as [PathBuf; 0]);
}

#[test]
fn damaged_files_are_made_again_silently() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("cache");
    let cache = Cache::at(&dir).unwrap();
    run(&cache, &exits(7));
    let path = only_module(&dir);
    let good = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        bad
    };
    let mut damaged = vec![
        Vec::new(),
        good[..1].to_vec(),
        good[..20].to_vec(),
        good[..good.len() / 2].to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"x"].concat(),
        b"something else".to_vec(),
    ];
    // Magic, format, checksum, length, names, code.
    for at in [0, 9, 15, 45, 60, 90, good.len() / 3, good.len() / 2, good.len() - 1] {
        damaged.push(flipped(at));
    }
    for (i, bad) in damaged.iter().enumerate() {
        fs::write(&path, bad).unwrap();
        let (hits, _, rejected) = counts(&cache);
        assert_eq!(run(&cache, &exits(7)), Status::Code(7), "{i}");
        assert_eq!((cache.stats().hits, cache.stats().rejected), (hits, rejected + 1), "{i}");
        assert!(fs::read(&path).unwrap().starts_with(b"\x89GANGPL\n"), "{i}");
        assert_eq!(run(&cache, &exits(7)), Status::Code(7), "{i}");
        assert_eq!(cache.stats().hits, hits + 1, "{i}");
    }
}

#[test]
fn a_file_under_another_name_is_not_believed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("cache");
    let cache = Cache::at(&dir).unwrap();
    run(&cache, &exits(7));
    let seven = only_module(&dir);
    run(&cache, &exits(8));
    let eight = modules(&dir).into_iter().find(|path| *path != seven).unwrap();
    fs::copy(&seven, &eight).unwrap();
    assert_eq!(run(&cache, &exits(8)), Status::Code(8));
    assert_eq!(cache.stats().rejected, 1);
    // Neither is one that only looks like ours: whole, but made by nobody we know.
    let code = Program::precompile(&*cranelift(), &exits(7)).unwrap();
    fs::write(&eight, code).unwrap();
    assert_eq!(run(&cache, &exits(8)), Status::Code(8));
    assert_eq!(cache.stats().rejected, 2);
}

#[test]
fn files_that_others_could_have_written_are_not_used() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("cache");
    let cache = Cache::at(&dir).unwrap();
    run(&cache, &exits(7));
    let path = only_module(&dir);
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let before = cache.stats();
        assert_eq!(run(&cache, &exits(7)), Status::Code(7));
        assert_eq!((cache.stats().hits, cache.stats().rejected), (before.hits, before.rejected + 1), "{mode:o}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "written anew");
    }
    // A link, even to the very file, is replaced, and what it points to stays.
    let elsewhere = sandbox.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    let (hits, before) = (cache.stats().hits, fs::read(&elsewhere).unwrap());
    assert_eq!(run(&cache, &exits(7)), Status::Code(7));
    assert_eq!(cache.stats().hits, hits);
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
    // A directory in its place cannot be replaced; the program runs all the same.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(run(&cache, &exits(7)), Status::Code(7));
}

#[test]
fn directories_that_others_may_write_to_are_not_used() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("cache");
    fs::create_dir(&dir).unwrap();
    for mode in [0o777, 0o1777, 0o770, 0o702] {
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        let error = Cache::at(&dir).unwrap_err();
        assert!(matches!(error.why, Unusable::Writable { mode: found } if found & 0o777 == mode & 0o777), "{error}");
    }
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    let cache = Cache::at(&dir).unwrap();
    run(&cache, &exits(7));
    // Opened up behind our back.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(run(&cache, &exits(7)), Status::Code(7));
    assert_eq!(cache.stats().hits, 0);

    let link = sandbox.path().join("link");
    symlink(&dir, &link).unwrap();
    assert!(matches!(Cache::at(&link).unwrap_err().why, Unusable::NotADirectory));
    let file = sandbox.file("file", "");
    assert!(matches!(Cache::at(&file).unwrap_err().why, Unusable::NotADirectory));
    // Only root can make one of somebody else's; `/` is one for anybody but root.
    let foreign = sandbox.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    if std::os::unix::fs::chown(&foreign, Some(12345), None).is_ok() {
        assert!(matches!(Cache::at(&foreign).unwrap_err().why, Unusable::Foreign));
    } else {
        assert!(matches!(Cache::at("/").unwrap_err().why, Unusable::Foreign));
    }
}

#[test]
fn room_is_made_by_removing_what_was_used_least_recently() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("cache");
    let cache = Cache::at(&dir).unwrap();
    let hours_ago = |path: &Path, hours: u64| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600 * hours)).unwrap();
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for code in 0..5 {
        run(&cache, &exits(code));
        let new = modules(&dir).into_iter().find(|path| !paths.contains(path)).unwrap();
        hours_ago(&new, 10 - u64::from(code));
        paths.push(new);
    }
    let size = fs::metadata(&paths[0]).unwrap().len();
    // Using the oldest makes it the newest.
    let cache = cache.max_bytes(size * 5 / 2);
    run(&cache, &exits(0));
    assert_eq!(cache.stats().hits, 1);
    let stranger = sandbox.file("cache/notes.txt", "x");
    let stale = sandbox.file("cache/tmp-1-2-3", "x");
    let fresh = sandbox.file("cache/tmp-1-2-4", "x");
    [&stranger, &stale].iter().for_each(|path| hours_ago(path, 100));
    cache.evict().unwrap();
    let mut left = vec![paths[0].clone(), paths[4].clone()];
    left.sort();
    assert_eq!(modules(&dir), left);
    assert!(stranger.exists() && fresh.exists() && !stale.exists());
    // What is new stays, however little room there is.
    let cache = cache.max_bytes(0);
    cache.evict().unwrap();
    assert_eq!(modules(&dir), [paths[0].clone()]);
}

#[test]
fn processes_share_a_cache() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path().join("cache");
    for code in 0..3 {
        sandbox.file(&format!("{code}.wasm"), exits(code));
    }
    let children: Vec<_> = (0..12)
        .map(|i| {
            let mut command = sandbox.gangplank();
            command.args(["run", "--cache-dir", "cache", &format!("{}.wasm", i % 3)]);
            (i % 3, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        })
        .collect();
    for (code, child) in children {
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &*ran.err), (Some(code), ""));
    }
    assert_eq!(modules(&dir).len(), 3);
}

#[test]
fn the_command_caches_unless_told_otherwise() {
    let sandbox = Sandbox::new();
    sandbox.file("seven.wasm", exits(7));
    let home = sandbox.path().join("home");
    fs::create_dir(&home).unwrap();
    let run = |words: &[&str], xdg: Option<&Path>| {
        let mut command = sandbox.gangplank();
        command.env("HOME", &home).env_remove("XDG_CACHE_HOME").arg("run").args(words).arg("seven.wasm");
        if let Some(xdg) = xdg {
            command.env("XDG_CACHE_HOME", xdg);
        }
        Ran::of(command.output().unwrap())
    };
    let quiet = |ran: Ran| assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(7), "", ""));
    quiet(run(&["--no-cache"], None));
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
    quiet(run(&[], None));
    let made = only_module(&home.join(".cache/gangplank"));
    let inode = fs::metadata(&made).unwrap().ino();
    quiet(run(&[], None));
    assert_eq!(fs::metadata(&made).unwrap().ino(), inode, "not written again");
    quiet(run(&[], Some(&sandbox.path().join("xdg"))));
    only_module(&sandbox.path().join("xdg/gangplank"));
    quiet(run(&["--cache-dir", "mine"], None));
    only_module(&sandbox.path().join("mine"));
    // A damaged file is no event.
    fs::write(&made, &fs::read(&made).unwrap()[..1000]).unwrap();
    quiet(run(&[], None));
    assert_ne!(fs::metadata(&made).unwrap().len(), 1000);

    // The usual directory, open to others, is left alone; one that was asked for is refused.
    let open = home.join(".cache/gangplank");
    fs::remove_file(&made).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    quiet(run(&[], None));
    assert_eq!(modules(&open), [] as [PathBuf; 0]);
    let engines = sandbox.gangplank().env("HOME", &home).env_remove("XDG_CACHE_HOME").arg("engines").output().unwrap();
    assert!(Ran::of(engines).out.contains("not used: "));
    let open = open.to_str().unwrap();
    run(&["--cache-dir", open], None).refused(2, &["--cache-dir", "other users may write to it", "0700"]);
    run(&["--cache-dir", "x", "--no-cache"], None).refused(2, &["--cache-dir", "--no-cache"]);
    // No home, no cache, no complaint.
    let homeless = sandbox
        .gangplank()
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CACHE_HOME")
        .args(["run", "seven.wasm"])
        .output();
    quiet(Ran::of(homeless.unwrap()));
    assert!(!Path::new("/nonexistent").exists());
    // Nor is anything left in the home of somebody else, as with `sudo`. Only root can make one.
    let theirs = sandbox.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    if std::os::unix::fs::chown(&theirs, Some(12345), None).is_ok() {
        let mut command = sandbox.gangplank();
        command.env("HOME", &theirs).env_remove("XDG_CACHE_HOME").args(["run", "seven.wasm"]);
        quiet(Ran::of(command.output().unwrap()));
        assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
    }
}

#[test]
fn precompiled_programs_run_where_they_are_allowed() {
    let sandbox = Sandbox::new();
    sandbox.file("args.wasm", wat::parse_str(program(common::PRINT_ARGS)).unwrap());
    let compiled = sandbox.run(&["compile", "args.wasm", "-o", "prog.cwasm"]);
    assert_eq!((compiled.code, &*compiled.out, &*compiled.err), (Some(0), "", ""));
    sandbox.run(&["run", "prog.cwasm"]).refused(126, &["precompiled", "native code", "--allow-precompiled"]);
    let ran = sandbox.run(&["run", "--allow-precompiled", "prog.cwasm", "a b"]);
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "prog.cwasm\0a b\0", ""));
    // The flag is no licence to be anything else.
    let ran = sandbox.run(&["run", "--allow-precompiled", "args.wasm"]);
    assert_eq!((ran.code, &*ran.out), (Some(0), "args.wasm\0"));
    // Without `-o`, beside the module, which is never overwritten.
    assert_eq!(sandbox.run(&["compile", "args.wasm"]).code, Some(0));
    assert!(sandbox.path().join("args.cwasm").exists());
    sandbox.run(&["compile", "args.wasm", "-o", "./args.wasm"]).refused(2, &["the module itself"]);
    sandbox.run(&["compile", "args.wasm", "-o", "no/where"]).refused(126, &["cannot write `no/where`"]);
    sandbox.run(&["compile", "gone.wasm"]).refused(127, &["gone.wasm"]);
    sandbox.run(&["compile", "prog.cwasm", "-o", "x"]).refused(126, &["it is a precompiled program"]);

    // What was compiled to count instructions runs with a limit of them, and the other way round.
    sandbox.wasm("busy.wasm", r#"(module (func (export "_start") (loop (br 0))))"#);
    assert_eq!(sandbox.run(&["compile", "--fuel", "busy.wasm"]).code, Some(0));
    let ran = sandbox.run(&["run", "--allow-precompiled", "--limit-fuel", "1000", "busy.cwasm"]);
    ran.refused(124, &["--limit-fuel"]);
    sandbox.run(&["run", "--allow-precompiled", "busy.cwasm"]).refused(126, &["fuel"]);
    sandbox.run(&["run", "--allow-precompiled", "--limit-fuel", "9", "prog.cwasm"]).refused(126, &["fuel"]);

    // Damage is told.
    let good = fs::read(sandbox.path().join("prog.cwasm")).unwrap();
    for len in [8, 30, 100, good.len() / 2, good.len() - 1] {
        sandbox.file("bad.cwasm", &good[..len]);
        sandbox.run(&["run", "--allow-precompiled", "bad.cwasm"]).refused(126, &["cut off or altered", "compile"]);
    }
    for at in [20, 50, 70, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        sandbox.file("bad.cwasm", bad);
        sandbox.run(&["run", "--allow-precompiled", "bad.cwasm"]).refused(126, &["cut off or altered"]);
    }
    let mut other = good.clone();
    other[8] = 9;
    sandbox.file("bad.cwasm", other);
    sandbox.run(&["run", "--allow-precompiled", "bad.cwasm"]).refused(126, &["writes format 9"]);
}

/// An engine that cannot keep compiled code.
#[derive(Debug)]
struct Forgetful(Arc<dyn Engine>);

impl Engine for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities() - Capabilities::CACHE
    }

    fn compile(&self, wasm: &[u8], info: &gangplank::ModuleInfo) -> Result<Arc<dyn Module>, EngineError> {
        self.0.compile(wasm, info)
    }

    fn compatibility(&self) -> Result<[u8; 32], EngineError> {
        Err(EngineError::Missing { engine: self.name(), what: Capabilities::CACHE })
    }

    unsafe fn deserialize(&self, _code: &[u8]) -> Result<Arc<dyn Module>, EngineError> {
        Err(EngineError::Missing { engine: self.name(), what: Capabilities::CACHE })
    }
}

#[test]
fn an_engine_without_the_capability_says_so() {
    let sandbox = Sandbox::new();
    let cache = Cache::at(sandbox.path().join("cache")).unwrap();
    let engine = Forgetful(cranelift());
    let error = Program::cached(&engine, &cache, "prog", &exits(7)).unwrap_err();
    assert!(matches!(error.reason, Reason::Engine(EngineError::Missing { what: Capabilities::CACHE, .. })), "{error}");
    assert_eq!(counts(&cache), (0, 0, 0));
    assert!(Program::new(&engine, "prog", &exits(7)).is_ok());
    // Its code is not another's.
    let code = Program::precompile(&*cranelift(), &exits(7)).unwrap();
    // SAFETY: `precompile` made it.
    let error = unsafe { Program::from_precompiled(&engine, "prog", &code) }.unwrap_err();
    let engine = |error: &LoadError| matches!(error.reason, Reason::Precompiled(PrecompiledError::Engine { .. }));
    assert!(engine(&error), "{error}");
}
