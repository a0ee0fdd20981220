//! That the tests would see an escape: the same attacks where nothing keeps paths inside.

use gangplank_conformance::{Fixture, MemFixture, World, adversary::Cage};

fn builds() -> [(World, bool); 2] {
    [false, true].map(|mount| (World::new(MemFixture.make()), mount))
}

/// Without a scope each of these leads out, and it shows.
#[test]
fn without_a_scope_the_cage_is_open() {
    for way in ["../f", "evil/f", "link1/f", "link4/f", "file1", "up", "parent/f", "here/../f", "d/../../outside/sub"] {
        for (w, mount) in builds() {
            let cage = Cage::build(&w, mount);
            let learned = cage.attack(&cage.open_paths(), &[way.to_owned()]);
            assert!(cage.check(&learned).is_err(), "{way}: something was learned");
            assert!(cage.check(&Default::default()).is_err(), "{way}: something was changed");
        }
    }
}

/// With nobody inside, nothing is found.
#[test]
fn an_empty_cage_is_well() {
    for (w, mount) in builds() {
        let cage = Cage::build(&w, mount);
        assert_eq!(cage.check(&Default::default()), Ok(()));
    }
}
