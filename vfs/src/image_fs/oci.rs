//! OCI image layouts (OCI Image Format 1.1): a directory with an index, manifests, and layers named by their digests.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Backing, ImageError, ImageFs, ImageOptions, Problem, Progress};
use crate::{Errno, OpenFlags, OpenHow, Tree};

/// The longest index or manifest.
const JSON_MAX: u64 = 4 << 20;
/// The most indexes inside of each other.
const DEPTH: usize = 4;
/// Bytes digested at a time.
const STEP: usize = 1 << 20;

impl ImageFs {
    /// Mounts an image out of a directory in the form of the OCI image layout. The directory may be of any filesystem:
    /// an archive with a layout in it is mounted first, and then the image in it.
    ///
    /// `reference` is the name of the image in the index (`org.opencontainers.image.ref.name`), a digest, or a platform
    /// (`wasi/wasm`, `linux/arm64`). It need not be given where there is only one, or one for `linux` on this machine's
    /// architecture. Every blob is compared with its digest, which means reading it once, unless
    /// [`ImageOptions::verify`] says otherwise.
    ///
    /// # Errors
    /// [`ImageError`], in which the entry is the file of the layout.
    pub fn oci(
        layout: &Tree,
        mut reference: Option<&str>,
        mut options: ImageOptions<'_>,
    ) -> Result<ImageFs, ImageError> {
        let mut layout = Layout { tree: layout, options: &mut options, done: Progress::default() };
        layout.json("oci-layout")?;
        let (mut file, mut json) = ("index.json".to_owned(), layout.json("index.json")?);
        let mut candidates = Vec::new();
        for _ in 0..DEPTH {
            if let Some(layers) = json.get("layers") {
                if reference.is_some() {
                    // None of the indexes has it.
                    return Err(error("index.json", Problem::Choice { candidates }));
                }
                let layers = layers.as_array().map(Vec::as_slice).unwrap_or_default();
                let backings = layers.iter().map(|layer| layout.layer(&file, layer)).collect::<Result<Vec<_>, _>>()?;
                return ImageFs::layers(backings, options);
            }
            let manifest = choose(&json, &mut reference, &mut candidates).map_err(|problem| error(&file, problem))?;
            let blob = Blob::new(manifest).map_err(|problem| error(&file, problem))?;
            let backing = layout.blob(&blob)?;
            (file, json) = (blob.path(), layout.parse(&blob.path(), &backing)?);
        }
        Err(error(&file, Problem::Unsupported("an index in an index in an index".into())))
    }
}

fn error(file: &str, problem: impl Into<Problem>) -> ImageError {
    ImageError::of(file.as_bytes(), 0, problem)
}

fn damaged(what: &'static str) -> Problem {
    Problem::Damaged(what.into())
}

/// The manifest that is meant. A reference that is found is taken; what could have been named is added to `candidates`.
fn choose<'j>(
    index: &'j Value,
    reference: &mut Option<&str>,
    candidates: &mut Vec<String>,
) -> Result<&'j Value, Problem> {
    let manifests =
        index.get("manifests").and_then(Value::as_array).ok_or(damaged("neither an index nor a manifest"))?;
    // Attestations are no images.
    let images: Vec<&Value> = manifests.iter().filter(|m| platform(m).as_deref() != Some("unknown/unknown")).collect();
    let named = |wanted: &str| {
        images.iter().find(|m| {
            let name = m.pointer("/annotations/org.opencontainers.image.ref.name").and_then(Value::as_str);
            let digest = m.get("digest").and_then(Value::as_str);
            [name, digest, platform(m).as_deref()].contains(&Some(wanted))
        })
    };
    if let Some(found) = reference.and_then(named) {
        *reference = None;
        return Ok(found);
    }
    candidates.extend(images.iter().filter_map(|m| {
        let name = m.pointer("/annotations/org.opencontainers.image.ref.name").and_then(Value::as_str);
        name.map(str::to_owned).or_else(|| platform(m))
    }));
    if let [only] = *images {
        return Ok(only);
    }
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    if let Some(found) = named(&format!("linux/{machine}")) {
        return Ok(found);
    }
    Err(Problem::Choice { candidates: core::mem::take(candidates) })
}

