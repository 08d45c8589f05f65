//! Where decoding of a compressed stream can start.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::stream::resume::Resume;

/// A place in a compressed stream from which decoding can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Offset in the content.
    pub offset: u64,
    /// Offset in the compressed stream, in bits.
    pub compressed_bit: u64,
    /// What starts there.
    pub resume: Resume,
}

/// A point and its window, as in the file.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RawPoint {
    pub(super) offset: U64,
    pub(super) compressed_bit: U64,
    /// Where the window is in the file, a frame of zstd.
    pub(super) window_offset: U64,
    /// Bytes of the window in the file; 0 if the point needs none.
    pub(super) window_stored: U32,
    /// Bytes of the window.
    pub(super) window_len: U32,
    /// See [`Resume::number`].
    kind: U32,
    reserved: U32,
}

pub(super) const POINT_BYTES: usize = 40;
const _: () = assert!(size_of::<RawPoint>() == POINT_BYTES);

impl RawPoint {
    pub(super) fn new(point: &Point, window: (u64, u32, u32)) -> Self {
        let (window_offset, window_stored, window_len) = window;
        Self {
            offset: U64::new(point.offset),
            compressed_bit: U64::new(point.compressed_bit),
            window_offset: U64::new(window_offset),
            window_stored: U32::new(window_stored),
            window_len: U32::new(window_len),
            kind: U32::new(point.resume.number()),
            reserved: U32::ZERO,
        }
    }

    /// `None` if it is of no kind that is known.
    pub(super) fn point(&self) -> Option<Point> {
        Some(Point {
            offset: self.offset.get(),
            compressed_bit: self.compressed_bit.get(),
            resume: Resume::of_number(self.kind.get())?,
        })
    }
}
