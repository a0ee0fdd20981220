//! On what it was measured.

use std::{fs, process::Command};

/// What a reader of the numbers must know.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    pub(crate) compiler: String,
    pub(crate) disk: String,
    /// Load over 1, 5 and 15 minutes when the run began.
    pub(crate) load: String,
    /// The processor it is pinned to.
    pub(crate) pinned: Option<usize>,
}

impl Machine {
    /// This one, before the process is pinned. `disk` is a directory on the disk.
    pub(crate) fn here(disk: &std::path::Path) -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        Machine {
            cpu: model.unwrap_or("unknown").to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            compiler: version_of_rustc(),
            disk: disk_type(disk),
            load: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            pinned: None,
        }
    }

    /// Name and value of each fact.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("processor", self.cpu.clone()),
            ("processors", self.cpus.to_string()),
            ("kernel", self.kernel.clone()),
            ("compiler", self.compiler.clone()),
            ("disk", self.disk.clone()),
            ("load at the begin", self.load.clone()),
            ("pinned to", self.pinned.map_or("none".to_owned(), |cpu| format!("processor {cpu}"))),
        ]
    }
}

fn version_of_rustc() -> String {
    let output = Command::new("rustc").arg("--version").output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or("unknown".to_owned(), |text| text.trim().to_owned())
}

/// The type of the filesystem, by its magic number.
fn disk_type(path: &std::path::Path) -> String {
    match rustix::fs::statfs(path).map(|info| info.f_type) {
        Ok(0xEF53) => "ext4".to_owned(),
        Ok(0x5846_5342) => "xfs".to_owned(),
        Ok(0x9123_683E) => "btrfs".to_owned(),
        Ok(0x794C_7630) => "overlayfs".to_owned(),
        Ok(0x0102_1994) => "tmpfs: no disk at all".to_owned(),
        Ok(other) => format!("filesystem {other:#x}"),
        Err(_) => "unknown".to_owned(),
    }
}
