//! The operations that sequences are made of: a few paths, and every verb that changes something.

use gangplank_vfs::FsCaps;

use crate::differential::{Op, Script, needs};

/// What the tree holds at the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beginning {
    /// Nothing.
    Empty,
    /// A directory `a` with a file `b`, a file `c`, a link `s` to the directory.
    Full,
}

impl Beginning {
    /// Both.
    pub const ALL: [Beginning; 2] = [Beginning::Empty, Beginning::Full];

    /// What makes it.
    ///
    /// # Panics
    /// Never.
    pub fn script(self) -> Script {
        let text = match self {
            Beginning::Empty => "",
            Beginning::Full => "mkdir a\nput a/b hello\nput c x\nsymlink a s\n",
        };
        text.parse().expect("a script")
    }
}

/// Names on which everything meets: a directory, what is in it, a file beside it, a symbolic link.
const PATHS: [&str; 4] = ["a", "a/b", "c", "s"];

/// Verbs with one path, and what comes after it.
const SINGLE: [(&str, &str); 6] =
    [("mkdir", ""), ("put", " yy"), ("unlink", ""), ("rmdir", ""), ("truncate", " 1"), ("chmod", " 711")];

/// Verbs with two.
const DOUBLE: [&str; 4] = ["link", "rename", "noreplace", "exchange"];

/// The others.
const REST: &str = "\
    symlink a s\n symlink c s\n symlink s s\n symlink a c\n symlink ../c a/b\n symlink .. a\n\
    put s/b z\n mkdir s/b\n unlink s/b\n rename s/b c\n rename c s/b\n rename a/ c\n mkdir c/\n rmdir s/\n\
    open 0 a/b rw\n open 0 c rw\n open 0 c rwcx\n open 0 s rwc\n open 0 a rd\n open 0 s/b rwct\n open 0 c rwac\n\
    fwrite 0 yy\n pwrite 0 3 x\n setlen 0 2\n flist 0\n fread 0 3\n close 0\n";

/// All operations that need no more than `caps`.
///
/// # Panics
/// Never.
pub fn alphabet(caps: FsCaps) -> Vec<Op> {
    let mut text = String::new();
    for (verb, rest) in SINGLE {
        PATHS.iter().for_each(|path| text += &format!("{verb} {path}{rest}\n"));
    }
    for verb in DOUBLE {
        for (i, one) in PATHS.iter().enumerate() {
            // To exchange is the same both ways.
            let others = if verb == "exchange" { &PATHS[i..] } else { &PATHS[..] };
            others.iter().for_each(|other| text += &format!("{verb} {one} {other}\n"));
        }
    }
    let all: Script = (text + REST).parse().expect("a script");
    all.0.into_iter().filter(|op| caps.contains(needs(op.verb))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_three_are_about_a_million() {
        let all = alphabet(FsCaps::all());
        assert!((95..=115).contains(&all.len()), "{}", all.len());
        let mut lines: Vec<String> = all.iter().map(Op::to_string).collect();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), all.len(), "none stands twice");
        assert!(alphabet(FsCaps::empty()).iter().all(|op| !op.verb.contains("link") || op.verb == "unlink"));
    }
}
