//! The tables.

use std::{fmt::Write as _, time::Duration};

use crate::{coremark::Score, machine::Machine, subject::Subject};

/// A kernel, with a number for each subject.
pub(crate) struct Row {
    pub(crate) name: String,
    /// How many system calls it makes, if it is about those.
    pub(crate) calls: Option<f64>,
    pub(crate) first: Vec<Duration>,
    pub(crate) warm: Vec<Duration>,
}

struct Module {
    name: String,
    bytes: usize,
    subject: &'static str,
    /// To compile it, then to make an instance: processor time, then by the clock.
    times: [Duration; 4],
}

pub(crate) struct Report {
    names: Vec<&'static str>,
    versions: Vec<String>,
    rounds: usize,
    pub(crate) rows: Vec<Row>,
    modules: Vec<Module>,
    /// Of CoreMark, one for each subject, if it has been run.
    scores: Vec<Score>,
}

impl Report {
    pub(crate) fn new(subjects: &[Subject], rounds: usize) -> Report {
        Report {
            names: subjects.iter().map(|subject| subject.name).collect(),
            versions: subjects.iter().map(Subject::version).collect(),
            rounds,
            rows: Vec::new(),
            modules: Vec::new(),
            scores: Vec::new(),
        }
    }

    pub(crate) fn kernel(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn coremark(&mut self, scores: Vec<Score>) {
        self.scores = scores;
    }

    pub(crate) fn module(&mut self, name: &str, bytes: usize, subject: &'static str, times: [Duration; 4]) {
        self.modules.push(Module { name: name.to_owned(), bytes, subject, times });
    }

    /// The kernels that compute, with how many times as long the first subject takes as the second.
    pub(crate) fn ratios(&self) -> impl Iterator<Item = (&Row, f64)> {
        self.rows.iter().filter(|row| row.calls.is_none()).map(|row| (row, row.ratio()))
    }

    /// Their geometric mean.
    pub(crate) fn mean_ratio(&self) -> f64 {
        let count = self.ratios().count().max(1) as f64;
        (self.ratios().map(|(_, ratio)| ratio.ln()).sum::<f64>() / count).exp()
    }

    pub(crate) fn markdown(&self, machine: &Machine) -> String {
        let mut text = String::new();
        for (name, value) in machine.facts() {
            let _ = writeln!(text, "* {name}: {value}");
        }
        for (name, version) in self.names.iter().zip(&self.versions).take(2) {
            let _ = writeln!(text, "* {name}: {version}");
        }
        let _ = writeln!(text, "* method: processor time of the process; median of {} rounds in turns", self.rounds);
        self.calls(&mut text);
        self.kernels(&mut text);
        self.scores(&mut text);
        self.begin(&mut text);
        text
    }

    fn head(&self, text: &mut String, first: &str, unit: &str, last: &[&str]) {
        let columns = self.names.iter().map(|name| format!("{name}, {unit}")).chain(last.iter().map(|&l| l.to_owned()));
        let columns: Vec<_> = columns.collect();
        let _ = writeln!(text, "| {first} | {} |", columns.join(" | "));
        let _ = writeln!(text, "| --- |{}", " ---: |".repeat(columns.len()));
    }

    fn calls(&self, text: &mut String) {
        if !self.rows.iter().any(|row| row.calls.is_some()) {
            return;
        }
        text.push_str("\nA system call:\n\n");
        self.head(text, "parameters", "ns", &[]);
        for row in &self.rows {
            let Some(calls) = row.calls else { continue };
            let costs: Vec<_> = row.warm.iter().map(|time| format!("{:.1}", time.as_nanos() as f64 / calls)).collect();
            let _ = writeln!(text, "| {} | {} |", row.name, costs.join(" | "));
        }
    }

    fn kernels(&self, text: &mut String) {
        if self.ratios().next().is_none() {
            return;
        }
        text.push_str("\nA computation, when it is warm, and in its first call:\n\n");
        let first = ["Cranelift / JSC", "first call, Cranelift, ms", "first call, JSC, ms"];
        self.head(text, "kernel", "ms", &first);
        for (row, ratio) in self.ratios() {
            let warm: Vec<_> = row.warm.iter().map(|time| milliseconds(*time)).collect();
            let first: Vec<_> = row.first.iter().take(2).map(|time| milliseconds(*time)).collect();
            let (warm, first) = (warm.join(" | "), first.join(" | "));
            let _ = writeln!(text, "| {} | {warm} | {ratio:.2} x | {first} |", row.name);
        }
        let _ = writeln!(text, "| geometric mean | | | | | {:.2} x | | |", self.mean_ratio());
    }

    fn scores(&self, text: &mut String) {
        let [one, other, ..] = self.scores.as_slice() else { return };
        let _ = writeln!(text, "\nCoreMark ({}), iterations in a second of processor time:\n", one.built);
        self.head(text, "", "1/s", &["JSC / Cranelift"]);
        let scores: Vec<_> = self.scores.iter().map(|score| format!("{:.0}", score.iterations)).collect();
        let _ = writeln!(text, "| CoreMark | {} | {:.2} x |", scores.join(" | "), other.iterations / one.iterations);
    }

    fn begin(&self, text: &mut String) {
        text.push_str("\nTo compile a module, and to make an instance of it:\n\n");
        text.push_str("| module | engine | compile, ms | on the wall, ms | instance, ms | on the wall, ms |\n");
        text.push_str("| --- | --- | ---: | ---: | ---: | ---: |\n");
        for module in &self.modules {
            let times: Vec<_> = module.times.iter().map(|time| milliseconds(*time)).collect();
            let kib = module.bytes.div_ceil(1024);
            let (name, times) = (&module.name, times.join(" | "));
            let _ = writeln!(text, "| {name}, {kib} KiB | {} | {times} |", module.subject);
        }
    }
}

impl Row {
    fn ratio(&self) -> f64 {
        match self.warm.as_slice() {
            [one, other, ..] if !other.is_zero() => one.as_secs_f64() / other.as_secs_f64(),
            _ => 1.0,
        }
    }
}

pub(crate) fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 1.0 {
        format!("{ms:.3}")
    } else if ms < 100.0 {
        format!("{ms:.2}")
    } else {
        format!("{ms:.0}")
    }
}
