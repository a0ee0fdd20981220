//! What is offered comes from somewhere: a directory of the host, or memory.

use core::fmt::Display;
use std::{io::ErrorKind, path::Path, sync::Arc};

use gangplank::{
    seed::copy_tree,
    vfs::{
        FileSystem, MemFs, MemFsOptions, Mount, MountOptions,
        host_fs::{HostFs, Options, Resolver},
    },
};

use crate::cli::{args::HostResolver, limits::InMemory, progress, report::Failure};

/// Opens a directory of the host.
pub(crate) fn host(path: &Path, resolver: HostResolver) -> Result<Arc<HostFs>, Failure> {
    let refuse = |why: &dyn Display| Failure::usage(why);
    // Asked beforehand for the sake of the message alone; opening it asks again.
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(refuse(&"it is not a directory").help("offer the directory that holds the file")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(refuse(&"it does not exist").help("create it first, or correct the path"));
        }
        Err(error) => return Err(refuse(&error)),
    }
    let resolver = match resolver {
        HostResolver::Auto => Resolver::Auto,
        HostResolver::Openat2 => Resolver::Openat2,
        HostResolver::Portable => Resolver::Portable,
    };
    let options = Options { resolver, ..Options::default() };
    match HostFs::open_with(path, options) {
        Ok(fs) => Ok(fs),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Err(refuse(&"this system does not have the resolver asked for").help("leave `--host-resolver` away"))
        }
        Err(error) => Err(refuse(&error)),
    }
}

/// An empty filesystem that a guest cannot fill until the host has no memory left.
pub(super) fn memory(bytes: Option<u64>, nodes: Option<u64>) -> Arc<MemFs> {
    Arc::new(MemFsOptions::new().max_bytes(bytes.or_else(half_of_memory)).max_nodes(nodes).build())
}

/// Half of this machine's memory in bytes, as `tmpfs(5)` limits itself; `None` where we cannot tell.
fn half_of_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(512)
}

/// Copies a whole filesystem into memory.
pub(super) fn copy(from: &Arc<dyn FileSystem>, to: &InMemory) -> Result<(), Failure> {
    let whole = |fs: Arc<dyn FileSystem>| Mount::detached(fs, MountOptions::default());
    let (source, target) = (whole(Arc::clone(from)), whole(Arc::clone(&to.fs) as _));
    let used = {
        let fs = Arc::clone(&to.fs);
        move || fs.statfs().map_or(0, |stat| (stat.blocks - stat.bfree) * u64::from(stat.bsize))
    };
    progress::bytes("copying into memory", used, || copy_tree(&source, &target)).map(drop).map_err(|error| {
        let refused = to.fs.refused();
        let failure = Failure::usage(error);
        match () {
            () if refused.bytes => failure.help(format!("{} says how much can be in memory", to.bytes.name)),
            () if refused.nodes => failure.help(format!("{} says how many can be in memory", to.nodes.name)),
            () => failure,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_this_machine_is_known() {
        let half = half_of_memory().unwrap();
        assert!(half > 16 << 20, "{half}");
        assert!(half < 1 << 50, "{half}");
    }
}
