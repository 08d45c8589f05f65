//! Writing a copy of a volume: the forms it can have, and what encodes them.
//!
//! [`WRITERS`] is the table of forms. A host moves the data: it reads what a
//! plan lists, in order, and gives it to the form's [`Encode`], which puts the
//! output into the host's [`Out`]. Any output can be compressed on its way
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

use alloc::boxed::Box;
use alloc::vec::Vec;

pub use self::conversion::Conversion;
pub use self::disk::{DiskLayout, Partitioning};
#[cfg(feature = "serde")]
pub use self::facts::Facts;
pub use self::frame_compressor::FrameCompressor;
#[cfg(feature = "zstd-compressor")]
pub use self::frame_compressor::ZstdCompressor;
pub use self::metadata::{RecordChunk, WipeReport};
pub use self::ntfsclone::NtfscloneEncoder;
pub use self::raw::RAW;
pub use self::seekable::{Compress, Content, FrameLog, Framing};
use crate::disk::{qcow2, vdi, vhd, vhdx, vmdk};
use crate::error::Result;
use crate::image::seekable::Kind;
use crate::plan::Plan;
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
    size: partclone::size,
    encoder: partclone::encoder,
};

/// A qcow2 image of QEMU, version 3.
pub static QCOW2: Writer = Writer {
    id: "qcow2",
    extensions: &["qcow2"],
    kind: None,
    disk: DiskSupport::Disk,
    size: qcow2::writer::size,
    encoder: qcow2::writer::encoder,
};

/// A dynamic VDI of VirtualBox.
pub static VDI: Writer = Writer {
    id: "vdi",
    extensions: &["vdi"],
    kind: None,
    disk: DiskSupport::Disk,
    size: vdi::writer::size,
    encoder: vdi::writer::encoder,
};

/// A dynamic VHD of Virtual PC and Hyper-V.
pub static VHD: Writer = Writer {
    id: "vhd",
    extensions: &["vhd"],
    kind: None,
    disk: DiskSupport::Disk,
    size: vhd::writer::dynamic_size,
    encoder: vhd::writer::dynamic_encoder,
};

/// A fixed VHD, of Azure.
pub static VHD_FIXED: Writer = Writer {
    id: "vhd-fixed",
    extensions: &[],
    kind: None,
    disk: DiskSupport::Disk,
    size: vhd::writer::fixed_size,
    encoder: vhd::writer::fixed_encoder,
};

/// A dynamic VHDX of Hyper-V.
pub static VHDX: Writer = Writer {
    id: "vhdx",
    extensions: &["vhdx"],
    kind: None,
    disk: DiskSupport::DiskWithLargeSectors,
    size: vhdx::writer::size,
    encoder: vhdx::writer::encoder,
};

/// A stream-optimised VMDK of VMware, whose content is compressed.
pub static VMDK: Writer = Writer {
    id: "vmdk",
    extensions: &["vmdk"],
    kind: None,
    disk: DiskSupport::Disk,
    size: |_| None,
    encoder: vmdk::writer::encoder,
};

/// A form in which a copy of a volume is written.
#[derive(Debug)]
pub struct Writer {
    /// Its name for programs.
    pub id: &'static str,
    /// Endings of the names of its files, without a dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// What the summary of a compressed file calls it; `None` if that has no summary.
    pub kind: Option<Kind>,
    /// Whether it describes a disk, or the volume alone.
    pub disk: DiskSupport,
    /// Bytes of the output; `None` if that is known when it is written.
    pub size: fn(&Shape<'_>) -> Option<u64>,
    /// Makes the encoder.
    pub encoder: NewEncoder,
}

impl PartialEq for Writer {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Writer {}

/// Whether a form describes a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskSupport {
    /// It holds the volume alone.
    None,
    /// It holds bytes, which may be those of a disk: without a [`DiskLayout`], the volume.
    Bytes,
    /// It is a virtual disk, and for a volume to be mounted, it has a partition table.
    Disk,
    /// The same; its sectors may have 4096 bytes.
    DiskWithLargeSectors,
}

/// What is encoded.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// The clusters of the volume.
    pub plan: &'a Plan,
    /// The disk that the volume is written into; `None` if the output is of the volume alone.
    pub disk: Option<&'a DiskLayout>,
}

impl<'a> Shape<'a> {
    /// The volume alone.
    pub fn of_volume(plan: &'a Plan) -> Self {
        Self { plan, disk: None }
    }

    /// The disk, which is the volume itself if there is no other.
    pub(crate) fn layout(&self) -> DiskLayout {
        match self.disk {
            Some(disk) => disk.clone(),
            None => DiskLayout::unpartitioned(self.plan),
        }
    }
}

/// Makes the encoder of an output. `None` if the output is the volume itself: the host moves the
/// data to the same offsets, without another copy in memory.
///
/// # Errors
///
/// [`Error::DiskTooLarge`](crate::Error::DiskTooLarge), [`Error::Memory`](crate::Error::Memory).
pub type NewEncoder = fn(&Shape<'_>) -> Result<Option<Box<dyn Encode + Send>>>;

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
}

/// The output takes no more bytes. Whoever stopped it reports the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Encodes a copy of a volume in one pass.
pub trait Encode {
    /// Encodes the bytes at `offset` of the volume, which are whole clusters or
    /// the tail after the last cluster. In a plan of clusters, offsets ascend.
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
