//! The error type of this crate.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use crate::disk::Absence;
use crate::io::IoError;
use crate::units::RecordNumber;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Shows errors to developers as to users. Derived code shows no more, and that
/// of a few errors takes 2 KiB of the module that browsers load.
macro_rules! debug_as_display {
    ($($error:ty),+) => {$(
        impl core::fmt::Debug for $error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

#[cfg(feature = "jobs")]
pub(crate) use debug_as_display;

debug_as_display!(
    Error,
    crate::clusters::Finding,
    crate::open::NotOpened,
    crate::stream::StreamError
);

/// Why something could not be read.
///
/// Each names the structure, where it lies, what was found and what was
/// expected. Displaying an error never repeats its cause: whoever prints
/// follows [`core::error::Error::source`].
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source could not be read.
    #[error("cannot read {len} bytes of {structure} at byte {offset:#x}")]
    Io {
        /// What was being read.
        structure: Structure,
        /// Where, in bytes from the start of the source.
        offset: u64,
        /// How many bytes.
        len: u64,
        /// What the source said.
        source: IoError,
    },

    /// What was read breaks the rules of its format.
    #[error(
        "{structure} at byte {offset:#x} is damaged: {field} is {found:#x}, expected {expected}"
    )]
    Corrupt {
        /// What is damaged.
        structure: Structure,
        /// Where the structure (or the damaged place in it) lies, in bytes
        /// from the start of the source.
        offset: u64,
        /// Which field or property.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What it should have been.
        expected: &'static str,
    },

    /// What was read is fine, and beyond what this crate handles.
    #[error("{structure} at byte {offset:#x}: {field} {found:#x} is not supported ({expected} is)")]
    Unsupported {
        /// What is unsupported.
        structure: Structure,
        /// Where it lies, in bytes from the start of the source.
        offset: u64,
        /// Which field or property.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What is supported.
        expected: &'static str,
    },

    /// A size in the input is beyond what is there, or beyond a named limit.
    #[error("{structure} at byte {offset:#x} is too large: {found} bytes, the limit is {limit}")]
    Limit {
        /// What is too large.
        structure: Structure,
        /// Where it lies, in bytes from the start of the source.
        offset: u64,
        /// Its size in bytes.
        found: u64,
        /// The most that is accepted.
        limit: u64,
    },

    /// Compressed data cannot be decompressed.
    #[error("the compressed data at byte {offset:#x} is damaged: {reason}")]
    Compressed {
        /// Where the frame lies, in bytes from the start of the source.
        offset: u64,
        /// What the decompressor says.
        reason: &'static str,
    },

    /// A disk is larger than its format, or its partition table, can describe.
    #[error("a disk of {size} bytes is too large for {format}: the limit is {limit}")]
    DiskTooLarge {
        /// What cannot describe it.
        format: &'static str,
        /// Bytes of the disk.
        size: u64,
        /// The most bytes.
        limit: u64,
    },

    /// A disk is to be written in a form that holds one volume.
    #[error("{format} holds one volume, not a disk")]
    HoldsOneVolume {
        /// The form.
        format: &'static str,
    },

    /// A device or file is shorter than the volume that begins on it.
    #[error("the device or file ends at byte {size:#x}, inside the volume of {needed} bytes")]
    VolumeCutShort {
        /// Bytes of the device or file.
        size: u64,
        /// Bytes of all clusters of the volume.
        needed: u64,
    },

    /// Bytes of a volume are in the part of its image that is damaged or missing.
    #[error("byte {offset:#x} of the volume is not in what is left of the image")]
    Lost {
        /// Where, in bytes from the start of the volume.
        offset: u64,
    },

    /// An image lacks a cluster that has content of a file: one of metadata, or one that is damaged.
    #[error("the image does not hold cluster {cluster}, which has content of the file")]
    NotStored {
        /// The cluster.
        cluster: u64,
    },

    /// Content in a record of an image of metadata.
    #[error("the content of record {record} was wiped: this is an image of metadata")]
    Wiped {
        /// The record of the file.
        record: RecordNumber,
    },

    /// A checksum in an image does not match the blocks that it covers.
    #[error(
        "the image is damaged: the checksum at byte {offset:#x} does not match {}",
        Blocks { first: *first, last: *last }
    )]
    BlockChecksum {
        /// Offset of the checksum, in bytes from the start of the image.
        offset: u64,
        /// The first block that it covers.
        first: u64,
        /// The last one; between them are those that the image has.
        last: u64,
    },

    /// An image ends too early.
    #[error("the image is truncated: it ends after {} bytes{place}", Grouped(*offset))]
    Truncated {
        /// Bytes of the image.
        offset: u64,
        /// What should be there.
        place: EndPlace,
    },

    /// A virtual disk has a block after the end of its file.
    #[error(
        "byte {offset:#x} of the virtual disk is stored at byte {position:#x}, but the file ends \
         at byte {size:#x}: it is truncated, or its block table is damaged"
    )]
    BlockBeyondEnd {
        /// Where on the disk, in bytes.
        offset: u64,
        /// Where in the file, in bytes.
        position: u64,
        /// Bytes of the file.
        size: u64,
    },

    /// A virtual disk needs another file or a key, or has blocks that are not decompressed.
    #[error("the virtual disk {reason}")]
    DiskNotRead {
        /// What it is or has: `is encrypted`.
        reason: &'static str,
    },

    /// A virtual disk is in several files, and one of them was not opened.
    #[error("the virtual disk needs the file {path}, {absence}")]
    FileNeeded {
        /// As the disk names it: untrusted text.
        path: String,
        /// Why it was not opened.
        absence: Absence,
    },

    /// The parent of a virtual disk is not the one that the disk was made of.
    #[error(
        "{name} is not the parent of the virtual disk, or was changed since: its id is {found}, \
         expected {expected}"
    )]
    OtherParent {
        /// Name of the parent: untrusted text.
        name: String,
        /// Its identifier.
        found: String,
        /// The identifier that the disk has of its parent.
        expected: String,
    },

    /// A file that a virtual disk needs cannot be read.
    #[error("the virtual disk needs the file {name}")]
    InNeighbour {
        /// Name of the file: untrusted text.
        name: String,
        /// What is wrong with it.
        source: Box<Error>,
    },

    /// An image holds another file system than NTFS.
    #[error("the image is of partclone, and of a volume of {name}, not of NTFS")]
    OtherFileSystem {
        /// The name in the image: untrusted text.
        name: String,
    },

    /// The volume is known, and not NTFS.
    #[error("the volume {name}")]
    OtherFormat {
        /// That of its row in [`FORMATS`](crate::open::FORMATS): `is ...`.
        name: &'static str,
    },

    /// There is not enough memory to keep track of something.
    #[error("not enough memory: {structure} needs {len} bytes")]
    Memory {
        /// What needs it.
        structure: Structure,
        /// How many bytes.
        len: u64,
    },
}

