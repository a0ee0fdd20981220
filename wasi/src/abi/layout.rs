//! [`Layout`]: a type with a fixed form in guest memory, always little-endian, at any address.

/// A value of `SIZE` bytes in guest memory.
///
/// Encoding goes through an array rather than a cast, so padding is always zero, alignment is nobody's concern, and no
/// byte pattern of the guest can make an invalid value.
pub trait Layout: Copy {
    /// Bytes it takes.
    const SIZE: usize;
    /// `[u8; SIZE]`.
    type Bytes: AsRef<[u8]> + AsMut<[u8]>;
    /// `SIZE` zeros.
    const ZERO: Self::Bytes;
    /// Its form in memory.
    fn encode(self) -> Self::Bytes;
    /// The value of this form.
    fn decode(bytes: &Self::Bytes) -> Self;
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Layout for $t {
            const SIZE: usize = size_of::<$t>();
            type Bytes = [u8; size_of::<$t>()];
            const ZERO: Self::Bytes = [0; size_of::<$t>()];
            #[inline]
            fn encode(self) -> Self::Bytes {
                self.to_le_bytes()
            }
            #[inline]
            fn decode(bytes: &Self::Bytes) -> Self {
                <$t>::from_le_bytes(*bytes)
            }
        }
    )*};
}

numbers! { u8 u16 u32 u64 }

/// Defines structs with the offsets of the specification, and proves that they are those of the C ABI.
macro_rules! layouts {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident: $size:literal {
            $($(#[$fmeta:meta])* $field:ident: $t:ty = $offset:literal,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: $t,)*
        }

        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };

        impl $crate::abi::Layout for $name {
            const SIZE: usize = $size;
            type Bytes = [u8; $size];
            const ZERO: Self::Bytes = [0; $size];
            #[inline]
            fn encode(self) -> Self::Bytes {
                let mut bytes = [0; $size];
                $(bytes[$offset..$offset + <$t as $crate::abi::Layout>::SIZE]
                    .copy_from_slice(&<$t as $crate::abi::Layout>::encode(self.$field));)*
                bytes
            }
            #[inline]
            fn decode(bytes: &Self::Bytes) -> Self {
                $name {
                    $($field: {
                        let mut field = <$t as $crate::abi::Layout>::ZERO;
                        field.copy_from_slice(&bytes[$offset..$offset + <$t as $crate::abi::Layout>::SIZE]);
                        <$t as $crate::abi::Layout>::decode(&field)
                    },)*
                }
            }
        }
    )*};
}

pub(super) use layouts;
