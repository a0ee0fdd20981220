//! `gangplank fs pack`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use gangplank::vfs::{
    Time, Tree,
    image_fs::{PackError, PackOptions, pack as pack_tree},
};

use super::{FAILED, args::Pack};
use crate::cli::{progress, report::Failure, sources};

pub(super) fn pack(args: &Pack) -> Result<u8, Failure> {
    let form = Form::of(&args.out)?;
    let time = if args.deterministic { Some(epoch()?) } else { None };
    let tree = sources::tree(&args.tree, FAILED)?;
    if lies_in(&args.out, &args.tree) {
        let (out, tree) = (args.out.display(), args.tree.display());
        return Err(Failure::failed(
            FAILED,
            format!("cannot write `{out}`: it would be in the tree to pack, `{tree}`"),
        )
        .help("write it somewhere else, and move it afterwards"));
    }
    let job = |out: &mut dyn Write| write(&tree, out, form, time);
    if form == Form::Stdout {
        let mut out = io::stdout().lock();
        return match job(&mut out) {
            // Nobody wants the rest.
            Err(PackError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(0),
            Err(error) => Err(Failure::failed(FAILED, error)),
            Ok(()) => Ok(0),
        };
    }
    NewFile::create(&args.out, args.force)?.write(|out| job(out).map_err(|error| error.to_string()))?;
    Ok(0)
}

/// Whether the file would become a part of what it is made of.
fn lies_in(out: &Path, tree: &Path) -> bool {
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(dir), fs::canonicalize(tree)) {
        (Ok(dir), Ok(tree)) => out != Path::new("-") && dir.starts_with(tree),
        _ => false,
    }
}

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Stdout,
    Tar,
    TarGz,
}

impl Form {
    /// By the name of the file.
    pub(crate) fn of(out: &Path) -> Result<Form, Failure> {
        if out == Path::new("-") {
            return Ok(Form::Stdout);
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match () {
            () if name.ends_with(".tar") => Ok(Form::Tar),
            () if name.ends_with(".tar.gz") || name.ends_with(".tgz") => Ok(Form::TarGz),
            () => Err(Failure::usage(format!("`{}` does not say what to make of it", out.display()))
                .help("let its name end in `.tar`, `.tar.gz` or `.tgz`")),
        }
    }
}

/// The time that reproducible builds agree on: <https://reproducible-builds.org/specs/source-date-epoch/>.
fn epoch() -> Result<Time, Failure> {
    let Some(given) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(Time::EPOCH) };
    let seconds = given.to_str().and_then(|text| text.parse().ok());
    let seconds = seconds.ok_or_else(|| {
        Failure::usage(format!("SOURCE_DATE_EPOCH is `{}`, which is not a number of seconds", given.display()))
    })?;
    Ok(Time::from_parts(seconds, 0))
}

fn write(tree: &Tree, out: &mut dyn Write, form: Form, time: Option<Time>) -> Result<(), PackError> {
    let done = AtomicU64::new(0);
    let mut tell = |now: gangplank::vfs::image_fs::Progress| done.store(now.bytes, Ordering::Relaxed);
    let mut options = PackOptions::new().gzip(form == Form::TarGz).progress(&mut tell);
    if let Some(time) = time {
        options = options.times(time).owner(0, 0);
    }
    progress::bytes("packing", || done.load(Ordering::Relaxed), || pack_tree(tree, out, options)).map(drop)
}

/// A file that is there as a whole or not at all: it is made under another name beside its place.
pub(crate) struct NewFile {
    path: PathBuf,
    replace: bool,
    part: Part,
    out: BufWriter<File>,
}

impl NewFile {
    /// Makes the file beside.
    pub(crate) fn create(path: &Path, replace: bool) -> Result<NewFile, Failure> {
        if !replace && fs::symlink_metadata(path).is_ok() {
            return Err(cannot(path, &"it exists").help("--force replaces it"));
        }
        if path.is_dir() {
            return Err(cannot(path, &"it is a directory"));
        }
        let beside = beside(path);
        let file = OpenOptions::new().write(true).create_new(true).open(&beside);
        let out = BufWriter::with_capacity(1 << 18, file.map_err(|error| cannot(path, &error))?);
        Ok(NewFile { path: path.to_owned(), replace, part: Part(beside), out })
    }

    /// Writes it, and puts it into its place.
    pub(crate) fn write(mut self, write: impl FnOnce(&mut dyn Write) -> Result<(), String>) -> Result<(), Failure> {
        let (path, part) = (&self.path, &self.part.0);
        write(&mut self.out).map_err(|why| cannot(path, &why))?;
        let file = self.out.into_inner().map_err(|error| cannot(path, error.error()))?;
        file.sync_all().map_err(|error| cannot(path, &error))?;
        drop(file);
        let done = match self.replace {
            true => fs::rename(part, path),
            // Unlike a rename, it fails if somebody has been faster.
            false => fs::hard_link(part, path).or_else(|error| match error.kind() {
                ErrorKind::AlreadyExists => Err(error),
                // Not every filesystem has links.
                _ => fs::rename(part, path),
            }),
        };
        done.map_err(|error| cannot(path, &error))
    }
}

fn cannot(path: &Path, why: &dyn core::fmt::Display) -> Failure {
    Failure::failed(FAILED, format!("cannot write `{}`: {why}", path.display()))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Goes when nothing more is done with it.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
