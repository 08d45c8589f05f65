//! A frame of zstd, from a block within it.

use alloc::boxed::Box;

use crate::image::seekable::frame_header::FrameHeader;
use crate::stream::zstd::Zstd;
use crate::stream::{Decoder, Limits, Problem};
use crate::units::len_usize;

/// A decoder at a block of a frame. `known` is the header of the frame, and a dictionary with the state
/// before the block. What is after the last block is an error.
pub(in crate::stream) fn resumed_zstd(
    known: &[u8],
    limits: Limits,
) -> Result<Box<dyn Decoder>, Problem> {
    let damaged = Problem::Damaged("the header of its frame is damaged");
    let Some(FrameHeader::Data {
        len, window_size, ..
    }) = FrameHeader::parse(known)
    else {
        return Err(damaged);
    };
    let dictionary = known.get(len_usize(len)..).ok_or(damaged)?;
    // RFC 8878, 3.1.1.1.2: a power of two, from 1 KiB on.
    let log = window_size.max(1 << 10).checked_next_power_of_two();
    let log = log.map_or(u32::MAX, u64::trailing_zeros);
    let exponent = log.saturating_sub(10);
    let descriptor = u8::try_from(exponent)
        .ok()
        .and_then(|exponent| exponent.checked_mul(8));
    // No size, no checksum, no dictionary.
    let header = [0x28, 0xB5, 0x2F, 0xFD, 0, descriptor.ok_or(damaged)?];
    Ok(Box::new(Zstd::after(dictionary, &header, limits)?))
}
