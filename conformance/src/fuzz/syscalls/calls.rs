//! Arguments: for each [`Kind`] of parameter values that mean something, and now and then any whatever.

use gangplank_wasi::abi::{Import, Kind, ValType};

use super::guest::{SIZE, slots};
use crate::fuzz::input::Input;

/// The names that are in memory at first, and come up again and again.
pub(super) const PATHS: &[&str] = &[
    "f",
    "d",
    "d/g",
    "d/n",
    "n",
    "l",
    "d/l",
    "out",
    "loop",
    "n/",
    "d/",
    "l/",
    ".",
    "..",
    "d/..",
    "d/../f",
    "d/.",
    "/f",
    "",
    "f/",
    "f/x",
    "d/../../x",
    "n2",
    "deep/er",
    "out/x",
    "l/g",
    "\u{fc}",
    "d//g",
    "n\0",
    "\u{fffd}",
];

/// Arguments for a call of `import`. `len_of` answers how long the path at an address is.
pub(super) fn arguments(import: &Import, input: &mut Input<'_>, len_of: impl Fn(u64) -> u64) -> Vec<u64> {
    let mut args: Vec<u64> = vec![];
    for param in import.params {
        let wide = param.kind.val_type() == ValType::I64;
        let before = args.last().copied().unwrap_or(0);
        let how = input.byte();
        let arg = match how {
            250.. => input.number(if wide { 8 } else { 4 }),
            240..250 => odd(wide, input),
            _ => sane(param.kind, usize::from(how), before, &len_of),
        };
        args.push(arg);
    }
    args
}

/// Numbers at which something ends.
fn odd(wide: bool, input: &mut Input<'_>) -> u64 {
    let size = SIZE as u64;
    const NARROW: [u64; 8] = [0, 1, 1 << 31, (1 << 31) - 1, u32::MAX as u64, u32::MAX as u64 - 7, 1 << 28, 0x8000];
    const WIDE: [u64; 8] = [u64::MAX, 1 << 63, (1 << 63) - 1, 1 << 62, 1 << 50, 1 << 32, u64::MAX - 1, 1 << 40];
    match input.below(if wide { 3 } else { 2 }) {
        0 => input.pick(&[size, size - 1, size - 4, size - 8, size - 24, size - 64, size + 1, size / 2]),
        1 => input.pick(&NARROW),
        _ => input.pick(&WIDE),
    }
}

fn sane(kind: Kind, how: usize, before: u64, len_of: impl Fn(u64) -> u64) -> u64 {
    let pick = |from: &[u64]| from[how % from.len()];
    let small = how as u64;
    match kind {
        Kind::Fd => pick(&[3, 4, 5, 6, 7, 8, 0, 1, 2, 9, 10, 11]),
        Kind::Path => slots::PATHS + slots::PATH * (small % slots::COUNT),
        Kind::PathLen => len_of(before),
        Kind::Iovs | Kind::IovsMut => slots::IOVS + 8 * (small % 8),
        Kind::IovsLen => small % 6,
        // Of subscriptions, too.
        Kind::Len if how < 64 => small % 5,
        Kind::Len => small * 8,
        Kind::Subscriptions => slots::SUBSCRIPTIONS + 48 * (small % slots::COUNT),
        Kind::SubscriptionsUnstable => slots::SUBSCRIPTIONS + 56 * (small % slots::COUNT),
        Kind::OutEvents | Kind::OutBuf | Kind::OutPtrs => slots::BUFFERS + 16 * small,
        Kind::OutU16
        | Kind::OutU32
        | Kind::OutU64
        | Kind::OutFd
        | Kind::OutFdstat
        | Kind::OutFilestat
        | Kind::OutFilestatUnstable
        | Kind::OutPrestat => slots::RESULTS + small,
        Kind::U32 | Kind::Signal => small % 4,
        Kind::U64 if how < 128 => small,
        Kind::U64 => pick(&[4096, 4095, 16_384, 1 << 20, 100_000, 65_536, 5000]),
        Kind::I64 => i64::from(how as u8 as i8) as u64,
        Kind::Timestamp => pick(&[0, 1, 999_999_999, 1_000_000_000, 1_700_000_000_123_456_789, 1 << 62]),
        Kind::Rights => pick(&[(1 << 30) - 1, 2, 64, 66, 0, 0xfff_ffff, 1 << 14, 0x20_00ff, 1 << 30]),
        Kind::LookupFlags => small % 3,
        Kind::OFlags => small % 17,
        Kind::FdFlags => small % 33,
        Kind::FstFlags => small % 17,
        Kind::RiFlags => small % 5,
        Kind::SiFlags => small % 2,
        Kind::SdFlags => small % 5,
        Kind::ClockId => small % 5,
        Kind::Advice => small % 7,
        Kind::Whence | Kind::WhenceUnstable => small % 4,
    }
}
