//! `gangplank fs cat`.

use std::io::{self, ErrorKind, Write as _};

use gangplank::vfs::{FileType, OpenFlags, OpenHow, Tree};

use super::{FAILED, args::Cat, shown};
use crate::cli::{report::Failure, sources, words};

/// Bytes at a time.
const CHUNK: usize = 1 << 20;

pub(super) fn cat(args: &Cat) -> Result<u8, Failure> {
    let tree = sources::tree(&args.tree, FAILED)?;
    for path in &args.paths {
        let name = words::bytes(path.as_os_str())?;
        if !print(&tree, name)? {
            break;
        }
    }
    Ok(0)
}

/// Answers whether somebody reads on.
fn print(tree: &Tree, path: &[u8]) -> Result<bool, Failure> {
    let cannot = |why: &str| Failure::failed(FAILED, format!("cannot read `{}`: {why}", shown::path(path)));
    let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
    let file = tree.open(path, &how).map_err(|error| cannot(error.errno.message()))?;
    let found = file.metadata().map_err(|errno| cannot(errno.message()))?;
    match found.file_type {
        FileType::Regular => {}
        FileType::Directory => return Err(cannot("it is a directory")),
        // To read a device may do things, or never end.
        _ => return Err(cannot("it is not a regular file")),
    }
    let mut out = io::stdout().lock();
    let mut at = 0;
    loop {
        let bytes = file.file().read_bytes(at, CHUNK).map_err(|errno| cannot(errno.message()))?;
        if bytes.is_empty() {
            return Ok(true);
        }
        at += bytes.len() as u64;
        match out.write_all(&bytes).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(Failure::failed(FAILED, format!("cannot write to stdout: {error}"))),
        }
    }
}
