//! Listing directories.
//!
//! # Cookies
//! Filesystems list neither `.` nor `..`; they come first, so a guest's cookie is the filesystem's and two more:
//! 0 is before `.`, 1 before `..`, 2 before the first entry of the filesystem (its cookie 0), and so on. Filesystems
//! leave room at the top. Whatever a guest passes is a place in the listing, at worst one past its end.

use core::ops::ControlFlow;

use gangplank_vfs::{Cookie, Errno, FileType, NodeId, OpenFile};

use crate::{
    Call, Descriptor, Region, RightSet, SysResult,
    abi::{
        Layout,
        types::{Dirent, Filetype},
    },
};

/// The guest's cookie before the first entry of the filesystem.
const FIRST: u64 = 2;

pub(crate) fn fd_readdir(call: &mut Call<'_>, fd: u32, buf: u32, buf_len: u32, cookie: u64, bufused: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = directory(&descriptor)?;
    let out = call.memory.out::<u32>(bufused)?;
    let mut listing = Listing { region: call.memory.region(buf, buf_len)?, used: 0 };
    list(&descriptor, file, cookie, &mut listing)?;
    let used = listing.used;
    call.memory.put(out, used as u32)?;
    Ok(())
}

/// `NOTDIR` for a file, `BADF` for a stream.
fn directory(descriptor: &Descriptor) -> Result<&OpenFile, Errno> {
    match descriptor.file().file_type() {
        FileType::Directory => {}
        FileType::Regular => return Err(Errno::NOTDIR),
        _ => return Err(Errno::BADF),
    }
    descriptor.require(RightSet::FD_READDIR)?;
    Ok(descriptor.file())
}

fn list(descriptor: &Descriptor, file: &OpenFile, cookie: u64, listing: &mut Listing<'_, '_>) -> Result<(), Errno> {
    let directory = Filetype::Directory as u8;
    if cookie == 0 {
        let own = file.metadata()?.ino.get();
        let dot = Dirent { next: 1, ino: own, namlen: 1, filetype: directory };
        if listing.push(dot, b".").is_break() {
            return Ok(());
        }
    }
    if cookie <= 1 {
        let parent = parent(descriptor, file)?.get();
        let dotdot = Dirent { next: FIRST, ino: parent, namlen: 2, filetype: directory };
        if listing.push(dotdot, b"..").is_break() {
            return Ok(());
        }
    }
    file.readdir(Cookie(cookie.saturating_sub(FIRST)), &mut |entry| {
        let name = entry.name.as_bytes();
        let head = Dirent {
            next: entry.next.0.saturating_add(FIRST),
            ino: entry.node.get(),
            namlen: name.len() as u32,
            filetype: Filetype::from(entry.file_type) as u8,
        };
        listing.push(head, name)
    })
}

/// The number of the directory above, which for a preopened directory, and for the root of a mount, is its own: what is
/// outside is none of the guest's business.
fn parent(descriptor: &Descriptor, file: &OpenFile) -> Result<NodeId, Errno> {
    let own = file.metadata()?.ino;
    let Some(place) = file.place().filter(|place| descriptor.preopen().is_none() && !place.is_mount_root()) else {
        return Ok(own);
    };
    match place.fs().parent(place.node()) {
        Ok(parent) => {
            place.fs().forget(parent, 1);
            Ok(parent)
        }
        // Somebody has moved it out of the filesystem.
        Err(_) => Ok(own),
    }
}

/// The part of a listing that fits the guest's buffer.
struct Listing<'m, 'a> {
    region: Region<'m, 'a>,
    used: usize,
}

impl Listing<'_, '_> {
    /// Adds an entry, cut where the buffer ends, and says whether there is room for more. An entry that is cut is not
    /// over for the guest: it asks again with the cookie of the one before.
    fn push(&mut self, head: Dirent, name: &[u8]) -> ControlFlow<()> {
        self.used += self.region.write_at(self.used, &head.encode());
        self.used += self.region.write_at(self.used, name);
        if self.used < self.region.len() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