impl Error {
    /// True where what was read is to blame, and something else may stand in
    /// for it; false where nothing was read.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Io { .. } => self.is_loss(),
            Self::Memory { .. } | Self::FileNeeded { .. } => false,
            Self::InNeighbour { source, .. } => source.is_damage(),
            _ => true,
        }
    }

    /// The other file that a virtual disk needs, as the disk names it: untrusted text.
    pub fn needed_file(&self) -> Option<&str> {
        match self {
            Self::FileNeeded { path, .. } => Some(path),
            Self::InNeighbour { source, .. } => source.needed_file(),
            _ => None,
        }
    }

    /// True where bytes of a volume cannot be read because the image that holds
    /// them is damaged there: the volume itself may be sound.
    pub fn is_loss(&self) -> bool {
        let Self::Io { source, .. } = self else {
            return false;
        };
        let Some(inner) = source.downcast_ref::<Self>() else {
            return false;
        };
        match inner {
            Self::Compressed { .. } | Self::Lost { .. } | Self::BlockBeyondEnd { .. } => true,
            Self::Io { structure, .. } => match structure {
                Structure::CompressedFrame => !inner.is_missing(),
                _ => inner.is_loss(),
            },
            Self::Corrupt { structure, .. } | Self::Limit { structure, .. } => {
                use Structure::{CompressedFrame, DiskBlock, DiskTable};
                matches!(structure, CompressedFrame | DiskBlock | DiskTable)
            }
            _ => false,
        }
    }

    /// Where it is, in bytes from the start of the source, if it is anywhere.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Io { offset, .. }
            | Self::Corrupt { offset, .. }
            | Self::Unsupported { offset, .. }
            | Self::Compressed { offset, .. }
            | Self::BlockChecksum { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::Lost { offset }
            | Self::BlockBeyondEnd {
                position: offset, ..
            }
            | Self::Limit { offset, .. } => Some(*offset),
            Self::VolumeCutShort { size, .. } => Some(*size),
            Self::OtherFileSystem { .. }
            | Self::OtherFormat { .. }
            | Self::DiskNotRead { .. }
            | Self::FileNeeded { .. }
            | Self::OtherParent { .. }
            | Self::InNeighbour { .. }
            | Self::NotStored { .. }
            | Self::Wiped { .. }
            | Self::DiskTooLarge { .. }
            | Self::HoldsOneVolume { .. }
            | Self::Memory { .. } => None,
        }
    }

    /// True where the bytes are only [not there yet](IoError::missing): the
    /// same can be tried again.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.is_missing(),
            Self::InNeighbour { source, .. } => source.is_missing(),
            _ => false,
        }
    }
}

