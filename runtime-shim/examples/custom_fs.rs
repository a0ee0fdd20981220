//! A filesystem of one's own: `/env` shows a table of the host's as files, computed when they are read.
//!
//! This one is read-only and needs three functions. A filesystem that can be written to implements `vfs::FileSystem`
//! and `vfs::VirtualFile`; `gangplank-conformance` then proves it right.

use std::{collections::BTreeMap, error::Error, sync::RwLock};

use gangplank::{
    Program,
    engine::{EngineOptions, engine},
    vfs::{
        Bytes, Errno, Tree, dir,
        source_fs::{Found, Source, SourceFs},
    },
};

/// A program of this repository that counts the words of all files below a directory.
const WORDFREQ: &[u8] = include_bytes!("../../wasi-testsuite/programs/wordfreq.wasm");

#[derive(Debug)]
struct Table(RwLock<BTreeMap<String, String>>);

impl Table {
    fn value(&self, path: &[u8]) -> Option<Bytes> {
        let name = path.strip_suffix(b".txt")?;
        let table = self.0.read().unwrap();
        Some(Bytes::from(table.get(std::str::from_utf8(name).ok()?)?.clone()))
    }
}

impl Source for Table {
    fn find(&self, path: &[u8]) -> Result<Found, Errno> {
        match path {
            b"" => Ok(Found::Directory),
            path => self.value(path).map(|v| Found::File { size: v.len() as u64 }).ok_or(Errno::NOENT),
        }
    }

    fn list(&self, _: &[u8], entry: &mut dyn FnMut(&[u8])) -> Result<(), Errno> {
        let table = self.0.read().unwrap();
        table.keys().for_each(|name| entry(format!("{name}.txt").as_bytes()));
        Ok(())
    }

    fn read(&self, path: &[u8]) -> Result<Bytes, Errno> {
        self.value(path).ok_or(Errno::NOENT)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let table = [("user", "ada lovelace"), ("host", "engine"), ("motto", "engine of the engine")];
    let table = table.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let table = Tree::new(SourceFs::shared(Table(RwLock::new(table.into()))));
    assert_eq!(table.read("motto.txt")?, "engine of the engine");

    // Mounted inside of a directory in memory, so that the program finds room for its report beside it.
    let root = dir! { "env": {} }.tree()?;
    let program = Program::new(&*engine(None, &EngineOptions::default())?, "wordfreq", WORDFREQ)?;
    let result = program.runner().arg("/").preopen("/", &root).mount("/env", &table).capture_output(1 << 16).run()?;
    print!("{}{}", String::from_utf8_lossy(&result.stdout), String::from_utf8_lossy(&result.stderr));
    assert!(result.status.is_success());
    assert!(root.read_to_string("wordfreq.txt")?.contains("engine"));
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
