//! Archives that are wrong: each is refused with the entry, the place and the reason, and none is believed.

use super::*;
use crate::image_fs::Problem;

/// A header block, with its checksum.
pub(super) fn entry(name: &[u8], kind: u8, link: &[u8], size: u64) -> Vec<u8> {
    let mut block = vec![0u8; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..107].copy_from_slice(b"0000644");
    for field in [108, 116, 329, 337] {
        block[field..field + 7].copy_from_slice(b"0000001");
    }
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000005");
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link);
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

pub(super) fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn archive(entries: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let mut archive: Vec<u8> = entries.iter().flat_map(|(name, kind, link)| entry(name, *kind, link, 0)).collect();
    archive.extend([0; 1024]);
    archive
}

fn refused(entries: &[(&[u8], u8, &[u8])]) -> ImageError {
    image(archive(entries)).unwrap_err()
}

#[test]
fn names_never_lead_out() {
    for name in [&b"../x"[..], b"a/../../x", b"/../x", b".."] {
        let error = refused(&[(b"ok", b'0', b""), (name, b'0', b"")]);
        assert!(matches!(error.problem, Problem::Name(_)), "{error}");
        assert_eq!((error.entry.as_slice(), error.offset), (name, 512));
    }
    let image = image(archive(&[(b"/etc/passwd", b'0', b""), (b".//./a", b'0', b""), (b"./", b'5', b"")])).unwrap();
    assert_eq!(paths(&image), ["a", "etc", "etc/passwd"], "a slash is the root");
    for error in [refused(&[(b"", b'0', b"")]), refused(&[(b".", b'0', b"")]), refused(&[(b"/", b'2', b"x")])] {
        assert!(matches!(error.problem, Problem::Name(_)), "{error}");
    }
}

#[test]
fn nothing_is_below_what_is_no_directory() {
    let error = refused(&[(b"d/f", b'0', b""), (b"d/f/x/y", b'0', b"")]);
    assert_eq!(error.problem, Problem::BelowFile { above: b"d/f".to_vec() });
    let error = refused(&[(b"l", b'2', b"/etc"), (b"l/passwd", b'0', b"")]);
    assert_eq!(error.problem, Problem::BelowSymlink { above: b"l".to_vec() });
    assert_eq!(error.errno(), crate::Errno::IO);
    assert_eq!(
        error.to_string(),
        "entry `l/passwd` at offset 512: it is below `l`, which is a symbolic link, and no link is followed; name the \
         entry by its real path"
    );
}

#[test]
fn hard_links_need_what_they_link_to() {
    let error = refused(&[(b"a", b'1', b"b"), (b"b", b'1', b"a")]);
    assert_eq!((error.entry, error.problem), (b"a".to_vec(), Problem::NoTarget { target: b"b".to_vec() }));
    let error = refused(&[(b"a", b'1', b"a")]);
    assert_eq!(error.problem, Problem::NoTarget { target: b"a".to_vec() });
    let error = refused(&[(b"d", b'5', b""), (b"a", b'1', b"d")]);
    assert_eq!(error.problem, Problem::LinkToDirectory { target: b"d".to_vec() });
    let fine = image(archive(&[(b"a", b'0', b""), (b"a", b'1', b"a"), (b"b", b'1', b"/./a")])).unwrap();
    assert_eq!(fine.metadata("b").unwrap().nlink, 2);
}

#[test]
fn of_several_the_last_counts() {
    let entries: [(&[u8], u8, &[u8]); 6] = [
        (b"a", b'0', b""),
        (b"a", b'2', b"target"),
        (b"b/c", b'0', b""),
        (b"b", b'0', b""),
        (b"d", b'0', b""),
        (b"d", b'5', b""),
    ];
    let image = image(archive(&entries)).unwrap();
    assert_eq!(paths(&image), ["a", "b", "d"]);
    assert_eq!(image.read_link("a").unwrap(), "target");
    assert_eq!(image.metadata("d").unwrap().nlink, 2);
}

#[test]
fn truncation_is_told() {
    let whole = packed(&crate::dir! { "a": "hello", "b": vec![1; 5000] }.tree().unwrap());
    assert!(image(whole.clone()).is_ok());
    for len in (0..whole.len() - 1024).step_by(37).chain([512, 1024, whole.len() - 1024]) {
        let error = image(whole[..len].to_vec()).unwrap_err();
        let told = matches!(error.problem, Problem::Truncated { .. } | Problem::Unterminated | Problem::Unknown);
        assert!(told && (len < 512 || error.problem != Problem::Unknown), "{len}: {error}");
    }
    let cut = whole[..whole.len() - 1024].to_vec();
    let options = ImageOptions::new().unterminated(true);
    assert!(ImageFs::open(cut, options).is_ok());
}

#[test]
fn what_is_no_archive_is_unknown() {
    for bytes in [&b""[..], b"x", &[0x55; 2000], b"\x7fELF"] {
        let error = image(bytes.to_vec()).unwrap_err();
        assert!(matches!(error.problem, Problem::Unknown | Problem::Truncated { .. }), "{error}");
    }
    let error = image(b"BZh91AY&SY".to_vec()).unwrap_err();
    assert_eq!(error.errno(), crate::Errno::NOTSUP);
}

#[test]
fn sizes_are_checked_before_they_are_believed() {
    for size in [1 << 32, (1 << 33) - 1] {
        for kind in [b'0', b'x', b'L', b'S'] {
            let mut archive = entry(b"a", kind, b"", size);
            archive.extend([0; 1024]);
            let error = image(archive).unwrap_err();
            assert!(matches!(error.problem, Problem::Truncated { .. } | Problem::Limit { .. }), "{error}");
        }
    }
}

#[test]
fn gzip_bombs_stop_at_the_limit() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let error = image(bomb.clone()).unwrap_err();
    assert_eq!(error.problem, Problem::Limit { what: "ratio", limit: 200 });
    let limits = crate::image_fs::ImageLimits { ratio: u64::MAX, unpacked: 1 << 20, ..Default::default() };
    let error = ImageFs::open(bomb, ImageOptions::new().limits(limits)).unwrap_err();
    assert_eq!(error.problem, Problem::Limit { what: "unpacked", limit: 1 << 20 });
}

#[test]
fn a_cut_or_damaged_gzip_is_told() {
    let mut gz = Vec::new();
    pack(&some_of_everything(), &mut gz, PackOptions::new().gzip(true)).unwrap();
    let error = image(gz[..gz.len() / 2].to_vec()).unwrap_err();
    assert!(matches!(error.problem, Problem::Truncated { .. }), "{error}");
    let end = gz.len() - 6;
    gz[end] ^= 1;
    let error = image(gz).unwrap_err();
    assert!(matches!(error.problem, Problem::Damaged(_)), "{error}");
}
