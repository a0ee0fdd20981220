//! JavaScriptCore: a guest's code that counts its own instructions counts all of them, whichever way it goes.
#![cfg(feature = "jsc")]

use gangplank::{
    Program, Status,
    engine::{EngineOptions, engine},
};

/// The least fuel with which a program ends of itself.
fn needs(text: &str) -> u64 {
    let engine = engine(Some("jsc"), &EngineOptions { fuel: true, ..EngineOptions::default() }).unwrap();
    let program = Program::new(&*engine, "prog", &wat::parse_str(text).unwrap()).unwrap();
    let is_enough = |fuel| match program.runner().fuel(fuel).run().unwrap().status {
        Status::Code(0) => true,
        Status::Trap(_) => false,
        status => panic!("{status:?}"),
    };
    let (mut little, mut enough) = (0, 1 << 14);
    assert!(is_enough(enough));
    while little < enough {
        let fuel = little + (enough - little) / 2;
        if is_enough(fuel) { enough = fuel } else { little = fuel + 1 }
    }
    enough
}

/// A function that turns round a hundred times, and is left in each way that there is.
#[test]
fn a_loop_is_paid_for_however_it_is_left() {
    let turns = |end: &str| {
        format!(
            "(loop $again (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 100))) {end})"
        )
    };
    for (way, body) in [
        ("at its end", turns("")),
        ("return", turns("return")),
        ("br", turns("(br 1)")),
        ("br from deeper", turns("(block (block (br 3)))")),
        ("br_if", turns("(br_if 1 (i32.const 1)) unreachable")),
        ("br_table", turns("(br_table 0 1 0 (i32.const 1))")),
        ("br_on_null", turns("(drop (br_on_null 1 (ref.null func))) unreachable")),
        ("throw", turns("(throw $tag)")),
        ("a call in a tail", turns("(return_call $nothing)")),
        ("an indirect call in a tail", turns("(return_call_indirect (i32.const 0))")),
        ("a call before", format!("(call $nothing) {}", turns(""))),
        ("a call after", format!("{} (call $nothing)", turns(""))),
        ("an indirect call after", format!("{} (call_indirect (i32.const 0))", turns(""))),
        ("a call in a loop around", format!("(loop {} (call $nothing))", turns(""))),
        ("an exception of a callee", format!("{} (call $throws)", turns(""))),
        ("an exception of its own", format!("(block (try_table (catch_all 0) {}))", turns("(throw $tag)"))),
    ] {
        let calls = |times: usize| {
            let call = "(block $out (block $caught (try_table (catch_all $caught) (call $turns)) (br $out)))";
            needs(&format!(
                r#"(module (tag $tag) (table 1 funcref) (elem (i32.const 0) $nothing)
                    (func $nothing) (func $throws (throw $tag))
                    (func $turns (local $n i32) {body})
                    (func (export "_start") {}))"#,
                call.repeat(times)
            ))
        };
        let [one, two, three] = [1, 2, 3].map(calls);
        assert_eq!(three - two, two - one, "{way}");
        // A hundred turns of ten instructions or more, and what is around them.
        assert!((1000..2000).contains(&(two - one)), "{way}: {}", two - one);
    }
}
