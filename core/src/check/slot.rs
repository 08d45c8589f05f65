//! What is kept of each record until all are compared: 8 bytes.

use crate::ntfs::file_name::FileName;
use crate::ntfs::mft_record::FileReference;
use crate::units::RecordNumber;

/// What a record is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Free,
    File,
    Directory,
    Extension,
    /// It cannot be read, and `$MFT` marks it as in use.
    Broken,
    /// It cannot be read, and `$MFT` marks it as free.
    Torn,
    /// It is in a damaged part of the image.
    Lost,
}

/// An entry of a directory names it.
pub(super) const HAS_ENTRY: u8 = 1;

/// What is kept of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    /// The sum of the hashes of its names, or of that of an extension record.
    pub(super) names: u32,
    pub(super) sequence: u16,
    pub(super) state: State,
    /// [`HAS_ENTRY`] and the like.
    pub(super) marks: u8,
}

const _: () = assert!(size_of::<Slot>() == 8);

/// The hash of a name, given the value of `$FILE_NAME`, of a file in a directory.
/// Sizes and times in it are kept up to date in one place only.
pub(super) fn name_hash(file: RecordNumber, directory: FileReference, value: &[u8]) -> u32 {
    let name = value.get(FileName::LENGTH_OFFSET..).unwrap_or_default();
    bytes_hash(mix(bits(directory), file.0), name)
}

/// The hash of the key that a file has in an index, or of other bytes.
pub(super) fn key_hash(file: FileReference, key: &[u8]) -> u32 {
    bytes_hash(bits(file), key)
}

fn bytes_hash(mut hash: u64, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    for byte in rest {
        hash = mix(hash, (*byte).into());
    }
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// The hash of an extension record and its base record.
pub(super) fn extension_hash(extension: FileReference, base: FileReference) -> u32 {
    let hash = mix(mix(bits(base), bits(extension)), 0);
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// The hash of what was hashed so far and a further word. Not one for keys that
/// somebody chooses: a volume that is made to pass is not a damaged one.
fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ product >> 29
}

/// A reference as it stands on disk.
fn bits(reference: FileReference) -> u64 {
    u64::from(reference.sequence_number) << 48 | reference.record.0
}
