//! [`Dir`]: the content of a directory, written down; [`dir!`](crate::dir) writes it as a literal.

use std::sync::Arc;

use bytes::Bytes;

use super::{Result, Tree, TreeError};
use crate::{Errno, MemFs, MemFsOptions, Name, SetAttr};

/// The content of a directory, to be made in memory or anywhere else. [`dir!`](crate::dir) is the pleasant way to write
/// one down.
///
/// Names may be paths: the directories on the way are made too. Nothing is checked before it is built.
#[derive(Clone, Debug, Default)]
pub struct Dir(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    path: Vec<u8>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Directory(Option<u16>),
    File(Bytes, u16),
    Link(Bytes),
}

/// What a name in a [`Dir`] stands for: made from text, bytes, or a `Dir`. Static data, and `Bytes`, are shared and
/// never copied.
#[derive(Clone, Debug)]
pub enum Node {
    /// A file with this content.
    File(Bytes),
    /// A directory.
    Dir(Dir),
}

impl Dir {
    /// Nothing.
    pub fn new() -> Dir {
        Dir::default()
    }

    /// Adds a file (mode 0644) or a directory (mode 0755).
    pub fn add(self, path: impl AsRef<[u8]>, node: impl Into<Node>) -> Dir {
        self.put(path.as_ref(), node.into(), None)
    }

    /// Adds a file or a directory with these permission bits.
    pub fn add_with_mode(self, path: impl AsRef<[u8]>, mode: u16, node: impl Into<Node>) -> Dir {
        self.put(path.as_ref(), node.into(), Some(mode))
    }

