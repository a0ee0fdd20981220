//! What one `--mount` says.

use core::fmt;
use std::{ffi::OsStr, path::PathBuf};

use super::grammar::{Field, Span, Spanned, alternatives, fields, nearest, wrong};
use crate::cli::{
    limits::{self, Size},
    report::Failure,
    words,
};

/// One `--mount`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spec {
    text: Vec<u8>,
    pub(super) kind: Spanned<Kind>,
    /// In the order given.
    pub(super) src: Vec<Spanned<PathBuf>>,
    pub(super) dst: Spanned<Vec<u8>>,
    pub(super) read_only: bool,
    pub(super) noatime: bool,
    /// Nobody else changes the directory.
    pub(super) exclusive: bool,
    pub(super) size: Option<Size>,
    pub(super) nodes: Option<u64>,
    /// Where changes are kept.
    pub(super) upper: Option<Kept>,
    /// Which image of those in the source.
    pub(super) reference: Option<String>,
}

/// A directory, and the directory for work on it.
type Kept = (Spanned<PathBuf>, Spanned<PathBuf>);

/// `type=…`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Mem,
    Host,
    Overlay,
    Tar,
    Zip,
    Oci,
}

/// What can stand before a `=`, or alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Type,
    Src,
    Dst,
    Ro,
    Noatime,
    Exclusive,
    Size,
    Nodes,
    Upper,
    Work,
    Ref,
}

const KINDS: [(&str, Kind); 6] = [
    ("mem", Kind::Mem),
    ("host", Kind::Host),
    ("overlay", Kind::Overlay),
    ("tar", Kind::Tar),
    ("zip", Kind::Zip),
    ("oci", Kind::Oci),
];

/// The first name of a key is the one that we use; the others are what Docker calls it.
const KEYS: [(&str, Key); 15] = [
    ("type", Key::Type),
    ("src", Key::Src),
    ("dst", Key::Dst),
    ("ro", Key::Ro),
    ("noatime", Key::Noatime),
    ("exclusive", Key::Exclusive),
    ("size", Key::Size),
    ("nodes", Key::Nodes),
    ("upper", Key::Upper),
    ("work", Key::Work),
    ("ref", Key::Ref),
    ("source", Key::Src),
    ("destination", Key::Dst),
    ("target", Key::Dst),
    ("readonly", Key::Ro),
];

impl Kind {
    fn keys(self) -> &'static [Key] {
        use Key::*;
        match self {
            Kind::Mem => &[Type, Src, Dst, Ro, Noatime, Size, Nodes],
            Kind::Host => &[Type, Src, Dst, Ro, Noatime, Exclusive, Size, Nodes],
            Kind::Overlay => &[Type, Src, Dst, Ro, Noatime, Size, Nodes, Upper, Work],
            // They are read-only in any case.
            Kind::Tar | Kind::Zip => &[Type, Src, Dst, Ro],
            Kind::Oci => &[Type, Src, Dst, Ro, Ref],
        }
    }

    /// How many sources it has.
    fn sources(self) -> (usize, usize) {
        match self {
            Kind::Mem => (0, 1),
            Kind::Host | Kind::Tar | Kind::Zip => (1, 1),
            Kind::Overlay | Kind::Oci => (1, usize::MAX),
        }
    }

    /// What a source is, for people.
    fn source(self) -> &'static str {
        match self {
            Kind::Mem => "the directory or image to copy",
            Kind::Host => "the directory to offer",
            Kind::Overlay => "the directory or image to look at",
            Kind::Tar | Kind::Zip => "the file to open",
            Kind::Oci => "the image's directory, or its layers",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KINDS.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name))
    }
}

impl Key {
    fn name(self) -> &'static str {
        KEYS.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }

    /// Whether it may be given any number of times.
    fn repeats(self, kind: Kind) -> bool {
        self == Key::Src && kind.sources().1 > 1
    }
}

impl Spec {
    /// Reads what follows `--mount`.
    pub(super) fn parse(option: &OsStr) -> Result<Spec, Failure> {
        let text = words::bytes(option)?;
        let fields = fields(text);
        let keys = fields.iter().map(|field| key(text, field)).collect::<Result<Vec<_>, _>>()?;
        let kind = kind(text, &fields, &keys)?;
        Parser { text, kind, fields: &fields, keys: &keys }.spec()
    }

