//! Archives: the laws, and what walks and changes answer.

use gangplank_conformance::{Fixture, ImageFixture, MemFixture, World, image_of};
use gangplank_vfs::{
    Components, Ctx, Errno, FileSystem, Goal, MountPoints, NewNode, NoMounts, NodeId, OpenFlags, OpenHow, Walked,
    walk_by_lookup,
};

mod image {
    fn fixture() -> impl super::Fixture {
        super::ImageFixture::Sealed
    }

    gangplank_conformance::__cases_laws!();
}

/// A walk, as far as it can be compared.
fn shown(fs: &dyn FileSystem, walked: Result<Walked, Errno>, rest: &Components<'_>) -> String {
    let how = match walked {
        Ok(Walked::Node(entry)) => format!("{:?} {:?}", entry.node, entry.file_type),
        Ok(Walked::Stat(metadata)) => format!("{metadata:?}"),
        Ok(Walked::Opened(opened)) => {
            format!("opened {:?} {:?} {:?}", opened.node, opened.file_type, opened.file.getattr())
        }
        Ok(Walked::Symlink { dir, target }) => format!("link in {dir:?} to {}", target.escape_ascii()),
        Ok(Walked::MountPoint(node)) => format!("mount on {node:?} of {}", fs.info().fs_type),
        Ok(Walked::Missing) => "missing".to_owned(),
        Err(e) => e.name().to_owned(),
    };
    format!("{how}, left {}", rest.rest().escape_ascii())
}

struct On(NodeId);

impl MountPoints for On {
    fn is_empty(&self) -> bool {
        false
    }
    fn contains(&self, node: NodeId) -> bool {
        node == self.0
    }
}

/// The walk of its own does what the walk by lookup does, whatever is asked for.
#[test]
fn a_walk_is_its_lookups() {
    let w = World::new(MemFixture.make());
    w.put("f", "content");
    w.mkdir("d").unwrap();
    w.mkdir("d/e").unwrap();
    w.put("d/e/f", "deep");
    w.symlink("d/e", "l").unwrap();
    w.symlink("nowhere", "d/dangling").unwrap();
    let fs = image_of(w.fs());
    let mounted = {
        let world = World::new(gangplank_conformance::Made::new(fs.clone()));
        On(world.node("d/e").unwrap().id)
    };
    let paths = [
        "",
        "f",
        "d",
        "d/",
        "d/e/f",
        "d/e/f/",
        "d/e/f/x",
        "d/e/none",
        "none",
        "none/x",
        "l",
        "l/",
        "l/f",
        "d/dangling",
        "d/dangling/x",
        "d/..",
        "d/../f",
        "../f",
        "f/..",
        "d//./e",
    ];
    let long = "x".repeat(256);
    let flags = [
        OpenFlags::READ,
        OpenFlags::WRITE,
        OpenFlags::READ | OpenFlags::DIRECTORY,
        OpenFlags::READ | OpenFlags::WRITE | OpenFlags::TRUNC,
    ];
    let mut goals = vec![];
    for follow in [false, true] {
        goals.extend([Goal::Node { follow }, Goal::Stat { follow }]);
    }
    let mut hows = vec![];
    for flags in flags {
        for follow in [false, true] {
            for (create, exclusive) in [
                (None, false),
                (Some(NewNode::Regular { mode: 0o644 }), false),
                (Some(NewNode::Regular { mode: 0o644 }), true),
            ] {
                hows.push(OpenHow { flags, create, exclusive, follow });
            }
        }
    }
    goals.extend(hows.iter().map(Goal::Open));
    let mut compared = 0;
    for path in paths.iter().copied().chain([&*long, &*format!("d/{long}")]) {
        for &goal in &goals {
            for mounts in [&NoMounts as &dyn MountPoints, &mounted] {
                let (mut ours, mut theirs) =
                    (Components::new(path.as_bytes()).unwrap(), Components::new(path.as_bytes()).unwrap());
                let walked = fs.walk(&Ctx::ROOT, fs.root(), &mut ours, mounts, goal);
                let by_lookup = walk_by_lookup(&*fs, &Ctx::ROOT, fs.root(), &mut theirs, mounts, goal);
                assert_eq!(shown(&*fs, walked, &ours), shown(&*fs, by_lookup, &theirs), "{path:?} {goal:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1000);
}

gangplank_conformance::suite! { mod filled, read_only: ImageFixture::Filled }
