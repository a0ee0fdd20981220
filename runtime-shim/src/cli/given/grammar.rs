//! The grammar of `--mount`: fields `KEY=VALUE` or `KEY`, with commas between them; a comma in a value is written twice.
//! Every field knows where it stands, so that an error can point at it.

use core::ops::Range;
use std::borrow::Cow;

use crate::cli::report::Failure;

/// A part of the text.
pub(super) type Span = Range<usize>;

/// Something that was read, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) at: Span,
}

/// `key=value`, or `key`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Field<'t> {
    pub(super) key: Spanned<&'t [u8]>,
    pub(super) value: Option<Spanned<Cow<'t, [u8]>>>,
}

impl Field<'_> {
    /// All of it.
    pub(super) fn at(&self) -> Span {
        self.key.at.start..self.value.as_ref().map_or(self.key.at.end, |value| value.at.end)
    }
}

/// Splits the text into its fields. Any text has at least one.
pub(super) fn fields(text: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            (b',', Some(b',')) => at += 2,
            (b',', _) => {
                fields.push(field(text, start..at));
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    fields.push(field(text, start..text.len()));
    fields
}

fn field(text: &[u8], at: Span) -> Field<'_> {
    let whole = &text[at.clone()];
    let Some(equals) = whole.iter().position(|&b| b == b'=') else {
        return Field { key: Spanned { value: whole, at }, value: None };
    };
    let key = at.start..at.start + equals;
    let value = key.end + 1..at.end;
    let raw = &text[value.clone()];
    let mut unescaped = Cow::Borrowed(raw);
    if raw.contains(&b',') {
        let mut left = raw.iter();
        let mut out = Vec::with_capacity(raw.len());
        while let Some(&byte) = left.next() {
            out.push(byte);
            if byte == b',' {
                // Its twin.
                left.next();
            }
        }
        unescaped = Cow::Owned(out);
    }
    Field { key: Spanned { value: &text[key.clone()], at: key }, value: Some(Spanned { value: unescaped, at: value }) }
}

/// `--mount TEXT` is wrong at this place: the message, then the text with a mark under the place.
pub(super) fn wrong(text: &[u8], at: Span, message: &str) -> Failure {
    const OPTION: &str = "--mount ";
    let shown = |part: &[u8]| String::from_utf8_lossy(part).replace(|c: char| c.is_control(), "\u{FFFD}");
    let columns = |part: &[u8]| shown(part).chars().count();
    let end = at.end.min(text.len());
    let start = at.start.min(end);
    let before = OPTION.len() + columns(&text[..start]);
    let marks = "^".repeat(columns(&text[start..end]).max(1));
    Failure::usage(format!("{message}\n  {OPTION}{}\n  {}{marks}", shown(text), " ".repeat(before)))
}

/// The word that was probably meant.
pub(super) fn nearest<'w>(given: &[u8], words: &[&'w str]) -> Option<&'w str> {
    let given = core::str::from_utf8(given).ok()?.to_ascii_lowercase();
    let (distance, word) = words.iter().map(|word| (strsim::osa_distance(&given, word), *word)).min()?;
    // Half of the letters right is a coincidence.
    (distance * 2 < word.len().max(2)).then_some(word)
}

/// `a, b or c`, each in backquotes.
pub(super) fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(String, Option<String>, Span)> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |field: Field<'_>| {
            let at = field.at();
            (lossy(field.key.value), field.value.map(|value| lossy(&value.value)), at)
        };
        fields(text.as_bytes()).into_iter().map(one).collect()
    }

    #[test]
    fn fields_end_at_single_commas() {
        let text = |s: &str| Some(s.to_owned());
        for (given, want) in [
            ("a", vec![("a", None, 0..1)]),
            ("", vec![("", None, 0..0)]),
            ("a,", vec![("a", None, 0..1), ("", None, 2..2)]),
            ("a=b,ro", vec![("a", text("b"), 0..3), ("ro", None, 4..6)]),
            ("a=b,,c,ro", vec![("a", text("b,c"), 0..6), ("ro", None, 7..9)]),
            ("a=,,,b", vec![("a", text(","), 0..4), ("b", None, 5..6)]),
            ("a=,,,,", vec![("a", text(",,"), 0..6)]),
            ("a==b", vec![("a", text("=b"), 0..4)]),
            ("=", vec![("", text(""), 0..1)]),
        ] {
            let want: Vec<_> = want.into_iter().map(|(key, value, at)| (key.to_owned(), value, at)).collect();
            assert_eq!(split(given), want, "{given}");
        }
    }

    #[test]
    fn the_mark_stands_under_the_place() {
        let text = "src=ü,\tx".as_bytes();
        let printed = format!("{:?}", wrong(text, 7..9, "no"));
        assert!(printed.contains(r"no\n  --mount src=ü,"), "{printed}");
        let failure = wrong("src=ü,xy".as_bytes(), 7..9, "no");
        let lines = failure.to_string();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines, ["no", "  --mount src=ü,xy", "                ^^"]);
    }

    #[test]
    fn words_that_are_nearly_right() {
        let words = ["src", "dst", "size", "nodes"];
        assert_eq!(nearest(b"szie", &words), Some("size"));
        assert_eq!(nearest(b"node", &words), Some("nodes"));
        assert_eq!(nearest(b"SRC", &words), Some("src"));
        assert_eq!(nearest(b"frobnicate", &words), None);
        assert_eq!(nearest(b"\xFF", &words), None);
        assert_eq!(alternatives(&words), "`src`, `dst`, `size` or `nodes`");
    }
}
