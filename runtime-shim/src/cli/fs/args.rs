//! What follows `gangplank fs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::cli::{
    args::{DiffFormat, Fs},
    examples,
    limits::{self, Size},
};

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
    /// Mount a directory or an image on this machine, for all its programs.
    #[command(after_help = examples::FS_MOUNT, after_long_help = examples::FS_MOUNT_LONG)]
    Mount(Box<Mount>),
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
#[cfg_attr(not(all(feature = "fuse", target_os = "linux")), expect(dead_code, reason = "it is refused as a whole"))]
pub(crate) struct Mount {
    /// How it is offered: itself (an image cannot be changed), a copy in memory, or a view that keeps changes in memory.
    #[arg(long, value_name = "FS", value_enum, default_value_t = Fs::Host)]
    pub(crate) fs: Fs,

    /// Let nothing be changed.
    #[arg(long)]
    pub(crate) ro: bool,

    /// Let other users use it, too, as the permission bits allow.
    ///
    /// Needs root, or a line `user_allow_other` in /etc/fuse.conf.
    #[arg(long)]
    pub(crate) allow_other: bool,

    /// Tell on stderr in the end what has been changed in the view, or in memory.
    #[arg(long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "text")]
    pub(crate) diff: Option<DiffFormat>,

    /// Put what has been changed in the view into the directory below, in the end.
    ///
    /// Each file is replaced at once or not at all. If somebody else has changed the same things meanwhile, they are
    /// listed, and nothing is put anywhere.
    #[arg(long)]
    pub(crate) commit: bool,

    /// Keep what has been changed in a file, as a layer of an OCI image: .tar, .tar.gz or .tgz.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) save: Option<PathBuf>,

    /// Most content in memory: 4096, 64K, 512M, 2G. If it is not given, half as much as this machine's memory.
    #[arg(long, value_name = "SIZE", value_parser = limits::size)]
    pub(crate) limit_fs_bytes: Option<Size>,

    /// Most files and directories in memory.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit_fs_nodes: Option<u64>,

    /// A directory, an image (.tar, .tar.gz, .tar.zst, .zip), or `oci:` and an OCI image: its directory or its tar.
    #[arg(value_name = TREE, value_hint = ValueHint::AnyPath)]
    pub(crate) tree: PathBuf,

    /// The directory to mount it on, which must be empty.
    #[arg(value_name = "ON", value_hint = ValueHint::DirPath)]
    pub(crate) on: PathBuf,
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
