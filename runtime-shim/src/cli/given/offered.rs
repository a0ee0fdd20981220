//! What `fs mount` offers to the programs of this machine: one tree, as itself, a copy in memory, or a view.

use std::sync::Arc;

use gangplank::vfs::{FileSystem, Mount, MountOptions, Place, Tree};

use super::{memory, now, overlay, overlay::Upper};
use crate::cli::{
    args::Fs,
    changes::{Below, Watch, Watched},
    fs::args::Mount as Args,
    limits::{InMemory, Limit},
    report::Failure,
    words,
};

/// A tree that is offered.
pub(crate) struct Offered {
    pub(crate) place: Place,
    /// If it is known what changes in it.
    pub(crate) watched: Option<Watched>,
}

/// Makes of a tree what is asked for.
pub(crate) fn offered(args: &Args, tree: &Tree) -> Result<Offered, Failure> {
    let name = words::bytes(args.tree.as_os_str())?.to_vec();
    let options = MountOptions { read_only: args.ro, ..MountOptions::default() };
    let as_itself = |tree: &Tree| {
        let place = if args.ro { tree.read_only().place().clone() } else { tree.place().clone() };
        Offered { place, watched: None }
    };
    if args.fs == Fs::Host && (args.limit_fs_bytes.is_some() || args.limit_fs_nodes.is_some()) {
        let option = if args.limit_fs_bytes.is_some() { "--limit-fs-bytes" } else { "--limit-fs-nodes" };
        return Err(Failure::usage(format!("`{option}` limits nothing: nothing is in memory"))
            .help("in memory is the copy of `--fs mem`, and what is changed in the view of `--fs overlay`"));
    }
    let shown = args.tree.display();
    Ok(match args.fs {
        Fs::Host => as_itself(tree),
        Fs::Mem => {
            let memory = in_memory(args, 0);
            memory::copy(tree.place(), &memory)
                .map_err(|failure| failure.context(format_args!("cannot copy `{shown}` into memory")))?;
            let fs = memory.fs;
            let kind = Watch::Memory { before: fs.fork(), now: Arc::clone(&fs), empty: false };
            Offered { place: Mount::detached(fs, options), watched: Some(Watched { guest: name, kind }) }
        }
        Fs::Overlay if args.ro => as_itself(tree),
        Fs::Overlay => {
            let since = now();
            let memory = in_memory(args, overlay::OWN_NODES);
            let view = overlay::view(&[tree.place().clone()], Upper::Memory(&memory.fs))
                .map_err(|failure| failure.context(format_args!("cannot make a view of `{shown}`")))?;
            let view = Arc::new(view);
            let below = args.tree.is_dir().then(|| Below { path: args.tree.clone(), tree: tree.clone(), since });
            let kind = Watch::View { view: Arc::clone(&view), below };
            let place = Mount::detached(view as Arc<dyn FileSystem>, options);
            Offered { place, watched: Some(Watched { guest: name, kind }) }
        }
    })
}

/// An empty filesystem, limited as asked. `own`: nodes in it that nobody sees.
fn in_memory(args: &Args, own: u64) -> InMemory {
    InMemory {
        fs: memory::empty(args.limit_fs_bytes.map(|size| size.0), args.limit_fs_nodes, own),
        bytes: Limit::new("--limit-fs-bytes", args.limit_fs_bytes),
        nodes: Limit::new("--limit-fs-nodes", args.limit_fs_nodes),
        option: String::new(),
    }
}
