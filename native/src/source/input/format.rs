//! What bytes are, by how they begin.

use ntfsclone_core::image::{Format, probe};
use ntfsclone_core::stream::Compression;

use crate::rescue::MARK;

/// What an input begins like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An image of ntfsclone.
    Image,
    /// An NTFS volume, by its boot sector.
    Volume,
    Compressed(Compression),
    /// The first sector could not be read, and is marked by a rescue.
    Unreadable,
    /// Known by its first bytes, and nothing that is read here.
    Other(&'static Other),
    Unknown,
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
        match probe(start) {
            Some(Format::Ntfsclone) => return Self::Image,
            Some(Format::NtfsVolume) => return Self::Volume,
            Some(Format::Compressed(compression)) => return Self::Compressed(compression),
            _ => {}
        }
        if start.starts_with(MARK) {
            return Self::Unreadable;
        }
        let other = OTHERS.iter().find(|other| start.starts_with(other.magic));
        other.map_or(Self::Unknown, Self::Other)
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
    // It does not tell where it ends: one that was cut would look whole.
    Other {
        magic: b"\x02\x21\x4C\x18",
        found: "is compressed with lz4 in its format before frames",
        remedy: UNPACK,
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
        let table: [(&[u8], Content); 14] = [
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
            (b"BZh91AY&SY", Content::Compressed(Compression::Bzip2)),
            (b"BZh0", Content::Unknown),
            (b"\x04\x22\x4D\x18d", Content::Compressed(Compression::Lz4)),
            (b"partclone-image", Content::Other(&OTHERS[0])),
            (b"", Content::Unknown),
            (b"NTFS", Content::Unknown),
            (b"BadSectoR\0??", Content::Unreadable),
            (b"BadSectoR??", Content::Unknown),
        ];
        for (start, expected) in table {
            assert_eq!(Content::of(start), expected, "{start:?}");
        }
    }
}
