//! Longer differential runs than the tests make: `cargo run --example diff -- SEED COUNT [LENGTH]` runs random scripts
//! on all filesystems, and `cargo run --example diff -- FILE` replays one script.

#[cfg(target_os = "linux")]
use gangplank_conformance::differential::kernel::{self, Bare};
use gangplank_conformance::{
    ForkFixture, HostFixture, MemFixture,
    differential::{self, Player},
};

const ALL: [&dyn Player; 4] = [&MemFixture, &ForkFixture, &HostFixture::BEST, &HostFixture::PORTABLE];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = args.iter().map_while(|a| a.parse().ok()).collect();
    let start = std::time::Instant::now();
    match (&args[..], &numbers[..]) {
        ([file], []) => {
            let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{file}: {e}"));
            differential::replay(&text, &ALL);
            println!("{file}: all agree");
        }
        (_, &[seed, count, ref length @ ..]) => {
            let length = length.first().map_or(60, |&n| n as usize);
            differential::fuzz(&ALL[..3], seed, count, length);
            differential::fuzz(&ALL, seed, count / 4, length);
            #[cfg(target_os = "linux")]
            match kernel::check() {
                Ok(()) => {
                    let (memory, disk) = (Bare::new("tmpfs", "/dev/shm"), Bare::new("disk", std::env::temp_dir()));
                    let players: [&dyn Player; 4] = [&MemFixture, &HostFixture::BEST, &memory, &disk];
                    differential::fuzz(&players, seed, count / 4, length);
                }
                Err(why) => println!("without the kernel: {why}"),
            }
            let operations = (count + count / 4) as f64 * length as f64;
            println!("all agree; {:.0} operations per second", operations / start.elapsed().as_secs_f64());
        }
        _ => eprintln!("usage: diff SEED COUNT [LENGTH] | diff FILE"),
    }
}
