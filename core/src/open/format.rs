//! The table of formats: how each is detected, and what is done with it.

use super::container::{Container, Partclone};
use super::nesting::Layer;
use super::partition_table::PartitionTable;
use super::probe::Probe;
use crate::image::{ntfsclone, partclone};
use crate::ntfs::BootSector;
use crate::stream::Compression;

/// A format of files, volumes or disks.
#[derive(Debug)]
pub struct Format {
    /// As messages name it: `is ...`.
    pub name: &'static str,
    /// What is done with it.
    pub role: Role,
    pub(super) detect: fn(&Probe<'_>) -> bool,
}

/// What is done with a source of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is an image, and read.
    Image,
    /// It is a volume, and read.
    Volume,
    /// It is decompressed, and what is in it detected anew.
    Compressed,
    /// It holds another source, which is opened and detected anew.
    Container(Container),
    /// One of its partitions is entered.
    Disk,
    /// It is not read.
    Refused {
        /// What to do about it.
        remedy: &'static str,
    },
    /// Its start is lost, and with it what it was.
    Lost {
        /// What to do about it.
        remedy: &'static str,
    },
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

/// All formats that are known; the first that detects a source is the one.
/// Signatures of files come first, then what only the end of a source tells,
/// then file systems, whose names an NTFS volume might keep from its past, and
/// last what nearly any sector could be taken for.
pub static FORMATS: &[Format] = &[
    Format {
        name: "is an image of ntfsclone",
        role: Role::Image,
        detect: |probe| probe.has(0, ntfsclone::MAGIC),
    },
    Format {
        name: "is an NTFS volume",
        role: Role::Volume,
        // After a jump, which differs.
        detect: |probe| probe.has(3, b"NTFS    "),
    },
    Format {
        name: "is compressed",
        role: Role::Compressed,
        detect: |probe| Compression::of(probe.start()).is_some(),
    },
    Format {
        name: "is an image of partclone",
        role: Role::Container(Container {
            layer: Layer::Partclone,
            opener: Partclone::opener,
        }),
        detect: |probe| probe.has(0, partclone::MAGIC),
    },
    refused("is a virtual disk (QCOW)", CONVERT, |probe| {
        probe.has(0, b"QFI\xFB")
    }),
    refused("is a virtual disk (VMDK)", CONVERT, |probe| {
        probe.has(0, b"KDMV")
    }),
    refused("is a virtual disk (VHDX)", CONVERT, |probe| {
        probe.has(0, b"vhdxfile")
    }),
    refused("is a virtual disk (VHD)", CONVERT, is_vhd),
    refused("is a virtual disk (VDI)", CONVERT, |probe| {
        probe.has(0, b"<<< Oracle VM VirtualBox Disk Image >>>")
    }),
    refused(
        "is a Windows image (WIM)",
        "apply it with wimlib-imagex",
        |probe| probe.has(0, b"MSWIM\0\0\0"),
    ),
    // It does not record where it ends: one that was cut would look whole.
    refused(
        "is compressed with lz4 in its format before frames",
        UNPACK,
        |probe| probe.has(0, b"\x02\x21\x4C\x18"),
    ),
    refused("is compressed with lzip", UNPACK, |probe| {
        probe.has(0, b"LZIP")
    }),
    refused("is compressed with lrzip", UNPACK, |probe| {
        probe.has(0, b"LRZI")
    }),
    refused("is compressed with lzop", UNPACK, |probe| {
        probe.has(0, b"\x89LZO\0\r\n\x1A\n")
    }),
    refused("is a 7z archive", UNPACK, |probe| {
        probe.has(0, b"7z\xBC\xAF\x27\x1C")
    }),
    refused("is a ZIP archive", UNPACK, |probe| {
        probe.has(0, b"PK\x03\x04")
    }),
    Format {
        name: "is an NTFS volume whose first boot sector is damaged",
        role: Role::Volume,
        detect: |probe| BootSector::read_backup(probe.source()).is_some(),
    },
    refused(
        "is encrypted by BitLocker",
        "unlock it and name the unlocked device (dislocker, cryptsetup bitlkOpen), or decrypt it \
         in Windows",
        // "BitLocker To Go" begins as FAT32 does, for machines that do not know it.
        |probe| probe.has(3, b"-FVE-FS-") || probe.has(0x1A8, BITLOCKER_TO_GO_GUID),
    ),
    refused("is a ReFS volume, not NTFS", OTHER_TOOL, |probe| {
        probe.has(3, b"ReFS\0\0\0\0")
    }),
    refused("is an exFAT volume, not NTFS", OTHER_TOOL, |probe| {
        probe.has(3, b"EXFAT   ")
    }),
    refused("is a FAT volume, not NTFS", OTHER_TOOL, |probe| {
        probe.has(0x36, b"FAT12   ") || probe.has(0x36, b"FAT16   ") || probe.has(0x52, b"FAT32   ")
    }),
    Format {
        name: "is a whole disk",
        role: Role::Disk,
        detect: |probe| PartitionTable::read(probe.source()).is_some(),
    },
    Format {
        name: "begins with a sector that could not be read, marked by --rescue; what it holds is \
               told by that sector, or by a backup boot sector at the end of a volume, which is \
               not there",
        role: Role::Lost {
            remedy: "rescue the source again, with --retries; or let testdisk look for the boot \
                     sector",
        },
        // What the program and other rescue tools write in place of a bad sector.
        detect: |probe| probe.has(0, b"BadSectoR\0"),
    },
    Format {
        name: "begins with zeros: there is no boot sector of NTFS, nor a backup at its end",
        role: Role::Lost {
            remedy: "is it the right device? If it was NTFS, testdisk may find it",
        },
        detect: |probe| probe.begins_with_zeros(),
    },
];

const CONVERT: &str = "make a raw file of it (qemu-img convert -O raw FILE raw.img), and name the \
                       partition in that with --partition N";
const UNPACK: &str = "unpack it, or pipe what is in it: ... | ntfsclone --restore-image ... -";
const OTHER_TOOL: &str = "is it the right partition? For this file system use partclone or dd";

/// 4967D63B-2E29-4AD8-8399-F6A339E3D001, as libbde documents it.
const BITLOCKER_TO_GO_GUID: &[u8] = &[
    0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01,
];

/// A row of what is not read.
const fn refused(
    name: &'static str,
    remedy: &'static str,
    detect: fn(&Probe<'_>) -> bool,
) -> Format {
    Format {
        name,
        role: Role::Refused { remedy },
        detect,
    }
}

/// A VHD ends with its footer. All but fixed ones begin with a copy of that; a
/// fixed one is the disk itself, and read as that.
fn is_vhd(probe: &Probe<'_>) -> bool {
    const COOKIE: &[u8] = b"conectix";
    const TYPE_OFFSET: usize = 60;
    const FIXED: u8 = 2;
    if probe.has(0, COOKIE) {
        return true;
    }
    let last = probe.last_sector();
    last.is_some_and(|footer| {
        let kind = footer.get(TYPE_OFFSET..).and_then(<[u8]>::first_chunk);
        let is_fixed = kind == Some(&[0, 0, 0, FIXED]);
        footer.starts_with(COOKIE) && !is_fixed
    })
}
