use super::*;
use crate::image_fs::{ImageFs, ImageOptions, LayerKind, PackOptions, pack, pack_layer};

/// What an overlay changed, put on top of an image of what is below it, is what the overlay shows.
#[test]
fn a_layer_on_top_of_the_base_is_the_view() {
    let (lower, base) = start(dir! {
        "f": "1", "d": { "x": "2", "y": "3", "deep": { "z": "4" } }, "swap1": "s1", "swap2": "s2",
        "gone": { "saved": "5", "lost": "6", "sub": { "kept": "7", "not": "8" } }, "opaque": { "old": "", "both": "x" },
        "mode": "m", "dir-to-file": { "in": "" }, "file-to-dir": "x", "l" => "f", "far": { "away": { "file": "1" } },
        "one": { "1": "1" }, "two": { "2": "2" }, "untouched": { "a": "a" },
    });
    let (fs, t) = overlay(&lower);
    t.create_dir_all("new/dir").unwrap();
    t.rename("f", "new/f").unwrap();
    t.rename("d", "new/dir/d").unwrap();
    t.write("new/dir/d/added", "").unwrap();
    t.remove("new/dir/d/x").unwrap();
    t.rename("new/dir/d/deep/z", "z").unwrap();
    exchange(&t, "swap1", "swap2");
    exchange(&t, "one", "two");
    t.rename("gone/saved", "saved").unwrap();
    t.rename("gone/sub", "sub").unwrap();
    t.remove_all("gone").unwrap();
    t.remove_all("opaque").unwrap();
    t.create_dir("opaque").unwrap();
    t.write("opaque/both", "y").unwrap();
    t.set_attr("mode", &SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
    t.remove_all("dir-to-file").unwrap();
    t.write("dir-to-file", "x").unwrap();
    t.remove("file-to-dir").unwrap();
    t.create_dir_all("file-to-dir/below").unwrap();
    t.write("far/away/file", "2").unwrap();
    t.remove("l").unwrap();
    let entries: Vec<_> = layer_entries(&fs).unwrap().map(Result::unwrap).collect();
    let told = |path: &str, whiteout: bool| {
        entries
            .iter()
            .any(|entry| entry.path == path.as_bytes() && whiteout == matches!(entry.kind, LayerKind::Whiteout))
    };
    assert!(told("gone", true) && told("d", true) && told("f", true) && told("l", true));
    assert!(told("far", false) && told("far/away", false) && told("far/away/file", false));
    assert!(!entries.iter().any(|entry| entry.path.starts_with(b"untouched") || entry.path.starts_with(b"gone/")));
    let (mut below, mut layer) = (Vec::new(), Vec::new());
    pack(&base, &mut below, PackOptions::new()).unwrap();
    pack_layer(layer_entries(&fs).unwrap(), &mut layer, PackOptions::new()).unwrap();
    let merged = Tree::new(Arc::new(ImageFs::layers([below, layer], ImageOptions::new()).unwrap()));
    assert_eq!(lines(compare(&t, &merged).unwrap()), [""; 0]);
}
