//! [`short_transfers`]: reads and writes that move less than was asked.

use gangplank_vfs::{
    OpenFlags,
    layers::fault::{Calls, Fault},
};

use super::Stack;
use crate::World;

/// Lets one transfer after the other move the half of what was asked, until no more is made: what was written is what
/// was counted, and nothing else has changed. Answers how many were short.
///
/// # Panics
/// If something else was written or read.
pub fn short_transfers(make: &dyn Fn() -> Stack) -> usize {
    let mut struck = 0;
    for k in 1.. {
        let stack = make();
        let world = World::new(stack.top);
        let file = world.open("a/f", OpenFlags::READ | OpenFlags::WRITE).expect("open a file");
        stack.faults.arm(Calls::TRANSFERS, k, Fault::Short);
        let n = file.write(4990, b"0123456789abcdef").expect("write a part at least");
        let read = file.read(1, 3000).expect("read a part at least");
        let (end_n, end) = file.append(b"tail").expect("append a part at least");
        if stack.faults.disarm() {
            break;
        }
        struck += 1;
        let mut wanted = vec![b'X'; 4990];
        wanted.extend(&b"0123456789abcdef"[..n]);
        wanted.extend(&[b'X'; 10][n.min(10)..]);
        wanted.extend(&b"tail"[..end_n]);
        assert_eq!(end, wanted.len() as u64, "where it ends, with transfer {k} short");
        assert!(n > 0 && end_n > 0 && !read.is_empty(), "nothing was moved, with transfer {k} short");
        assert!(read.iter().all(|byte| *byte == b'X'), "what was read, with transfer {k} short");
        assert_eq!(world.read("a/f"), Ok(wanted), "with transfer {k} short");
    }
    struck
}
