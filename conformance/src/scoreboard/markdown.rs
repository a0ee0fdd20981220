//! Writing a [`Board`] for people, without a date: the same results are the same bytes.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Board, Counts, List, MADE_WITH, Mark, Row, Table};

const HEAD: &str = "\
# Conformance

Every test on every filesystem and every engine, and the reason of everything that is not green. This file is written by

```sh
cargo xtask scoreboard            # runs everything, and writes this file
cargo xtask scoreboard --check    # runs everything, and says where this file is not what came out
```

and not by hand. `WASI_TESTSUITE_DIR` names a copy of the official wasi-testsuite, for its tests to be among these.

";

const LEGEND: &str = "
| mark | meaning |
|---|---|
| ✓ | passed |
| ◐ | passed, and part of the test was not asked, or was asked to be refused: the filesystem does not claim what that part needs |
| – | nothing was asked, for a reason that is given below |
| ✗ | failed |

In the summary a cell is the number of tests that passed, then, if there are any, how many have another mark. Tests that
passed on every filesystem are folded, group by group; the others have a row. After each table stands why they are not
green: the reason comes from the test, which asked for a capability (`FsCaps`) and did not find it, or from the list in
the tree that exempts it.
";

impl Board {
    /// As a file, in Markdown.
    pub fn to_markdown(&self) -> String {
        let mut out = HEAD.to_owned();
        let _ = writeln!(out, "{MADE_WITH}{}.", self.made_with.join("; "));
        out.push_str(LEGEND);
        out.push_str("\n## Summary\n");
        let all = self.counts();
        let _ = writeln!(
            out,
            "\n{} results: {} passed, {} passed in part, {} not asked, {} failed.",
            all.passed + all.partly + all.not_asked + all.failed,
            all.passed,
            all.partly,
            all.not_asked,
            all.failed
        );
        for table in &self.tables {
            summary(&mut out, table);
        }
        for table in &self.tables {
            matrix(&mut out, table);
            reasons(&mut out, table);
        }
        for list in &self.lists {
            facts(&mut out, list);
        }
        out
    }
}

fn summary(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n### {}: summary\n\n{}\n", table.title, table.about);
    header(out, "tests", &table.columns);
    let of = |keep: &dyn Fn(&Row) -> bool, at: usize| {
        Counts::of(table.rows.iter().filter(|row| keep(row)).map(|row| &row.marks[at]))
    };
    for group in groups(table) {
        line(out, group, (0..table.columns.len()).map(|at| cell(of(&|row| row.group == group, at))));
    }
    line(out, "**all**", (0..table.columns.len()).map(|at| cell(of(&|_| true, at))));
}

fn cell(counts: Counts) -> String {
    let mut text = counts.passed.to_string();
    for (mark, count) in [("◐", counts.partly), ("–", counts.not_asked), ("✗", counts.failed)] {
        if count > 0 {
            let _ = write!(text, " {mark}{count}");
        }
    }
    text
}

/// In the order in which they come first.
fn groups(table: &Table) -> Vec<&str> {
    let mut groups: Vec<&str> = vec![];
    for row in &table.rows {
        if !groups.contains(&&*row.group) {
            groups.push(&row.group);
        }
    }
    groups
}

fn matrix(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n## {}", table.title);
    for group in groups(table) {
        let is_green = |row: &&Row| Counts::of(&row.marks).is_green();
        let (green, others): (Vec<&Row>, Vec<&Row>) =
            table.rows.iter().filter(|row| row.group == group).partition(is_green);
        if !green.is_empty() {
            let names: Vec<String> = green.iter().map(|row| format!("`{}`", row.name)).collect();
            let _ = writeln!(
                out,
                "\n<details><summary>{group}: {} ✓ in all {} columns</summary>\n\n{}\n\n</details>",
                green.len(),
                table.columns.len(),
                names.join("\n")
            );
        }
        if !others.is_empty() {
            out.push('\n');
            header(out, group, &table.columns);
            for row in others {
                line(out, &format!("`{}`", row.name), row.marks.iter().map(|mark| sign(mark).to_owned()));
            }
        }
    }
}

fn sign(mark: &Mark) -> &'static str {
    match mark {
        Mark::Passed => "✓",
        Mark::Partly(_) => "◐",
        Mark::NotAsked(_) => "–",
        Mark::Failed(_) => "✗",
    }
}

