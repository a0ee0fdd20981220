//! Counts the words in all text files under a directory, writes the result to `wordfreq.txt` in it, and prints that file.
//!
//!     wordfreq DIRECTORY [COUNT]

use std::{
    cmp::Reverse,
    collections::HashMap,
    env, fs,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

const REPORT: &str = "wordfreq.txt";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let Some(dir) = args.next() else {
        eprintln!("usage: wordfreq DIRECTORY [COUNT]");
        return ExitCode::from(2);
    };
    let count = args.next().and_then(|n| n.parse().ok()).unwrap_or(10);
    match report(Path::new(&dir), count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("wordfreq: {dir}: {e}");
            ExitCode::FAILURE
        }
    }
}

fn report(dir: &Path, count: usize) -> io::Result<()> {
    let mut tally = Tally::default();
    tally.directory(dir)?;
    let path = dir.join(REPORT);
    // Written under another name first: nobody ever sees half a report.
    let part = dir.join("wordfreq.part");
    tally.write(&part, count)?;
    fs::rename(&part, &path)?;
    io::copy(&mut fs::File::open(&path)?, &mut io::stdout())?;
    Ok(())
}

#[derive(Default)]
struct Tally {
    words: HashMap<String, u64>,
    files: Vec<(PathBuf, u64)>,
    directories: u64,
    bytes: u64,
    skipped: u64,
}

impl Tally {
    fn directory(&mut self, dir: &Path) -> io::Result<()> {
        self.directories += 1;
        let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(|e| e.file_name());
        for entry in entries {
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.directory(&entry.path())?;
            } else if kind.is_file() && entry.file_name() != REPORT {
                self.file(entry.path())?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf) -> io::Result<()> {
        let mut reader = BufReader::new(fs::File::open(&path)?);
        let (mut line, mut words) = (Vec::new(), 0);
        while reader.read_until(b'\n', &mut line)? > 0 {
            self.bytes += line.len() as u64;
            let Ok(text) = str::from_utf8(&line) else {
                self.skipped += 1;
                return Ok(());
            };
            for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 3) {
                *self.words.entry(word.to_lowercase()).or_default() += 1;
                words += 1;
            }
            line.clear();
        }
        self.files.push((path, words));
        Ok(())
    }

    fn write(mut self, path: &Path, count: usize) -> io::Result<()> {
        let mut out = BufWriter::new(fs::File::create(path)?);
        let total: u64 = self.files.iter().map(|f| f.1).sum();
        writeln!(out, "{} files in {} directories, {} bytes", self.files.len(), self.directories, self.bytes)?;
        writeln!(out, "{total} words of more than three letters, {} different", self.words.len())?;
        if self.skipped > 0 {
            writeln!(out, "{} files are not text", self.skipped)?;
        }
        let mut words: Vec<_> = self.words.into_iter().collect();
        words.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
        writeln!(out, "\nwords")?;
        for (word, n) in words.iter().take(count) {
            writeln!(out, "{n:8}  {word}")?;
        }
        self.files.sort_by_key(|(path, n)| (Reverse(*n), path.clone()));
        writeln!(out, "\nfiles")?;
        for (path, n) in self.files.iter().take(count) {
            writeln!(out, "{n:8}  {}", path.display())?;
        }
        out.into_inner()?.sync_all()
    }
}
