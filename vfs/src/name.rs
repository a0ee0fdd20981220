//! [`Name`]: one component of a path, checked once; [`Components`]: the components of a path, as the resolver walks
//! them.

use core::fmt;

use crate::{Errno, Result};

/// The longest name, in bytes (`NAME_MAX` of every filesystem that matters).
pub const NAME_MAX: usize = 255;

/// The longest path, in bytes, without a terminating NUL (`PATH_MAX` - 1 of Linux).
pub const PATH_MAX: usize = 4095;

/// One path component: 1 to 255 bytes, no `/`, no NUL, and neither `.` nor `..`.
///
/// Filesystems receive nothing else, so none of them has to check again, or can be talked into leaving a directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Checks `bytes`.
    ///
    /// # Errors
    /// In order of precedence: `NOENT` if empty; `INVAL` for `.`, `..`, or bytes with a `/` or a NUL in them;
    /// `NAMETOOLONG` over 255 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        match bytes {
            b"" => Err(Errno::NOENT),
            b"." | b".." => Err(Errno::INVAL),
            _ if bytes.iter().any(|b| matches!(b, 0 | b'/')) => Err(Errno::INVAL),
            _ if bytes.len() > NAME_MAX => Err(Errno::NAMETOOLONG),
            _ => Ok(Name(bytes)),
        }
    }

    /// The name with these bytes, which came out of a `Name`: listings do not check every name again.
    pub(crate) const fn from_checked(bytes: &'a [u8]) -> Self {
        Name(bytes)
    }

    /// The bytes of the name; not necessarily UTF-8.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// What stands at the front of the unconsumed part of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Component<'p> {
    /// A name to look up.
    Name(Name<'p>),
    /// `..`
    DotDot,
    /// Nothing: the path is used up.
    End,
}

/// The unconsumed components of one path. `.` and repeated slashes have vanished; `..` has not, because only the
/// resolver may answer it.
///
/// The resolver owns the cursor; a filesystem advances it in [`walk`](crate::FileSystem::walk) by as many names as it
/// has consumed.
#[derive(Clone, Copy, Debug)]
pub struct Components<'p> {
    rest: &'p [u8],
    trailing_slash: bool,
}

impl<'p> Components<'p> {
    /// The components of `path`, whose leading slashes are ignored (the caller has chosen the starting directory).
    ///
    /// # Errors
    /// `NAMETOOLONG` if the path is longer than [`PATH_MAX`]; `INVAL` if there is a NUL in it.
    #[inline]
    pub fn new(path: &'p [u8]) -> Result<Self> {
        if path.len() > PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        if has_nul(path) {
            return Err(Errno::INVAL);
        }
        // `x/.` demands a directory just as `x/` does.
        let trailing_slash = path.ends_with(b"/") || path.ends_with(b"/.");
        Ok(Components { rest: skip(path), trailing_slash })
    }

    /// Whether the path ended in `/` or `/.`, and so names a directory, whatever it resolves to.
    #[inline]
    pub const fn must_be_directory(&self) -> bool {
        self.trailing_slash
    }

    /// Whether nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The unconsumed bytes, beginning with a component (never with `/` or a lone `.`).
    pub const fn rest(&self) -> &'p [u8] {
        self.rest
    }

    /// The next component, without consuming it.
    ///
    /// # Errors
    /// `NAMETOOLONG` if it is longer than 255 bytes.
    #[inline]
    pub fn peek(&self) -> Result<Component<'p>> {
        match self.head() {
            b"" => Ok(Component::End),
            b".." => Ok(Component::DotDot),
            name if name.len() > NAME_MAX => Err(Errno::NAMETOOLONG),
            // The head has no slash in it, `new` refused NULs, and `skip` removed every `.`.
            name => Ok(Component::Name(Name(name))),
        }
    }

    /// The next component and the components after it, in one go, for walks that count nanoseconds.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    #[inline]
    pub(crate) fn split_first(&self) -> Result<(Component<'p>, Components<'p>)> {
        let head = self.head();
        let component = match head {
            b"" => Component::End,
            b".." => Component::DotDot,
            name if name.len() > NAME_MAX => return Err(Errno::NAMETOOLONG),
            name => Component::Name(Name(name)),
        };
        Ok((component, Components { rest: skip(&self.rest[head.len()..]), ..*self }))
    }

    /// Whether the next component is the last one.
    #[inline]
    pub fn is_last(&self) -> bool {
        skip(&self.rest[self.head().len()..]).is_empty()
    }

    /// Consumes one component.
    #[inline]
    pub fn advance(&mut self) {
        self.rest = skip(&self.rest[self.head().len()..]);
    }

    /// The longest run of names from here: a slice of the path that a kernel resolves as we do (no `..`, every name
    /// at most 255 bytes; there may be `.` and repeated slashes inside), and how many names it has. With `keep_last`
    /// the last component of the path is left out of it.
    pub fn run(&self, keep_last: bool) -> (&'p [u8], usize) {
        let (mut probe, mut count) = (*self, 0);
        let mut end = self.rest;
        while let Ok(Component::Name(_)) = probe.peek() {
            if keep_last && probe.is_last() {
                break;
            }
            let head = probe.head().len();
            end = &probe.rest[head..];
            probe.advance();
            count += 1;
        }
        (if count == 0 { &[] } else { &self.rest[..self.rest.len() - end.len()] }, count)
    }

    /// Consumes `count` components, as counted by [`run`](Self::run).
    pub fn advance_by(&mut self, count: usize) {
        for _ in 0..count {
            self.advance();
        }
    }

    #[inline]
    fn head(&self) -> &'p [u8] {
        let end = self.rest.iter().position(|&b| b == b'/').unwrap_or(self.rest.len());
        &self.rest[..end]
    }
}