/// Displays a range of blocks.
struct Blocks {
    first: u64,
    last: u64,
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "block {}", self.first),
            false => write!(f, "blocks {} to {}", self.first, self.last),
        }
    }
}

/// Where an image ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndPlace {
    /// Anywhere.
    Unknown,
    /// Before its first cluster or block.
    Header,
    /// Inside a cluster.
    InCluster(u64),
    /// Where the command that leads to a cluster should be.
    BeforeCluster(u64),
    /// Where the backup boot sector should be.
    Tail,
    /// Where a block should be.
    BeforeBlock(u64),
}

impl fmt::Display for EndPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, number) = match *self {
            Self::Unknown => return Ok(()),
            Self::Header => return f.write_str(", inside its header"),
            Self::Tail => return f.write_str(", where the backup boot sector is expected"),
            Self::InCluster(cluster) => (", inside cluster ", cluster),
            Self::BeforeCluster(cluster) => (", before cluster ", cluster),
            Self::BeforeBlock(block) => {
                return write!(f, ", where block {} is expected", Grouped(block));
            }
        };
        write!(f, "{text}{}", Grouped(number))
    }
}

/// Displays a number with commas: `7,094,397`.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// An error and what caused it, on one line.
pub fn with_causes(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The on-disk structures that errors speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Structure {
    /// What is read, whatever is in it.
    #[error("the source")]
    Source,
    /// Content of the volume.
    #[error("the volume")]
    Volume,
    /// The first sector of the volume.
    #[error("the boot sector")]
    BootSector,
    /// A record of `$MFT`.
    #[error("the MFT record")]
    MftRecord,
    /// An attribute within an MFT record.
    #[error("the attribute")]
    Attribute,
    /// An `$ATTRIBUTE_LIST`.
    #[error("the attribute list")]
    AttributeList,
    /// The mapping pairs of a non-resident attribute.
    #[error("the runlist")]
    Runlist,
    /// The content of a non-resident attribute.
    #[error("the attribute's data")]
    Value,
    /// The file `$MFT` as a whole.
    #[error("$MFT")]
    Mft,
    /// The file `$MFTMirr`.
    #[error("$MFTMirr")]
    MftMirror,
    /// The file `$Bitmap`.
    #[error("$Bitmap")]
    Bitmap,
    /// The file `$LogFile`.
    #[error("$LogFile")]
    LogFile,
    /// The file `$UpCase`.
    #[error("$UpCase")]
    UpCase,
    /// The file `$Volume`.
    #[error("$Volume")]
    VolumeInformation,
    /// A node of a directory index.
    #[error("the directory index")]
    Index,
    /// A partition table.
    #[error("the partition table")]
    PartitionTable,
    /// The header of an ntfsclone image.
    #[error("the image header")]
    ImageHeader,
    /// A command in an ntfsclone image.
    #[error("the image command")]
    ImageCommand,
    /// The bitmap of an image of partclone.
    #[error("the block bitmap")]
    BlockBitmap,
    /// The blocks of an image of partclone.
    #[error("the image data")]
    ImageBlock,
    /// A frame of a compressed image.
    #[error("the compressed frame")]
    CompressedFrame,
    /// What a compressed image tells of itself.
    #[error("the summary")]
    Summary,
    /// Where the frames of a compressed image are.
    #[error("the seek table")]
    SeekTable,
    /// What is kept in memory of where the clusters lie in an image.
    #[error("the index of the image")]
    ImageIndex,
    /// The header of a virtual disk, or a part of it.
    #[error("the header of the virtual disk")]
    DiskHeader,
    /// A table of where the blocks of a virtual disk are.
    #[error("the block table of the virtual disk")]
    DiskTable,
    /// A compressed block of a virtual disk.
    #[error("the compressed block of the virtual disk")]
    DiskBlock,
    /// What is written to a virtual disk, before it is written in its place.
    #[error("the log of the virtual disk")]
    DiskLog,
    /// The text in a virtual disk that describes it.
    #[error("the descriptor of the virtual disk")]
    DiskDescriptor,
}
