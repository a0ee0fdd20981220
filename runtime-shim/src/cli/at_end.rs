//! What is left to do when the program has ended, or we end it together with ourselves.

use super::{listen::SocketFiles, tracing::Summary};

/// Done once, by whoever comes first.
#[derive(Clone)]
pub(crate) struct AtEnd {
    pub(crate) summary: Summary,
    pub(crate) sockets: SocketFiles,
}

impl AtEnd {
    /// Does it.
    pub(crate) fn run(&self) {
        self.sockets.remove();
        self.summary.print();
    }
}

/// Ends the program on Ctrl-C and the like, where the system's own way would leave something undone.
#[cfg(unix)]
pub(crate) mod signals {
    use std::{io, sync::Arc, thread, time::Duration};

    use gangplank::wasi::{Cancel, Canceller};
    use parking_lot::Mutex;
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::{Handle, Signals},
    };

    use super::AtEnd;
    use crate::cli::exit;

    /// Watches until it is dropped.
    pub(crate) struct Watch {
        canceller: Arc<Mutex<Option<Canceller>>>,
        handle: Handle,
    }

    impl Watch {
        /// Begins, before there is anything to undo. `grace`: how long the program may take to notice.
        pub(crate) fn start(at_end: &AtEnd, grace: Duration) -> io::Result<Watch> {
            let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
            let watch = Watch { canceller: Arc::default(), handle: signals.handle() };
            let (canceller, at_end) = (Arc::clone(&watch.canceller), at_end.clone());
            thread::Builder::new().name("signals".to_owned()).spawn(move || {
                let (why, code) = match signals.forever().next() {
                    Some(SIGINT) => (Cancel::Interrupt, exit::INTERRUPT),
                    Some(_) => (Cancel::Requested, exit::TERMINATED),
                    None => return,
                };
                let canceller = canceller.lock().clone();
                if let Some(canceller) = canceller {
                    canceller.cancel(why);
                    thread::sleep(grace);
                }
                at_end.run();
                std::process::exit(code.into());
            })?;
            Ok(watch)
        }

        /// The program has begun to run, and may end by itself when it is canceled.
        pub(crate) fn cancels(&self, canceller: Canceller) {
            *self.canceller.lock() = Some(canceller);
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            self.handle.close();
        }
    }
}
