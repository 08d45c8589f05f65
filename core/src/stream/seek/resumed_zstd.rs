//! A frame of zstd, from a block within it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::image::seekable::frame_header::FrameHeader;
use crate::stream::zstd::Zstd;
use crate::stream::{Decoder, Limits, Problem};
use crate::units::len_usize;

/// A decoder at a block of a frame. `before` is the header of the frame, and the content before the block
/// that it may refer to. What is after the last block is an error.
pub(super) fn resumed_zstd(before: &[u8], limits: Limits) -> Result<Box<dyn Decoder>, Problem> {
    let damaged = Problem::Damaged("the header of its frame is damaged");
    let Some(FrameHeader::Data {
        len, window_size, ..
    }) = FrameHeader::parse(before)
    else {
        return Err(damaged);
    };
    let content = before.get(len_usize(len)..).ok_or(damaged)?;
    // RFC 8878, 3.1.1.1.2: a power of two, from 1 KiB on.
    let log = window_size.max(1 << 10).checked_next_power_of_two();
    let log = log.map_or(u32::MAX, u64::trailing_zeros);
    let exponent = log.saturating_sub(10);
    let descriptor = u8::try_from(exponent)
        .ok()
        .and_then(|exponent| exponent.checked_mul(8));
    // No size, no checksum, no dictionary.
    let header = [0x28, 0xB5, 0x2F, 0xFD, 0, descriptor.ok_or(damaged)?];
    // As a dictionary of content alone: the first byte keeps it from being one with tables.
    let mut dictionary = Vec::new();
    let len = content.len().saturating_add(1);
    dictionary
        .try_reserve_exact(len)
        .map_err(|_| Problem::NoMemory)?;
    dictionary.push(0);
    dictionary.extend_from_slice(content);
    Ok(Box::new(Zstd::after(&dictionary, &header, limits)?))
}
