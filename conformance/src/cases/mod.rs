//! L0 and L1: what every filesystem does, one file for each operation.
//!
//! A case is a function of a [`World`](crate::World); its documentation says where the behaviour comes from.

pub mod access;
pub mod clone;
pub mod create;
pub mod history;
pub mod hostile;
pub mod laws;
pub mod link;
pub mod lookup;
pub mod meta;
pub mod open;
pub mod orphan;
pub mod path_link;
pub mod path_mount;
pub mod path_open;
pub mod path_scope;
pub mod path_slash;
pub mod precedence;
pub mod quota;
pub mod readdir;
pub mod refs;
pub mod remove;
pub mod rename;
pub mod rw;
pub mod setattr;
pub mod size;
pub mod snapshot;
pub mod symlink;
pub mod threads;
pub mod times;
pub mod walk;
pub mod whiteout;
pub mod xattr;

/// One `#[test]` for each case of the kit, in the module given, on filesystems that the fixture makes.
///
/// ```no_run
/// gangplank_conformance::suite! { mod mem, fixture: gangplank_conformance::MemFixture }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! suite {
    (mod $module:ident, fixture: $fixture:expr $(,)?) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            fn fixture() -> impl $crate::Fixture {
                $fixture
            }

            $crate::__cases_access!();
            $crate::__cases_clone!();
            $crate::__cases_create!();
            $crate::__cases_history!();
            $crate::__cases_hostile!();
            $crate::__cases_laws!();
            $crate::__cases_link!();
            $crate::__cases_lookup!();
            $crate::__cases_meta!();
            $crate::__cases_open!();
            $crate::__cases_orphan!();
            $crate::__cases_path_link!();
            $crate::__cases_path_mount!();
            $crate::__cases_path_open!();
            $crate::__cases_path_scope!();
            $crate::__cases_path_slash!();
            $crate::__cases_precedence!();
            $crate::__cases_quota!();
            $crate::__cases_readdir!();
            $crate::__cases_refs!();
            $crate::__cases_remove!();
            $crate::__cases_rename!();
            $crate::__cases_rw!();
            $crate::__cases_setattr!();
            $crate::__cases_size!();
            $crate::__cases_snapshot!();
            $crate::__cases_symlink!();
            $crate::__cases_threads!();
            $crate::__cases_times!();
            $crate::__cases_walk!();
            $crate::__cases_whiteout!();
            $crate::__cases_xattr!();
        }
    };
}
