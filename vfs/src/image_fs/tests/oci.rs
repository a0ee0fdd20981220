//! OCI image layouts.

use sha2::{Digest as _, Sha256};

use super::*;
use crate::{dir, image_fs::Problem};

/// A layout in the making.
struct Layout(Tree);

impl Layout {
    fn new() -> Layout {
        let tree = dir! { "oci-layout": r#"{"imageLayoutVersion":"1.0.0"}"#, "blobs/sha256": {} }.tree().unwrap();
        Layout(tree)
    }

    /// Adds a blob; answers its descriptor.
    fn blob(&self, content: &[u8], media_type: &str, more: &str) -> String {
        let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.write(format!("blobs/sha256/{digest}"), content).unwrap();
        let size = content.len();
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{digest}","size":{size}{more}}}"#)
    }

    fn manifest(&self, layers: &[Vec<u8>], more: &str) -> String {
        let kind = "application/vnd.oci.image.layer.v1.tar";
        let layers: Vec<String> = layers.iter().map(|layer| self.blob(layer, kind, "")).collect();
        let manifest = format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, layers.join(","));
        self.blob(manifest.as_bytes(), "application/vnd.oci.image.manifest.v1+json", more)
    }

    fn index(&self, manifests: &[String]) {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","));
        self.0.write("index.json", index).unwrap();
    }

    fn open(&self, reference: Option<&str>) -> Result<Tree, ImageError> {
        Ok(Tree::new(Arc::new(ImageFs::oci(&self.0, reference, ImageOptions::new())?)))
    }
}

fn two_layers() -> [Vec<u8>; 2] {
    let mut gz = Vec::new();
    let top = dir! { "b": "1", ".wh.gone": "" }.tree().unwrap();
    pack(&top, &mut gz, PackOptions::new().gzip(true)).unwrap();
    [packed(&dir! { "a": "0", "gone": "0" }.tree().unwrap()), gz]
}

#[test]
fn an_image_is_its_layers() {
    let layout = Layout::new();
    layout.index(&[layout.manifest(&two_layers(), "")]);
    assert_eq!(paths(&layout.open(None).unwrap()), ["a", "b"]);
    // And so it is in an archive.
    let archive = image(packed(&layout.0)).unwrap();
    let inner = ImageFs::oci(&archive, None, ImageOptions::new()).unwrap();
    assert_eq!(paths(&Tree::new(Arc::new(inner))), ["a", "b"]);
}

#[test]
fn one_of_several_is_chosen() {
    let layout = Layout::new();
    let make =
        |name: &str, more: &str| layout.manifest(&[packed(&dir! { "f": name.to_owned() }.tree().unwrap())], more);
    let tagged = make("tagged", r#","annotations":{"org.opencontainers.image.ref.name":"v1"}"#);
    let wasm = make("wasm", r#","platform":{"os":"wasi","architecture":"wasm"}"#);
    let proof = make("proof", r#","platform":{"os":"unknown","architecture":"unknown"}"#);
    layout.index(&[tagged.clone(), wasm.clone(), proof.clone()]);
    let read = |reference| layout.open(reference).map(|tree| tree.read("f").unwrap());
    assert_eq!(read(Some("v1")).unwrap(), "tagged");
    assert_eq!(read(Some("wasi/wasm")).unwrap(), "wasm");
    let error = read(None).unwrap_err();
    assert_eq!(error.problem, Problem::Choice { candidates: vec!["v1".into(), "wasi/wasm".into()] });
    assert!(error.to_string().contains("v1, wasi/wasm"), "{error}");
    // In an index of its own, as images for several platforms are.
    let inner = format!(r#"{{"manifests":[{wasm},{proof}]}}"#);
    layout.index(&[layout.blob(inner.as_bytes(), "application/vnd.oci.image.index.v1+json", "")]);
    assert_eq!(read(None).unwrap(), "wasm");
}

#[test]
fn blobs_are_what_their_digests_say() {
    let layout = Layout::new();
    let layers = two_layers();
    layout.index(&[layout.manifest(&layers, "")]);
    let digest: String = Sha256::digest(&layers[0]).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("blobs/sha256/{digest}");
    let mut content = layout.0.read(&path).unwrap().to_vec();
    let last = content.len() - 1;
    content[last] ^= 1;
    layout.0.write(&path, &content).unwrap();
    let error = layout.open(None).unwrap_err();
    assert!(matches!(&error.problem, Problem::Digest { want, .. } if *want == digest), "{error}");
    assert_eq!(error.entry, path.as_bytes());
    assert!(ImageFs::oci(&layout.0, None, ImageOptions::new().verify(false)).is_ok());
    layout.0.write(&path, &content[1..]).unwrap();
    assert_eq!(layout.open(None).unwrap_err().problem, Problem::Truncated { missing: 1 });
    layout.0.remove(&path).unwrap();
    assert_eq!(layout.open(None).unwrap_err().problem, Problem::Read(crate::Errno::NOENT));
}

#[test]
fn layouts_that_are_none_are_told() {
    let layout = Layout::new();
    for (index, entry) in [
        ("", "index.json"),
        ("[]", "index.json"),
        (r#"{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}"#, "index.json"),
        (r#"{"manifests":[{"digest":"md5:00","size":1}]}"#, "index.json"),
        (r#"{"manifests":[]}"#, "index.json"),
        (&"[".repeat(100_000), "index.json"),
    ] {
        layout.0.write("index.json", index).unwrap();
        let error = layout.open(None).unwrap_err();
        assert_eq!(error.entry, entry.as_bytes(), "{error}");
    }
    let kind = "application/vnd.oci.image.layer.v1.tar+encrypted";
    let layer = layout.blob(b"x", kind, "");
    let manifest = layout.blob(format!(r#"{{"layers":[{layer}]}}"#).as_bytes(), "", "");
    layout.index(&[manifest]);
    assert_eq!(layout.open(None).unwrap_err().errno(), crate::Errno::NOTSUP);
    layout.0.remove("oci-layout").unwrap();
    assert_eq!(layout.open(None).unwrap_err().entry, b"oci-layout");
}
