//! What other people's suites are known to find on our filesystems, each with its reason; as data, so that it can be
//! shown where these suites are not run.

/// A case that fails on some filesystems of ours, and not on the kernel's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// The names of the filesystems, as `cargo xtask fuse` has them.
    pub filesystems: &'static [&'static str],
    /// The end of the case's name: several cases may have it.
    pub case: &'static str,
    /// Why it fails.
    pub reason: &'static str,
}

const NOT_ON_A_HOST: &str = "host_fs makes neither sockets nor devices on the host, but whiteouts";
const HOST: &[&str] = &["host"];

/// Cases of pjdfstest that fail on a filesystem of ours and not on a tmpfs.
pub const PJDFSTEST: &[Known] = &[
    Known {
        filesystems: &["overlay-mem", "overlay-host"],
        case: "::char",
        reason: "the device 0/0 that they make is a whiteout: Linux's overlayfs refuses it as well (ovl_mknod, EPERM)",
    },
    Known { filesystems: HOST, case: "::socket", reason: NOT_ON_A_HOST },
    Known { filesystems: HOST, case: "::block", reason: NOT_ON_A_HOST },
    Known { filesystems: HOST, case: "mknod::changed_times_success::char", reason: NOT_ON_A_HOST },
    Known { filesystems: HOST, case: "mknod::device_files::char", reason: NOT_ON_A_HOST },
    Known { filesystems: HOST, case: "open::socket_error", reason: NOT_ON_A_HOST },
];
