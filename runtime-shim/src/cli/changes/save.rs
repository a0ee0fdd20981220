//! `--save`: what the program changed is kept in a file, as a layer of an OCI image.

use std::{
    ffi::OsStr,
    io::Write,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gangplank::vfs::{
    FileSystem, Tree,
    diff::layer_entries,
    image_fs::{PackOptions, Progress, pack, pack_layer},
};

use super::{VIEWS, Watch, Watched};
use crate::cli::{
    fs::pack::{Form, NewFile},
    progress,
    report::Failure,
    words,
};

/// One `--save`.
pub(super) struct Save {
    /// Which of the directories.
    of: usize,
    form: Form,
    file: NewFile,
}

impl Save {
    /// Reads `FILE[::GUEST]`, and makes sure that the file can be made.
    pub(super) fn new(option: &OsStr, watched: &[Watched]) -> Result<Save, Failure> {
        let text = words::bytes(option)?;
        let refuse = |why: String| Failure::usage(format!("`--save {}`: {why}", option.display()));
        let (file, of) = match text.windows(2).rposition(|pair| pair == b"::") {
            Some(at) => (&text[..at], Some(named(&text[at + 2..], watched).map_err(refuse)?)),
            None => (text, None),
        };
        let can: Vec<usize> = (0..watched.len()).filter(|&at| watched[at].can_be_saved()).collect();
        let of = match (of, &*can) {
            (Some(of), _) if watched[of].can_be_saved() => of,
            (Some(of), _) => {
                let why =
                    format!("`{}` is a copy, and what has changed in it cannot be told apart", watched[of].name());
                return Err(refuse(why).help(VIEWS));
            }
            (None, [one]) => *one,
            (None, []) => {
                return Err(refuse("there is nothing to save: no directory is a view".to_owned()).help(VIEWS));
            }
            (None, several) => {
                let names: Vec<String> = several.iter().map(|&at| format!("`{}`", watched[at].name())).collect();
                return Err(refuse(format!("several directories can change: {}", names.join(", ")))
                    .help("say which, as in `--save FILE.tar::GUEST`"));
            }
        };
        let path: PathBuf = words::path(file)?;
        let form = Form::of(&path)?;
        if form == Form::Stdout {
            return Err(refuse("stdout is the program's".to_owned()).help("give the name of a file"));
        }
        Ok(Save { of, form, file: NewFile::create(&path, true).map_err(|failure| failure.code(2))? })
    }

    pub(super) fn run(self, watched: &[Watched]) -> Result<(), String> {
        let Some(one) = watched.get(self.of) else { return Ok(()) };
        let gzip = self.form == Form::TarGz;
        self.file.write(|out| one.save(out, gzip)).map_err(|failure| failure.message().to_owned())
    }
}

/// The directory of that name.
fn named(guest: &[u8], watched: &[Watched]) -> Result<usize, String> {
    watched.iter().position(|one| one.guest == guest).ok_or_else(|| {
        let names: Vec<String> = watched.iter().map(|one| format!("`{}`", one.name())).collect();
        let shown = crate::cli::fs::shown::path(guest);
        match names.is_empty() {
            true => format!("`{shown}` is no view, nor is anything else"),
            false => format!("`{shown}` is no view; there is {}", names.join(", ")),
        }
    })
}

impl Watched {
    fn can_be_saved(&self) -> bool {
        !matches!(self.kind, Watch::Memory { empty: false, .. })
    }

    fn save(&self, out: &mut dyn Write, gzip: bool) -> Result<(), String> {
        let done = AtomicU64::new(0);
        let mut tell = |now: Progress| done.store(now.bytes, Ordering::Relaxed);
        let options = PackOptions::new().gzip(gzip).progress(&mut tell);
        progress::bytes(
            "saving",
            || done.load(Ordering::Relaxed),
            || {
                let packed = match &self.kind {
                    Watch::View { view, .. } => {
                        let entries = layer_entries(view).map_err(|error| error.to_string())?;
                        pack_layer(entries, out, options)
                    }
                    // Over nothing, all of it is a change.
                    Watch::Memory { now, .. } => pack(&Tree::new(Arc::clone(now) as Arc<dyn FileSystem>), out, options),
                };
                packed.map(drop).map_err(|error| error.to_string())
            },
        )
    }
}
