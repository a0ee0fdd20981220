//! What several threads of the operating system see on one filesystem can have happened one after the other.

use gangplank_conformance::{
    Fixture, ForkFixture, HostFixture, MemFixture, OverlayFixture,
    concurrent::{Looks, PROGRAMS, Program, RealThreads, check},
    differential::{Rng, seeds},
};

/// Each named program a few times, and random ones, on new filesystems.
fn programs(fixture: &dyn Fixture, looks: Looks, times: u64, random: u64) {
    let judge = |fs: &_, program: &_| check(fs, program, &RealThreads, looks);
    for (name, text) in PROGRAMS {
        let program: Program = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        for _ in 0..times {
            let made = fixture.make();
            judge(&made.fs, &program).unwrap_or_else(|e| panic!("{name}, on {}: {e}", fixture.name()));
        }
    }
    for seed in 0..seeds(random) {
        let made = fixture.make();
        let program = Program::random(&mut Rng::new(seed), made.fs.info().caps);
        judge(&made.fs, &program).unwrap_or_else(|e| panic!("seed {seed}, on {}: {e}", fixture.name()));
    }
}

#[test]
fn memory() {
    programs(&MemFixture, Looks::Whole, 40, 1000);
}

#[test]
fn a_fork() {
    programs(&ForkFixture, Looks::Whole, 20, 500);
}

#[test]
fn host() {
    programs(&HostFixture::BEST, Looks::Torn, 10, 150);
}

#[test]
fn host_name_by_name() {
    programs(&HostFixture::PORTABLE, Looks::Torn, 10, 150);
}

#[test]
fn host_that_remembers_names() {
    programs(&HostFixture::EXCLUSIVE, Looks::Torn, 10, 150);
}

#[test]
fn overlays() {
    for fixture in [OverlayFixture::Mem, OverlayFixture::Emptied, OverlayFixture::Fork] {
        programs(&fixture, Looks::Whole, 10, 200);
    }
}

#[test]
fn an_overlay_on_hosts() {
    programs(&OverlayFixture::Host, Looks::Torn, 5, 60);
}
