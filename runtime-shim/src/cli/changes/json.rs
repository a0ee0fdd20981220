//! How changes are told in JSON.

use gangplank::vfs::diff::{Aspects, Change, Changes, Kind};
use serde_json::{Map, Value, json as object};

use crate::cli::fs::shown;

/// `{"summary": …, "changes": […]}`; the help of `gangplank fs diff` has the keys.
pub(crate) fn json(changes: &Changes) -> Value {
    let summary = changes.summary();
    object!({
        "summary": {
            "created": summary.created,
            "deleted": summary.deleted,
            "changed": summary.changed,
            "renamed": summary.renamed,
        },
        "changes": changes.iter().map(one).collect::<Vec<_>>(),
    })
}

fn one(change: &Change) -> Value {
    let mut object = Map::new();
    shown::path_into(&mut object, "path", &change.path);
    let (kind, aspects) = match &change.kind {
        Kind::Created => ("created", Aspects::empty()),
        Kind::Deleted { .. } => ("deleted", Aspects::empty()),
        Kind::Changed(aspects) => ("changed", *aspects),
        Kind::Renamed { aspects, .. } => ("renamed", *aspects),
        Kind::TypeChanged { .. } => ("type_changed", Aspects::empty()),
    };
    object.insert("kind".to_owned(), kind.into());
    object.insert("type".to_owned(), shown::type_name(change.file_type).into());
    object.insert("size".to_owned(), change.size.into());
    object.insert("size_before".to_owned(), change.size_before.into());
    let aspects: Vec<String> = aspects.iter_names().map(|(name, _)| name.to_ascii_lowercase()).collect();
    object.insert("aspects".to_owned(), aspects.into());
    match &change.kind {
        Kind::Renamed { from, .. } => shown::path_into(&mut object, "from", from),
        Kind::TypeChanged { from } => drop(object.insert("from".to_owned(), shown::type_name(*from).into())),
        _ => drop(object.insert("from".to_owned(), Value::Null)),
    }
    let below = if let Kind::Deleted { below } = change.kind { below } else { 0 };
    object.insert("below".to_owned(), below.into());
    Value::Object(object)
}
