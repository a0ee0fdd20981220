//! The scripts of the conformance kit, played by a guest through preview1, on every engine and filesystem.
//!
//! `SEEDS=100` takes a hundred times as many random ones.

use std::path::Path;

use gangplank::{
    Program,
    engine::{ENGINES, EngineOptions, engine},
};
use gangplank_conformance::differential::{Script, seeds};
use gangplank_wasi_testsuite::{
    matrix::Fs,
    scripts::{COUNT, play, player, random, saved},
};

/// Every script on every engine and filesystem.
fn on_everything(scripts: &dyn Fn(Fs) -> Vec<(String, Script)>) {
    let mut played = 0;
    for known in ENGINES.iter().filter(|known| known.is_built_in()) {
        let engine = engine(Some(known.name), &EngineOptions::default()).expect("an engine that is built in");
        let program = Program::from_file(&*engine, player()).expect("the guest");
        for fs in Fs::ALL.into_iter().filter(|fs| fs.missing().is_none()) {
            for (name, script) in scripts(fs) {
                if let Err(what) = play(&program, fs, &script) {
                    panic!("{} on {}, {name}:\n{what}", known.name, fs.name());
                }
                played += 1;
            }
        }
    }
    assert!(played > 0, "no engine is built in");
}

#[test]
fn random_scripts() {
    on_everything(&|fs| (0..seeds(COUNT)).map(|i| (format!("random script {i}"), random(fs, i))).collect());
}

#[test]
fn saved_scripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/regressions");
    let saved = saved(&dir).expect("the saved scripts");
    on_everything(&|_| saved.clone());
}
