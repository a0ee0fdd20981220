//! What the host has for us: directories, and images in files.

use core::fmt::Display;
use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gangplank::vfs::{
    OpenFlags, OpenHow, Tree,
    host_fs::{HostFs, Options, Resolver},
    image_fs::{Backing, ImageError, ImageFs, ImageOptions, Progress},
};

use super::{args::HostResolver, progress, report::Failure, words};

/// Opens a directory.
pub(crate) fn host(path: &Path, resolver: HostResolver) -> Result<Arc<HostFs>, Failure> {
    host_with(path, resolver, Options::default())
}

/// Opens a directory, with these options but for the resolver.
pub(crate) fn host_with(path: &Path, resolver: HostResolver, options: Options) -> Result<Arc<HostFs>, Failure> {
    let refuse = |why: &dyn Display| Failure::usage(why);
    // Asked beforehand for the sake of the message alone; opening it asks again.
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(refuse(&"it is not a directory").help("offer the directory that holds the file")),
        Err(error) => return Err(missing(&error)),
    }
    let resolver = match resolver {
        HostResolver::Auto => Resolver::Auto,
        HostResolver::Openat2 => Resolver::Openat2,
        HostResolver::Portable => Resolver::Portable,
    };
    let options = Options { resolver, ..options };
    match HostFs::open_with(path, options) {
        Ok(fs) => Ok(fs),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Err(refuse(&"this system does not have the resolver asked for").help("leave `--host-resolver` away"))
        }
        Err(error) => Err(refuse(&error)),
    }
}

/// Opens an image in a file.
pub(crate) fn image(path: &Path) -> Result<ImageFs, Failure> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(found) if found.is_dir() => {
            return Err(Failure::usage("it is a directory, not an image")
                .help("a directory that holds an OCI image is a mount of type `oci`, or `oci:PATH`"));
        }
        // To open a device may do things.
        Ok(_) => return Err(Failure::usage("it is not a regular file")),
        Err(error) => return Err(missing(&error)),
    }
    indexed(|options| ImageFs::open_path(path, options))
}

/// What kind of image is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Tar,
    Zip,
}

/// Opens an image in a file, which is of that kind.
pub(crate) fn image_of(path: &Path, form: Form) -> Result<ImageFs, Failure> {
    let image = image(path)?;
    let zip = is_zip(path).map_err(Failure::usage)?;
    match form {
        Form::Tar if zip => Err(Failure::usage("it is a zip, not a tar").help("say `type=zip`")),
        Form::Zip if !zip => Err(Failure::usage("it is a tar, not a zip").help("say `type=tar`")),
        _ => Ok(image),
    }
}

/// Whether an image is a zip; else it is a tar of some kind.
fn is_zip(path: &Path) -> io::Result<bool> {
    const LOCAL_FILE: &[u8] = b"PK\x03\x04";
    const EMPTY: &[u8] = b"PK\x05\x06";
    let mut magic = Vec::new();
    fs::File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == LOCAL_FILE || magic == EMPTY)
}

/// Opens layers of an OCI image, each over the one before. An error is of the layer of that number.
pub(crate) fn layers(paths: &[&Path]) -> Result<ImageFs, (usize, Failure)> {
    let mut files = Vec::new();
    for (at, path) in paths.iter().enumerate() {
        let open = || -> Result<Backing, Failure> {
            match fs::metadata(path) {
                Ok(found) if found.is_file() => {}
                Ok(_) => return Err(Failure::usage("it is not a regular file")),
                Err(error) => return Err(missing(&error)),
            }
            // Read through a directory, as everything of the host is.
            let (dir, name) = (path.parent(), path.file_name().unwrap_or_default());
            let dir = dir.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
            let file =
                Tree::new(host(dir, HostResolver::Auto)?).open(words::bytes(name)?, &how).map_err(Failure::usage)?;
            Ok(Backing::from(&file))
        };
        files.push(open().map_err(|failure| (at, failure))?);
    }
    let done = AtomicU64::new(0);
    let mut tell = |now: Progress| done.store(now.bytes, Ordering::Relaxed);
    let options = ImageOptions::new().progress(&mut tell);
    let read =
        progress::bytes("reading the layers", || done.load(Ordering::Relaxed), || ImageFs::layers(files, options));
    read.map_err(|error| (error.layer.unwrap_or(0), Failure::usage(error)))
}

/// Opens a directory, or an image in a file.
pub(crate) fn dir_or_image(path: &Path, resolver: HostResolver) -> Result<Tree, Failure> {
    match path.is_dir() {
        true => host(path, resolver).map(|host| Tree::new(host)),
        false => image(path).map(|image| Tree::new(Arc::new(image))),
    }
}

/// Opens an OCI image: a directory, or a tar of one.
pub(crate) fn oci(path: &Path, reference: Option<&str>) -> Result<ImageFs, Failure> {
    let layout = match fs::metadata(path).map_err(|error| missing(&error))?.is_dir() {
        true => Tree::new(host(path, HostResolver::Auto)?),
        false => Tree::new(Arc::new(image(path)?)),
    };
    indexed(|options| ImageFs::oci(&layout, reference, options))
}

/// Opens what a command was given as a tree: a directory, an image, or `oci:PATH[:REFERENCE]`. `code`: what trouble is.
pub(crate) fn tree(given: &Path, code: u8) -> Result<Tree, Failure> {
    let opened = match words::bytes(given.as_os_str())?.strip_prefix(b"oci:") {
        Some(rest) => {
            let (path, reference) = oci_words(words::path(rest)?);
            oci(&path, reference.as_deref()).map(|image| Tree::new(Arc::new(image)))
        }
        None => dir_or_image(given, HostResolver::Auto),
    };
    opened.map_err(|failure| failure.context(format_args!("cannot open `{}`", given.display())).code(code))
}

/// `PATH` or `PATH:REFERENCE`; what exists is a path.
fn oci_words(rest: PathBuf) -> (PathBuf, Option<String>) {
    if fs::symlink_metadata(&rest).is_ok() {
        return (rest, None);
    }
    match rest.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((path, reference)) => (PathBuf::from(OsStr::new(path)), Some(reference.to_owned())),
        None => (rest, None),
    }
}

/// Has an image read once from begin to end, as far as it must be.
fn indexed(open: impl FnOnce(ImageOptions<'_>) -> Result<ImageFs, ImageError>) -> Result<ImageFs, Failure> {
    let done = AtomicU64::new(0);
    let mut tell = |now: Progress| done.store(now.bytes, Ordering::Relaxed);
    let options = ImageOptions::new().progress(&mut tell);
    progress::bytes("reading the image", || done.load(Ordering::Relaxed), || open(options)).map_err(Failure::usage)
}

fn missing(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::usage("it does not exist").help("create it first, or correct the path"),
        _ => Failure::usage(error),
    }
}
