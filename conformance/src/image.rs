//! [`ImageFixture`]: archives, by themselves and below overlays.

use std::sync::Arc;

use gangplank_vfs::{
    FileSystem, OverlayFs, Tree,
    image_fs::{ImageFs, ImageOptions, PackOptions, pack},
};

use crate::{
    Fixture, Made, World,
    fixture::{MAX_BYTES, MemFixture},
    overlay::{empty, in_memory, populated},
};

/// Archives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageFixture {
    /// A memory filesystem that becomes an archive in memory when it is [sealed](Made::sealed_by): for the laws, which
    /// look and do not touch.
    Sealed,
    /// Memory over an archive that holds nodes of every kind under the names that cases use, all of which have been
    /// removed through the overlay.
    Under,
    /// An archive with a tree of its own: for the suite that is `read_only`.
    Filled,
}

/// Packs a whole filesystem, and opens the archive.
pub fn image_of(fs: &Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
    let mut archive = Vec::new();
    pack(&Tree::new(fs.clone()), &mut archive, PackOptions::new()).expect("pack a tree");
    Arc::new(ImageFs::open(archive, ImageOptions::new()).expect("open the archive"))
}

/// A tree to be looked at.
fn with_some_of_everything() -> Arc<dyn FileSystem> {
    let w = World::new(MemFixture.make());
    let grown = || -> gangplank_vfs::Result<()> {
        w.put("f", "content");
        w.mkdir("d")?;
        w.mkdir("d/e")?;
        w.put("d/e/long", vec![b'x'; 200_000]);
        w.link("f", "d/hard")?;
        w.symlink("d/e", "l")?;
        w.symlink("nowhere", "d/dangling")?;
        for i in 0..30 {
            w.put(&format!("d/e/{i}"), "");
        }
        Ok(())
    };
    grown().expect("fill a memory filesystem");
    w.fs().clone()
}

impl Fixture for ImageFixture {
    fn name(&self) -> &str {
        match self {
            ImageFixture::Sealed => "image",
            ImageFixture::Under => "overlay (image)",
            ImageFixture::Filled => "filled image",
        }
    }

    fn make(&self) -> Made {
        match self {
            ImageFixture::Sealed => MemFixture.make().sealed_by(image_of),
            ImageFixture::Under => {
                let builder = OverlayFs::builder().lower(image_of(&populated()));
                let (fs, clock) = in_memory(builder, MAX_BYTES, None);
                empty(&fs, fs.root());
                Made::new(Arc::new(fs)).with_clock(clock)
            }
            ImageFixture::Filled => Made::new(image_of(&with_some_of_everything())).filled(),
        }
    }
}
