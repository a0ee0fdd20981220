//! Profiles of guests: the functions that take the time are in them, however the run ends.
#![cfg(feature = "cranelift")]

mod common;

use std::{sync::Arc, time::Duration};

use common::Sandbox;
use gangplank::{
    Program, RunError, Status,
    engine::{Capabilities, EngineError, EngineOptions, Profile, engine},
    wasi::Cancel,
};
use serde_json::Value;

/// Spends most of its time in `spin`, forever.
const FOREVER: &str = r#"(module
    (func $spin (param i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func $work (call $spin (i32.const 100000)))
    (func (export "_start") (loop (call $work) (br 0))))"#;

/// How many samples have `name` innermost, and the names of its callers up to the root.
fn innermost(profile: &Value, name: &str) -> (u64, Vec<String>) {
    let nodes = profile["nodes"].as_array().unwrap();
    let name_of = |node: &Value| node["callFrame"]["functionName"].as_str().unwrap().to_owned();
    let mut node = nodes.iter().find(|node| name_of(node) == name).unwrap_or_else(|| panic!("no {name}: {profile}"));
    let hits = node["hitCount"].as_u64().unwrap();
    let mut callers = Vec::new();
    let calls = |caller: &Value, id: &Value| caller["children"].as_array().unwrap().contains(id);
    while let Some(caller) = nodes.iter().find(|caller| calls(caller, &node["id"])) {
        callers.push(name_of(caller));
        node = caller;
    }
    (hits, callers)
}

#[test]
fn the_library_profiles_what_it_is_asked_to() {
    let wasm = wat::parse_str(FOREVER).unwrap();
    let made = engine(None, &EngineOptions { profile: true, ..EngineOptions::default() }).unwrap();
    let program = Program::new(&*made, "forever", &wasm).unwrap();
    let profile = Arc::new(Profile::new(Duration::from_millis(1)));
    let status = program.runner().profile(&profile).timeout(Duration::from_millis(400)).run().unwrap().status;
    assert_eq!(status, Status::Canceled(Cancel::Timeout));
    let kept = profile.samples();
    assert!(kept > 5, "{kept}");
    let json: Value = serde_json::from_str(&profile.to_json()).unwrap();
    let (hits, callers) = innermost(&json, "spin");
    assert!(hits as usize > kept / 2, "{hits} of {kept}");
    assert_eq!(callers[0], "work");
    assert_eq!(callers[2..], ["(root)"], "{callers:?}");
    // Another run of the same program, not profiled, adds nothing.
    program.runner().timeout(Duration::from_millis(20)).run().unwrap();
    assert_eq!(profile.samples(), kept);

    let plain = engine(None, &EngineOptions::default()).unwrap();
    let error = Program::new(&*plain, "forever", &wasm).unwrap().runner().profile(&profile).run().unwrap_err();
    let missing =
        |error: &RunError| matches!(error, RunError::Engine(EngineError::Missing { what: Capabilities::PROFILE, .. }));
    assert!(missing(&error), "{error}");
}

#[test]
fn the_command_writes_a_profile_however_the_program_ends() {
    let sandbox = Sandbox::new();
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(sandbox.path().join(name)).unwrap()).unwrap() };
    sandbox.wasm("forever.wasm", FOREVER);
    let ran = sandbox.run(&["run", "--profile", "a.cpuprofile", "--timeout", "400ms", "forever.wasm"]);
    ran.refused(124, &["took longer than 400ms"]);
    assert!(innermost(&read("a.cpuprofile"), "spin").0 > 5);
    // It ends by itself, perhaps before the first sample, and by a trap.
    sandbox.wasm("quick.wasm", r#"(module (func (export "_start")))"#);
    assert_eq!(sandbox.run(&["run", "--profile", "b.cpuprofile", "quick.wasm"]).code, Some(0));
    assert_eq!(read("b.cpuprofile")["nodes"][0]["callFrame"]["functionName"], "(root)");
    sandbox.wasm("trap.wasm", r#"(module (func (export "_start") unreachable))"#);
    assert_eq!(sandbox.run(&["run", "--profile", "c.cpuprofile", "trap.wasm"]).code, Some(134));
    assert!(read("c.cpuprofile")["samples"].is_array());
    sandbox.run(&["run", "--profile", "no/where", "quick.wasm"]).refused(2, &["`--profile no/where`"]);
}
