//! What several threads of the operating system see on one filesystem can have happened one after the other.

use gangplank_conformance::{
    Fixture, ForkFixture, HostFixture, MemFixture, OverlayFixture,
    concurrent::{PROGRAMS, Program, RealThreads, check},
    differential::{Rng, seeds},
};

/// Each named program a few times, and random ones, on new filesystems.
fn programs(fixture: &dyn Fixture, times: u64, random: u64) {
    for (name, text) in PROGRAMS {
        let program: Program = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        for _ in 0..times {
            let made = fixture.make();
            check(&made.fs, &program, &RealThreads).unwrap_or_else(|e| panic!("{name}, on {}: {e}", fixture.name()));
        }
    }
    for seed in 0..seeds(random) {
        let made = fixture.make();
        let program = Program::random(&mut Rng::new(seed), made.fs.info().caps);
        check(&made.fs, &program, &RealThreads).unwrap_or_else(|e| panic!("seed {seed}, on {}: {e}", fixture.name()));
    }
}

#[test]
fn memory() {
    programs(&MemFixture, 40, 1000);
}

#[test]
fn a_fork() {
    programs(&ForkFixture, 20, 500);
}

#[test]
fn host() {
    programs(&HostFixture::BEST, 10, 150);
}

#[test]
fn host_name_by_name() {
    programs(&HostFixture::PORTABLE, 10, 150);
}

#[test]
fn overlays() {
    for fixture in [OverlayFixture::Mem, OverlayFixture::Emptied, OverlayFixture::Fork] {
        programs(&fixture, 10, 200);
    }
}

#[test]
fn an_overlay_on_hosts() {
    programs(&OverlayFixture::Host, 5, 60);
}
