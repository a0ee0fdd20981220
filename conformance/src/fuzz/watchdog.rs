//! A thread that ends what waits for ever.

use std::{
    cell::RefCell,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::Duration,
};

/// How long a run that may wait is left alone. It has nothing else to do for so long.
const PATIENCE: Duration = Duration::from_millis(40);

/// How long it may take to end.
const GRACE: Duration = Duration::from_secs(20);

type Cancel = Box<dyn FnOnce() + Send>;

/// What to cancel, and how to learn that there is no need.
type Watched = (Cancel, Receiver<()>);

/// As long as it lives, somebody watches.
pub(super) struct Guard(Option<Sender<()>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0 = None;
    }
}

thread_local! {
    static WATCHDOG: RefCell<Option<Sender<Watched>>> = const { RefCell::new(None) };
}

/// Calls `cancel` after some time, unless the guard is gone by then; and aborts if it is not gone after much more.
pub(super) fn watch(cancel: impl FnOnce() + Send + 'static) -> Guard {
    let (guard, gone) = channel();
    WATCHDOG.with_borrow_mut(|watchdog| {
        let to = watchdog.get_or_insert_with(|| {
            let (to, from) = channel();
            std::thread::spawn(move || from.into_iter().for_each(|(cancel, gone)| one(cancel, &gone)));
            to
        });
        to.send((Box::new(cancel), gone)).expect("the thread ends when we do");
    });
    Guard(Some(guard))
}

fn one(cancel: Cancel, gone: &Receiver<()>) {
    if gone.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    cancel();
    if gone.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
        eprintln!("a call that was cancelled still waits after {GRACE:?}");
        std::process::abort();
    }
}