/// By mark and reason; then the tests that have it on the same filesystems, together.
fn reasons(out: &mut String, table: &Table) {
    let mut found: BTreeMap<(usize, &str), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for row in &table.rows {
        for (column, mark) in table.columns.iter().zip(&row.marks) {
            let key = match mark {
                Mark::Passed => continue,
                Mark::Failed(seen) => (0, seen.lines().next().unwrap_or("a failure without words")),
                Mark::NotAsked(_) | Mark::Partly(_) => {
                    let why = mark.reason().filter(|why| !why.trim().is_empty()).unwrap_or("**no reason is known**");
                    (if matches!(mark, Mark::NotAsked(_)) { 1 } else { 2 }, why)
                }
            };
            found.entry(key).or_default().entry(&row.name).or_default().push(column);
        }
    }
    if found.is_empty() {
        let _ = writeln!(out, "\nEverything here is green.");
        return;
    }
    let _ = writeln!(out, "\n### {}: not green, and why", table.title);
    for ((kind, reason), tests) in found {
        let _ = writeln!(out, "\n* {} {reason}", ["✗", "–", "◐"][kind]);
        let mut together: BTreeMap<&[&str], Vec<String>> = BTreeMap::new();
        for (test, columns) in &tests {
            together.entry(columns).or_default().push(format!("`{test}`"));
        }
        for (columns, tests) in together {
            let on = if columns.len() == table.columns.len() { "everywhere".to_owned() } else { columns.join(", ") };
            let _ = writeln!(out, "  * {on}: {}", tests.join(", "));
        }
    }
}

fn facts(out: &mut String, list: &List) {
    let _ = writeln!(out, "\n## {}\n\n{}", list.title, list.about);
    if let Some((first, others)) = list.header.split_first() {
        out.push('\n');
        header(out, first, others);
        for row in &list.rows {
            if let Some((first, others)) = row.split_first() {
                line(out, &escape(first), others.iter().map(|text| escape(text)));
            }
        }
    }
}

fn header(out: &mut String, first: &str, others: &[String]) {
    line(out, first, others.iter().cloned());
    let _ = writeln!(out, "|---|{}", "---|".repeat(others.len()));
}

fn line(out: &mut String, first: &str, others: impl Iterator<Item = String>) {
    let cells: Vec<String> = others.collect();
    let _ = write!(out, "| {first} |");
    for cell in cells {
        let _ = write!(out, " {cell} |");
    }
    out.push('\n');
}

/// What would end a cell, or a row.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, marks: [Mark; 2]) -> Row {
        let group = name.split("::").next().unwrap().to_owned();
        Row { group, name: name.to_owned(), marks: marks.into() }
    }

    fn board() -> Board {
        let unclaimed = || "does not claim `SYMLINKS`".to_owned();
        let table = Table {
            title: "The kit".to_owned(),
            about: "Cases.".to_owned(),
            columns: vec!["mem".to_owned(), "host".to_owned()],
            rows: vec![
                row("link::one", [Mark::Passed, Mark::Passed]),
                row("link::two", [Mark::Passed, Mark::Passed]),
                row("link::three", [Mark::Passed, Mark::NotAsked(unclaimed())]),
                row("open::one", [Mark::Partly(unclaimed()), Mark::NotAsked(unclaimed())]),
                row("open::two", [Mark::Failed("5 is wrong\nat x.rs:1".to_owned()), Mark::NotAsked(String::new())]),
            ],
        };
        let list = List {
            title: "Allowed".to_owned(),
            about: "Choices.".to_owned(),
            header: vec!["what".to_owned(), "why".to_owned()],
            rows: vec![vec!["a".to_owned(), "b | c".to_owned()]],
        };
        Board { made_with: vec!["Linux 6".to_owned(), "rustc 1".to_owned()], tables: vec![table], lists: vec![list] }
    }

    #[test]
    fn everything_is_in_it() {
        let text = board().to_markdown();
        let body = &text[text.find("\n## Summary").unwrap()..];
        let wanted = "
## Summary

10 results: 5 passed, 1 passed in part, 3 not asked, 1 failed.

### The kit: summary

Cases.

| tests | mem | host |
|---|---|---|
| link | 3 | 2 –1 |
| open | 0 ◐1 ✗1 | 0 –2 |
| **all** | 3 ◐1 ✗1 | 2 –3 |

## The kit

<details><summary>link: 2 ✓ in all 2 columns</summary>

`link::one`
`link::two`

</details>

| link | mem | host |
|---|---|---|
| `link::three` | ✓ | – |

| open | mem | host |
|---|---|---|
| `open::one` | ◐ | – |
| `open::two` | ✗ | – |

### The kit: not green, and why

* ✗ 5 is wrong
  * mem: `open::two`

* – **no reason is known**
  * host: `open::two`

* – does not claim `SYMLINKS`
  * host: `link::three`, `open::one`

* ◐ does not claim `SYMLINKS`
  * mem: `open::one`

## Allowed

Choices.

| what | why |
|---|---|
| a | b \\| c |
";
        assert_eq!(body, wanted);
        assert!(text.contains("\nMade with: Linux 6; rustc 1.\n"), "{text}");
    }

    #[test]
    fn what_is_green_says_so() {
        let mut board = board();
        board.tables[0].rows.truncate(2);
        let text = board.to_markdown();
        assert!(text.contains("\nEverything here is green.\n") && !text.contains("and why\n"), "{text}");
    }
}