/// Whether a byte is 0. Eight at a time: most paths are too short for what the standard library does to be quick.
#[inline]
fn has_nul(path: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = LOW << 7;
    let in_word = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        word.wrapping_sub(LOW) & !word & HIGH != 0
    };
    let (words, rest) = path.as_chunks::<8>();
    match path.last_chunk() {
        // What is left over lies in the last eight bytes.
        Some(last) => in_word(last) || words.iter().any(in_word),
        None => rest.contains(&0),
    }
}

/// Removes slashes, and `.` components, from the front.
#[inline]
fn skip(mut path: &[u8]) -> &[u8] {
    loop {
        path = match path {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] => rest,
            b"." => b"",
            _ => return path,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for len in 0..40 {
            let mut path = vec![0xff; len];
            assert!(!has_nul(&path));
            for at in 0..len {
                path[at] = 0;
                assert!(has_nul(&path), "{at} of {len}");
                path[at] = 1;
            }
        }
    }

    fn all(path: &[u8]) -> Vec<String> {
        let mut c = Components::new(path).unwrap();
        let mut out = vec![];
        loop {
            match c.peek().unwrap() {
                Component::End => return out,
                Component::DotDot => out.push("^".into()),
                Component::Name(n) => out.push(String::from_utf8_lossy(n.as_bytes()).into()),
            }
            c.advance();
        }
    }

    #[test]
    fn names_are_checked_in_order() {
        assert_eq!(Name::new(b""), Err(Errno::NOENT));
        assert_eq!(Name::new(b"."), Err(Errno::INVAL));
        assert_eq!(Name::new(b".."), Err(Errno::INVAL));
        assert_eq!(Name::new(b"a/b"), Err(Errno::INVAL));
        assert_eq!(Name::new(b"a\0"), Err(Errno::INVAL));
        assert_eq!(Name::new(&[b'x'; 256]), Err(Errno::NAMETOOLONG));
        assert!(Name::new(&[b'x'; 255]).is_ok());
        assert!(Name::new(b"...").is_ok());
        assert!(Name::new(b"\xff").is_ok());
    }

    #[test]
    fn dots_and_slashes_vanish() {
        assert_eq!(all(b"a/.//b///./../c/."), ["a", "b", "^", "c"]);
        assert_eq!(all(b"."), [""; 0]);
        assert_eq!(all(b"./"), [""; 0]);
        assert_eq!(all(b"///"), [""; 0]);
        assert_eq!(all(b"/.hidden/..x"), [".hidden", "..x"]);
    }

    #[test]
    fn a_trailing_slash_or_dot_demands_a_directory() {
        for (path, want) in [
            (&b"a"[..], false),
            (b"a/", true),
            (b"a/.", true),
            (b"a//.", true),
            (b".", false),
            (b"a/..", false),
            (b"a.", false),
        ] {
            assert_eq!(Components::new(path).unwrap().must_be_directory(), want, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn runs_stop_at_dotdot_and_keep_the_last_if_asked() {
        let c = Components::new(b"./a//b/./c/../d").unwrap();
        assert_eq!(c.run(false), (&b"a//b/./c"[..], 3));
        assert_eq!(c.run(true), (&b"a//b/./c"[..], 3));
        let c = Components::new(b"a/b/").unwrap();
        assert_eq!(c.run(false), (&b"a/b"[..], 2));
        assert_eq!(c.run(true), (&b"a"[..], 1));
        let mut rest = c;
        rest.advance_by(1);
        assert!(rest.is_last());
        assert_eq!(rest.run(true), (&b""[..], 0));
        let c = Components::new(b"../a").unwrap();
        assert_eq!(c.run(false), (&b""[..], 0));
    }

    #[test]
    fn bad_paths_are_refused_whole() {
        assert_eq!(Components::new(b"a\0").err(), Some(Errno::INVAL));
        assert_eq!(Components::new(&[b'a'; PATH_MAX + 1]).err(), Some(Errno::NAMETOOLONG));
        let long = [&[b'x'; 256][..], b"/y"].concat();
        assert_eq!(Components::new(&long).unwrap().peek().err(), Some(Errno::NAMETOOLONG));
        assert_eq!(Components::new(&long).unwrap().run(false).1, 0);
    }
}
