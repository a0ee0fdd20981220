//! `oci`: image layouts.
//!
//! The bytes are files, with a line `%%` between them: first the index, then the blobs. Where a file that is JSON says
//! `@3`, it means the third blob, and gets its digest and size: `"digest":"sha256:…","size":…`. So an index and manifests
//! that are nearly right can be made by changing a byte here and there, and layers are met whose digests are right.

use gangplank_vfs::{
    dir,
    image_fs::{ImageError, ImageFs},
};
use sha2::{Digest as _, Sha256};

use super::{
    images::{options, seal, used},
    merged::merged,
};

/// What stands between files.
pub(super) const BETWEEN: &[u8] = b"\n%%\n";

/// The most files that are looked at; what comes later belongs to the last.
const FILES: usize = 10;

/// Bytes as an image layout, its blobs compared with their digests and not, and its blobs as layers.
pub fn oci(bytes: &[u8]) {
    let mut files = split(bytes);
    // From the last on: the digest of a manifest is known once those in it are.
    for at in (0..files.len()).rev() {
        seal(&mut files[at]);
        if files[at].starts_with(b"{") {
            files[at] = filled(&files[at], at, &files);
        }
    }
    let (index, blobs) = files.split_first().expect("there is one file at least");
    let layout = dir! { "oci-layout": r#"{"imageLayoutVersion":"1.0.0"}"#, "blobs/sha256": {} };
    let layout = layout.tree().expect("a tree in memory");
    layout.write("index.json", index).expect("write the index");
    for blob in blobs {
        layout.write(format!("blobs/sha256/{}", digest(blob)), blob).expect("write a blob");
    }
    for (reference, verify) in [(None, true), (Some("wasi/wasm"), false)] {
        answered(ImageFs::oci(&layout, reference, options().verify(verify)));
    }
    // Descriptions are no layers.
    let layers: Vec<&[u8]> = blobs.iter().filter(|blob| !blob.starts_with(b"{")).map(|blob| &**blob).collect();
    let stack = ImageFs::layers(layers.iter().map(|layer| layer.to_vec()), options());
    if let Ok(stack) = &stack {
        merged(&layers, stack);
    }
    answered(stack);
}

fn answered(image: Result<ImageFs, ImageError>) {
    match image {
        Ok(image) => used(image),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut files = vec![];
    let mut rest = bytes;
    while files.len() + 1 < FILES
        && let Some(at) = rest.windows(BETWEEN.len()).position(|w| w == BETWEEN)
    {
        files.push(rest[..at].to_vec());
        rest = &rest[at + BETWEEN.len()..];
    }
    files.push(rest.to_vec());
    files
}

/// A file with digests in place of the numbers of later files.
fn filled(file: &[u8], at: usize, files: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![];
    let mut bytes = file.iter();
    while let Some(&byte) = bytes.next() {
        let number = bytes.as_slice().first().filter(|_| byte == b'@').map(|b| usize::from(b.wrapping_sub(b'0')));
        match number.filter(|&n| n > at).and_then(|n| files.get(n)) {
            Some(blob) => {
                bytes.next();
                out.extend(format!(r#""digest":"sha256:{}","size":{}"#, digest(blob), blob.len()).into_bytes());
            }
            None => out.push(byte),
        }
    }
    out
}

fn digest(blob: &[u8]) -> String {
    Sha256::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect()
}
