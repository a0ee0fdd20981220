//! What follows `gangplank fs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::cli::examples;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List what is in an image or a directory.
    #[command(after_help = examples::FS_LS, after_long_help = examples::FS_LS_LONG)]
    Ls(Ls),
    /// Print files of an image or a directory.
    #[command(after_help = examples::FS_CAT)]
    Cat(Cat),
    /// Tell what is different between two trees: images or directories.
    #[command(after_help = examples::FS_DIFF, after_long_help = examples::FS_DIFF_LONG)]
    Diff(Diff),
    /// Make a tar of a directory or of another image.
    #[command(after_help = examples::FS_PACK)]
    Pack(Pack),
    /// Write what is in an image into a directory.
    #[command(after_help = examples::FS_UNPACK)]
    Unpack(Unpack),
}

/// Which tree a command is about.
const TREE: &str = "TREE";

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// One line for each: type and permissions, links, owner, size, time (UTC), name.
    #[arg(short, long)]
    pub(crate) long: bool,

    /// What is below directories, too.
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,

    /// Print JSON, whose keys --help lists.
    #[arg(long, conflicts_with = "long")]
    pub(crate) json: bool,

    /// A directory, an image (.tar, .tar.gz, .tar.zst, .zip), or `oci:` and an OCI image: its directory or its tar.
    #[arg(value_name = TREE, value_hint = ValueHint::AnyPath)]
    pub(crate) tree: PathBuf,

    /// What to list; otherwise all of it.
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// A directory, an image (.tar, .tar.gz, .tar.zst, .zip), or `oci:` and an OCI image: its directory or its tar.
    #[arg(value_name = TREE, value_hint = ValueHint::AnyPath)]
    pub(crate) tree: PathBuf,

    /// The files, one after another.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Print JSON, whose keys --help lists.
    #[arg(long)]
    pub(crate) json: bool,

    /// How it was: a directory, an image (.tar, .tar.gz, .tar.zst, .zip), or `oci:` and an OCI image.
    #[arg(value_name = "BEFORE", value_hint = ValueHint::AnyPath)]
    pub(crate) before: PathBuf,

    /// How it is.
    #[arg(value_name = "AFTER", value_hint = ValueHint::AnyPath)]
    pub(crate) after: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// Make the same bytes of the same files, whenever and by whomever: all times are $SOURCE_DATE_EPOCH, or else 0, and
    /// everything belongs to 0:0.
    #[arg(long)]
    pub(crate) deterministic: bool,

    /// Replace the file if there is one.
    #[arg(short, long)]
    pub(crate) force: bool,

    /// A directory, an image (.tar, .tar.gz, .tar.zst, .zip), or `oci:` and an OCI image: its directory or its tar.
    #[arg(value_name = TREE, value_hint = ValueHint::AnyPath)]
    pub(crate) tree: PathBuf,

    /// The file to make, .tar, .tar.gz or .tgz; `-` writes a plain tar to stdout.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Unpack {
    /// Unpack into a directory that is not empty, and replace what has the same name there.
    #[arg(short, long)]
    pub(crate) force: bool,

    /// An image (.tar, .tar.gz, .tar.zst, .zip), or `oci:` and an OCI image: its directory or its tar.
    #[arg(value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    pub(crate) image: PathBuf,

    /// The directory, which is made if there is none.
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
}
