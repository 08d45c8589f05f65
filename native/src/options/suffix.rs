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

/// The warning of an output whose name says that it is compressed, and which is not;
/// or not with that.
pub(super) fn warning_of_output(typed: &Copy) -> Option<String> {
    let path = typed.output.as_deref().or(typed.overwrite.as_deref())?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    let (_, format) = SUFFIXES.iter().find(|(suffix, _)| *suffix == extension)?;
    if is_stream(path) {
        // What reads it may compress it.
        return None;
    }
    let name = path.display();
    match typed.compress {
        None if typed.restore_image => Some(format!(
            "{name}: a volume is restored as it is, and not compressed, whatever the name says"
        )),
        None => Some(format!(
            "{name}: it is not compressed, whatever the name says; --compress does that, with zstd"
        )),
        Some(_) if *format != "zstd" => Some(format!(
            "{name}: it is compressed with zstd, and not with {format} as the name says"
        )),
        Some(_) => None,
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