    /// Adds a symbolic link.
    pub fn link(mut self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Dir {
        let target = Bytes::copy_from_slice(target.as_ref());
        self.0.push(Entry { path: path.as_ref().to_vec(), what: What::Link(target) });
        self
    }

    fn put(mut self, path: &[u8], node: Node, mode: Option<u16>) -> Dir {
        match node {
            Node::File(content) => {
                let what = What::File(content, mode.unwrap_or(0o644));
                self.0.push(Entry { path: path.to_vec(), what });
            }
            Node::Dir(dir) => {
                self.0.push(Entry { path: path.to_vec(), what: What::Directory(mode) });
                let below = dir.0.into_iter();
                self.0.extend(below.map(|e| Entry { path: [path, b"/", &e.path].concat(), what: e.what }));
            }
        }
        self
    }

    /// Makes a filesystem of it in memory, without limits.
    ///
    /// # Errors
    /// As [`build_with`](Dir::build_with).
    pub fn build(&self) -> Result<MemFs> {
        self.build_with(&MemFsOptions::new())
    }

    /// Makes a filesystem of it in memory. Content is shared with this `Dir` and charged to no limit until a guest
    /// writes to it.
    ///
    /// # Errors
    /// With the path: `EXIST` for one that is there twice; `INVAL`, `NAMETOOLONG` for one that cannot be; `DQUOT`,
    /// `NOSPC` over a limit.
    pub fn build_with(&self, options: &MemFsOptions) -> Result<MemFs> {
        let fs = Arc::new(options.build());
        let tree = Tree::new(Arc::<MemFs>::clone(&fs));
        self.make(&tree, &mut |dir, name, mode, content| {
            fs.add_image(dir.place().node(), name, mode, content.clone()).map(drop)
        })?;
        drop(tree);
        Arc::into_inner(fs).ok_or_else(|| TreeError::new("build", b"", Errno::BUSY))
    }

    /// [`build`](Dir::build), as a [`Tree`].
    ///
    /// # Errors
    /// As `build`.
    pub fn tree(&self) -> Result<Tree> {
        Ok(Tree::new(Arc::new(self.build()?)))
    }

    /// Makes it in a directory of any filesystem, beside what is there.
    ///
    /// # Errors
    /// With the path: `EXIST` for what is there already, unless both are directories; those of the filesystem.
    pub fn write_to(&self, tree: &Tree) -> Result<()> {
        self.make(tree, &mut |dir, name, mode, content| {
            let new = crate::NewNode::Regular { mode };
            let made = dir.fs().create(&super::copy::CX, dir.place().node(), name, &new)?;
            let written = (|| {
                let file = dir.fs().open(&super::copy::CX, made.node, crate::OpenFlags::WRITE)?;
                super::copy::write_all(&*file, content, 0)?;
                file.flush()
            })();
            dir.fs().forget(made.node, 1);
            written
        })
    }

    fn make(&self, tree: &Tree, file: &mut dyn FnMut(&Tree, Name<'_>, u16, &Bytes) -> crate::Result<()>) -> Result<()> {
        for Entry { path, what } in &self.0 {
            let failed = |errno| TreeError::new("create", path, errno);
            let (above, last) = match path.iter().rposition(|&b| b == b'/') {
                Some(slash) => (&path[..slash], &path[slash + 1..]),
                None => (&b""[..], &path[..]),
            };
            if let What::Directory(mode) = what {
                tree.create_dir_all(path)?;
                if let Some(mode) = mode {
                    tree.set_attr(path, &SetAttr { mode: Some(*mode), ..SetAttr::default() })?;
                }
                continue;
            }
            let name = Name::new(last).map_err(failed)?;
            if !above.is_empty() {
                tree.create_dir_all(above)?;
            }
            match what {
                What::File(content, mode) => {
                    let dir = tree.dir(above)?;
                    if dir.place().mount().read_only() {
                        return Err(failed(Errno::ROFS));
                    }
                    file(&dir, name, *mode, content).map_err(failed)?;
                }
                What::Link(target) => tree.symlink(target, path)?,
                What::Directory(_) => {}
            }
        }
        Ok(())
    }
}

impl From<Dir> for Node {
    fn from(dir: Dir) -> Node {
        Node::Dir(dir)
    }
}

impl<const N: usize> From<&'static [u8; N]> for Node {
    fn from(content: &'static [u8; N]) -> Node {
        Node::File(Bytes::from_static(content))
    }
}

macro_rules! file {
    ($($content:ty),*) => {
        $(
            impl From<$content> for Node {
                fn from(content: $content) -> Node {
                    Node::File(Bytes::from(content))
                }
            }
        )*
    };
}
file!(&'static str, &'static [u8], String, Vec<u8>, Bytes);

/// A directory, written down: a [`Dir`].
///
/// ```
/// use gangplank_vfs::dir;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let version = 3;
/// let files = dir! {
///     "README": "read me\n",                  // text or bytes; static ones are never copied
///     "VERSION": format!("{version}\n"),      // any expression
///     "bin": {                                // a directory
///         "tool" mode 0o755: b"\0asm",        // permission bits; else 0644, and 0755 for directories
///         "t" => "tool",                      // a symbolic link
///     },
///     "usr/lib/empty": {},                    // directories on the way are made too
/// };
/// let fs = files.build()?;                    // a `MemFs`; `tree()` answers a `Tree`
/// # let tree = files.tree()?;
/// # assert_eq!(tree.read_to_string("VERSION")?, "3\n");
/// # assert_eq!(tree.metadata("bin/tool")?.mode, 0o755);
/// # assert_eq!(tree.read("bin/t")?, "\0asm");
/// # assert!(tree.is_dir("usr/lib/empty"));
/// # drop(fs);
/// # Ok(())
/// # }
/// ```
///
/// A name is a literal. For others: [`Dir::add`].
#[macro_export]
macro_rules! dir {
    ($($entries:tt)*) => {
        $crate::__dir!(($crate::Dir::new()) $($entries)*)
    };
}

/// What [`dir!`](crate::dir) unfolds into, entry by entry.
#[doc(hidden)]
#[macro_export]
macro_rules! __dir {
    (($dir:expr)) => {
        $dir
    };
    (($dir:expr) $name:literal : { $($below:tt)* } $(, $($rest:tt)*)?) => {
        $crate::__dir!(($dir.add($name, $crate::dir! { $($below)* })) $($($rest)*)?)
    };
    (($dir:expr) $name:literal mode $mode:literal : { $($below:tt)* } $(, $($rest:tt)*)?) => {
        $crate::__dir!(($dir.add_with_mode($name, $mode, $crate::dir! { $($below)* })) $($($rest)*)?)
    };
    (($dir:expr) $name:literal mode $mode:literal : $node:expr $(, $($rest:tt)*)?) => {
        $crate::__dir!(($dir.add_with_mode($name, $mode, $node)) $($($rest)*)?)
    };
    (($dir:expr) $name:literal => $target:expr $(, $($rest:tt)*)?) => {
        $crate::__dir!(($dir.link($name, $target)) $($($rest)*)?)
    };
    (($dir:expr) $name:literal : $node:expr $(, $($rest:tt)*)?) => {
        $crate::__dir!(($dir.add($name, $node)) $($($rest)*)?)
    };
}
