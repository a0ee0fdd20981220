//! [`Path`]: a path that shares what is above with its neighbours, so that a deep tree costs no more than a wide one.

use std::sync::Arc;

/// A path from the top.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path(Option<Arc<Step>>);

#[derive(Debug)]
struct Step {
    above: Path,
    name: Box<[u8]>,
    /// Of the whole path.
    len: usize,
}

impl Path {
    pub(crate) fn join(&self, name: &[u8]) -> Path {
        let len = if self.0.is_some() { self.len() + 1 } else { 0 } + name.len();
        Path(Some(Arc::new(Step { above: self.clone(), name: name.into(), len })))
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |step| step.len)
    }

    /// With slashes between the names.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![b'/'; self.len()];
        let (mut at, mut end) = (&self.0, bytes.len());
        while let Some(step) = at {
            let begin = end - step.name.len();
            bytes[begin..end].copy_from_slice(&step.name);
            end = begin.saturating_sub(1);
            at = &step.above.0;
        }
        bytes
    }
}

impl Drop for Path {
    /// In a loop, however long it is.
    fn drop(&mut self) {
        let mut last = self.0.take();
        while let Some(mut step) = last.and_then(Arc::into_inner) {
            last = step.above.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_and_go_in_a_loop() {
        let top = Path::default();
        assert_eq!(top.to_vec(), b"");
        let deep = top.join(b"a").join(b"bc").join(b"d");
        assert_eq!((deep.to_vec(), deep.len()), (b"a/bc/d".to_vec(), 6));
        let mut path = deep.clone();
        for _ in 0..1_000_000 {
            path = path.join(b"x");
        }
        assert_eq!(path.len(), 2_000_006);
        drop(path);
        assert_eq!(deep.join(b"e").to_vec(), b"a/bc/d/e");
    }
}
