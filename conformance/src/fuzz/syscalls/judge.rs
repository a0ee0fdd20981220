//! [`Judge`]: what a call may answer, and where it may write.

use std::ops::Range;

use gangplank_wasi::{
    IOV_MAX,
    abi::{Import, Kind},
};

use super::guest::{ARGS, ENV};

/// One call that is about to be made, and the memory before it.
pub(super) struct Judge {
    import: &'static Import,
    args: Vec<u64>,
    before: Box<[u8]>,
    /// Where results go: nothing is there if the call fails.
    results: Vec<Range<u64>>,
    /// What is filled as far as it goes, even if it fails later.
    buffers: Vec<Range<u64>>,
}

impl Judge {
    pub(super) fn new(import: &'static Import, args: &[u64], memory: &[u8]) -> Judge {
        let (mut results, mut buffers) = (vec![], vec![]);
        for (i, (param, &at)) in import.params.iter().zip(args).enumerate() {
            let next = args.get(i + 1).copied().unwrap_or(0);
            let size = match param.kind {
                Kind::OutU16 => 2,
                Kind::OutU32 | Kind::OutFd => 4,
                Kind::OutU64 | Kind::OutPrestat => 8,
                Kind::OutFdstat => 24,
                Kind::OutFilestat => 64,
                Kind::OutFilestatUnstable => 56,
                Kind::OutPtrs => 4 * strings(import).1,
                // Its length is the third parameter.
                Kind::OutEvents => 32 * args[2],
                Kind::OutBuf if import.name.ends_with("s_get") || import.name.starts_with("environ") => {
                    strings(import).0
                }
                Kind::OutBuf => {
                    buffers.push(at..at + next);
                    continue;
                }
                Kind::IovsMut => {
                    buffers.extend(vectors(memory, at, next));
                    continue;
                }
                _ => continue,
            };
            results.push(at..at + size);
        }
        Judge { import, args: args.to_vec(), before: memory.into(), results, buffers }
    }

    /// The call has returned with this error number.
    pub(super) fn returned(&self, answer: &'static str, memory: &[u8]) {
        assert!(documented(self.import.name).any(|errno| errno == answer), "{self:?} answered {answer}");
        if answer != "SUCCESS" {
            return self.unchanged(memory, &[&self.buffers]);
        }
        let size = memory.len() as u64;
        for result in &self.results {
            assert!(result.is_empty() || result.end <= size, "{self:?} succeeded with a result outside of memory");
        }
        self.unchanged(memory, &[&self.results, &self.buffers]);
    }

    /// The call has not returned.
    pub(super) fn left(&self, memory: &[u8]) {
        self.unchanged(memory, &[&self.buffers]);
    }

    /// Nothing has changed but in these places.
    fn unchanged(&self, memory: &[u8], but: &[&[Range<u64>]]) {
        const PART: usize = 256;
        for (part, (before, after)) in self.before.chunks(PART).zip(memory.chunks(PART)).enumerate() {
            // Nearly all parts are the same, and quickly told to be so.
            if before == after {
                continue;
            }
            for at in (0..before.len()).filter(|&at| before[at] != after[at]).map(|at| (part * PART + at) as u64) {
                let allowed = but.iter().flat_map(|ranges| ranges.iter()).any(|range| range.contains(&at));
                assert!(allowed, "{self:?} wrote to {at:#x}");
            }
        }
    }
}

impl core::fmt::Debug for Judge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}{:x?}", self.import, self.args)
    }
}

/// Bytes and number of arguments, or of the environment.
fn strings(import: &Import) -> (u64, u64) {
    if import.name.starts_with("args") { ARGS } else { ENV }
}

