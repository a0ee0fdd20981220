//! `gangplank engines`.

use core::{fmt::Write as _, num::NonZeroU32};

use gangplank::engine::{ENGINES, EngineOptions, engine};

use super::{
    compiled::{default_cache, default_dir},
    report::{Failure, print},
};

pub(crate) fn engines() -> Result<u8, Failure> {
    let mut text = String::new();
    let mut default = true;
    // With everything that is only there when it is asked for.
    let pool = Some(NonZeroU32::MIN);
    let options = EngineOptions { interruptible: true, fuel: true, profile: true, pool, ..EngineOptions::default() };
    for known in ENGINES {
        let _ = write!(text, "{:<10} {}", known.name, known.about);
        match engine(Some(known.name), &options) {
            Ok(engine) => {
                let is_default = if core::mem::take(&mut default) { " (the default)" } else { "" };
                let _ = writeln!(text, "{is_default}\n{:<11}version: {}", "", engine.version());
                let _ = writeln!(text, "{:<11}can do: {}", "", engine.capabilities());
            }
            Err(error) => {
                let _ = writeln!(text, "\n{:<11}not available: {error}", "");
            }
        }
    }
    let _ = match (default_dir(), default_cache()) {
        (Some(dir), Some(Ok(_))) => writeln!(text, "{:<10} {}", "cache", dir.display()),
        (_, Some(Err(error))) => writeln!(text, "{:<10} not used: {error}", "cache"),
        _ => writeln!(text, "{:<10} not used: neither XDG_CACHE_HOME nor HOME is a directory of yours", "cache"),
    };
    print(&text)
}
