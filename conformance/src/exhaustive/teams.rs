//! Who walks, by name.

use gangplank_vfs::{
    FsCaps, OverlayFs,
    host_fs::{Options, Resolver},
};

use super::{
    Beginning, Walker,
    walkers::{Anew, Forking, Modelled, Replaying},
};
use crate::{
    Fixture, Made, MemFixture, OverlayFixture,
    differential::{HostAt, Rules, memory, prepare},
    overlay::in_memory,
};

/// A walker with the name that a command line knows it by.
pub struct Team {
    /// Short, without blanks.
    pub name: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What it can do.
    caps: fn() -> FsCaps,
    /// Whether it keeps the rules of a `chroot` only.
    rooted: bool,
    make: fn(Rules, Beginning) -> Box<dyn Walker>,
}

/// All, the judge first.
pub const TEAMS: &[Team] = &[
    Team {
        name: "model",
        what: "the model",
        caps: FsCaps::all,
        rooted: false,
        make: |rules, beginning| Box::new(Modelled::new(rules, beginning)),
    },
    Team {
        name: "mem",
        what: "mem_fs, made anew",
        caps: memory_caps,
        rooted: false,
        make: |rules, beginning| Box::new(Replaying::new("mem", Anew::new(MemFixture, rules), beginning)),
    },
    Team {
        name: "fork",
        what: "forks of mem_fs",
        caps: memory_caps,
        rooted: false,
        make: |rules, beginning| Box::new(Forking::after("fork of mem", &MemFixture, beginning, rules)),
    },
    Team {
        name: "overlay",
        what: "an overlay over nothing, made anew",
        caps: overlay_caps,
        rooted: false,
        make: |rules, beginning| Box::new(Replaying::new("overlay", Anew::new(OverlayFixture::Mem, rules), beginning)),
    },
    Team {
        name: "overlay-fork",
        what: "forks of an overlay over nothing",
        caps: overlay_caps,
        rooted: false,
        make: |rules, beginning| Box::new(Forking::after("fork of an overlay", &OverlayFixture::Mem, beginning, rules)),
    },
    Team {
        name: "overlay-lower",
        what: "forks of an overlay over what there is in the beginning",
        caps: overlay_caps,
        rooted: false,
        make: |rules, beginning| Box::new(Forking::new("fork of an overlay over things", over(beginning), rules)),
    },
    Team {
        name: "host",
        what: "host_fs on tmpfs",
        caps: host_caps,
        rooted: false,
        make: |rules, beginning| Box::new(Replaying::new("host", Anew::new(host(Resolver::Auto), rules), beginning)),
    },
    Team {
        name: "host-exclusive",
        what: "host_fs on tmpfs, which remembers names",
        caps: host_caps,
        rooted: false,
        make: |rules, beginning| {
            let exclusive =
                HostAt { options: Options { exclusive: true, ..Options::default() }, ..host(Resolver::Auto) };
            Box::new(Replaying::new("host, exclusive", Anew::new(exclusive, rules), beginning))
        },
    },
    Team {
        name: "host-portable",
        what: "host_fs on tmpfs, with the fallback forced",
        caps: portable_caps,
        rooted: false,
        make: |rules, beginning| {
            Box::new(Replaying::new("host, portable", Anew::new(host(Resolver::Portable), rules), beginning))
        },
    },
    #[cfg(target_os = "linux")]
    Team {
        name: "kernel",
        what: "the bare kernel on tmpfs",
        caps: || crate::differential::kernel::CAPS,
        rooted: true,
        make: |rules, beginning| {
            Box::new(Replaying::new("kernel", super::walkers::Chamber::new(&memory(), rules), beginning))
        },
    },
];

impl Team {
    #[cfg(test)]
    pub(super) fn new(name: &'static str, caps: fn() -> FsCaps, make: fn(Rules, Beginning) -> Box<dyn Walker>) -> Team {
        Team { name, what: "", caps, rooted: false, make }
    }

    /// Whether it needs no system calls.
    pub fn is_in_memory(&self) -> bool {
        !["host", "host-portable", "host-exclusive", "kernel"].contains(&self.name)
    }

    /// Whether it can be had here: the kernel needs somebody who may `chroot`.
    pub fn can_play(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.rooted {
            return crate::differential::kernel::check().is_ok();
        }
        true
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Team> {
        TEAMS.iter().find(|team| team.name == name)
    }
}

/// What all of these go by.
pub fn rules(teams: &[&Team]) -> Rules {
    Rules {
        caps: teams.iter().fold(FsCaps::all(), |caps, team| caps & (team.caps)()),
        rooted: teams.iter().any(|team| team.rooted),
    }
}

/// Their walkers, for one thread.
pub(super) fn walkers(teams: &[&Team], rules: Rules, beginning: Beginning) -> Vec<Box<dyn Walker>> {
    teams.iter().map(|team| (team.make)(rules, beginning)).collect()
}

fn memory_caps() -> FsCaps {
    MemFixture.make().fs.info().caps
}

fn overlay_caps() -> FsCaps {
    OverlayFixture::Mem.make().fs.info().caps
}

fn host_caps() -> FsCaps {
    host(Resolver::Auto).make().fs.info().caps
}

fn portable_caps() -> FsCaps {
    host(Resolver::Portable).make().fs.info().caps
}

fn host(resolver: Resolver) -> HostAt {
    HostAt { name: "host", parent: memory(), options: Options { resolver, ..Options::default() } }
}

/// An overlay whose lower layer holds what there is in the beginning.
fn over(beginning: Beginning) -> Made {
    let lower = MemFixture.make().fs;
    prepare(&beginning.script(), lower.clone());
    let (fs, clock) = in_memory(OverlayFs::builder().lower(lower), 1 << 30, None);
    Made::new(std::sync::Arc::new(fs)).with_clock(clock)
}
