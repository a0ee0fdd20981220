//! Warm walks, stats and reads of memory filesystems and of images allocate nothing: counted, because a time could not
//! tell.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use gangplank_vfs::{
    At, Components, Ctx, FileSystem, Goal, MemFs, Metadata, Name, NewNode, NoMounts, NodeId, OpenFlags, VirtualFile,
    Walked,
};

/// The system's allocator, with a count for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Those of them that are as large as a chunk of content.
    static LARGE: Cell<u64> = const { Cell::new(0) };
}

fn count(size: usize) {
    // A thread that ends may allocate when its locals are gone; it is not the one that is measured.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
    let _ = LARGE.try_with(|n| n.set(n.get() + u64::from(size >= 16 << 10)));
}

// SAFETY: every method passes its arguments on to `System` as they are, under the same contract, and answers what
// `System` answers. Counting touches a thread-local without a destructor and does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CX: Ctx<'static> = Ctx::ROOT;

/// How often `f` allocates in 100 runs, after it has run once.
fn allocations(mut f: impl FnMut()) -> u64 {
    f();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        f();
    }
    ALLOCATIONS.get() - before
}

fn make(fs: &MemFs, dir: NodeId, name: &str, new: NewNode<'_>) -> NodeId {
    fs.create(&CX, dir, Name::new(name.as_bytes()).unwrap(), &new).unwrap().node
}

fn stat(fs: &dyn FileSystem, path: &str) -> Metadata {
    let mut path = Components::new(path.as_bytes()).unwrap();
    match fs.walk(&CX, fs.root(), &mut path, &NoMounts, Goal::Stat { follow: true }) {
        Ok(Walked::Stat(metadata)) => metadata,
        other => panic!("{other:?}"),
    }
}

/// `/usr/lib/file` among many others, with content in chunks, and the file opened.
fn fixture(files: usize) -> (MemFs, Arc<dyn VirtualFile>) {
    let fs = MemFs::new();
    let usr = make(&fs, fs.root(), "usr", NewNode::Directory { mode: 0o755 });
    let lib = make(&fs, usr, "lib", NewNode::Directory { mode: 0o755 });
    for i in 0..files {
        make(&fs, lib, &format!("some-library-{i}.so"), NewNode::Regular { mode: 0o644 });
    }
    let file = make(&fs, lib, "file", NewNode::Regular { mode: 0o644 });
    let file = fs.open(&CX, file, OpenFlags::READ | OpenFlags::WRITE).unwrap();
    file.write_at(&[IoSlice::new(&[7; 100_000])], At::Offset(0)).unwrap();
    (fs, file)
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(black_box(Box::new(1)))) >= 100);
}

#[test]
fn a_warm_walk_with_stat_allocates_nothing() {
    for files in [3, 2000] {
        let (fs, _file) = fixture(files);
        assert_eq!(stat(&fs, "usr/lib/file").size, 100_000);
        let walk = || {
            black_box(stat(&fs, "usr/lib/file"));
        };
        assert_eq!(allocations(walk), 0, "{files} files");
        let getattr = || {
            black_box(fs.getattr(fs.root()).unwrap());
        };
        assert_eq!(allocations(getattr), 0);
    }
}

#[test]
fn a_warm_read_or_write_in_place_allocates_nothing() {
    let (fs, file) = fixture(3);
    let read = |len: usize, offset| {
        let mut buf = vec![0; len];
        let n = allocations(|| {
            assert_eq!(file.read_at(&mut [IoSliceMut::new(&mut buf)], offset), Ok(len));
        });
        assert!(buf.iter().all(|&b| b == 7));
        n
    };
    assert_eq!((read(64, 0), read(4096, 16 * 1024 - 100), read(100_000, 0)), (0, 0, 0));
    let write = || {
        file.write_at(&[IoSlice::new(&[7; 4096])], At::Offset(5000)).unwrap();
    };
    assert_eq!(allocations(write), 0);
    // After a fork the file is copied once, and its handle finds the copy without allocating.
    let _fork = fs.fork();
    assert_eq!(allocations(write), 0);
    assert_eq!((read(64, 0), read(100_000, 0)), (0, 0));
}

#[cfg(feature = "images")]
#[test]
fn a_walk_a_read_or_a_listing_of_an_image_allocates_nothing() {
    use gangplank_vfs::{
        Cookie, Tree,
        image_fs::{ImageFs, ImageOptions, PackOptions, pack},
    };
    let (fs, _file) = fixture(2000);
    let mut archive = Vec::new();
    pack(&Tree::new(Arc::new(fs)), &mut archive, PackOptions::new()).unwrap();
    let image = ImageFs::open(archive, ImageOptions::new()).unwrap();
    let walk = || {
        black_box(stat(&image, "usr/lib/file"));
        black_box(stat(&image, "usr/lib/some-library-1999.so"));
    };
    assert_eq!(allocations(walk), 0);
    let lib = stat(&image, "usr/lib").ino;
    let file = image.open(&CX, stat(&image, "usr/lib/file").ino, OpenFlags::READ).unwrap();
    let mut buf = [0; 4096];
    assert_eq!(allocations(|| assert_eq!(file.read_at(&mut [IoSliceMut::new(&mut buf)], 50_000), Ok(4096))), 0);
    assert_eq!(buf, [7; 4096]);
    assert_eq!(allocations(|| drop(black_box(file.read_bytes(100, 5000)))), 0, "a part of the archive");
    let dir = image.open(&CX, lib, OpenFlags::READ).unwrap();
    let list = || {
        let mut count = 0;
        dir.readdir(Cookie::START, &mut |_| {
            count += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(count, 2001);
    };
    assert_eq!(allocations(list), 0);
}

#[test]
fn opening_allocates_the_open_file_and_nothing_else() {
    let (fs, _file) = fixture(3);
    let lib = match fs.walk(
        &CX,
        fs.root(),
        &mut Components::new(b"usr/lib/file").unwrap(),
        &NoMounts,
        Goal::Node { follow: true },
    ) {
        Ok(Walked::Node(entry)) => entry.node,
        other => panic!("{other:?}"),
    };
    assert_eq!(allocations(|| drop(black_box(fs.open(&CX, lib, OpenFlags::READ).unwrap()))), 100);
    fs.forget(lib, 1);
}

/// What is freed by emptying a file is what fills it again.
#[test]
fn a_file_that_is_filled_and_emptied_takes_no_chunk_from_the_allocator() {
    let (_fs, file) = fixture(3);
    let cycle = || {
        file.set_len(0).unwrap();
        for _ in 0..256 {
            file.write_at(&[IoSlice::new(&[7; 4096])], At::End).unwrap();
        }
    };
    // What is at hand is so for the whole process: other tests, which take some of it, are over in a moment.
    let takes_none = || {
        cycle();
        let before = LARGE.get();
        (0..10).for_each(|_| cycle());
        LARGE.get() == before
    };
    assert!((0..100).any(|_| takes_none()));
}
