//! Filesystems in memory: empty ones, and copies.

use std::sync::Arc;

use gangplank::{
    seed::copy_tree,
    vfs::{FileSystem as _, MemFs, MemFsOptions, Mount, MountOptions, Place},
};

use crate::cli::{limits::InMemory, progress, report::Failure};

/// An empty filesystem that a guest cannot fill until the host has no memory left.
/// `own`: nodes that are not the guest's.
pub(super) fn empty(bytes: Option<u64>, nodes: Option<u64>, own: u64) -> Arc<MemFs> {
    let nodes = nodes.map(|nodes| nodes.saturating_add(own));
    Arc::new(MemFsOptions::new().max_bytes(bytes.or_else(half_of_memory)).max_nodes(nodes).build())
}

/// Half of this machine's memory in bytes, as `tmpfs(5)` limits itself; `None` where we cannot tell.
fn half_of_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(512)
}

/// Copies a tree into memory.
pub(super) fn copy(source: &Place, to: &InMemory) -> Result<(), Failure> {
    let target = Mount::detached(Arc::clone(&to.fs) as _, MountOptions::default());
    let used = {
        let fs = Arc::clone(&to.fs);
        move || fs.statfs().map_or(0, |stat| (stat.blocks - stat.bfree) * u64::from(stat.bsize))
    };
    progress::bytes("copying into memory", used, || copy_tree(source, &target)).map(drop).map_err(|error| {
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
