//! [`ImageError`]: where an archive is wrong, what is wrong, and what can be done about it.

use core::fmt;
use std::borrow::Cow;

use crate::Errno;

/// Why an archive could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageError {
    /// Which layer of several, the bottom being 0; `None` for a single archive.
    pub layer: Option<usize>,
    /// Where in the archive, in bytes; after decompression if it is compressed as a whole.
    pub offset: u64,
    /// The name of the entry, as the archive has it; empty if it is not about one.
    pub entry: Vec<u8>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It is not an archive of a kind that is known here.
    Unknown,
    /// It ends too early, by so many bytes at least.
    Truncated {
        /// How many.
        missing: u64,
    },
    /// The end mark of a tar archive is missing.
    Unterminated,
    /// Its bytes make no sense.
    Damaged(Cow<'static, str>),
    /// It uses something that is not supported.
    Unsupported(Cow<'static, str>),
    /// The name of an entry cannot be a path in a filesystem: why.
    Name(&'static str),
    /// The entry is below something that is no directory.
    BelowFile {
        /// What it is below.
        above: Vec<u8>,
    },
    /// The entry is below a symbolic link, which is never followed.
    BelowSymlink {
        /// The link.
        above: Vec<u8>,
    },
    /// A hard link to something that is not in the archive before it.
    NoTarget {
        /// What it links to.
        target: Vec<u8>,
    },
    /// A hard link to a directory.
    LinkToDirectory {
        /// The directory.
        target: Vec<u8>,
    },
    /// A limit of [`ImageLimits`](super::ImageLimits) is exceeded.
    Limit {
        /// What is limited: the name of the field.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A blob is not what its digest promises.
    Digest {
        /// The digest that was promised.
        want: String,
        /// The digest that it has.
        got: String,
    },
    /// There are several images, and none of them was named.
    Choice {
        /// What they are called.
        candidates: Vec<String>,
    },
    /// The archive could not be read.
    Read(Errno),
}

impl ImageError {
    pub(super) fn at(offset: u64, problem: impl Into<Problem>) -> ImageError {
        ImageError { layer: None, offset, entry: Vec::new(), problem: problem.into() }
    }

    pub(super) fn of(entry: &[u8], offset: u64, problem: impl Into<Problem>) -> ImageError {
        ImageError { layer: None, offset, entry: entry.to_vec(), problem: problem.into() }
    }

    /// The error number nearest to it, for those who can tell no more.
    pub fn errno(&self) -> Errno {
        match &self.problem {
            Problem::Read(errno) => *errno,
            Problem::Limit { .. } => Errno::FBIG,
            Problem::Unsupported(_) => Errno::NOTSUP,
            Problem::Unknown | Problem::Name(_) | Problem::Choice { .. } => Errno::INVAL,
            _ => Errno::IO,
        }
    }
}

impl From<Errno> for Problem {
    fn from(errno: Errno) -> Problem {
        Problem::Read(errno)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer {
            write!(f, "layer {layer}: ")?;
        }
        if !self.entry.is_empty() {
            write!(f, "entry `{}` ", self.entry.escape_ascii())?;
        }
        if !self.entry.is_empty() || self.offset > 0 {
            write!(f, "at offset {}: ", self.offset)?;
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unknown => {
                f.write_str("not an archive that is known here: tar, plain or compressed with gzip or zstd, or zip")
            }
            Problem::Truncated { missing } => {
                write!(f, "the archive ends {missing} bytes too early; copy or download it again")
            }
            Problem::Unterminated => f.write_str(
                "the archive ends without an end mark, so more may be missing; copy or download it again, or allow \
                 unterminated archives",
            ),
            Problem::Damaged(what) => write!(f, "damaged: {what}; copy, download or make the archive again"),
            Problem::Unsupported(what) => write!(f, "{what} is not supported; make the archive without it"),
            Problem::Name(why) => write!(f, "the name {why}; make the archive without this entry"),
            Problem::BelowFile { above } => {
                write!(f, "it is below `{}`, which is not a directory; leave one of the two out", above.escape_ascii())
            }
            Problem::BelowSymlink { above } => write!(
                f,
                "it is below `{}`, which is a symbolic link, and no link is followed; name the entry by its real path",
                above.escape_ascii()
            ),
            Problem::NoTarget { target } => write!(
                f,
                "it is a hard link to `{}`, which is not in the archive before it; put the file first",
                target.escape_ascii()
            ),
            Problem::LinkToDirectory { target } => write!(
                f,
                "it is a hard link to the directory `{}`, which cannot be; use a symbolic link",
                target.escape_ascii()
            ),
            Problem::Limit { what, limit } => {
                write!(f, "over the limit `{what}` of {limit}; raise it if the archive is to be trusted")
            }
            Problem::Digest { want, got } => {
                write!(f, "the content is not what was promised: digest {got} instead of {want}; fetch it again")
            }
            Problem::Choice { candidates } if candidates.is_empty() => f.write_str("there is no image in it"),
            Problem::Choice { candidates } => {
                write!(f, "name one of its images: {}", candidates.join(", ").escape_debug())
            }
            Problem::Read(errno) => write!(f, "cannot be read: {}", errno.message()),
        }
    }
}

impl core::error::Error for ImageError {}
