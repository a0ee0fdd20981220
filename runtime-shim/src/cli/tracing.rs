//! `--strace` and `--stats`: who watches the program's system calls, and what is printed of it at the end.

use std::{fs::File, io::Write as _, path::PathBuf, sync::Arc};

use gangplank::{Stats, Strace, TraceAll, wasi::Trace};
use parking_lot::Mutex;

use super::{
    args::{Run, StatsFormat},
    report::{Failure, warn},
};

/// What was asked for.
pub(crate) struct Tracing {
    tracer: Option<Arc<dyn Trace>>,
    summary: Summary,
}

/// What is to be printed at the end, once: by the one who ends the program.
#[derive(Clone)]
pub(crate) struct Summary(Arc<Mutex<Option<Pending>>>);

struct Pending {
    stats: Arc<Stats>,
    format: Option<StatsFormat>,
    file: Option<(PathBuf, File)>,
}

impl Tracing {
    /// Opens the file, if there is one: what cannot be written is better known before the program has run.
    pub(crate) fn new(args: &Run) -> Result<Tracing, Failure> {
        let file = match &args.stats_json {
            Some(path) => {
                let refuse = |error| {
                    let shown = path.display();
                    Failure::usage(format!("cannot write the file `{shown}` of `--stats-json`: {error}"))
                };
                Some((path.clone(), File::create(path).map_err(refuse)?))
            }
            None => None,
        };
        let pending = (args.stats.is_some() || file.is_some()).then(|| Pending {
            stats: Arc::new(Stats::new()),
            format: args.stats,
            file,
        });
        let mut tracers: Vec<Arc<dyn Trace>> = Vec::new();
        // First those whose work shall not count as the program's.
        if let Some(pending) = &pending {
            tracers.push(Arc::clone(&pending.stats) as _);
        }
        if args.strace {
            tracers.push(Arc::new(Strace::new(std::io::stderr())));
        }
        let tracer = match tracers.len() {
            0 | 1 => tracers.pop(),
            _ => Some(Arc::new(TraceAll::new(tracers)) as _),
        };
        Ok(Tracing { tracer, summary: Summary(Arc::new(Mutex::new(pending))) })
    }

    /// Who is to be told of the calls, if anybody.
    pub(crate) fn tracer(&self) -> Option<Arc<dyn Trace>> {
        self.tracer.clone()
    }

    /// What is to be printed at the end.
    pub(crate) fn summary(&self) -> Summary {
        self.summary.clone()
    }
}

impl Summary {
    /// Whether there is anything to print.
    #[cfg(unix)]
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Prints and writes it, unless that has been done.
    pub(crate) fn print(&self) {
        let Some(Pending { stats, format, file }) = self.0.lock().take() else { return };
        let text = match format {
            Some(StatsFormat::Table) => stats.table(),
            Some(StatsFormat::Json) => stats.json(),
            None => String::new(),
        };
        let _ = std::io::stderr().write_all(text.as_bytes());
        if let Some((path, mut file)) = file
            && let Err(error) = file.write_all(stats.json().as_bytes())
        {
            warn(&format!("cannot write `{}`: {error}", path.display()));
        }
    }
}
