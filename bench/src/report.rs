//! What is printed: tables with ratios, for people and as Markdown, and everything as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    machine::Machine,
    measure::{Cost, Plan},
    op::Op,
};

/// One operation, for every subject: what it cost, or why it took no part.
pub(crate) struct Row {
    pub(crate) op: Op,
    pub(crate) results: Vec<(&'static str, Result<Cost, &'static str>)>,
}

impl Row {
    pub(crate) fn cost(&self, subject: &str) -> Option<Cost> {
        let (_, result) = self.results.iter().find(|(name, _)| *name == subject)?;
        result.ok()
    }
}

/// Columns of one table.
pub(crate) struct Layout {
    pub(crate) title: &'static str,
    /// Whose costs are shown.
    pub(crate) subjects: &'static [&'static str],
    /// Ratios: head of the column, and which cost is divided by which.
    pub(crate) ratios: &'static [(&'static str, &'static str, &'static str)],
}

/// The two tables.
pub(crate) const LAYOUTS: [Layout; 2] = [
    Layout {
        title: "Filesystems alone",
        subjects: &[
            "mem_fs",
            "overlay",
            "virtual-fs mem_fs",
            "host_fs tmpfs",
            "exclusive tmpfs",
            "raw tmpfs",
            "host_fs disk",
            "raw disk",
        ],
        ratios: &[
            ("overlay / mem_fs", "overlay", "mem_fs"),
            ("raw / mem_fs", "raw tmpfs", "mem_fs"),
            ("virtual-fs / mem_fs", "virtual-fs mem_fs", "mem_fs"),
            ("host_fs / raw, tmpfs", "host_fs tmpfs", "raw tmpfs"),
            ("exclusive / raw, tmpfs", "exclusive tmpfs", "raw tmpfs"),
            ("host_fs / raw, disk", "host_fs disk", "raw disk"),
        ],
    },
    Layout {
        title: "Syscalls through Cranelift",
        subjects: &["guest, mem_fs", "guest, host_fs", "guest, exclusive", "guest, wasmtime-wasi", "raw tmpfs"],
        ratios: &[
            ("wasmtime / mem_fs", "guest, wasmtime-wasi", "guest, mem_fs"),
            ("raw / mem_fs", "raw tmpfs", "guest, mem_fs"),
            ("wasmtime / host_fs", "guest, wasmtime-wasi", "guest, host_fs"),
            ("host_fs / raw", "guest, host_fs", "raw tmpfs"),
            ("exclusive / raw", "guest, exclusive", "raw tmpfs"),
        ],
    },
];

/// A table as cells; the first line is the head. Rows and columns with nothing in them are left out.
fn cells(layout: &Layout, rows: &[Row]) -> Vec<Vec<String>> {
    let shown: Vec<&str> =
        layout.subjects.iter().copied().filter(|s| rows.iter().any(|r| r.cost(s).is_some())).collect();
    let ratios: Vec<_> = layout.ratios.iter().filter(|(_, a, b)| shown.contains(a) && shown.contains(b)).collect();
    let mut head = vec!["operation".to_owned(), "per".to_owned()];
    head.extend(shown.iter().map(|s| format!("{s}, ns")));
    head.extend(ratios.iter().map(|(title, ..)| (*title).to_owned()));
    let mut table = vec![head];
    // A row of nothing but the raw syscall belongs to the other table.
    let own = |row: &&Row| shown.iter().any(|s| *s != "raw tmpfs" && row.cost(s).is_some());
    for row in rows.iter().filter(own) {
        let mut line = vec![row.op.to_string(), row.op.unit().to_owned()];
        line.extend(shown.iter().map(|s| row.cost(s).map_or("-".to_owned(), |cost| number(cost.median))));
        line.extend(ratios.iter().map(|(_, a, b)| match (row.cost(a), row.cost(b)) {
            (Some(a), Some(b)) => ratio(a.median / b.median),
            _ => "-".to_owned(),
        }));
        table.push(line);
    }
    table
}

/// Three digits that mean something.
fn number(ns: f64) -> String {
    match ns {
        _ if ns >= 100.0 => separated(ns.round() as u64),
        _ if ns >= 10.0 => format!("{ns:.1}"),
        _ => format!("{ns:.2}"),
    }
}

fn separated(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn ratio(ratio: f64) -> String {
    if ratio >= 100.0 {
        format!("{ratio:.0} x")
    } else if ratio >= 10.0 {
        format!("{ratio:.1} x")
    } else {
        format!("{ratio:.2} x")
    }
}

/// Aligned, with `|` around the cells if `markdown`.
fn aligned(table: &[Vec<String>], markdown: bool) -> String {
    let width = |column: usize| table.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table[0].len()).map(width).collect();
    let mut text = String::new();
    for (i, line) in table.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 | 1 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let cells: Vec<String> = cells.collect();
        let line = if markdown { format!("| {} |", cells.join(" | ")) } else { cells.join("  ") };
        text.push_str(line.trim_end());
        text.push('\n');
        if i == 0 {
            let rule = widths.iter().enumerate().map(|(column, &width)| match (markdown, column) {
                (true, 2..) => format!("{}:", "-".repeat(width - 1)),
                _ => "-".repeat(width),
            });
            let rule: Vec<String> = rule.collect();
            text += &if markdown { format!("| {} |\n", rule.join(" | ")) } else { rule.join("  ") + "\n" };
        }
    }
    text
}

/// Both tables.
pub(crate) fn tables(rows: &[Row], markdown: bool) -> String {
    let mut text = String::new();
    for layout in &LAYOUTS {
        let table = cells(layout, rows);
        if table.len() > 1 {
            let title = if markdown { "### " } else { "" };
            let _ = writeln!(text, "{title}{}\n\n{}", layout.title, aligned(&table, markdown));
        }
    }
    text
}

/// What was measured and where.
pub(crate) fn preamble(machine: &Machine, plan: Plan, markdown: bool) -> String {
    let mark = if markdown { "* " } else { "" };
    let mut text = facts(machine, markdown);
    let ms = plan.batch.as_millis();
    let _ = writeln!(
        text,
        "{mark}method: processor time of the process; median of {} rounds over all subjects in turns, batches of at \
         least {ms} ms",
        plan.rounds
    );
    text
}

/// Where it was measured.
pub(crate) fn facts(machine: &Machine, markdown: bool) -> String {
    let mark = if markdown { "* " } else { "" };
    let mut text = String::new();
    for (name, value) in machine.facts() {
        let _ = writeln!(text, "{mark}{name}: {value}");
    }
    text
}

/// Everything.
pub(crate) fn json(machine: &Machine, plan: Plan, rows: &[Row]) -> Value {
    let facts: Map<String, Value> =
        machine.facts().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let rows: Vec<Value> = rows.iter().map(row).collect();
    json!({
        "machine": facts,
        "rounds": plan.rounds,
        "batch_ms": plan.batch.as_secs_f64() * 1e3,
        "unit": "nanoseconds of processor time",
        "rows": rows,
    })
}

fn row(row: &Row) -> Value {
    let result = |result: &Result<Cost, &str>| match result {
        Ok(cost) => json!({"median": cost.median, "min": cost.min, "max": cost.max, "wall": cost.wall}),
        Err(reason) => json!({"no": reason}),
    };
    let results: Map<String, Value> = row.results.iter().map(|(name, r)| ((*name).to_owned(), result(r))).collect();
    json!({"operation": row.op.to_string(), "per": row.op.unit(), "size": row.op.size(), "results": results})
}
