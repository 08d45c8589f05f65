//! What bytes are, by how they begin.

use std::fmt;

/// What an input begins like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An image of ntfsclone.
    Image,
    /// An NTFS volume, by its boot sector.
    Volume,
    Compressed(Compression),
    /// Known by its first bytes, and nothing that is read here.
    Other(&'static Other),
    Unknown,
}

/// How an image or volume was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Zstd,
    Gzip,
    Xz,
    Bzip2,
    Lz4,
}

/// A format that others read.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    magic: &'static [u8],
    /// `is ...`
    pub found: &'static str,
    pub remedy: &'static str,
}

/// Bytes that are enough to tell.
pub const START_BYTES: usize = 512;

impl Content {
    /// Tells what begins with `start`.
    pub fn of(start: &[u8]) -> Self {
        if start.starts_with(ntfsclone_core::image::ntfsclone::MAGIC) {
            return Self::Image;
        }
        if start.get(3..).is_some_and(|at| at.starts_with(b"NTFS    ")) {
            return Self::Volume;
        }
        if let Some(compression) = Compression::of(start) {
            return Self::Compressed(compression);
        }
        let other = OTHERS.iter().find(|other| start.starts_with(other.magic));
        other.map_or(Self::Unknown, Self::Other)
    }
}

impl Compression {
    const ALL: [Self; 5] = [Self::Zstd, Self::Gzip, Self::Xz, Self::Bzip2, Self::Lz4];

    /// The longest of what tells them.
    pub const MAGIC_BYTES: usize = 6;

    /// How the bytes are compressed that begin so, if they are.
    pub fn of(start: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|compression| compression.begins(start))
    }

    /// Whether a stream of this kind, or a further part of one, begins so.
    pub fn begins(self, start: &[u8]) -> bool {
        match self {
            // RFC 8878: a frame, or one that is to be skipped.
            Self::Zstd => {
                start.starts_with(b"\x28\xB5\x2F\xFD")
                    || matches!(start, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
            }
            // RFC 1952, with the only method there is.
            Self::Gzip => start.starts_with(b"\x1F\x8B\x08"),
            Self::Xz => start.starts_with(b"\xFD7zXZ\0"),
            Self::Bzip2 => matches!(start, [b'B', b'Z', b'h', b'1'..=b'9', ..]),
            Self::Lz4 => start.starts_with(b"\x04\x22\x4D\x18"),
        }
    }

    /// The command that decompresses to its standard output.
    pub fn command(self) -> &'static str {
        match self {
            Self::Zstd => "zstd -dc --long=31",
            Self::Gzip => "gzip -dc",
            Self::Xz => "xz -dc",
            Self::Bzip2 => "bzip2 -dc",
            Self::Lz4 => "lz4 -dc",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        })
    }
}

const CONVERT: &str = "make a raw file of it (qemu-img convert -O raw FILE raw.img), and name the \
                       partition in that with --partition N";
const UNPACK: &str = "unpack it, or pipe what is in it: ... | ntfsclone --restore-image ... -";

const OTHERS: &[Other] = &[
    Other {
        magic: b"partclone-image",
        found: "is an image of partclone, not of ntfsclone",
        remedy: "restore it with partclone.ntfs",
    },
    Other {
        magic: b"QFI\xFB",
        found: "is a virtual disk (QCOW)",
        remedy: CONVERT,
    },
    Other {
        magic: b"KDMV",
        found: "is a virtual disk (VMDK)",
        remedy: CONVERT,
    },
    Other {
        magic: b"vhdxfile",
        found: "is a virtual disk (VHDX)",
        remedy: CONVERT,
    },
    // The footer, which all but fixed disks begin with a copy of.
    Other {
        magic: b"conectix",
        found: "is a virtual disk (VHD)",
        remedy: CONVERT,
    },
    Other {
        magic: b"<<< Oracle VM VirtualBox Disk Image >>>",
        found: "is a virtual disk (VDI)",
        remedy: CONVERT,
    },
    Other {
        magic: b"MSWIM\0\0\0",
        found: "is a Windows image (WIM)",
        remedy: "apply it with wimlib-imagex",
    },
    Other {
        magic: b"LZIP",
        found: "is compressed with lzip",
        remedy: UNPACK,
    },
    Other {
        magic: b"LRZI",
        found: "is compressed with lrzip",
        remedy: UNPACK,
    },
    Other {
        magic: b"\x89LZO\0\r\n\x1A\n",
        found: "is compressed with lzop",
        remedy: UNPACK,
    },
    Other {
        magic: b"7z\xBC\xAF\x27\x1C",
        found: "is a 7z archive",
        remedy: UNPACK,
    },
    Other {
        magic: b"PK\x03\x04",
        found: "is a ZIP archive",
        remedy: UNPACK,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_the_first_bytes() {
        let table: [(&[u8], Content); 12] = [
            (b"\0ntfsclone-image\x0a\x01", Content::Image),
            (b"\xEB\x52\x90NTFS    ", Content::Volume),
            (
                b"\x28\xB5\x2F\xFD\x04",
                Content::Compressed(Compression::Zstd),
            ),
            (
                b"\x5E\x2A\x4D\x18\0",
                Content::Compressed(Compression::Zstd),
            ),
            (b"\x1F\x8B\x08\0", Content::Compressed(Compression::Gzip)),
            (b"\xFD7zXZ\0\0", Content::Compressed(Compression::Xz)),
            (b"BZh91AY", Content::Compressed(Compression::Bzip2)),
            (b"BZh0", Content::Unknown),
            (b"\x04\x22\x4D\x18d", Content::Compressed(Compression::Lz4)),
            (b"partclone-image", Content::Other(&OTHERS[0])),
            (b"", Content::Unknown),
            (b"NTFS", Content::Unknown),
        ];
        for (start, expected) in table {
            assert_eq!(Content::of(start), expected, "{start:?}");
        }
    }
}