/// The buffers that a vector describes, as far as one call goes.
fn vectors(memory: &[u8], at: u64, count: u64) -> Vec<Range<u64>> {
    let size = memory.len() as u64;
    if at + 8 * count > size {
        return vec![];
    }
    let table = &memory[at as usize..(at + 8 * count) as usize];
    let number = |bytes: &[u8]| u64::from(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let buffers = table.chunks_exact(8).map(|one| (number(&one[..4]), number(&one[4..])));
    buffers.filter(|(_, len)| *len > 0).take(IOV_MAX).map(|(at, len)| at..at + len).collect()
}

/// What the documentation of handlers, and of the filesystem operations behind them, names.
fn documented(call: &str) -> impl Iterator<Item = &'static str> {
    const PATH: &str = "NOENT NOTDIR LOOP NAMETOOLONG ILSEQ PERM ";
    const MAKES: &str = "EXIST ROFS NOSPC ";
    let more: &[&str] = match call {
        "args_get" | "args_sizes_get" | "environ_get" | "environ_sizes_get" | "random_get" => &["FAULT"],
        "clock_res_get" | "clock_time_get" => &["FAULT INVAL"],
        "fd_close" => &["BADF"],
        "fd_renumber" => &["BADF"],
        "fd_sync" | "fd_datasync" => &["BADF NOTCAPABLE INVAL"],
        "fd_advise" => &["BADF NOTCAPABLE INVAL SPIPE"],
        "fd_allocate" => &["BADF NOTCAPABLE INVAL SPIPE FBIG NOSPC NOTSUP ROFS"],
        "fd_fdstat_get" => &["BADF FAULT"],
        "fd_fdstat_set_flags" => &["BADF NOTCAPABLE INVAL"],
        "fd_fdstat_set_rights" => &["BADF NOTCAPABLE NOTSUP INVAL"],
        "fd_filestat_get" => &["BADF NOTCAPABLE FAULT"],
        "fd_filestat_set_size" => &["BADF NOTCAPABLE INVAL FBIG NOSPC ROFS"],
        "fd_filestat_set_times" => &["BADF NOTCAPABLE INVAL ROFS NOTSUP"],
        "fd_read" => &["BADF NOTCAPABLE FAULT AGAIN"],
        "fd_write" => &["BADF NOTCAPABLE FAULT AGAIN FBIG NOSPC PIPE"],
        "fd_pread" => &["BADF NOTCAPABLE FAULT INVAL SPIPE"],
        "fd_pwrite" => &["BADF NOTCAPABLE FAULT INVAL SPIPE FBIG NOSPC"],
        "fd_prestat_get" => &["BADF FAULT"],
        "fd_prestat_dir_name" => &["BADF FAULT NAMETOOLONG"],
        "fd_readdir" => &["BADF NOTDIR NOTCAPABLE FAULT"],
        "fd_seek" => &["BADF NOTCAPABLE FAULT INVAL SPIPE"],
        "fd_tell" => &["BADF NOTCAPABLE FAULT SPIPE"],
        "path_create_directory" | "path_symlink" => &["BADF NOTCAPABLE FAULT INVAL", PATH, MAKES],
        "path_filestat_get" => &["BADF NOTCAPABLE FAULT INVAL", PATH],
        "path_filestat_set_times" => &["BADF NOTCAPABLE FAULT INVAL ROFS", PATH],
        "path_link" => &["BADF NOTCAPABLE FAULT INVAL XDEV MLINK", PATH, MAKES],
        "path_open" => &["BADF NOTCAPABLE FAULT INVAL ISDIR MFILE", PATH, MAKES],
        "path_readlink" => &["BADF NOTCAPABLE FAULT INVAL", PATH],
        "path_remove_directory" => &["BADF NOTCAPABLE FAULT INVAL NOTEMPTY BUSY ROFS", PATH],
        "path_rename" => &["BADF NOTCAPABLE FAULT INVAL ISDIR NOTEMPTY BUSY XDEV", PATH, MAKES],
        "path_unlink_file" => &["BADF NOTCAPABLE FAULT INVAL ISDIR BUSY ROFS", PATH],
        "poll_oneoff" => &["BADF NOTCAPABLE FAULT INVAL NOMEM"],
        "proc_raise" => &["NOTSUP"],
        "sched_yield" => &[],
        "sock_accept" => &["BADF NOTSOCK NOTCAPABLE FAULT INVAL MFILE AGAIN"],
        "sock_recv" => &["BADF NOTSOCK NOTCAPABLE FAULT INVAL NOTCONN AGAIN CONNRESET"],
        "sock_send" => &["BADF NOTSOCK NOTCAPABLE FAULT INVAL NOTCONN MSGSIZE AGAIN PIPE"],
        "sock_shutdown" => &["BADF NOTSOCK NOTCAPABLE INVAL NOTCONN"],
        other => panic!("nothing is documented for {other}"),
    };
    ["SUCCESS"].into_iter().chain(more.iter().flat_map(|names| names.split_whitespace()))
}
