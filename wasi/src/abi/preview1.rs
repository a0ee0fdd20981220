//! Entry points of `wasi_snapshot_preview1`: one function for each import, for engines that bind typed functions, and
//! [`IMPORTS`] for the others.

use super::{Import, Kind, Outcome, Param, ValType, import::perform, repr};
use crate::{Call, syscalls};

macro_rules! entries {
    ({} module $module:literal; $(
        #[doc = $doc:literal]
        fn $name:ident($($param:ident: $kind:ident),*) -> $result:ident in $home:ident;
    )*) => {
        $(
            #[doc = $doc]
            #[inline]
            #[allow(clippy::too_many_arguments)] // As many as the import has.
            pub fn $name(call: &mut Call<'_>, $($param: repr::$kind),*) -> Outcome {
                let import = &IMPORTS[Index::$name as usize];
                perform(import, call, [$($param as u64),*], |call| {
                    syscalls::$home::$name(call, $($param),*)
                })
            }
        )*

        /// Every function of the module, in the order of the table.
        pub static IMPORTS: &[Import] = &[$(
            Import {
                module: $module,
                name: stringify!($name),
                doc: $doc.trim_ascii(),
                params: &[$(Param { name: stringify!($param), kind: Kind::$kind }),*],
                results: results!($result),
                call: |call, args| match *args {
                    [$($param),*] => $name(call, $($param as repr::$kind),*),
                    _ => Outcome::Return(super::to_wasi(gangplank_vfs::Errno::INVAL).into()),
                },
            },
        )*];

        #[allow(non_camel_case_types)]
        enum Index {
            $($name,)*
        }
    };
}

macro_rules! results {
    (errno) => {
        &[ValType::I32]
    };
    (never) => {
        &[]
    };
}

crate::for_each_preview1!(entries! {});
