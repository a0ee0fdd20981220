//! `gangplank fs ls`.

use std::io::{self, BufWriter, ErrorKind, Write};

use gangplank::vfs::{FileType, Metadata, Tree, tree::WalkEntry};
use serde_json::{Map, Value};

use super::{
    FAILED,
    args::Ls,
    shown::{self, Clock, Mode},
};
use crate::cli::{report::Failure, sources, words};

pub(super) fn ls(args: &Ls) -> Result<u8, Failure> {
    let tree = sources::tree(&args.tree, FAILED)?;
    let path = args.path.as_ref().map_or(Ok(&b""[..]), |path| words::bytes(path.as_os_str()))?;
    let failed = |error: gangplank::vfs::TreeError| Failure::failed(FAILED, error);
    let top = tree.symlink_metadata(path).map_err(failed)?;
    // A link at the end is listed itself, unless the path says with a slash that it means the directory.
    let entries: Box<dyn Iterator<Item = _>> = if top.file_type != FileType::Directory && !path.ends_with(b"/") {
        Box::new(core::iter::once(Ok(WalkEntry { path: path.to_vec(), metadata: top })))
    } else {
        let walk = tree.walk(path).map_err(failed)?;
        Box::new(if args.recursive { walk } else { walk.shallow() })
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = list(args, &tree, entries, &mut out);
    let finished = match written {
        Ok(code) => out.flush().map(|()| code),
        Err(error) => Err(error),
    };
    match finished {
        Ok(code) => Ok(code),
        // Nobody wants the rest.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::failed(FAILED, format!("cannot write to stdout: {error}"))),
    }
}

/// What cannot be examined is told on stderr, and the rest is listed.
fn list(
    args: &Ls,
    tree: &Tree,
    entries: impl Iterator<Item = Result<WalkEntry, gangplank::vfs::TreeError>>,
    out: &mut impl Write,
) -> io::Result<u8> {
    let (mut code, mut first) = (0, true);
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                crate::cli::report::warn(&error.to_string());
                code = FAILED;
                continue;
            }
        };
        let target = (entry.metadata.file_type == FileType::Symlink).then(|| tree.read_link(&entry.path)).transpose();
        let target = target.unwrap_or_default();
        if args.json {
            out.write_all(if first { b"[\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, &json(&entry.path, &entry.metadata, target.as_deref()))?;
        } else if args.long {
            long(out, &entry, target.as_deref())?;
        } else {
            writeln!(out, "{}{}", shown::path(&entry.path), slash(&entry.metadata))?;
        }
        first = false;
    }
    if args.json {
        out.write_all(if first { b"[]\n" } else { b"\n]\n" })?;
    }
    Ok(code)
}

fn slash(metadata: &Metadata) -> &'static str {
    if metadata.file_type == FileType::Directory { "/" } else { "" }
}

fn long(out: &mut impl Write, entry: &WalkEntry, target: Option<&[u8]>) -> io::Result<()> {
    let found = &entry.metadata;
    let size = match found.file_type {
        FileType::CharDevice | FileType::BlockDevice => {
            format!("{}, {}", found.rdev >> 8 & 0xFFF, (found.rdev & 0xFF) | (found.rdev >> 12 & 0xFFF00))
        }
        _ => found.size.to_string(),
    };
    let owner = format!("{}:{}", found.uid, found.gid);
    let (mode, time, path) = (Mode(found), Clock(found.mtime), shown::path(&entry.path));
    write!(out, "{mode} {:>3} {owner:>9} {size:>11} {time} {path}{}", found.nlink, slash(found))?;
    match target {
        Some(target) => writeln!(out, " -> {}", shown::path(target)),
        None => writeln!(out),
    }
}

fn json(path: &[u8], metadata: &Metadata, target: Option<&[u8]>) -> Value {
    let mut object = Map::new();
    shown::path_into(&mut object, "path", path);
    object.insert("type".to_owned(), shown::type_name(metadata.file_type).into());
    object.insert("mode".to_owned(), format!("{:04o}", metadata.mode).into());
    object.insert("nlink".to_owned(), metadata.nlink.into());
    object.insert("uid".to_owned(), metadata.uid.into());
    object.insert("gid".to_owned(), metadata.gid.into());
    object.insert("size".to_owned(), metadata.size.into());
    let (_, nanos) = metadata.mtime.to_parts();
    let time = Clock(metadata.mtime).to_string().replace(' ', "T");
    object.insert("mtime".to_owned(), format!("{time}.{nanos:09}Z").into());
    match target {
        Some(target) => shown::path_into(&mut object, "target", target),
        None => drop(object.insert("target".to_owned(), Value::Null)),
    }
    Value::Object(object)
}
