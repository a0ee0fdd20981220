//! Extended attributes: `xattr(7)`.

use gangplank_vfs::{FsCaps, SetXattr, Xattrs};

use crate::World;

/// The facet, if it is claimed and the medium underneath has it.
fn facet(w: &World) -> Option<&dyn Xattrs> {
    let x = w.fs().xattrs();
    assert_eq!(x.is_some(), w.has(FsCaps::XATTR));
    let probe = w.put("probe", "");
    let x = x.filter(|x| x.set(probe.id, b"user.probe", b"", SetXattr::Any).is_ok());
    w.unlink("probe").unwrap();
    x
}

fn list(x: &dyn Xattrs, node: gangplank_vfs::NodeId) -> Vec<String> {
    let mut names = vec![];
    x.list(node, &mut |n| names.push(n.escape_ascii().to_string())).unwrap();
    names.sort();
    names
}

cases! { xattr, __cases_xattr, "xattr(7)";

/// Set, get, list, remove; of files and of directories; any bytes, and none.
fn what_is_set_is_got(w) {
    let Some(x) = facet(w) else { return };
    for node in [w.put("a", ""), w.mkdir("d").unwrap()] {
        refused!(x.get(node.id, b"user.x"), NODATA);
        assert_eq!(list(x, node.id), [""; 0]);
        x.set(node.id, b"user.x", b"1", SetXattr::Any).unwrap();
        x.set(node.id, b"user.y", b"\0\xff", SetXattr::Any).unwrap();
        x.set(node.id, b"user.z", b"", SetXattr::Any).unwrap();
        assert_eq!(x.get(node.id, b"user.x").unwrap(), &b"1"[..]);
        assert_eq!(x.get(node.id, b"user.y").unwrap(), &b"\0\xff"[..]);
        assert_eq!(x.get(node.id, b"user.z").unwrap(), "");
        assert_eq!(list(x, node.id), ["user.x", "user.y", "user.z"]);
        x.set(node.id, b"user.x", b"longer", SetXattr::Any).unwrap();
        assert_eq!(x.get(node.id, b"user.x").unwrap(), "longer");
        x.remove(node.id, b"user.y").unwrap();
        refused!(x.remove(node.id, b"user.y"), NODATA);
        assert_eq!(list(x, node.id), ["user.x", "user.z"]);
    }
}

/// EEXIST and ENODATA as demanded.
fn create_and_replace(w) {
    let Some(x) = facet(w) else { return };
    let a = w.put("a", "");
    refused!(x.set(a.id, b"user.x", b"1", SetXattr::Replace), NODATA);
    x.set(a.id, b"user.x", b"1", SetXattr::Create).unwrap();
    refused!(x.set(a.id, b"user.x", b"2", SetXattr::Create), EXIST);
    x.set(a.id, b"user.x", b"3", SetXattr::Replace).unwrap();
    assert_eq!(x.get(a.id, b"user.x").unwrap(), "3");
}

/// ERANGE for a bad name, E2BIG for a value over 64 KiB.
fn limits(w) {
    let Some(x) = facet(w) else { return };
    let a = w.put("a", "");
    let long = [b"user.".as_slice(), &[b'n'; 251]].concat();
    refused!(x.set(a.id, &long, b"1", SetXattr::Any), RANGE);
    refused!(x.set(a.id, b"", b"1", SetXattr::Any), RANGE);
    refused!(x.set(a.id, b"user.x", &vec![0; 65_537], SetXattr::Any), TOOBIG);
    x.set(a.id, &long[..255], b"1", SetXattr::Any).unwrap();
    assert_eq!(list(x, a.id).len(), 1);
}

/// Attributes belong to the node: they survive rename and are seen by every name.
fn attributes_belong_to_the_node(w) {
    let Some(x) = facet(w) else { return };
    let a = w.put("a", "");
    x.set(a.id, b"user.x", b"1", SetXattr::Any).unwrap();
    w.mv("a", "b").unwrap();
    assert_eq!(x.get(w.node("b").unwrap().id, b"user.x").unwrap(), "1");
    assert_eq!(list(x, w.put("a", "").id), [""; 0]);
}
}
