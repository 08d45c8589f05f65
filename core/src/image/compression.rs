//! How an image or volume may be compressed, and how that is told.

use core::fmt;

/// How a stream is compressed. Not all of them are decompressed everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
    /// The format of xz, version 1.
    Xz,
    /// bzip2, of any block size.
    Bzip2,
    /// lz4, in frames.
    Lz4,
}

impl Compression {
    /// Bytes from the start that [`Compression::of`] looks at.
    pub const PROBE_BYTES: usize = 16;

    /// How it is compressed, if it is, by its first bytes: [`Compression::PROBE_BYTES`], or all
    /// there are.
    pub fn of(start: &[u8]) -> Option<Self> {
        // RFC 8878, 3.1: a frame, or a skippable frame, such as pzstd begins with.
        if let [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] | [0x28, 0xB5, 0x2F, 0xFD, ..] = start {
            return Some(Self::Zstd);
        }
        // The level, then the magic of a block, or of the end.
        if let [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] = start
            && [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"]
                .iter()
                .any(|magic| block.starts_with(*magic))
        {
            return Some(Self::Bzip2);
        }
        let magics: [(&[u8], Self); 3] = [
            // RFC 1952, 2.3.1: with the only method there is.
            (b"\x1F\x8B\x08", Self::Gzip),
            (b"\xFD7zXZ\0", Self::Xz),
            (b"\x04\x22\x4D\x18", Self::Lz4),
        ];
        let found = magics.iter().find(|(magic, _)| start.starts_with(magic));
        found.map(|(_, compression)| *compression)
    }

    /// The one that is called so.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Zstd, Self::Gzip, Self::Xz, Self::Bzip2, Self::Lz4];
        all.into_iter().find(|one| one.name() == name)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        }
    }

    /// The command that decompresses a file of that name.
    pub fn command(self) -> &'static str {
        match self {
            Self::Zstd => "zstd -d --long=31",
            Self::Gzip => "gzip -d",
            Self::Xz => "xz -d",
            Self::Bzip2 => "bzip2 -d",
            Self::Lz4 => "lz4 -d",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_programs_write() {
        let table: [(&[u8], Option<Compression>); 12] = [
            // `printf hello | gzip -n`, and so on.
            (
                b"\x1F\x8B\x08\0\0\0\0\0\0\x03\xCB\x48\xCD",
                Some(Compression::Gzip),
            ),
            (
                b"\x28\xB5\x2F\xFD\x04\x58\x29\0\0hello",
                Some(Compression::Zstd),
            ),
            (b"\x50\x2A\x4D\x18\x04\0\0\0", Some(Compression::Zstd)),
            (b"\xFD\x37\x7A\x58\x5A\0\0\x04", Some(Compression::Xz)),
            (b"BZh91AY&SY\x19\x31", Some(Compression::Bzip2)),
            (
                b"BZh9\x17\x72\x45\x38\x50\x90\0\0",
                Some(Compression::Bzip2),
            ),
            (b"\x04\x22\x4D\x18\x64\x40", Some(Compression::Lz4)),
            // Of lz4, what came before its frames: it does not record where it ends.
            (b"\x02\x21\x4C\x18\x06\0\0\0", None),
            (b"BZh0 is a text", None),
            (b"\x1F\x8B", None),
            (b"", None),
            (&[0; 512], None),
        ];
        for (start, expected) in table {
            assert_eq!(Compression::of(start), expected, "{start:x?}");
            let cut = start.get(..Compression::PROBE_BYTES).unwrap_or(start);
            assert_eq!(Compression::of(cut), expected, "{cut:x?}");
        }
    }
}
