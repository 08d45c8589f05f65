//! `$Secure`: the security descriptors that files share.

use super::record::u32_at;

/// `$SDS` in UTF-16: the stream of the descriptors.
pub(crate) const DESCRIPTORS: &[u8] = b"$\0S\0D\0S\0";

/// Each descriptor stands again as many bytes later in `$SDS`. Blocks of so many bytes and their copies alternate; no
/// descriptor crosses the end of one.
pub(crate) const COPY_DISTANCE: u64 = 256 << 10;

/// What stands before each descriptor in `$SDS`, and in the entries of the indexes: hash, number, offset, length.
pub(crate) const HEADER_BYTES: usize = 20;

/// The largest descriptor that Windows makes, with its header.
pub(crate) const MAX_DESCRIPTOR: u32 = (64 << 10) + 20;

/// Where the number of its descriptor is in the `$STANDARD_INFORMATION` of a file, since NTFS 3.0.
const ID_OFFSET: usize = 0x34;

/// The number of the descriptor of a file, given the value of its `$STANDARD_INFORMATION`; `None` if it has none in
/// `$Secure`.
pub(crate) fn descriptor_id(standard_information: &[u8]) -> Option<u32> {
    u32_at(standard_information, ID_OFFSET).filter(|id| *id != 0)
}

/// The hash of a descriptor, given with its header.
pub(crate) fn descriptor_hash(bytes: &[u8]) -> u32 {
    let (words, _) = bytes
        .get(HEADER_BYTES..)
        .unwrap_or_default()
        .as_chunks::<4>();
    words.iter().fold(0_u32, |hash, word| {
        hash.rotate_left(3).wrapping_add(u32::from_le_bytes(*word))
    })
}
