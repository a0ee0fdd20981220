//! [`Report`]: what came of each case, for machines.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::Once,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// What came of one case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Which one: `rename::onto_an_ancestor`.
    pub case: String,
    /// What it demands.
    pub what: String,
    /// Where that comes from.
    pub reference: String,
    /// Whether the filesystem passed.
    pub passed: bool,
    /// If not, what was seen, and where in the kit that was asked; lines.
    pub trace: String,
    /// How long it took.
    pub time: Duration,
}

impl Report {
    /// Runs a case, which panics if the filesystem is wrong. A panic of the calling thread is kept here and not
    /// printed.
    pub fn of(case: &str, what: &str, reference: &str, run: impl FnOnce()) -> Report {
        let start = Instant::now();
        let outcome = catch(run);
        Report {
            case: case.to_owned(),
            what: what.trim().to_owned(),
            reference: reference.to_owned(),
            passed: outcome.is_ok(),
            trace: outcome.err().unwrap_or_default(),
            time: start.elapsed(),
        }
    }

    /// As JSON: `case`, `what`, `reference`, `result` (`passed` or `failed`), `trace`, `ms`.
    pub fn to_json(&self) -> Value {
        json!({
            "case": self.case,
            "what": self.what,
            "reference": self.reference,
            "result": if self.passed { "passed" } else { "failed" },
            "trace": self.trace,
            "ms": self.time.as_secs_f64() * 1000.0,
        })
    }
}

thread_local! {
    /// What the last panic said, while panics are caught.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs it, and answers what it said when it panicked.
fn catch(run: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let kept = CAUGHT.with_borrow_mut(|caught| caught.as_mut().map(|text| *text = describe(info)).is_some());
            if !kept {
                before(info);
            }
        }));
    });
    CAUGHT.set(Some(String::new()));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let caught = CAUGHT.take().unwrap_or_default();
    outcome.map_err(|_| caught)
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = info.payload_as_str().unwrap_or("a panic without words");
    match info.location() {
        Some(at) => format!("{text}\nat {}:{}", at.file(), at.line()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_report() {
        let report = Report::of("a::b", " What it wants. ", "open(2)", || panic!("{} is wrong", 5));
        assert!(!report.passed);
        assert!(report.trace.starts_with("5 is wrong\nat ") && report.trace.contains("report.rs:"), "{}", report.trace);
        let json = report.to_json();
        assert_eq!((&json["case"], &json["what"]), (&json!("a::b"), &json!("What it wants.")));
        assert_eq!((&json["result"], &json["reference"]), (&json!("failed"), &json!("open(2)")));
        assert!(Report::of("a::c", "", "", || {}).passed);
    }
}