    /// What is at that place is at fault.
    pub(super) fn wrong(&self, at: &Span, message: &str) -> Failure {
        wrong(&self.text, at.clone(), message)
    }

    /// That path is at fault.
    pub(super) fn wrong_path(&self, path: &Spanned<PathBuf>, cannot: &str, why: Failure) -> Failure {
        let message = format!("{cannot} `{}`: {}", path.value.display(), why.message());
        let failure = self.wrong(&path.at, &message);
        match why.into_help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }

    /// As it was given.
    pub(super) fn option(&self) -> String {
        format!("--mount {}", String::from_utf8_lossy(&self.text))
    }
}

fn key(text: &[u8], field: &Field<'_>) -> Result<Key, Failure> {
    if field.at().is_empty() {
        return Err(wrong(text, field.at(), "`--mount` has an empty field").help("a comma in a value is written `,,`"));
    }
    let given = field.key.value;
    if let Some((_, key)) = KEYS.iter().find(|(name, _)| name.as_bytes() == given) {
        return Ok(*key);
    }
    let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    let shown = String::from_utf8_lossy(given);
    let message = match nearest(given, &names) {
        Some(meant) => format!("`--mount` has no key `{shown}`; there is one `{meant}`"),
        None => format!("`--mount` has no key `{shown}`"),
    };
    let all: Vec<&str> = KEYS.iter().take_while(|(name, _)| *name != "source").map(|(name, _)| *name).collect();
    let help = match given.is_empty() {
        true => "a field is `KEY=VALUE` or `KEY`".to_owned(),
        false => {
            format!("the keys are {}; a comma in a value is written `,,`", alternatives(&all).replace(" or ", " and "))
        }
    };
    Err(wrong(text, field.key.at.clone(), &message).help(help))
}

fn kind(text: &[u8], fields: &[Field<'_>], keys: &[Key]) -> Result<Spanned<Kind>, Failure> {
    let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    let help = format!("the types are {}", alternatives(&names).replace(" or ", " and "));
    let Some(at) = keys.iter().position(|key| *key == Key::Type) else {
        return Err(wrong(text, 0..0, "`--mount` does not say its type").help(format!("begin with `type=…,`; {help}")));
    };
    let Some(value) = &fields[at].value else {
        return Err(wrong(text, fields[at].at(), "`type` has no value").help(help));
    };
    if let Some((_, kind)) = KINDS.iter().find(|(name, _)| name.as_bytes() == &*value.value) {
        return Ok(Spanned { value: *kind, at: value.at.clone() });
    }
    let shown = String::from_utf8_lossy(&value.value);
    let message = match nearest(&value.value, &names) {
        Some(meant) => format!("`--mount` has no type `{shown}`; there is one `{meant}`"),
        None => format!("`--mount` has no type `{shown}`"),
    };
    Err(wrong(text, value.at.clone(), &message).help(help))
}

struct Parser<'t> {
    text: &'t [u8],
    kind: Spanned<Kind>,
    fields: &'t [Field<'t>],
    keys: &'t [Key],
}

