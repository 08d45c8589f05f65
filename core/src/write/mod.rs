//! Writing a copy of a volume or disk: the forms it can have, and what encodes
//! them.
//!
//! [`WRITERS`] is the table of forms. A host moves the data: it reads what a
//! [`Shape`] lists, in order, and gives it to the form's [`Encode`], which puts
//! the output into the host's [`Out`]. Any output can be compressed on its way
//! ([`Framing`]) and metadata is wiped before it is encoded ([`RecordChunk`]).

mod conversion;
pub(crate) mod disk;
#[cfg(feature = "serde")]
mod facts;
mod frame_compressor;
mod metadata;
mod ntfsclone;
mod partclone;
mod raw;
mod seekable;
mod shape;
mod writer;

use alloc::vec::Vec;

pub use self::conversion::Conversion;
pub use self::disk::{DiskArea, DiskLayout, DiskPart, Partitioning, StoredSearch, Stretches};
#[cfg(feature = "serde")]
pub use self::facts::Facts;
pub use self::frame_compressor::FrameCompressor;
#[cfg(feature = "zstd-compressor")]
pub use self::frame_compressor::ZstdCompressor;
pub use self::metadata::{RecordChunk, WipeReport};
pub use self::ntfsclone::NtfscloneEncoder;
pub use self::raw::RAW;
pub use self::seekable::{Compress, Content, FrameLog, Framing};
pub use self::shape::{Disk, DiskContent, Shape};
use self::writer::Format;
pub use self::writer::{DiskSupport, Writer};
use crate::disk::{qcow2, vdi, vhd, vhdx, vmdk};
use crate::units::len_usize;

/// All forms.
pub static WRITERS: &[&Writer] = &[
    &RAW, &NTFSCLONE, &METADATA, &PARTCLONE, &QCOW2, &VDI, &VHD, &VHD_FIXED, &VHDX, &VMDK,
];

/// An ntfsclone image of the clusters in use.
pub static NTFSCLONE: Writer = Writer {
    extensions: &["ntfsclone"],
    ..ntfsclone::writer("ntfsclone")
};

/// An ntfsclone image of the metadata, wiped.
pub static METADATA: Writer = ntfsclone::writer("metadata");

/// An image of partclone, version 2.
pub static PARTCLONE: Writer = Writer {
    id: "partclone",
    extensions: &["partclone", "ntfs-ptcl-img"],
    kind: None,
    disk: DiskSupport::None,
    format: Format::Volume {
        size: partclone::size,
        encoder: partclone::encoder,
    },
};

/// A qcow2 image of QEMU, version 3.
pub static QCOW2: Writer = Writer {
    id: "qcow2",
    extensions: &["qcow2"],
    kind: None,
    disk: DiskSupport::Disk,
    format: Format::Disk {
        size: qcow2::writer::size,
        encoder: qcow2::writer::encoder,
    },
};

/// A dynamic VDI of VirtualBox.
pub static VDI: Writer = Writer {
    id: "vdi",
    extensions: &["vdi"],
    kind: None,
    disk: DiskSupport::Disk,
    format: Format::Disk {
        size: vdi::writer::size,
        encoder: vdi::writer::encoder,
    },
};

/// A dynamic VHD of Virtual PC and Hyper-V.
pub static VHD: Writer = Writer {
    id: "vhd",
    extensions: &["vhd"],
    kind: None,
    disk: DiskSupport::Disk,
    format: Format::Disk {
        size: vhd::writer::dynamic_size,
        encoder: vhd::writer::dynamic_encoder,
    },
};

/// A fixed VHD, of Azure.
pub static VHD_FIXED: Writer = Writer {
    id: "vhd-fixed",
    extensions: &[],
    kind: None,
    disk: DiskSupport::Disk,
    format: Format::Disk {
        size: vhd::writer::fixed_size,
        encoder: vhd::writer::fixed_encoder,
    },
};

/// A dynamic VHDX of Hyper-V.
pub static VHDX: Writer = Writer {
    id: "vhdx",
    extensions: &["vhdx"],
    kind: None,
    disk: DiskSupport::DiskWithLargeSectors,
    format: Format::Disk {
        size: vhdx::writer::size,
        encoder: vhdx::writer::encoder,
    },
};

/// A stream-optimised VMDK of VMware, whose content is compressed.
pub static VMDK: Writer = Writer {
    id: "vmdk",
    extensions: &["vmdk"],
    kind: None,
    disk: DiskSupport::Disk,
    format: Format::Disk {
        size: |_| None,
        encoder: vmdk::writer::encoder,
    },
};

/// The output of an encoder, appended to in order.
pub trait Out {
    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped>;

    /// Appends zeros, which a file may have as a hole.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn zeros(&mut self, len: u64) -> Result<(), Stopped>;

    /// How many blocks are worth a call of [`Self::for_each_block`].
    fn blocks_at_once(&self) -> usize {
        1
    }

    /// Calls `work` with each of the blocks, on the threads of the host if it has any.
    fn for_each_block(&mut self, blocks: &mut [Vec<u8>], work: fn(&mut Vec<u8>)) {
        blocks.iter_mut().for_each(work);
    }
}

/// The output takes no more bytes. Whoever stopped it reports the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Encodes a copy of a volume or disk in one pass.
pub trait Encode {
    /// Encodes the bytes at `offset` of the volume, which are whole clusters or
    /// the tail after the last cluster; of a [`DiskContent`], any bytes. In a plan
    /// of clusters and on a disk, offsets ascend.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped>;

    /// Ends the output, after all data.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped>;
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn zeros(&mut self, len: u64) -> Result<(), Stopped> {
        self.resize(self.len().saturating_add(len_usize(len)), 0);
        Ok(())
    }
}
