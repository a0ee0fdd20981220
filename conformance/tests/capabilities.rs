//! The kit on a filesystem that claims little, refuses what it does not claim, and passes; and on one that does what it
//! does not claim, and is found out.

use gangplank_conformance::{
    Fixture, Made, MemFixture,
    cases::capabilities::check_stated,
    sanity::{self, Options},
    suite,
};
use gangplank_vfs::{Errno, FsCaps, NewNode, Rename};

mod over;

use over::{Over, Twist};

const UNCLAIMED: FsCaps = FsCaps::HARD_LINKS
    .union(FsCaps::SYMLINKS)
    .union(FsCaps::EXCHANGE)
    .union(FsCaps::NO_REPLACE)
    .union(FsCaps::WHITEOUT)
    .union(FsCaps::FIFOS)
    .union(FsCaps::SOCKETS)
    .union(FsCaps::DEVICES)
    .union(FsCaps::XATTR)
    .union(FsCaps::SNAPSHOT);

struct LittleFixture;

impl Fixture for LittleFixture {
    fn name(&self) -> &str {
        "little"
    }
    fn make(&self) -> Made {
        let twist = Twist {
            make: |new| match new {
                NewNode::Symlink { .. } | NewNode::Special { .. } => Err(Errno::NOTSUP),
                _ => Ok(()),
            },
            link: || Err(Errno::NOTSUP),
            rename: |how| if how == Rename::Replace { Ok(how) } else { Err(Errno::INVAL) },
        };
        Over::mem(UNCLAIMED, twist)
    }
}

suite! {
    mod little,
    fixture: LittleFixture,
    caps: FsCaps::STABLE_COOKIES
        | FsCaps::NS_TIMES
        | FsCaps::UNLINKED_OPEN
        | FsCaps::LOCAL
        | FsCaps::ALLOCATE
        | FsCaps::SEEK_HOLE
        | FsCaps::DIR_NLINK
        | FsCaps::CLONE,
}

/// It can do what it does not claim.
struct ModestFixture;

impl Fixture for ModestFixture {
    fn name(&self) -> &str {
        "modest"
    }
    fn make(&self) -> Made {
        Over::mem(UNCLAIMED, Twist::NONE)
    }
}

#[test]
fn who_does_what_is_not_claimed_is_found_out() {
    let options = Options { only: vec!["capabilities::".to_owned()], ..Options::default() };
    let reports = sanity::check(&ModestFixture, &options, &mut |_| {});
    let failed: Vec<&str> = reports.iter().filter(|r| !r.passed).map(|r| r.case.as_str()).collect();
    let wanted = [
        "without_hard_links",
        "without_symlinks",
        "without_ways_to_rename",
        "without_fifos",
        "without_sockets",
        "without_devices",
    ];
    assert_eq!(failed, wanted.map(|name| format!("capabilities::{name}")));
}

#[test]
#[should_panic(expected = "stated, and not claimed: FsCaps(DURABLE)")]
fn what_is_stated_must_be_claimed() {
    check_stated(&MemFixture, MemFixture.make().fs.info().caps | FsCaps::DURABLE);
}

#[test]
#[should_panic(expected = "claimed, and not stated: FsCaps(XATTR)")]
fn what_is_claimed_must_be_stated() {
    check_stated(&MemFixture, MemFixture.make().fs.info().caps - FsCaps::XATTR);
}
