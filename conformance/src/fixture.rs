//! [`Fixture`]: where the kit gets its filesystems from.

use std::{any::Any, fmt, sync::Arc};

use gangplank_vfs::{FileSystem, ManualClock};

/// Makes filesystems of one kind.
pub trait Fixture: Send + Sync {
    /// For people.
    fn name(&self) -> &str;

    /// A new, empty filesystem that shares nothing with any other.
    fn make(&self) -> Made;
}

/// A filesystem, fresh from a [`Fixture`].
pub struct Made {
    /// The filesystem.
    pub fs: Arc<dyn FileSystem>,
    /// Its clock, if it can be moved by hand; else the kit sleeps for a few milliseconds where time must pass.
    pub clock: Option<Arc<ManualClock>>,
    /// Whatever must live as long as the filesystem: a temporary directory, for example.
    pub keep: Box<dyn Any + Send + Sync>,
}

impl Made {
    /// A filesystem that needs nothing else.
    pub fn new(fs: Arc<dyn FileSystem>) -> Made {
        Made { fs, clock: None, keep: Box::new(()) }
    }

    /// With a clock.
    pub fn with_clock(self, clock: Arc<ManualClock>) -> Made {
        Made { clock: Some(clock), ..self }
    }

    /// With something to keep.
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Made {
        Made { keep: Box::new(keep), ..self }
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("fs", &self.fs).field("clock", &self.clock).finish_non_exhaustive()
    }
}
