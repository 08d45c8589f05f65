//! Virtual disks: files that hold a disk in blocks, and a table of where each block is stored.
//!
//! One file or folder a format. Its `open` checks the headers and returns the disk as a source
//! that can be read at any offset. Table entries are read on demand: a source that has to be
//! waited for is opened, and read, by calling again.

mod cache;
mod compressed_block;
mod header;
pub(crate) mod qcow2;
mod table_reader;
pub(crate) mod vdi;
pub(crate) mod vhd;
pub(crate) mod vhdx;
mod virtual_disk;
pub(crate) mod vmdk;

use core::fmt;

pub(crate) use self::qcow2::MAGIC as QCOW2_MAGIC;
pub(crate) use self::vdi::{SIGNATURE as VDI_SIGNATURE, SIGNATURE_OFFSET as VDI_SIGNATURE_OFFSET};
pub(crate) use self::vhd::{COOKIE as VHD_COOKIE, FOOTER_BYTES as VHD_FOOTER_BYTES};
pub(crate) use self::vhdx::SIGNATURE as VHDX_SIGNATURE;
pub(crate) use self::vmdk::MAGIC as VMDK_MAGIC;

use crate::error::Result;
use crate::io::Source;

/// Bytes of a sector, the unit of positions in VHD, qcow2 and VMDK.
const SECTOR: u64 = 512;

/// A format of virtual disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// qcow2 of QEMU.
    Qcow2,
    /// VDI of VirtualBox.
    Vdi,
    /// VHD of Virtual PC, Hyper-V and Azure.
    Vhd,
    /// VHDX of Hyper-V.
    Vhdx,
    /// VMDK of VMware, in one file.
    Vmdk,
}

impl DiskFormat {
    /// Opens the disk in `source`. Can be repeated after an error of the source.
    ///
    /// # Errors
    ///
    /// The headers are damaged or cannot be read; [`Error::DiskNotRead`](crate::Error::DiskNotRead).
    pub fn open(self, source: &Source) -> Result<Source> {
        match self {
            Self::Qcow2 => qcow2::open(source),
            Self::Vdi => vdi::open(source),
            Self::Vhd => vhd::open(source),
            Self::Vhdx => vhdx::open(source),
            Self::Vmdk => vmdk::open(source),
        }
    }
}

impl fmt::Display for DiskFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Qcow2 => "qcow2",
            Self::Vdi => "VDI",
            Self::Vhd => "VHD",
            Self::Vhdx => "VHDX",
            Self::Vmdk => "VMDK",
        })
    }
}
