//! Has a fuzz target look at files again: `cargo run -p gangplank-conformance --features fuzz --example fuzz -- TARGET
//! FILE…`.

use std::process::ExitCode;

use gangplank_conformance::fuzz;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let target = args.next().and_then(|name| fuzz::find(&name));
    let (Some(target), files @ [_, ..]) = (target, &args.collect::<Vec<_>>()[..]) else {
        let names: Vec<_> = fuzz::TARGETS.iter().map(|target| target.name).collect();
        eprintln!("usage: fuzz TARGET FILE…; the targets are {}", names.join(", "));
        return ExitCode::from(2);
    };
    for file in files {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(e) => {
                eprintln!("error: cannot read {file}: {e}");
                return ExitCode::FAILURE;
            }
        };
        (target.run)(&bytes);
        println!("{file}: nothing is wrong");
    }
    ExitCode::SUCCESS
}
