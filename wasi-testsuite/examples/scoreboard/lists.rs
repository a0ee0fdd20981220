//! What stands beside the results, from the lists that the tree has of it.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use gangplank_conformance::{model::Freedom, scoreboard::List};

/// All of them.
///
/// # Errors
/// If `ADVERSARY.md` cannot be read, or has no rows.
pub(crate) fn lists(root: &Path) -> Result<Vec<List>> {
    let path = root.join("conformance/ADVERSARY.md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(vec![freedoms(), attacks(&text)?, elsewhere()])
}

fn list<const N: usize>(title: &str, about: &str, header: [&str; N], rows: Vec<[String; N]>) -> List {
    List {
        title: title.to_owned(),
        about: about.to_owned(),
        header: header.map(str::to_owned).into(),
        rows: rows.into_iter().map(Vec::from).collect(),
    }
}

fn freedoms() -> List {
    let row =
        |freedom: &Freedom| [format!("`{freedom:?}`"), freedom.reason().to_owned(), freedom.reference().to_owned()];
    list(
        "Differences that are allowed",
        "Where the specifications leave a choice, and filesystems, or the kernel, may answer otherwise than the model \
         (`conformance/src/model/freedom.rs`). None of them changes what is there afterwards; there are no others.",
        ["difference", "why", "where that is said"],
        Freedom::ALL.iter().map(row).collect(),
    )
}

/// The rows of `ADVERSARY.md` that have a reason instead of a test.
fn attacks(text: &str) -> Result<List> {
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 4 && cells[0] != "id")
        .collect();
    ensure!(!rows.is_empty(), "conformance/ADVERSARY.md has no row of four cells any more");
    let untested = rows.iter().filter_map(|cells| Some((cells, cells[2].strip_prefix("n/a: ")?)));
    let about = format!(
        "`conformance/ADVERSARY.md` has {} advisories, threats and bugs of others, each with its tests, which a test of its \
         own looks after. These have none:",
        rows.len()
    );
    let rows = untested.map(|(cells, why)| [cells[0].to_owned(), cells[1].to_owned(), why.to_owned()]).collect();
    Ok(list("Attacks without a test", &about, ["which", "what it is", "why there is none"], rows))
}

fn elsewhere() -> List {
    let rows = [
        ("random scripts on everybody at once, the kernel among them", "cargo xtask diff"),
        ("all sequences of three operations", "cargo xtask diff --exhaustive 3 --players all"),
        ("who swaps directories while paths are resolved", "cargo xtask race"),
        ("fuzz targets", "cargo xtask fuzz"),
        ("pjdfstest, beside a tmpfs of the kernel, fsx, and programs, on mounts", "cargo xtask fuse"),
        ("schedules of threads", "cargo xtask shuttle"),
        ("random layers, power cuts, and all of this", "cargo xtask test"),
    ];
    list(
        "What is not in this file",
        "Tests that are no matrix, and take as long as they are given.",
        ["what", "command"],
        rows.map(|(what, command)| [what.to_owned(), format!("`{command}`")]).into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_test_are_found() {
        let text = "| id | attack | tests | seen |\n|---|---|---|---|\n| A-1 | out | `kit a::b` | A1 |\n\
                    | A-2 | http | n/a: there is none; `x` | – |\n";
        let list = attacks(text).unwrap();
        assert!(list.about.contains("has 2 advisories"), "{}", list.about);
        assert_eq!(list.rows, [["A-2", "http", "there is none; `x`"]]);
        assert!(attacks("nothing").is_err());
    }

    #[test]
    fn every_list_has_a_reason_in_each_row() {
        for list in lists(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap() {
            assert!(!list.rows.is_empty(), "{}", list.title);
            assert!(list.rows.iter().flatten().all(|cell| !cell.trim().is_empty()), "{}", list.title);
        }
    }
}
