//! How cases become tests.

/// Declares the cases of one file, which all come from `$reference`; a case that has a page of its own names it in its
/// documentation. Makes each a public function, lists them in `CASES`, and makes the macro `$exported`, with which
/// [`suite!`](crate::suite) turns them into tests.
macro_rules! cases {
    ($module:ident, $exported:ident, $reference:literal; $($body:tt)*) => {
        cases! { @split ($) $module $exported $reference $($body)* }
    };
    (
        @split ($d:tt) $module:ident $exported:ident $reference:literal
        $($(#[doc = $doc:literal])* fn $name:ident($w:ident) $body:block)*
    ) => {
        $(
            $(#[doc = $doc])*
            pub fn $name($w: &$crate::World) $body
        )*

        /// The cases of this file, in order.
        pub const CASES: &[$crate::Case] =
            &[$($crate::Case {
                name: concat!(stringify!($module), "::", stringify!($name)),
                what: concat!($($doc),*),
                reference: $reference,
                run: $name,
            }),*];

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $exported {
            () => {
                mod $module {
                    $(
                        #[test]
                        fn $name() {
                            $crate::run(&super::fixture(), $crate::cases::$module::$name);
                        }
                    )*
                }
            };
        }
    };
}

/// Asserts that something fails, with one of the errnos given.
macro_rules! refused {
    ($what:expr, $($errno:ident)|+ $(, $($label:tt)+)?) => {
        match $what {
            Err(e) if [$(gangplank_vfs::Errno::$errno),+].contains(&e) => {}
            other => panic!(
                "{}: wanted {}, got {}{}",
                stringify!($what),
                stringify!($($errno)|+),
                match other { Ok(_) => "success".to_owned(), Err(e) => e.name().to_owned() },
                String::new() $(+ " (" + &format!($($label)+) + ")")?,
            ),
        }
    };
}
