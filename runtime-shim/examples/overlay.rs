//! A directory of the host that is prepared once, and many runs, each with a private view of it: nothing is copied,
//! nobody sees what another changes, and the directory stays as it is. Prints what each run changed.
//!
//!     cargo run --release --example overlay DIRECTORY PROGRAM [ARGS]...

use std::{env, error::Error, path::Path, sync::Arc};

use gangplank::{
    Program, Status,
    engine::{EngineOptions, engine},
    vfs::{
        MemFsOptions, OverlayFs, Tree,
        diff::{Changes, of_overlay},
        host_fs::HostFs,
    },
};

/// A view of a directory. A fork of it costs the same whatever the size, so what is dear to prepare is prepared here.
fn prepare(dir: &Path) -> Result<OverlayFs, Box<dyn Error>> {
    let upper = MemFsOptions::new().max_bytes(Some(64 << 20)); // what all changes of one run may hold
    let template = Arc::new(OverlayFs::builder().lower(HostFs::open(dir)?).upper_mem(upper).build()?);
    Tree::new(template.clone()).write("prepared.txt", "for all of them\n")?;
    Ok(template.fork()?)
}

/// One run on a view of its own, as `/data`.
fn run(program: &Program, template: &OverlayFs, args: &[String]) -> Result<(Status, Changes), Box<dyn Error>> {
    let view = Arc::new(template.fork()?);
    let mut runner = program.runner();
    runner.args(args.iter().map(String::as_str)).preopen("/data", Tree::new(view.clone()));
    let result = runner.inherit_stdio()?.run()?;
    Ok((result.status, of_overlay(&view)?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [dir, path, args @ ..] = &*args else { return Err("usage: overlay DIRECTORY PROGRAM [ARGS]...".into()) };
    let program = Program::from_file(&*engine(None, &EngineOptions::default())?, path)?;
    let template = prepare(Path::new(dir))?;
    for number in 1..=3 {
        let (status, changes) = run(&program, &template, args)?;
        println!("run {number}: {status:?}, {}\n{changes}", changes.summary());
    }
    Ok(())
}

#[test]
fn each_run_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt~"), "backup").unwrap();
    std::fs::write(dir.path().join("b.txt"), "blanks  \n").unwrap();
    let tidy = concat!(env!("CARGO_MANIFEST_DIR"), "/../wasi-testsuite/programs/tidy.wasm");
    let program = Program::from_file(&*engine(None, &EngineOptions::default()).unwrap(), tidy).unwrap();
    let template = prepare(dir.path()).unwrap();
    for _ in 0..3 {
        let (status, changes) = run(&program, &template, &["/data".to_owned()]).unwrap();
        assert!(status.is_success());
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["+ TIDY.log", "- a.txt~", "~ b.txt (content)", "+ prepared.txt"]);
    }
    // Neither the directory nor the view that was prepared knows of it.
    assert_eq!(std::fs::read_to_string(dir.path().join("b.txt")).unwrap(), "blanks  \n");
    assert_eq!(of_overlay(&template).unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}
