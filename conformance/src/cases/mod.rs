//! L0 and L1: what every filesystem does, one file for each operation.
//!
//! A case is a function of a [`World`](crate::World); its documentation says where the behaviour comes from.

use crate::Case;

pub mod access;
pub mod capabilities;
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
pub mod read_only;
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

/// All cases for filesystems that can be changed, file by file. Those for others are [`read_only::CASES`].
pub const FILES: &[&[Case]] = &[
    access::CASES,
    capabilities::CASES,
    clone::CASES,
    create::CASES,
    history::CASES,
    hostile::CASES,
    laws::CASES,
    link::CASES,
    lookup::CASES,
    meta::CASES,
    open::CASES,
    orphan::CASES,
    path_link::CASES,
    path_mount::CASES,
    path_open::CASES,
    path_scope::CASES,
    path_slash::CASES,
    precedence::CASES,
    quota::CASES,
    readdir::CASES,
    refs::CASES,
    remove::CASES,
    rename::CASES,
    rw::CASES,
    setattr::CASES,
    size::CASES,
    snapshot::CASES,
    symlink::CASES,
    threads::CASES,
    times::CASES,
    walk::CASES,
    whiteout::CASES,
    xattr::CASES,
];

/// One `#[test]` for each case of the kit, in the module given, on filesystems that the fixture makes; and the
/// [model](crate::model) beside random scripts, and beside the scripts that are saved in `regressions/`.
///
/// With `caps: FsCaps::…` the capabilities are compared with what is stated here. With `read_only:` instead of
/// `fixture:` it is the suite for filesystems that are [filled](crate::Made::filled) and cannot be changed.
///
/// ```no_run
/// gangplank_conformance::suite! { mod mem, fixture: gangplank_conformance::MemFixture }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! suite {
    (mod $module:ident, read_only: $fixture:expr $(,)?) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            fn fixture() -> impl $crate::Fixture {
                $fixture
            }

            $crate::__cases_read_only!();
        }
    };
    (mod $module:ident, fixture: $fixture:expr $(, caps: $caps:expr)? $(,)?) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            fn fixture() -> impl $crate::Fixture {
                $fixture
            }

            $(
                mod stated {
                    #[allow(unused_imports)]
                    use super::*;

                    #[test]
                    fn capabilities() {
                        $crate::cases::capabilities::check_stated(&fixture(), $caps);
                    }
                }
            )?

            mod model {
                #[test]
                fn random_scripts() {
                    $crate::model::property(&super::fixture());
                }

                #[test]
                fn saved_scripts() {
                    $crate::model::saved_scripts(&super::fixture());
                }
            }

            $crate::__cases_access!();
            $crate::__cases_capabilities!();
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
