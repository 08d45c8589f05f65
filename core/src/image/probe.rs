//! What a file is, by how it begins.

use super::ntfsclone;
use crate::stream::Compression;

/// How many bytes from the start [`probe`] looks at.
pub const PROBE_BYTES: usize = 16;

/// What a file can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An image of ntfsclone, of any version.
    Ntfsclone,
    /// An image of partclone.
    Partclone,
    /// An NTFS volume, by its boot sector.
    NtfsVolume,
    /// It is compressed.
    Compressed(Compression),
}

/// What begins with these bytes, [`PROBE_BYTES`] or as many as there are;
/// `None` if that is not known. What is compressed must be decompressed to be
/// known.
pub fn probe(start: &[u8]) -> Option<Format> {
    if let Some(compression) = Compression::of(start) {
        return Some(Format::Compressed(compression));
    }
    // After a jump, which differs.
    if start
        .get(3..)
        .is_some_and(|rest| rest.starts_with(b"NTFS    "))
    {
        return Some(Format::NtfsVolume);
    }
    let magics: [(&[u8], Format); 2] = [
        (ntfsclone::MAGIC, Format::Ntfsclone),
        (b"partclone-image", Format::Partclone),
    ];
    let found = magics.iter().find(|(magic, _)| start.starts_with(magic));
    found.map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_programs_write() {
        let table: [(&[u8], Option<Format>); 16] = [
            (b"\0ntfsclone-image\x0A\x01", Some(Format::Ntfsclone)),
            (b"partclone-image\0", Some(Format::Partclone)),
            (
                b"\xEB\x52\x90NTFS    \0\x02\x08\0\0",
                Some(Format::NtfsVolume),
            ),
            (
                b"\xE9\x00\x90NTFS    \0\x02\x08\0\0",
                Some(Format::NtfsVolume),
            ),
            // `printf hello | gzip -n`, and so on.
            (
                b"\x1F\x8B\x08\0\0\0\0\0\0\x03\xCB\x48\xCD",
                Some(Format::Compressed(Compression::Gzip)),
            ),
            (
                b"\x28\xB5\x2F\xFD\x04\x58\x29\0\0hello",
                Some(Format::Compressed(Compression::Zstd)),
            ),
            (
                b"\x50\x2A\x4D\x18\x04\0\0\0",
                Some(Format::Compressed(Compression::Zstd)),
            ),
            (
                b"\xFD\x37\x7A\x58\x5A\0\0\x04",
                Some(Format::Compressed(Compression::Xz)),
            ),
            (
                b"BZh91AY&SY\x19\x31",
                Some(Format::Compressed(Compression::Bzip2)),
            ),
            (
                b"BZh9\x17\x72\x45\x38\x50\x90\0\0",
                Some(Format::Compressed(Compression::Bzip2)),
            ),
            (
                b"\x04\x22\x4D\x18\x64\x40",
                Some(Format::Compressed(Compression::Lz4)),
            ),
            // Of lz4, what came before its frames: it does not tell where it ends.
            (b"\x02\x21\x4C\x18\x06\0\0\0", None),
            (b"BZh0 is a text", None),
            (b"\x1F\x8B", None),
            (b"", None),
            (&[0; 512], None),
        ];
        for (start, expected) in table {
            assert_eq!(probe(start), expected, "{start:x?}");
            let cut = start.get(..PROBE_BYTES).unwrap_or(start);
            assert_eq!(probe(cut), expected, "{cut:x?}");
        }
    }
}
