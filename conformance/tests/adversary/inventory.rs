//! `ADVERSARY.md` is true: every test that it names exists, and every advisory, threat and historical bug has a row.

use std::{collections::BTreeMap, fs, path::PathBuf};

/// The top of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Rows that must be there: the advisories, what is known without a number, threats, and the bugs of another virtual
/// filesystem by the names they have in our notes.
const IDS: &str = "
    GHSA-hp8f-xmx4-4qrg CVE-2026-39822 CVE-2026-58494 CVE-2026-47261 GHSA-3p27-qvp9-27qf CVE-2025-53901 CVE-2026-27204
    CVE-2026-27572 GHSA-x84v-gj2h-g759 wasmtime#13894 CVE-2024-51745 CVE-2024-51756 CVE-2023-51661 CVE-2024-38358
    CVE-2025-43853 CVE-2025-54126 uvwasi-toctou wazero#2321 bun#31175 GR-75058 walrus#458 sp-wasm#18 CVE-2025-22873
    CVE-2026-27139 CVE-2022-41720 CVE-2023-0386
    T-swap T-dotdot T-mounts T-proc T-special T-hardlinks T-modes T-readonly T-noatime T-sparse T-descriptors T-readdir
    T-paths T-names T-blocking T-sigbus T-other-systems T-32bit
    T-quota T-holes T-deep T-cycles T-orphans T-deadlock T-flood T-bombs T-whiteouts T-copy-up T-lower T-upper-links
    T-panics
    M0 M0b M1 M2 M3 M4 M5 M6 M7 M8 M9 M10 M11 M12 R1 R3 M14 M-unlink M-locks M-growth M-images M-times M-mounted
    O1 O2 O3 O4 O5 O6 O7 O8 O9 O10 O12 O13 O14 O15 O16 O16c O-crash O-errno O-readdir O-whiteout O-cost
    H1 H2 H3 H4 H5 H6 H7 H8 H9 H-host
    W-times W-now W-stale W-append W-replaced W-panic W-unlink W-rmdir W-create W-handles W-lock W-readdir W-seek W-sync
    W-nonblock W-clock W-cache W-utf8 E-errno";

/// Where tests of a kind are, by the word before their name; `*` is what comes before `::`.
const KINDS: [(&str, &str); 8] = [
    ("kit", "conformance/src/cases/*.rs"),
    ("adversary", "conformance/tests/adversary/*.rs"),
    ("conformance", "conformance/tests/*.rs"),
    ("host_fs", "vfs/src/host_fs/tests/*.rs"),
    ("vfs", "vfs/src/*.rs"),
    ("wasi", "wasi/*.rs"),
    ("command", "runtime-shim/tests/*.rs"),
    ("xtask", "conformance/examples/*.rs"),
];

/// Whether what is between backticks in a table names a test that is there; `None` if it names no test.
fn exists(text: &str) -> Option<bool> {
    let (kind, name) = text.split_once(' ')?;
    if kind == "guest" {
        let built = ["preview1", "preview1-extra"]
            .iter()
            .any(|suite| root().join(format!("wasi-testsuite/tests/{suite}/{name}.wasm")).exists());
        return Some(built);
    }
    let (_, place) = KINDS.iter().find(|(known, _)| *known == kind)?;
    let (file, function) = name.rsplit_once("::").unwrap_or((name, "main"));
    let text = fs::read_to_string(root().join(place.replace('*', file))).unwrap_or_default();
    Some(text.contains(&format!("fn {function}(")))
}

#[test]
fn every_row_is_there_and_true() {
    let text = fs::read_to_string(root().join("conformance/ADVERSARY.md")).expect("ADVERSARY.md");
    let (_, tables) = text.split_once("\n## ").expect("tables under a heading");
    let mut rows = BTreeMap::new();
    for line in tables.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, tests, seen] = cells[..] else { panic!("a row has four cells: {line}") };
        if ["id", "--"].contains(&id) {
            continue;
        }
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).filter(|text| exists(text).is_some()).collect();
        for text in &named {
            assert_eq!(exists(text), Some(true), "{id} names `{text}`, which is not there");
        }
        assert!(!named.is_empty() || tests.starts_with("n/a: "), "{id} has neither a test nor a reason");
        assert!(seen == "–" || seen.starts_with("A"), "{id} names a mutation by its number: {seen}");
        for number in seen.split(", ").filter(|&number| number != "–") {
            assert!(text.contains(&format!("\n* **{number}** ")), "{id} names {number}, which is not described");
        }
        assert_eq!(rows.insert(id.to_owned(), ()), None, "{id} twice");
    }
    let missing: Vec<&str> = IDS.split_whitespace().filter(|id| !rows.contains_key(*id)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

/// The check itself.
#[test]
fn what_is_not_there_is_missed() {
    assert_eq!(exists("kit hostile::no_operation_leads_out"), Some(true));
    assert_eq!(exists("kit hostile::no_such_case"), Some(false));
    assert_eq!(exists("kit nowhere::no_operation_leads_out"), Some(false));
    assert_eq!(exists("guest symlink_escape"), Some(true));
    assert_eq!(exists("guest no_such_guest"), Some(false));
    assert_eq!(exists("a/evil → outside"), None);
}
