//! The adversary's tests that are not cases of the kit, because they need the host, a process of their own, or a lot of
//! something. `ADVERSARY.md` has the whole list.

#[cfg(target_os = "linux")]
mod host;
mod inventory;
mod limits;
mod proof;
#[cfg(target_os = "linux")]
mod race;
