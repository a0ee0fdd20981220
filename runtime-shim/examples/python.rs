//! Runs CPython with its standard library in memory, and captures what it prints.
//!
//!     cargo run --release --example python -- python.wasm /usr/lib/python3.12
//!
//! `python.wasm` is CPython built for WASI, the directory the `Lib` of the same version (3.12, say).

use gangplank::{
    Program,
    engine::{EngineOptions, engine},
    vfs::{Tree, dir, host_fs::HostFs},
};
use std::{env, error::Error, time::Duration};

const SCRIPT: &str = "import json, sys
print(json.dumps({'version': sys.version.split()[0], 'json': json.__file__}))
open('/work/made.txt', 'w').write('from python')";

fn main() -> Result<(), Box<dyn Error>> {
    let [python, library] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "python.wasm and its Lib")?;
    // Copied once; nothing that the program does reaches the host's directory.
    let root = dir! { "work": {}, "lib": {} }.tree()?;
    root.dir("lib")?.copy_from(&Tree::new(HostFs::open(&library)?))?;
    let before = root.fork()?; // costs nothing, whatever the size of the library
    let program = Program::from_file(&*engine(None, &EngineOptions::default())?, &python)?;
    let result = program
        .runner()
        .args(["-B", "-c", SCRIPT])
        .env("PYTHONPATH", "/lib")
        .preopen("/", &root)
        .capture_output(1 << 20)
        .timeout(Duration::from_secs(60))
        .run()?;
    let [out, err] = [&result.stdout, &result.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    println!("{:?}\n{out}{err}", result.status);
    root.changes_since(&before)?.iter().for_each(|change| println!("{change}"));
    Ok(())
}
