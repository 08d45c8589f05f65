//! The table of formats: how each is detected, and what is done with it.

use super::container::Container;
use super::foreign;
use super::partition_table::PartitionTable;
use super::probe::Probe;
use crate::disk::{self, DiskFormat};
use crate::image::{ntfsclone, partclone};
use crate::ntfs::BootSector;
use crate::stream::Compression;
use crate::units::len_usize;

/// A format of files, volumes or disks.
#[derive(Debug)]
pub struct Format {
    /// As messages name it: `is ...`.
    pub name: &'static str,
    /// What is done with it.
    pub role: Role,
    pub(super) detect: Detect,
}

/// How a format is detected.
#[derive(Debug, Clone, Copy)]
pub(super) enum Detect {
    /// These bytes are at this offset.
    At(usize, &'static [u8]),
    /// These bytes are at this distance before the end.
    BeforeEnd(usize, &'static [u8]),
    /// This is true of it.
    If(fn(&Probe<'_>) -> bool),
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

/// All formats that are known, in groups; the first row that detects a source is
/// the one. What is no longer the bytes that were written comes first; then
/// signatures in the first sector, and with them what is only at the end of a
/// source. A partition table is nearer than what is far behind the
/// start: that may be left over from a file system before it. An NTFS volume is
/// one by its first sector or its last, whatever else it keeps from its past.
pub static FORMATS: &[&[Format]] = &[
    foreign::RECODED,
    READ,
    foreign::FILES,
    BACKUP,
    foreign::FIRST_SECTOR,
    DISK,
    foreign::FAR,
    ZEROS,
];

const READ: &[Format] = &[
    Format {
        name: "is an image of ntfsclone",
        role: Role::Image,
        detect: Detect::At(0, ntfsclone::MAGIC),
    },
    Format {
        name: "is an NTFS volume",
        role: Role::Volume,
        // After a jump, which differs.
        detect: Detect::At(3, b"NTFS    "),
    },
    foreign::DMG,
    Format {
        name: "is compressed",
        role: Role::Compressed,
        detect: Detect::If(|probe| Compression::of(probe.start()).is_some()),
    },
    Format {
        name: "is an image of partclone",
        role: Role::Container(Container::Partclone),
        detect: Detect::At(0, partclone::MAGIC),
    },
    foreign::QCOW,
    disk(
        "is a virtual disk (qcow2)",
        DiskFormat::Qcow2,
        Detect::At(0, disk::QCOW2_MAGIC),
    ),
    disk(
        "is a virtual disk (VMDK)",
        DiskFormat::Vmdk,
        Detect::At(0, disk::VMDK_MAGIC),
    ),
    disk(
        "is a virtual disk (VMDK)",
        DiskFormat::Vmdk,
        Detect::At(0, disk::VMDK_DESCRIPTOR_MAGIC),
    ),
    disk(
        "is a forensic image (E01)",
        DiskFormat::Ewf,
        Detect::At(0, disk::EWF_SIGNATURE),
    ),
    disk(
        "is a virtual disk (VHDX)",
        DiskFormat::Vhdx,
        Detect::At(0, disk::VHDX_SIGNATURE),
    ),
    disk(
        "is a virtual disk (VHD)",
        DiskFormat::Vhd,
        Detect::If(is_vhd),
    ),
    disk(
        "is a virtual disk (VDI)",
        DiskFormat::Vdi,
        Detect::At(disk::VDI_SIGNATURE_OFFSET, &disk::VDI_SIGNATURE),
    ),
];

const fn disk(name: &'static str, format: DiskFormat, detect: Detect) -> Format {
    Format {
        name,
        role: Role::Container(Container::Disk(format)),
        detect,
    }
}

/// A VHD ends with its footer. All but fixed ones begin with a copy of that.
fn is_vhd(probe: &Probe<'_>) -> bool {
    let distance = len_usize(disk::VHD_FOOTER_BYTES);
    probe.has(0, disk::VHD_COOKIE) || probe.has_before_end(distance, disk::VHD_COOKIE)
}

const BACKUP: &[Format] = &[Format {
    name: "is an NTFS volume whose first boot sector is damaged",
    role: Role::Volume,
    detect: Detect::If(|probe| BootSector::read_backup(probe.source()).is_some()),
}];

const DISK: &[Format] = &[
    Format {
        name: "is a whole disk",
        role: Role::Disk,
        detect: Detect::If(|probe| PartitionTable::read(probe.source()).is_some()),
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
        detect: Detect::At(0, b"BadSectoR\0"),
    },
];

const ZEROS: &[Format] = &[Format {
    name: "begins with zeros: there is no boot sector of NTFS, nor a backup at its end",
    role: Role::Lost {
        remedy: "is it the right device? If it was NTFS, testdisk may find it",
    },
    detect: Detect::If(|probe| probe.begins_with_zeros()),
}];
