//! Decompression, within limits: of whole archives, and of single files in them.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status, bufread::MultiGzDecoder};
use ruzstd::decoding::{FrameDecoder, errors::ReadFrameHeaderError};

use super::{
    backing::{Backing, Window},
    error::{ImageError, Problem},
    options::{ImageOptions, Progress},
};

/// Bytes that come out of a decoder at a time.
const STEP: usize = 64 << 10;

/// How an archive is compressed as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

/// By what the archive begins with.
pub(super) fn detect(start: &[u8]) -> Result<Option<Compression>, Problem> {
    match start {
        [0x1f, 0x8b, ..] => Ok(Some(Compression::Gzip)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Some(Compression::Zstd)),
        [b'B', b'Z', b'h', ..] => Err(Problem::Unsupported("compression with bzip2".into())),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err(Problem::Unsupported("compression with xz".into())),
        [0x1f, 0x9d, ..] => Err(Problem::Unsupported("compression with compress (.Z)".into())),
        _ => Ok(None),
    }
}

/// The whole of it, decompressed.
pub(super) fn decompress(
    backing: &Backing,
    how: Compression,
    options: &mut ImageOptions<'_>,
) -> Result<Bytes, ImageError> {
    let window = Window::new(backing).map_err(|e| ImageError::at(0, e))?;
    let packed = window.len();
    let mut input = io::BufReader::with_capacity(STEP, Counted { inner: window, bytes: 0 });
    let (what, limit, largest) = options.limits.largest(packed);
    let mut out = Sink { bytes: Vec::new(), largest, limit: Problem::Limit { what, limit } };
    let mut tell = |input: &io::BufReader<Counted<'_>>| {
        options.tell(Progress { entries: 0, bytes: input.get_ref().bytes, total: Some(packed) });
    };
    let done = match how {
        Compression::Gzip => gunzip(&mut input, &mut out, &mut tell),
        Compression::Zstd => unzstd(&mut input, &mut out, &mut tell),
    };
    match done {
        Ok(()) => Ok(out.bytes.into()),
        Err(problem) => Err(ImageError::at(out.bytes.len() as u64, problem)),
    }
}

type Input<'b> = io::BufReader<Counted<'b>>;

fn gunzip(input: &mut Input<'_>, out: &mut Sink, tell: &mut dyn FnMut(&Input<'_>)) -> Result<(), Problem> {
    let mut decoder = MultiGzDecoder::new(input);
    let mut buf = vec![0; STEP];
    loop {
        let n = decoder.read(&mut buf).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => Problem::Truncated { missing: 1 },
            _ => Problem::Damaged(format!("gzip: {e}").into()),
        })?;
        if n == 0 {
            return Ok(());
        }
        out.push(&buf[..n])?;
        tell(decoder.get_ref());
    }
}

fn unzstd(input: &mut Input<'_>, out: &mut Sink, tell: &mut dyn FnMut(&Input<'_>)) -> Result<(), Problem> {
    use io::BufRead as _;
    use ruzstd::decoding::{BlockDecodingStrategy, errors::FrameDecoderError};

    let mut decoder = FrameDecoder::new();
    let mut buf = vec![0; STEP];
    while !input.fill_buf().map_err(|e| wrong(&e))?.is_empty() {
        match decoder.reset(&mut *input) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut input.by_ref().take(length.into()), &mut io::sink());
                if skipped.map_err(|e| wrong(&e))? < u64::from(length) {
                    return Err(Problem::Truncated { missing: 1 });
                }
                continue;
            }
            Err(e) => return Err(wrong(&e)),
        }
        loop {
            let wanted = BlockDecodingStrategy::UptoBytes(STEP);
            let finished = decoder.decode_blocks(&mut *input, wanted).map_err(|e| wrong(&e))?;
            while decoder.can_collect() > 0 {
                let n = decoder.read(&mut buf).map_err(|e| wrong(&e))?;
                if n == 0 {
                    break;
                }
                out.push(&buf[..n])?;
            }
            tell(input);
            if finished {
                break;
            }
        }
        if let (Some(want), Some(got)) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum())
            && want != got
        {
            return Err(Problem::Damaged("zstd: wrong checksum".into()));
        }
    }
    Ok(())
}

/// What is wrong, as the decoder says.
fn wrong(e: &(dyn core::error::Error + 'static)) -> Problem {
    // The end of the input is at the bottom of it.
    let mut cause = Some(e);
    while let Some(e) = cause {
        if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof) {
            return Problem::Truncated { missing: 1 };
        }
        cause = e.source();
    }
    Problem::Damaged(format!("zstd: {e}").into())
}

/// `size` bytes that are compressed in `packed`; `None` if it is more, or less, or nonsense.
pub(super) fn inflate(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut decoder = Decompress::new(false);
    let mut out: Vec<u8> = Vec::new();
    loop {
        // Room as it is needed, so that a size alone allocates nothing; one byte more shows that there is more.
        let room = (size + 1).saturating_sub(out.len()).min(out.len().max(STEP));
        out.try_reserve(room).ok()?;
        let read = packed.get(usize::try_from(decoder.total_in()).ok()?..)?;
        let before = (decoder.total_in(), decoder.total_out());
        let status = decoder.decompress_vec(read, &mut out, FlushDecompress::None).ok()?;
        if out.len() > size {
            return None;
        }
        match status {
            Status::StreamEnd => return (out.len() == size).then_some(out),
            _ if (decoder.total_in(), decoder.total_out()) == before => return None,
            _ => {}
        }
    }
}

/// What has come out.
struct Sink {
    bytes: Vec<u8>,
    largest: u64,
    limit: Problem,
}

impl Sink {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        if self.bytes.len() as u64 + bytes.len() as u64 > self.largest {
            return Err(self.limit.clone());
        }
        self.bytes.try_reserve(bytes.len()).map_err(|_| crate::Errno::NOMEM)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Counts what is read.
struct Counted<'b> {
    inner: Window<'b>,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes += n as u64;
        Ok(n)
    }
}