impl Parser<'_> {
    fn spec(&self) -> Result<Spec, Failure> {
        let kind = self.kind.value;
        self.keys_fit()?;
        let src = self.all(Key::Src).map(|field| self.path(field)).collect::<Result<Vec<_>, _>>()?;
        if src.len() < kind.sources().0 {
            return Err(self.missing(Key::Src, kind.source()));
        }
        let Some(dst) = self.one(Key::Dst) else {
            return Err(self.missing(Key::Dst, "the name under which the program will see it"));
        };
        let dst = self.value(dst)?;
        let dst = Spanned { value: dst.value.into_owned(), at: dst.at };
        let size = self.one(Key::Size).map(|field| self.number(field, "size", limits::size)).transpose()?;
        let nodes = self.one(Key::Nodes).map(|field| self.number(field, "number of nodes", count)).transpose()?;
        let (read_only, noatime) = (self.flag(Key::Ro)?, self.flag(Key::Noatime)?);
        let exclusive = self.flag(Key::Exclusive)?;
        let upper = self.upper()?;
        let reference = self.one(Key::Ref).map(|field| self.number(field, "reference", |text| Ok(text.to_owned())));
        let reference = reference.transpose()?;
        let (text, kind) = (self.text.to_vec(), self.kind.clone());
        Ok(Spec { text, kind, src, dst, read_only, noatime, exclusive, size, nodes, upper, reference })
    }

    /// Each key is one of this type's, and given once unless it may be repeated.
    fn keys_fit(&self) -> Result<(), Failure> {
        let kind = self.kind.value;
        for (at, (key, field)) in self.keys.iter().zip(self.fields).enumerate() {
            let name = key.name();
            if !kind.keys().contains(key) {
                let all: Vec<&str> = kind.keys().iter().map(|key| key.name()).collect();
                let message = format!("`{name}` says nothing to a mount of type `{kind}`");
                return Err(wrong(self.text, field.at(), &message)
                    .help(format!("its keys are {}", alternatives(&all).replace(" or ", " and "))));
            }
            if self.keys[..at].contains(key) && !key.repeats(kind) {
                return Err(wrong(self.text, field.at(), &format!("`{name}` is given twice")));
            }
        }
        Ok(())
    }

    /// Both or neither.
    fn upper(&self) -> Result<Option<Kept>, Failure> {
        let (upper, work) = match (self.one(Key::Upper), self.one(Key::Work)) {
            (None, None) => return Ok(None),
            (Some(upper), Some(work)) => (self.path(upper)?, self.path(work)?),
            (Some(_), None) => return Err(self.missing(Key::Work, "an empty directory beside that of `upper`")),
            (None, Some(_)) => return Err(self.missing(Key::Upper, "the directory to keep changes in")),
        };
        Ok(Some((upper, work)))
    }

    fn all(&self, key: Key) -> impl Iterator<Item = &Field<'_>> {
        self.keys.iter().zip(self.fields).filter(move |(this, _)| **this == key).map(|(_, field)| field)
    }

    fn one(&self, key: Key) -> Option<&Field<'_>> {
        self.all(key).next()
    }

    fn missing(&self, key: Key, what: &str) -> Failure {
        let (name, kind) = (key.name(), self.kind.value);
        let end = self.text.len();
        wrong(self.text, end..end, &format!("a mount of type `{kind}` needs `{name}`, {what}"))
            .help(format!("add `,{name}=…`"))
    }

    fn value<'f>(&self, field: &'f Field<'_>) -> Result<Spanned<std::borrow::Cow<'f, [u8]>>, Failure> {
        let name = String::from_utf8_lossy(field.key.value);
        match &field.value {
            Some(value) if !value.value.is_empty() => {
                Ok(Spanned { value: (&*value.value).into(), at: value.at.clone() })
            }
            _ => {
                let end = field.at().end;
                Err(wrong(self.text, end..end, &format!("`{name}` has no value")).help(format!("write `{name}=…`")))
            }
        }
    }

    fn path(&self, field: &Field<'_>) -> Result<Spanned<PathBuf>, Failure> {
        let value = self.value(field)?;
        Ok(Spanned { value: words::path(&value.value)?, at: value.at })
    }

    fn number<T>(
        &self,
        field: &Field<'_>,
        what: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let value = self.value(field)?;
        let text = String::from_utf8_lossy(&value.value);
        read(&text).map_err(|why| wrong(self.text, value.at.clone(), &format!("`{text}` is not a {what}: {why}")))
    }

    fn flag(&self, key: Key) -> Result<bool, Failure> {
        let Some(field) = self.one(key) else { return Ok(false) };
        match field.value.as_ref().map(|value| &*value.value) {
            None | Some(b"true") => Ok(true),
            Some(b"false") => Ok(false),
            Some(_) => {
                let name = key.name();
                Err(wrong(self.text, field.at(), &format!("`{name}` is `true` or `false`, or stands alone")))
            }
        }
    }
}

