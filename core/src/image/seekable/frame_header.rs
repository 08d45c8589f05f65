//! The headers of zstd frames and blocks (RFC 8878, 3.1.1), as far as they tell
//! where a frame ends.

use core::ops::RangeInclusive;

/// Bytes of the longest header of a frame.
pub(crate) const MAX_FRAME_HEADER: usize = 18;

/// Bytes of the header of a block.
pub(crate) const BLOCK_HEADER: u64 = 3;

/// Bytes of the checksum after the last block.
const CHECKSUM: u64 = 4;

/// The most bytes in a block.
const MAX_BLOCK: u32 = 128 << 10;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE_MAGICS: RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;

/// What a frame begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameHeader {
    /// Blocks follow.
    Data {
        /// Bytes of the header.
        len: u64,
        /// Bytes of the content; `None` if the header does not say.
        content_size: Option<u64>,
        /// Bytes before a block that it may refer to, at most.
        window_size: u64,
        /// A dictionary may be needed, which is elsewhere.
        has_dictionary: bool,
        /// Bytes after the last block.
        trailer: u64,
        /// A bit without a meaning, which a decompressor ignores and no compressor sets.
        has_unused_bit: bool,
    },
    /// Bytes that a decompressor skips.
    Skippable {
        /// Its magic, one of 16.
        magic: u32,
        /// Bytes of the whole frame.
        len: u64,
    },
}

impl FrameHeader {
    /// The header that `bytes` begin with; `None` if that is not one, or is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk()?;
        let magic = u32::from_le_bytes(*magic);
        if SKIPPABLE_MAGICS.contains(&magic) {
            let len = u64::from(u32::from_le_bytes(*rest.first_chunk()?));
            return Some(Self::Skippable {
                magic,
                len: len.saturating_add(8),
            });
        }
        let (&descriptor, rest) = rest.split_first()?;
        // The reserved bit.
        if magic != MAGIC || descriptor & 0x08 != 0 {
            return None;
        }
        let is_single_segment = descriptor & 0x20 != 0;
        let window = usize::from(!is_single_segment);
        let dictionary = match descriptor & 3 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => 4,
        };
        let size_len = match (descriptor >> 6, is_single_segment) {
            (0, false) => 0,
            (0, true) => 1,
            (1, _) => 2,
            (2, _) => 4,
            _ => 8,
        };
        let fields = window.saturating_add(dictionary);
        let window = rest.first().copied().filter(|_| !is_single_segment);
        let rest = rest.get(fields..)?.get(..size_len)?;
        let mut size = [0; 8];
        for (byte, &found) in size.iter_mut().zip(rest) {
            *byte = found;
        }
        let size = u64::from_le_bytes(size);
        let content_size = match size_len {
            0 => None,
            2 => Some(size.saturating_add(256)),
            _ => Some(size),
        };
        let window_size = match window {
            // All of the content.
            None => content_size.unwrap_or(0),
            Some(descriptor) => window_of(descriptor),
        };
        let len = 5_usize.saturating_add(fields).saturating_add(size_len);
        Some(Self::Data {
            len: crate::units::len_u64(len),
            content_size,
            window_size,
            has_dictionary: dictionary > 0,
            trailer: match descriptor & 0x04 {
                0 => 0,
                _ => CHECKSUM,
            },
            has_unused_bit: descriptor & 0x10 != 0,
        })
    }
}

/// Bytes of a window, by its descriptor (3.1.1.1.2).
fn window_of(descriptor: u8) -> u64 {
    let base = 1_u64.checked_shl(u32::from(descriptor >> 3).saturating_add(10));
    let base = base.unwrap_or(u64::MAX);
    let eighths = u64::from(descriptor & 7);
    base.saturating_add((base / 8).saturating_mul(eighths))
}

/// Bytes that follow the header of a block, and whether it is the last one.
/// `None` if it is damaged.
pub(crate) fn block(header: [u8; 3]) -> Option<(u64, bool)> {
    let [a, b, c] = header;
    let header = u32::from_le_bytes([a, b, c, 0]);
    let size = header >> 3;
    let len = match (header >> 1) & 3 {
        // Raw, or compressed.
        0 | 2 => size,
        // One byte that is repeated.
        1 => 1,
        _ => return None,
    };
    (size <= MAX_BLOCK).then_some((len.into(), header & 1 != 0))
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use crate::units::{len_u64, len_usize};
    use alloc::vec;
    use alloc::vec::Vec;

    fn compress(content: &[u8], checksum: bool) -> Vec<u8> {
        let mut frame = vec![0; zstd_safe::compress_bound(content.len())];
        let mut context = zstd_safe::CCtx::create();
        let checksum = zstd_safe::CParameter::ChecksumFlag(checksum);
        context.set_parameter(checksum).unwrap();
        let len = context.compress2(frame.as_mut_slice(), content).unwrap();
        frame.truncate(len);
        frame
    }

    /// Headers lead to the end of what zstd wrote, whatever its size.
    #[test]
    fn blocks_lead_to_the_end() {
        for len in [0, 1, 255, 256, 300, 65_791, 65_792, 1 << 20, 4 << 20] {
            for checksum in [true, false] {
                let content: Vec<u8> = (0..len).map(|at: u32| at.to_le_bytes()[1]).collect();
                let frame = compress(&content, checksum);
                let Some(FrameHeader::Data {
                    len: mut at,
                    content_size,
                    trailer,
                    ..
                }) = FrameHeader::parse(&frame)
                else {
                    panic!("no header");
                };
                assert_eq!(content_size, Some(len.into()));
                let mut is_last = false;
                while !is_last {
                    let header = frame[len_usize(at)..].first_chunk().unwrap();
                    let (len, last) = block(*header).unwrap();
                    at = at.saturating_add(BLOCK_HEADER).saturating_add(len);
                    is_last = last;
                }
                assert_eq!(at.saturating_add(trailer), len_u64(frame.len()));
            }
        }
    }
}
