//! `gangplank fs diff`.

use gangplank::vfs::diff;

use super::args::Diff;
use crate::cli::{
    changes,
    report::{Failure, print},
    sources,
};

/// As `diff(1)`.
const DIFFERENT: u8 = 1;
const TROUBLE: u8 = 2;

pub(super) fn diff(args: &Diff) -> Result<u8, Failure> {
    let before = sources::tree(&args.before, TROUBLE)?;
    let after = sources::tree(&args.after, TROUBLE)?;
    let changes = diff::compare(&before, &after).map_err(|error| Failure::failed(TROUBLE, error))?;
    let text = match args.json {
        true => format!("{:#}\n", changes::json(&changes)),
        false => changes.to_string(),
    };
    print(&text)?;
    Ok(if changes.is_empty() { 0 } else { DIFFERENT })
}
