//! [`Ctx`]: on whose behalf a filesystem acts.

/// On whose behalf, built once for each syscall by whoever calls into a filesystem.
#[derive(Clone, Copy, Debug)]
pub struct Ctx<'a> {
    /// Owner of what is created, and the mask of its permission bits.
    pub cred: &'a Cred,
}

/// Identity of a process. Permission bits are stored with it, not enforced: a guest's authority is the set of
/// directories it was given, each read-only or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cred {
    /// Owner of new nodes.
    pub uid: u32,
    /// Group of new nodes.
    pub gid: u32,
    /// Permission bits that new nodes do not get.
    pub umask: u16,
}

impl Cred {
    /// uid 0, gid 0, umask 022.
    pub const ROOT: Cred = Cred { uid: 0, gid: 0, umask: 0o022 };
}

impl Default for Cred {
    fn default() -> Cred {
        Cred::ROOT
    }
}

impl Ctx<'static> {
    /// On behalf of [`Cred::ROOT`].
    pub const ROOT: Ctx<'static> = Ctx { cred: &Cred::ROOT };
}
