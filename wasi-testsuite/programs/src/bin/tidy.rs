//! Tidies a directory, and everything below it: blanks at the ends of lines go, a last line gets its end, backups
//! (`NAME~`, `NAME.bak`) are removed, and blanks in names become `-`. What it did is written to `TIDY.log`.
//!
//!     tidy DIRECTORY

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

const LOG: &str = "TIDY.log";

fn main() -> ExitCode {
    let Some(dir) = env::args().nth(1) else {
        eprintln!("usage: tidy DIRECTORY");
        return ExitCode::from(2);
    };
    let mut log = String::new();
    let done = tidy(Path::new(&dir), &mut log).and_then(|()| fs::write(Path::new(&dir).join(LOG), &log));
    print!("{log}");
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("tidy: {dir}: {e}");
            ExitCode::FAILURE
        }
    }
}

fn tidy(dir: &Path, log: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(|e| e.file_name());
    for entry in entries {
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().into_owned());
        let path = entry.path();
        if kind.is_file() && (name.ends_with('~') || name.ends_with(".bak")) {
            fs::remove_file(&path)?;
            let _ = writeln!(log, "removed {}", path.display());
            continue;
        }
        let path = renamed(path, &name, log)?;
        if kind.is_dir() {
            tidy(&path, log)?;
        } else if kind.is_file() && name != LOG {
            cleaned(&path, log)?;
        }
    }
    Ok(())
}

fn renamed(path: PathBuf, name: &str, log: &mut String) -> io::Result<PathBuf> {
    if !name.contains(' ') {
        return Ok(path);
    }
    let better = path.with_file_name(name.replace(' ', "-"));
    if better.exists() {
        return Ok(path);
    }
    fs::rename(&path, &better)?;
    let _ = writeln!(log, "renamed {} to {}", path.display(), better.display());
    Ok(better)
}

fn cleaned(path: &Path, log: &mut String) -> io::Result<()> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(()) };
    let better: String = text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
    if better != text {
        // Written under another name first: nobody ever sees half a file.
        let part = path.with_extension("part");
        fs::write(&part, better)?;
        fs::rename(&part, path)?;
        let _ = writeln!(log, "cleaned {}", path.display());
    }
    Ok(())
}
