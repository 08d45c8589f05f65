//! Names of outputs that promise another format than is written.

use std::fs;
use std::path::Path;

use crate::cli::Copy;
use crate::device;

/// How names of compressed files end, and what they are compressed with.
const SUFFIXES: &[(&str, &str)] = &[
    ("zst", "zstd"),
    ("gz", "gzip"),
    ("xz", "xz"),
    ("bz2", "bzip2"),
    ("lz4", "lz4"),
    ("lzma", "lzma"),
    ("lz", "lzip"),
    ("lzo", "lzop"),
    ("zip", "zip"),
    ("7z", "7z"),
];

/// Whether the name of a file says that it is compressed.
pub(super) fn is_compressed(path: &Path) -> bool {
    compression_of(path).is_some()
}

/// What the name of a file says that it is compressed with.
fn compression_of(path: &Path) -> Option<&'static str> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    let mut suffixes = SUFFIXES.iter();
    let (_, format) = suffixes.find(|(suffix, _)| *suffix == extension)?;
    Some(format)
}

/// The warning of an output whose name says that it is compressed, and which is not;
/// or not with that.
pub(super) fn warning_of_output(typed: &Copy) -> Option<String> {
    let path = typed.output.as_deref().or(typed.overwrite.as_deref())?;
    if typed.restore_image && typed.compress.is_none() {
        compression_of(path).filter(|_| !is_stream(path))?;
        return Some(format!(
            "{}: a volume is restored as it is, and not compressed, whatever the name says",
            path.display()
        ));
    }
    warning_of(path, typed.compress.is_some())
}

/// Like [`warning_of_output`], of what is not restored.
pub(super) fn warning_of(path: &Path, is_compressed: bool) -> Option<String> {
    let format = compression_of(path)?;
    if is_stream(path) {
        // What reads it may compress it.
        return None;
    }
    let name = path.display();
    match is_compressed {
        false => Some(format!(
            "{name}: it is not compressed, whatever the name says; --compress does that, with zstd"
        )),
        true if format != "zstd" => Some(format!(
            "{name}: it is compressed with zstd, and not with {format} as the name says"
        )),
        true => None,
    }
}

fn is_stream(path: &Path) -> bool {
    let metadata = fs::metadata(path);
    metadata.is_ok_and(|metadata| {
        let kind = device::file_kind(&metadata);
        matches!(
            kind,
            device::FileKind::Pipe | device::FileKind::CharacterDevice
        )
    })
}