fn platform(manifest: &Value) -> Option<String> {
    let part = |name| manifest.pointer(name).and_then(Value::as_str);
    Some(format!("{}/{}", part("/platform/os")?, part("/platform/architecture")?))
}

/// What a descriptor says.
struct Blob {
    /// Of SHA-256, in hexadecimal.
    digest: String,
    size: u64,
}

impl Blob {
    fn new(descriptor: &Value) -> Result<Blob, Problem> {
        let digest = descriptor.get("digest").and_then(Value::as_str).ok_or(damaged("a blob without a digest"))?;
        let size = descriptor.get("size").and_then(Value::as_u64).ok_or(damaged("a blob without a size"))?;
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        match digest.split_once(':') {
            // So that it is a name, and leads nowhere.
            Some(("sha256", digits)) if digits.len() == 64 && digits.bytes().all(hex) => {
                Ok(Blob { digest: digits.to_owned(), size })
            }
            Some(("sha256", _)) | None => Err(damaged("a digest that is none")),
            Some((algorithm, _)) => {
                Err(Problem::Unsupported(format!("the digest `{}`", algorithm.escape_debug()).into()))
            }
        }
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }
}

struct Layout<'a, 'p> {
    tree: &'a Tree,
    options: &'a mut ImageOptions<'p>,
    done: Progress,
}

impl Layout<'_, '_> {
    fn open(&self, path: &str) -> Result<Backing, ImageError> {
        let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
        let file = self.tree.open(path, &how).map_err(|e| error(path, e.errno))?;
        if !file.file().seekable() {
            return Err(error(path, Errno::ISDIR));
        }
        Ok(Backing::File(Arc::clone(file.file())))
    }

    fn json(&self, path: &str) -> Result<Value, ImageError> {
        self.parse(path, &self.open(path)?)
    }

    fn parse(&self, path: &str, backing: &Backing) -> Result<Value, ImageError> {
        let len = backing.len().map_err(|e| error(path, e))?;
        if len > JSON_MAX {
            return Err(error(path, Problem::Limit { what: "index or manifest", limit: JSON_MAX }));
        }
        let bytes = backing.read_bytes(0, len as usize).map_err(|e| error(path, e))?;
        serde_json::from_slice(&bytes).map_err(|e| error(path, Problem::Damaged(format!("no JSON: {e}").into())))
    }

    fn layer(&mut self, manifest: &str, descriptor: &Value) -> Result<Backing, ImageError> {
        let media_type = descriptor.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        if !media_type.contains("tar") || media_type.contains("encrypted") {
            let what = format!("a layer of the type `{}`", media_type.escape_debug());
            return Err(error(manifest, Problem::Unsupported(what.into())));
        }
        let blob = Blob::new(descriptor).map_err(|problem| error(manifest, problem))?;
        self.blob(&blob)
    }

    /// A blob, compared with its digest.
    fn blob(&mut self, blob: &Blob) -> Result<Backing, ImageError> {
        let path = blob.path();
        let failed = |problem: Problem| error(&path, problem);
        let backing = self.open(&path)?;
        let len = backing.len().map_err(|e| failed(e.into()))?;
        if len < blob.size {
            return Err(failed(Problem::Truncated { missing: blob.size - len }));
        }
        if len > blob.size {
            return Err(failed(damaged("a blob that is longer than it should be")));
        }
        if !self.options.verify {
            return Ok(backing);
        }
        let (mut hash, mut at) = (Sha256::new(), 0);
        while at < len {
            let step = usize::try_from(len - at).unwrap_or(STEP).min(STEP);
            let bytes = backing.read_bytes(at, step).map_err(|e| failed(e.into()))?;
            if bytes.is_empty() {
                return Err(failed(Problem::Truncated { missing: len - at }));
            }
            hash.update(&bytes);
            at += bytes.len() as u64;
            self.done.bytes += bytes.len() as u64;
            self.options.tell(self.done);
        }
        let got: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if got != blob.digest {
            return Err(failed(Problem::Digest { want: blob.digest.clone(), got }));
        }
        Ok(backing)
    }
}
