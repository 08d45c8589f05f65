//! Images, volumes and streams that a terminal or a shell took for text.
//!
//! A terminal adds a CR before each LF, which can be undone. PowerShell decodes what
//! a program writes, and encodes it anew: as UTF-16, or as UTF-8 with a replacement
//! for whatever is no text.

use super::probe::Probe;
use crate::image::ntfsclone;

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = b"\xEF\xBF\xBD";

/// Whether each LF has a CR before it that was not there.
pub(super) fn has_added_returns(probe: &Probe<'_>) -> bool {
    if is_text(probe) {
        return false;
    }
    // The major version of images is 10, as a LF is.
    if probe.has(0, ntfsclone::MAGIC) {
        return probe.has(ntfsclone::MAGIC.len(), b"\r\n");
    }
    // The messages of boot code have both, and the signature is not at its place.
    probe.has(3, b"NTFS    ") && probe.contains(b"\r\r\n") && !probe.has(510, b"\x55\xAA")
}

/// Whether it was decoded as text, and encoded again.
pub(super) fn is_text(probe: &Probe<'_>) -> bool {
    let is_wide = probe.has(0, b"\xFF\xFE") || probe.has(0, b"\xFE\xFF");
    if is_wide {
        return WIDE.iter().any(|text| probe.contains(text));
    }
    let has_mark = probe.has(0, b"\xEF\xBB\xBF") && probe.has(3, ntfsclone::MAGIC);
    // The jump of a boot sector, EB 52 90, and the first bytes of streams.
    let replaced: [(usize, &[u8]); 4] = [
        (3, b"R\xEF\xBF\xBDNTFS    "),
        (3, b"7zXZ\0"),
        (1, b"\xEF\xBF\xBD\x08"),
        (1, b"\xEF\xBF\xBD/\xEF\xBF\xBD"),
    ];
    has_mark
        || probe.has(0, ntfsclone::MAGIC) && probe.contains(b"\xEF\xBF\xBDR\xEF\xBF\xBDNTFS    ")
        || replaced.iter().any(|&(offset, text)| {
            let begins = match offset {
                3 => probe.has(0, REPLACEMENT),
                _ => probe.has(0, b"\x1F") || probe.has(0, b"("),
            };
            begins && probe.has(offset, text)
        })
}

/// Names of what is written, two bytes a letter: of images, volumes, xz.
const WIDE: [&[u8]; 3] = [
    b"n\0t\0f\0s\0c\0l\0o\0n\0e\0",
    b"N\0T\0F\0S\0 \0 \0",
    b"7\0z\0X\0Z\0",
];
