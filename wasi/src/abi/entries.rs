//! What is made from the rows of a module, but for the engines' bindings.

/// Defines the entry points of a module, one function for each row, and its `IMPORTS`.
macro_rules! entries {
    ({} module $module:literal; $(
        #[doc = $doc:literal]
        fn $name:ident($($param:ident: $kind:ident),*) -> $result:ident in $home:ident;
    )*) => {
        $(
            #[doc = $doc]
            #[inline]
            #[allow(clippy::too_many_arguments)] // As many as the import has.
            pub fn $name(call: &mut $crate::Call<'_>, $($param: $crate::abi::repr::$kind),*) -> $crate::abi::Outcome {
                let import = &IMPORTS[Index::$name as usize];
                $crate::abi::import::perform(import, call, move || [$($param as u64),*], move |call| {
                    $crate::syscalls::$home::$name(call, $($param),*)
                })
            }
        )*

        /// Every function of the module, in the order of the table.
        pub static IMPORTS: &[$crate::abi::Import] = &[$(
            $crate::abi::Import {
                module: $module,
                name: stringify!($name),
                doc: $doc.trim_ascii(),
                params: &[$($crate::abi::Param { name: stringify!($param), kind: $crate::abi::Kind::$kind }),*],
                results: $crate::abi::entries::results!($result),
                call: |call, args| match *args {
                    [$($param),*] => $name(call, $($param as $crate::abi::repr::$kind),*),
                    _ => $crate::abi::Outcome::Return($crate::abi::to_wasi(gangplank_vfs::Errno::INVAL).into()),
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
        &[$crate::abi::ValType::I32]
    };
    (never) => {
        &[]
    };
}

pub(super) use {entries, results};
