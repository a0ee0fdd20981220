//! The directory of a cache. It is opened once, and every file in it by its name alone, never through a link.

use core::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};
use std::{
    fs::{DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::{fd::OwnedFd, unix::fs::DirBuilderExt as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT},
    io::Errno,
};

use super::Unusable;

/// Who may write: group and others.
const OTHERS_WRITE: u32 = 0o022;

/// Unfinished files of processes that died are removed after this long.
const STALE: Duration = Duration::from_secs(3600);

/// Room is made at most this often.
const EVICTION: Duration = Duration::from_secs(60);

/// A file used again within this time is not marked as used again.
const TOUCH: Duration = Duration::from_secs(60);

/// Its time of modification is that of the last eviction.
const STAMP: &str = "evicted";

#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Directory, Unusable> {
        if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(path) {
            return Err(error.into());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        let directory = Directory { fd };
        directory.check()?;
        Ok(directory)
    }

    /// It is ours, and ours alone to write to.
    fn check(&self) -> Result<(), Unusable> {
        let stat = rustix::fs::fstat(&self.fd).map_err(io::Error::from)?;
        match permissions(&stat) {
            _ if !is_ours(&stat) => Err(Unusable::Foreign),
            mode if mode & OTHERS_WRITE != 0 => Err(Unusable::Writable { mode }),
            _ => Ok(()),
        }
    }

    /// The content of a file, `None` if there is none, an error if it is not safe to use or larger than `max`. Marks it
    /// as used.
    pub(super) fn read(&self, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        // It may have changed since it was opened.
        self.check().map_err(|_| refused())?;
        // Without waiting, should it be a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&fd)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let others_write = permissions(&stat) & OTHERS_WRITE != 0;
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if !is_file || !is_ours(&stat) || others_write || size > max {
            return Err(refused());
        }
        let mut bytes = Vec::new();
        // One byte more, so that reading meets the end without growing.
        let room = usize::try_from(size).ok().and_then(|size| size.checked_add(1)).ok_or_else(refused)?;
        bytes.try_reserve_exact(room).map_err(io::Error::other)?;
        let mut file = File::from(fd);
        (&mut file).take(size).read_to_end(&mut bytes)?;
        if age(&stat) > TOUCH {
            let _ = rustix::fs::futimens(&file, &now());
        }
        Ok(Some(bytes))
    }

    /// Writes a file, which nobody sees before it is whole.
    pub(super) fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.check().map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let temporary = format!("tmp-{}-{}-{nanos}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.fd, &*temporary, flags, Mode::from_raw_mode(0o600))?);
        // Not synced: what a crash leaves half written is found out by its checksum.
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let renamed = written.and_then(|()| Ok(rustix::fs::renameat(&self.fd, &*temporary, &self.fd, name)?));
        if renamed.is_err() {
            let _ = rustix::fs::unlinkat(&self.fd, &*temporary, AtFlags::empty());
        }
        renamed
    }

    /// Whether the last eviction, of whatever process, is long ago. Then the caller's is the next one.
    pub(super) fn eviction_is_due(&self) -> bool {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Ok(fd) = rustix::fs::openat(&self.fd, STAMP, flags, Mode::from_raw_mode(0o600)) else { return true };
        // It is empty, and of no use to anybody else.
        let recent = rustix::fs::fstat(&fd).is_ok_and(|stat| stat.st_size != 0 && age(&stat) < EVICTION);
        if !recent {
            let _ = rustix::io::write(&fd, b"-");
            let _ = rustix::fs::futimens(&fd, &now());
        }
        !recent
    }

    /// Removes the files that were used least recently until no more than `max` bytes are left; none that was used
    /// within `grace`, and nothing that is not a cache's.
    pub(super) fn evict(&self, max: u64, grace: Duration) -> io::Result<()> {
        let mut files = Vec::new();
        let mut total = 0u64;
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let (module, temporary) = (is_module(name), name.starts_with("tmp-"));
            if !module && !temporary {
                continue;
            }
            let Ok(stat) = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                continue;
            }
            if temporary && age(&stat) > STALE {
                let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
            }
            if module {
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                total = total.saturating_add(size);
                files.push((age(&stat), size, name.to_owned()));
            }
        }
        files.sort_unstable_by(|a, b| b.cmp(a));
        for (age, size, name) in files {
            if total <= max || age < grace {
                break;
            }
            // Another process may have been quicker.
            if matches!(rustix::fs::unlinkat(&self.fd, &*name, AtFlags::empty()), Ok(()) | Err(Errno::NOENT)) {
                total -= size;
            }
        }
        Ok(())
    }
}

fn permissions(stat: &Stat) -> u32 {
    #[allow(clippy::unnecessary_cast, reason = "the type differs from one system to the next")]
    let mode = stat.st_mode as u32;
    mode & 0o7777
}

fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

/// Whether it is the name of a compiled module: 64 hexadecimal digits and the extension.
fn is_module(name: &str) -> bool {
    name.strip_suffix(".cwasm").is_some_and(|key| key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// How long ago it was written or marked as used; zero if that lies in the future.
fn age(stat: &Stat) -> Duration {
    #[allow(clippy::unnecessary_cast, reason = "the types differ from one system to the next")]
    let (seconds, nanos) = (stat.st_mtime as i64, stat.st_mtime_nsec as u32);
    let Ok(seconds) = u64::try_from(seconds) else { return Duration::MAX };
    let modified = Duration::new(seconds, nanos.min(999_999_999));
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(Duration::ZERO, |now| now.saturating_sub(modified))
}

fn now() -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
    }
}
