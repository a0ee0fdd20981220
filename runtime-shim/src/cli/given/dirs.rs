//! `--dir`: the words.

use std::{ffi::OsStr, path::PathBuf};

use crate::cli::{report::Failure, words};

/// One `--dir`.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Dir {
    pub(super) host: PathBuf,
    pub(super) guest: Vec<u8>,
    pub(super) read_only: bool,
}

impl Dir {
    pub(super) fn parse(option: &OsStr) -> Result<Dir, Failure> {
        let text = words::bytes(option)?;
        let (text, read_only) = match text.strip_suffix(b":ro") {
            // `HOST::ro` is the guest directory `ro`.
            Some(rest) if !rest.ends_with(b":") => (rest, true),
            _ => (text, false),
        };
        let (host, guest) = match text.windows(2).rposition(|pair| pair == b"::") {
            Some(at) => (&text[..at], &text[at + 2..]),
            None => (text, text),
        };
        let missing = match (host.is_empty(), guest.is_empty()) {
            (true, _) => "the directory to offer",
            (_, true) => "the name under which the program will see it",
            _ => return Ok(Dir { host: words::path(host)?, guest: guest.to_vec(), read_only }),
        };
        Err(Failure::usage(format!("`--dir {}` lacks {missing}", option.display()))
            .help("write `--dir HOST`, `--dir HOST::GUEST`, or either with `:ro` at the end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dirs_are_split_at_the_last_pair_of_colons() {
        for (text, host, guest, read_only) in [
            (".", ".", ".", false),
            ("/a/b", "/a/b", "/a/b", false),
            ("sub/:ro", "sub/", "sub/", true),
            ("a::/", "a", "/", false),
            ("a::b::c", "a::b", "c", false),
            ("a::/x:ro", "a", "/x", true),
            ("a::ro", "a", "ro", false),
            ("a::ro:ro", "a", "ro", true),
            ("a:b", "a:b", "a:b", false),
        ] {
            let dir = Dir::parse(OsStr::new(text)).unwrap();
            let want = Dir { host: host.into(), guest: guest.into(), read_only };
            assert_eq!(dir, want, "{text}");
        }
        for bad in ["", "::", "::/x", "x::", ":ro", "x:::ro"] {
            let parsed = Dir::parse(OsStr::new(bad));
            assert!(parsed.is_err() || bad == "x:::ro", "{bad}: {parsed:?}");
        }
    }
}
