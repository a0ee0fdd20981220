//! Times what mounting an archive costs, and what walks, metadata and reads cost then, beside a memory filesystem:
//!
//! ```sh
//! cargo run --release -p gangplank-vfs --example image_mount
//! ```
//!
//! The archive has 100 MB: 1600 files of 64 KiB in 40 directories. Each time is the best of several runs.

use std::{hint::black_box, io::IoSliceMut, sync::Arc, time::Instant};

use gangplank_vfs::{
    Bytes, Components, Ctx, FileSystem, Goal, NoMounts, OpenFlags, OpenHow, Result, Tree, VirtualFile, Walked,
    host_fs::HostFs,
    image_fs::{Backing, ImageFs, ImageOptions, PackOptions, pack},
};

const DIRECTORIES: usize = 40;
const FILES: usize = 40;
const SIZE: usize = 64 << 10;

fn main() {
    let tree = Tree::in_memory();
    let content = vec![7u8; SIZE];
    for dir in 0..DIRECTORIES {
        tree.create_dir_all(format!("a/b/{dir}")).expect("a directory");
        for file in 0..FILES {
            tree.write(format!("a/b/{dir}/{file}"), &content).expect("a file");
        }
    }
    let mut archive = Vec::new();
    let packing = best(3, || {
        archive.clear();
        pack(&tree, &mut archive, PackOptions::new()).expect("pack it");
    });
    let temp = std::env::temp_dir().join(format!("image-mount-{}", std::process::id()));
    std::fs::create_dir(&temp).expect("a temporary directory");
    std::fs::write(temp.join("a.tar"), &archive).expect("write the archive");
    println!("archive: {:.1} MB, {} files", archive.len() as f64 / 1e6, DIRECTORIES * FILES);
    println!("pack from memory              {:9.1} ms", packing / 1e6);

    let bytes = Bytes::from(archive);
    let in_memory = best(20, || drop(mount(Backing::Bytes(bytes.clone()))));
    println!("mount, archive in memory      {:9.3} ms", in_memory / 1e6);
    let host = Tree::new(HostFs::open(&temp).expect("open the directory"));
    let file = open(&**host.fs(), "a.tar").expect("open the archive");
    let (on_disk, read) = (
        best(20, || drop(mount(Backing::File(file.clone())))),
        read_by(|| {
            drop(mount(Backing::File(file.clone())));
        }),
    );
    println!(
        "mount, archive in a file      {:9.3} ms   {} bytes read in {} system calls",
        on_disk / 1e6,
        read.0,
        read.1
    );

    let image = mount(Backing::Bytes(bytes));
    let of_file = mount(Backing::File(file));
    println!("{:30}{:>10}{:>10}{:>14}", "", "mem_fs", "image", "image in file");
    row("walk of 4 names and stat, ns", [&**tree.fs(), &image, &of_file].map(|fs| best(20, || stats(fs)) / 1000.0));
    row("open and close, ns", [&**tree.fs(), &image, &of_file].map(|fs| best(20, || opens(fs)) / 1000.0));
    for len in [64, 4096] {
        let cost = [&**tree.fs(), &image, &of_file].map(|fs| {
            let file = open(fs, "a/b/7/7").expect("open a file");
            best(20, || reads(&*file, len)) / 1000.0
        });
        row(&format!("read of {len} bytes, ns"), cost);
    }
    std::fs::remove_dir_all(&temp).expect("remove the temporary directory");
}

fn row(what: &str, [mem, image, file]: [f64; 3]) {
    println!("{what:30}{mem:>10.1}{image:>10.1}{file:>14.1}");
}

fn mount(archive: Backing) -> ImageFs {
    ImageFs::open(archive, ImageOptions::new()).expect("mount the archive")
}

/// The shortest of several runs, in nanoseconds.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let once = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_nanos() as f64
    };
    (0..runs).map(|_| once(&mut run)).fold(f64::MAX, f64::min)
}

/// How many bytes and system calls something reads, as the kernel counts them; zeros where it does not tell.
fn read_by(run: impl FnOnce()) -> (u64, u64) {
    let count = || {
        let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or_default()
        };
        (number("rchar:"), number("syscr:"))
    };
    // Reading the numbers is reading, too.
    let (first, before) = (count(), count());
    run();
    let after = count();
    let own = (before.0 - first.0, before.1 - first.1);
    (after.0 - before.0 - own.0, after.1 - before.1 - own.1)
}

fn walk(fs: &dyn FileSystem, path: &str, goal: Goal<'_>) -> Result<Walked> {
    fs.walk(&Ctx::ROOT, fs.root(), &mut Components::new(path.as_bytes())?, &NoMounts, goal)
}

fn open(fs: &dyn FileSystem, path: &str) -> Result<Arc<dyn VirtualFile>> {
    let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: false };
    match walk(fs, path, Goal::Open(&how))? {
        Walked::Opened(opened) => Ok(opened.file),
        other => panic!("{other:?}"),
    }
}

fn stats(fs: &dyn FileSystem) {
    for _ in 0..1000 {
        black_box(walk(fs, black_box("a/b/7/7"), Goal::Stat { follow: true }).expect("there is such a file"));
    }
}

fn opens(fs: &dyn FileSystem) {
    for _ in 0..1000 {
        drop(black_box(open(fs, black_box("a/b/7/7")).expect("there is such a file")));
    }
}

fn reads(file: &dyn VirtualFile, len: usize) {
    let mut buf = vec![0; len];
    for _ in 0..1000 {
        black_box(file.read_at(&mut [IoSliceMut::new(&mut buf)], black_box(4096)).expect("read it"));
    }
}
