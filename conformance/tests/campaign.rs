//! A campaign of everybody, and what it does when somebody is wrong.

use gangplank_conformance::{
    Fixture, MemFixture,
    differential::{
        Class, Contestant, Op, Player, Rules, Run,
        campaign::{Campaign, replay},
        contestants,
    },
};
use gangplank_vfs::FsCaps;

const SMALL: Campaign = Campaign { ops: 20_000, seed: 77, len: 100, every: 4, jobs: 2 };

#[test]
fn everybody_agrees() {
    let (all, _) = contestants();
    let report = SMALL.run(&all, &|_, _| {});
    if let Some(found) = report.found.first() {
        panic!("the filesystems do not agree\n{found}");
    }
    assert!(report.ops >= SMALL.ops, "{} operations are not all", report.ops);
    for (name, played) in &report.played {
        assert!(played.ops > 0, "{name} has not played");
    }
}

/// mem_fs, but for one thing: the second directory that is removed stays, and nobody is told.
struct Liar;

impl Player for Liar {
    fn name(&self) -> &str {
        "liar"
    }

    fn caps(&self) -> FsCaps {
        MemFixture.make().fs.info().caps
    }

    fn rooted(&self) -> bool {
        false
    }

    fn start(&self, rules: Rules) -> Box<dyn Run + '_> {
        Box::new(Lying { inner: Player::start(&MemFixture, rules), removed: 0 })
    }
}

struct Lying<'a> {
    inner: Box<dyn Run + 'a>,
    removed: usize,
}

impl Run for Lying<'_> {
    fn step(&mut self, op: &Op) -> String {
        if op.verb == "rmdir" && self.removed == 1 {
            return "ok".to_owned();
        }
        let answer = self.inner.step(op);
        self.removed += usize::from(op.verb == "rmdir" && answer == "ok");
        answer
    }

    fn tree(&mut self) -> String {
        self.inner.tree()
    }
}

#[test]
fn a_lie_is_found_cut_down_and_found_again() {
    let (all, _) = contestants();
    let mut two: Vec<Contestant> = all.into_iter().filter(|c| c.name == "model").collect();
    two.push(Contestant { name: "liar", what: "lies", class: Class::Memory, player: Box::new(Liar) });
    let report = SMALL.run(&two, &|_, _| {});
    let found = report.found.first().expect("a script that shows it");
    // Something that can be removed, and it is; and something, there or not, whose removal is a lie.
    assert!(found.divergence.script.0.len() <= 4, "{found}");
    assert!(found.divergence.script.0.iter().filter(|op| op.verb == "rmdir").count() == 2, "{found}");
    let again = replay(&found.to_string(), &two).expect_err("it is still there");
    assert!(again.contains("# liar: "), "{again}");
    let honest = contestants().0.into_iter().filter(|c| c.class == Class::Memory).collect::<Vec<_>>();
    assert_eq!(replay(&found.to_string(), &honest), Ok(()));
}

/// What is not empty in the beginning is said in the script, and made again.
#[test]
fn a_prepared_tree_is_made_again() {
    let (all, _) = contestants();
    let told = replay("# It begins with tree 5\nlist . -> nothing\n", &all).expect_err("it holds something else");
    assert!(!told.contains("# prepared: ."), "the tree is not empty: {told}");
    assert_eq!(replay("# It begins with tree 5\nlist .\n", &all), Ok(()));
    // Its root was given another mode and another time, which an overlay has from its upper layer.
    assert_eq!(replay("# It begins with tree 20261188801723\nlstat .\n", &all), Ok(()));
}
