//! Virtual disks: files that hold a disk in blocks, and a table of where each block is stored.
//!
//! One file or folder a format. Its `open` checks the headers and returns the disk as a source
//! that can be read at any offset. Table entries are read on demand: a source that has to be
//! waited for is opened, and read, by calling again.
//!
//! A disk may be in several files: [`Neighbours`] opens those that it names.

mod cache;
mod compressed_block;
pub(crate) mod ewf;
#[cfg(feature = "jobs")]
mod given_files;
mod header;
mod identifier;
mod joined;
mod neighbours;
pub(crate) mod qcow2;
mod table_reader;
mod utf16;
pub(crate) mod vdi;
pub(crate) mod vhd;
pub(crate) mod vhdx;
mod virtual_disk;
pub(crate) mod vmdk;

use alloc::boxed::Box;
use core::fmt;

pub(crate) use self::ewf::SIGNATURE as EWF_SIGNATURE;
#[cfg(feature = "jobs")]
pub(crate) use self::given_files::GivenFiles;
pub use self::neighbours::{Absence, Neighbour, Neighbours, NoNeighbours};
pub(crate) use self::qcow2::MAGIC as QCOW2_MAGIC;
pub(crate) use self::vdi::{SIGNATURE as VDI_SIGNATURE, SIGNATURE_OFFSET as VDI_SIGNATURE_OFFSET};
pub(crate) use self::vhd::{COOKIE as VHD_COOKIE, FOOTER_BYTES as VHD_FOOTER_BYTES};
pub(crate) use self::vhdx::SIGNATURE as VHDX_SIGNATURE;
pub(crate) use self::vmdk::{DESCRIPTOR_MAGIC as VMDK_DESCRIPTOR_MAGIC, MAGIC as VMDK_MAGIC};

use self::neighbours::Chain;
use crate::error::Result;
use crate::io::Source;
use crate::open::{Contents, Opener};

/// Bytes of a sector, the unit of positions in VHD, qcow2 and VMDK.
const SECTOR: u64 = 512;

/// A format of virtual disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// EWF of EnCase, version 1: E01.
    Ewf,
    /// qcow2 of QEMU.
    Qcow2,
    /// VDI of VirtualBox.
    Vdi,
    /// VHD of Virtual PC, Hyper-V and Azure.
    Vhd,
    /// VHDX of Hyper-V.
    Vhdx,
    /// VMDK of VMware.
    Vmdk,
}

impl DiskFormat {
    /// An opener that has not begun.
    pub(crate) fn opener(self) -> Box<dyn Opener> {
        if self == Self::Ewf {
            return Box::<ewf::Opening>::default();
        }
        Box::new(self)
    }

    /// Opens a disk, and its parents.
    fn open(self, source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
        match self {
            Self::Ewf => Err(header::not_read("has a forensic image as its parent")),
            Self::Qcow2 => qcow2::open(source, chain),
            Self::Vdi => vdi::open(source, chain),
            Self::Vhd => vhd::open(source, chain),
            Self::Vhdx => vhdx::open(source, chain),
            Self::Vmdk => vmdk::open(source, chain),
        }
    }
}

/// A disk reads its tables when they are needed.
impl Opener for DiskFormat {
    fn step(&mut self, source: &Source, neighbours: &dyn Neighbours) -> Result<Option<Contents>> {
        let mut chain = Chain::new(neighbours);
        Ok(Some(Contents {
            source: self.open(source, &mut chain)?,
            files: chain.into_opened(),
        }))
    }
}

impl fmt::Display for DiskFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ewf => "E01",
            Self::Qcow2 => "qcow2",
            Self::Vdi => "VDI",
            Self::Vhd => "VHD",
            Self::Vhdx => "VHDX",
            Self::Vmdk => "VMDK",
        })
    }
}
