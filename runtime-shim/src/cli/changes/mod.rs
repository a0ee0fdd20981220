//! `--diff`, `--commit` and `--save`: what the program changed is told, put into the directory below, or kept.

mod apply;
mod json;
mod save;

use std::{
    ffi::OsStr,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use gangplank::vfs::{
    MemFs, OverlayFs, Time, Tree, TreeError,
    diff::{self, Changes},
};
use parking_lot::Mutex;
use serde_json::json;

use super::{
    args::{DiffFormat, Run},
    fs::shown,
    report::{Failure, note},
    run::complain,
};
use apply::Target;
pub(crate) use json::json;
use save::Save;

/// A directory that a program was given, and how to know what it changed there.
pub(crate) struct Watched {
    pub(crate) guest: Vec<u8>,
    pub(crate) kind: Watch,
}

pub(crate) enum Watch {
    /// Compared with what it was.
    Memory {
        before: MemFs,
        now: Arc<MemFs>,
        /// Whether all that is in it is the program's.
        empty: bool,
    },
    /// Knows it by itself.
    View {
        view: Arc<OverlayFs>,
        /// The directory that the changes can be put into.
        below: Option<Below>,
    },
}

/// A directory of the host that there is a view of.
#[derive(Clone)]
pub(crate) struct Below {
    pub(crate) path: PathBuf,
    pub(crate) tree: Tree,
    /// When the view was made.
    pub(crate) since: Time,
}

impl Watched {
    fn changes(&self) -> Result<Changes, TreeError> {
        match &self.kind {
            Watch::Memory { before, now, .. } => now.changes_since(before),
            Watch::View { view, .. } => diff::of_overlay(view),
        }
    }

    fn name(&self) -> String {
        shown::path(&self.guest)
    }
}

/// What was asked for, to be done once: by the one who ends the program.
#[derive(Clone)]
pub(crate) struct Report(Arc<Mutex<Option<Pending>>>);

struct Pending {
    watched: Vec<Watched>,
    diff: Option<DiffFormat>,
    file: Option<(PathBuf, File)>,
    commit: Vec<Target>,
    saves: Vec<Save>,
}

/// What is wanted of changes.
pub(crate) struct Wanted<'a> {
    pub(crate) diff: Option<DiffFormat>,
    pub(crate) diff_json: Option<&'a Path>,
    pub(crate) commit: bool,
    pub(crate) save: Vec<&'a OsStr>,
}

impl<'a> From<&'a Run> for Wanted<'a> {
    fn from(args: &'a Run) -> Wanted<'a> {
        Wanted {
            diff: args.diff,
            diff_json: args.diff_json.as_deref(),
            commit: args.commit,
            save: args.save.iter().map(|option| &**option).collect(),
        }
    }
}

impl Report {
    /// Says what cannot be done before anything is changed.
    pub(crate) fn new(wanted: Wanted<'_>, watched: Vec<Watched>) -> Result<Report, Failure> {
        let asked = wanted.diff.is_some() || wanted.diff_json.is_some();
        if !asked && !wanted.commit && wanted.save.is_empty() {
            return Ok(Report(Arc::default()));
        }
        if asked && watched.is_empty() {
            return Err(
                Failure::usage("`--diff` has nothing to tell: no directory is a view, or in memory").help(VIEWS)
            );
        }
        let commit = if wanted.commit { apply::targets(&watched)? } else { Vec::new() };
        let saves = wanted.save.iter().map(|option| Save::new(option, &watched)).collect::<Result<_, _>>()?;
        let file = match wanted.diff_json {
            Some(path) => {
                let refuse = |error| {
                    Failure::usage(format!("cannot write the file `{}` of `--diff-json`: {error}", path.display()))
                };
                Some((path.to_owned(), File::create(path).map_err(refuse)?))
            }
            None => None,
        };
        Ok(Report(Arc::new(Mutex::new(Some(Pending { watched, diff: wanted.diff, file, commit, saves })))))
    }

    /// Whether there is anything to do.
    #[cfg(unix)]
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Does it, unless that has been done; who comes second waits for the first. `succeeded`: whether the program has.
    /// Answers whether all went well.
    pub(crate) fn run(&self, succeeded: bool) -> bool {
        let mut pending = self.0.lock();
        let Some(Pending { watched, diff, file, commit, saves }) = pending.take() else { return true };
        let mut well = tell(&watched, diff, file);
        for save in saves {
            well &= fine(save.run(&watched));
        }
        match succeeded {
            true => commit.into_iter().for_each(|target| well &= fine(target.run())),
            false if !commit.is_empty() => note("nothing is committed, because the program failed"),
            false => {}
        }
        well
    }
}

/// Says what to do where there is no view.
const VIEWS: &str =
    "`--fs overlay` makes a view of each directory, which can be changed without changing the directory";

fn fine(done: Result<(), String>) -> bool {
    if let Err(why) = &done {
        complain(why);
    }
    done.is_ok()
}

fn tell(watched: &[Watched], format: Option<DiffFormat>, file: Option<(PathBuf, File)>) -> bool {
    if format.is_none() && file.is_none() {
        return true;
    }
    let mut well = true;
    let (mut text, mut list) = (String::new(), Vec::new());
    for one in watched {
        let changes = match one.changes() {
            Ok(changes) => changes,
            Err(error) => {
                complain(&format!("cannot tell what has changed in `{}`: {error}", one.name()));
                well = false;
                continue;
            }
        };
        let mut object = serde_json::Map::new();
        shown::path_into(&mut object, "guest", &one.guest);
        if let serde_json::Value::Object(told) = json(&changes) {
            object.extend(told);
        }
        list.push(object);
        match changes.is_empty() {
            true => text.push_str(&format!("{}: nothing changed\n", one.name())),
            false => text.push_str(&format!("{}: {}\n{changes}", one.name(), changes.summary())),
        }
    }
    let whole = format!("{}\n", json!({ "format": 1, "directories": list }));
    let _ = std::io::stderr().write_all(match format {
        Some(DiffFormat::Text) => text.as_bytes(),
        Some(DiffFormat::Json) => whole.as_bytes(),
        None => b"",
    });
    if let Some((path, mut file)) = file
        && let Err(error) = file.write_all(whole.as_bytes())
    {
        complain(&format!("cannot write `{}`: {error}", path.display()));
        well = false;
    }
    well
}