fn count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("it is zero, and the top directory is one".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("it is not a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Spec, String> {
        Spec::parse(OsStr::new(text)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn everything_that_can_be_said() {
        let spec = parse("type=mem,src=a,,b,dst=/x,ro,size=64M,nodes=9,noatime").unwrap();
        assert!(spec.noatime);
        assert_eq!(spec.kind.value, Kind::Mem);
        assert_eq!(spec.src.iter().map(|src| src.value.to_str().unwrap()).collect::<Vec<_>>(), ["a,b"]);
        assert_eq!((&*spec.dst.value, spec.read_only, spec.nodes), (&b"/x"[..], true, Some(9)));
        assert_eq!(spec.size.unwrap().0, 64 << 20);
        let spec = parse("target=/x,source=a,readonly=false,type=host").unwrap();
        assert_eq!((spec.kind.value, spec.read_only, spec.src[0].at.clone()), (Kind::Host, false, 17..18));
        assert!(!spec.exclusive && parse("type=host,src=a,dst=/x,exclusive").unwrap().exclusive);
    }

    /// The message, the help, and what is marked.
    #[track_caller]
    fn refused(text: &str, words: &[&str], marked: &str) {
        let failure = parse(text).unwrap_err();
        for word in words {
            assert!(failure.contains(word), "`{word}` is not in\n{failure}");
        }
        let lines: Vec<&str> = failure.lines().collect();
        let at = lines.iter().position(|line| line.trim_start().starts_with('^')).expect(&failure);
        let (above, marks) = (lines[at - 1], lines[at]);
        assert_eq!(above, format!("  --mount {text}"));
        let start = marks.find('^').unwrap();
        assert_eq!(above.get(start..marks.len()).unwrap_or(""), marked, "{failure}");
    }

    #[test]
    fn errors_say_where_and_what_is_allowed() {
        refused("src=a,dst=/x", &["does not say its type", "`mem`", "`host`"], "s");
        refused("type=men,dst=/x", &["no type `men`; there is one `mem`", "`host`"], "men");
        refused("type=zfs,dst=/x", &["no type `zfs`\n", "the types are `mem`"], "zfs");
        refused("type,dst=/x", &["`type` has no value"], "type");
        refused("type=mem,dts=/x", &["no key `dts`; there is one `dst`", "the keys are"], "dts");
        refused("type=mem,=/x", &["no key ``", "`KEY=VALUE`"], "=");
        refused("type=mem,dst=/x,", &["an empty field", "`,,`"], "");
        refused("type=mem", &["needs `dst`", "`,dst=…`"], "");
        refused("type=mem,dst=", &["`dst` has no value"], "");
        refused("type=mem,dst", &["`dst` has no value"], "");
        refused("type=mem,dst=/x,dst=/y", &["`dst` is given twice"], "dst=/y");
        refused("type=mem,dst=/x,target=/y", &["`dst` is given twice"], "target=/y");
        refused("type=host,dst=/x", &["needs `src`, the directory to offer"], "");
        refused("type=host,src=a,src=b,dst=/x", &["`src` is given twice"], "src=b");
        refused("type=host,src=a,dst=/x,work=w", &["`work` says nothing", "`host`", "its keys are"], "work=w");
        refused("type=overlay,src=a,dst=/x,exclusive", &["`exclusive` says nothing", "`overlay`"], "exclusive");
        refused("type=mem,dst=/x,size=1X", &["`1X` is not a size", "not a unit"], "1X");
        refused("type=mem,dst=/x,nodes=0", &["`0` is not a number of nodes", "it is zero"], "0");
        refused("type=mem,dst=/x,nodes=-1", &["not a whole number"], "-1");
        refused("type=overlay,dst=/x", &["needs `src`, the directory or image to look at"], "");
        refused("type=overlay,src=a,dst=/x,upper=u", &["needs `work`, an empty directory"], "");
        refused("type=overlay,src=a,dst=/x,work=w", &["needs `upper`"], "");
        refused("type=overlay,src=a,src=b,dst=/x,upper=u,upper=v", &["`upper` is given twice"], "upper=v");
        refused("type=tar,src=a,dst=/x,noatime", &["`noatime` says nothing", "`tar`"], "noatime");
        refused("type=zip,src=a,src=b,dst=/x", &["`src` is given twice"], "src=b");
        refused("type=tar,src=a,dst=/x,ref=v1", &["`ref` says nothing"], "ref=v1");
        refused("type=mem,dst=/x,ro=yes", &["`ro` is `true` or `false`"], "ro=yes");
    }
}
