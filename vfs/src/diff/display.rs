//! Changes for people.

use core::fmt::{self, Write as _};

use super::{Aspects, Change, Changes, Kind, Summary};
use crate::FileType;

/// A path, or any name, as text that is safe to print: control characters and what is no UTF-8 become `\n`, `\x1b` and
/// so on, and so does the backslash.
pub fn escape(path: &[u8]) -> impl fmt::Display + '_ {
    Escaped(path)
}

struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                // Marks that turn the direction of the text could make one path look like another.
                let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                match c {
                    '\\' => f.write_str("\\\\")?,
                    c if c.is_control() && c.is_ascii() => write!(f, "{}", (c as u8).escape_ascii())?,
                    c if c.is_control() || turns => write!(f, "{}", c.escape_unicode())?,
                    c => f.write_char(c)?,
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Display for Aspects {
    /// `content, mode`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, _)) in self.iter_names().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, name.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    /// One line: `+ path`, `~ path (content)`, `- dir/ (3 entries below)`, `> from → path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.file_type == FileType::Directory && !self.path.is_empty() { "/" } else { "" };
        let path = if self.path.is_empty() { b".".as_slice() } else { &self.path };
        write!(f, "{} ", self.sign())?;
        if let Kind::Renamed { from, .. } = &self.kind {
            write!(f, "{}{slash} → ", Escaped(from))?;
        }
        write!(f, "{}{slash}", Escaped(path))?;
        match &self.kind {
            Kind::Changed(aspects) | Kind::Renamed { aspects, .. } if !aspects.is_empty() => write!(f, " ({aspects})"),
            Kind::Deleted { below: 1 } => f.write_str(" (1 entry below)"),
            Kind::Deleted { below } if *below > 1 => write!(f, " ({below} entries below)"),
            Kind::TypeChanged { from } => write!(f, " ({} → {})", type_name(*from), type_name(self.file_type)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Changes {
    /// A line for each; nothing if nothing has changed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

impl fmt::Display for Summary {
    /// `2 created, 1 deleted`, or `nothing changed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.created, "created"),
            (self.changed, "changed"),
            (self.deleted, "deleted"),
            (self.renamed, "renamed"),
        ];
        let mut comma = "";
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{comma}{count} {what}")?;
            comma = ", ";
        }
        if comma.is_empty() { f.write_str("nothing changed") } else { Ok(()) }
    }
}

/// For people.
fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Regular => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "link",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        FileType::CharDevice => "character device",
        FileType::BlockDevice => "block device",
        FileType::Unknown => "unknown",
    }
}
