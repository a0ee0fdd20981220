//! [`Output`]: descriptors 1 and 2.

use std::sync::Arc;

use gangplank_vfs::VirtualFile;
use gangplank_wasi::stdio::{self, Captured};

/// Where an output goes.
#[derive(Clone, Debug)]
pub(super) enum Output {
    To(Arc<dyn VirtualFile>),
    /// Into the result of each run, up to this many bytes.
    Capture(usize),
}

impl Output {
    /// The file of one run, and what it keeps.
    pub(super) fn open(&self) -> (Arc<dyn VirtualFile>, Option<Captured>) {
        match self {
            Output::To(file) => (Arc::clone(file), None),
            Output::Capture(limit) => {
                let (file, captured) = stdio::capture(*limit);
                (file, Some(captured))
            }
        }
    }
}
