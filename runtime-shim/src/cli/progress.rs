//! Progress on stderr, of work that takes long, if somebody is looking.

use std::{
    io::{IsTerminal as _, stderr},
    sync::mpsc,
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// How long work may take before it is worth a line.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is written anew.
const TICK: Duration = Duration::from_millis(100);

/// Does the work, and shows from time to time how many bytes `done` says have been dealt with.
pub(crate) fn bytes<T>(what: &'static str, done: impl Fn() -> u64 + Send, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    let (finished, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Without a thread to spare there is no line.
        let _ = thread::Builder::new().name("progress".to_owned()).spawn_scoped(scope, move || {
            let is_over = |time| wait.recv_timeout(time) != Err(mpsc::RecvTimeoutError::Timeout);
            if is_over(PATIENCE) {
                return;
            }
            let style = ProgressStyle::with_template("{spinner} {msg}: {bytes} ({elapsed})");
            let line = ProgressBar::new_spinner().with_message(what).with_elapsed(PATIENCE);
            line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            loop {
                line.set_position(done());
                line.tick();
                if is_over(TICK) {
                    break;
                }
            }
            line.finish_and_clear();
        });
        let result = work();
        drop(finished);
        result
    })
}
