//! [`ImageOptions`]: how archives are read, and what they may cost.

use core::fmt;

/// What an archive may cost. Whoever mounts archives of strangers lives by these; the defaults suit a machine with a few
/// gigabytes of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageLimits {
    /// Entries, and directories that only the names of entries tell of; replaced ones count. Each takes about 100 bytes
    /// of memory. 2 million.
    pub nodes: u64,
    /// Bytes of names, targets of symbolic links, extended attributes and maps of sparse files, which are kept in
    /// memory. 256 MiB.
    pub names: u64,
    /// Bytes that a compressed archive may have after decompression, which are kept in memory, and that all compressed
    /// files of a zip archive may have together, which are not. 4 GiB.
    pub unpacked: u64,
    /// How many times larger than before compression something may become, once it is over 16 MiB. 200.
    pub ratio: u64,
    /// Bytes of decompressed files of a zip archive that are kept in case they are read again. 64 MiB.
    pub cache: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        ImageLimits { nodes: 2_000_000, names: 256 << 20, unpacked: 4 << 30, ratio: 200, cache: 64 << 20 }
    }
}

impl ImageLimits {
    /// From which size on `ratio` counts.
    pub(super) const RATIO_FROM: u64 = 16 << 20;

    /// How much may come out of `packed` bytes.
    pub(super) fn largest(&self, packed: u64) -> (&'static str, u64, u64) {
        let by_ratio = packed.saturating_mul(self.ratio).max(Self::RATIO_FROM);
        if by_ratio < self.unpacked {
            ("ratio", self.ratio, by_ratio)
        } else {
            ("unpacked", self.unpacked, self.unpacked)
        }
    }
}

/// How far some long work is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Entries dealt with.
    pub entries: u64,
    /// Bytes dealt with: of the archive where one is read, of content where something is packed or copied.
    pub bytes: u64,
    /// How many bytes there will be, if that is known.
    pub total: Option<u64>,
}

/// Is told of progress, from time to time.
pub type OnProgress<'p> = &'p mut dyn FnMut(Progress);

/// How archives are read.
pub struct ImageOptions<'p> {
    pub(super) limits: ImageLimits,
    pub(super) unterminated: bool,
    pub(super) verify: bool,
    pub(super) progress: Option<OnProgress<'p>>,
}

impl Default for ImageOptions<'_> {
    fn default() -> Self {
        ImageOptions { limits: ImageLimits::default(), unterminated: false, verify: true, progress: None }
    }
}

impl<'p> ImageOptions<'p> {
    /// The default limits, digests compared, nothing told to anybody.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the archive may cost.
    pub fn limits(mut self, limits: ImageLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether a tar archive may end without an end mark. Some programs forget it; but then nobody can tell whether the
    /// archive has been cut off between two entries.
    pub fn unterminated(mut self, allowed: bool) -> Self {
        self.unterminated = allowed;
        self
    }

    /// Whether the blobs of an OCI layout are compared with their digests, which means reading them.
    pub fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// Who is told of progress.
    pub fn progress(mut self, progress: OnProgress<'p>) -> Self {
        self.progress = Some(progress);
        self
    }

    pub(super) fn tell(&mut self, progress: Progress) {
        if let Some(tell) = &mut self.progress {
            tell(progress);
        }
    }
}

impl fmt::Debug for ImageOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageOptions { limits, unterminated, verify, .. } = self;
        f.debug_struct("ImageOptions")
            .field("limits", limits)
            .field("unterminated", unterminated)
            .field("verify", verify)
            .finish_non_exhaustive()
    }
}
