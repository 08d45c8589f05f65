//! Where decoding of a compressed stream can start.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

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

/// What starts at a point, and what its decoder has to know: the header of the part that it is in,
/// the state of the decoder, content before it, in this order. Except for deflate, a part with such points is
/// followed by a point at the start of the next part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// A part of the stream, as a member of gzip or a frame of zstd. Needs nothing.
    Part,
    /// A block of deflate in a member. Needs the 32 KiB of content before it.
    Deflate,
    /// A block of a frame of zstd. Needs the header of the frame and a dictionary: the tables and repeat
    /// offsets that the block may refer to, and what is referred to of the content before it.
    Zstd,
    /// A block of xz. Needs the header of its stream.
    Xz,
    /// A block of bzip2. Needs the header of its stream.
    Bzip2,
    /// A block of a frame of lz4. Needs the header of the frame, and 64 KiB of content if the blocks
    /// are linked.
    Lz4,
}

/// All kinds of points, by their number in the file.
const KINDS: [Resume; 6] = [
    Resume::Part,
    Resume::Deflate,
    Resume::Zstd,
    Resume::Xz,
    Resume::Bzip2,
    Resume::Lz4,
];

impl Resume {
    /// The most bytes that its decoder has to know.
    pub(super) fn max_window(self) -> u64 {
        match self {
            Self::Part => 0,
            Self::Deflate => 32 << 10,
            Self::Zstd => MAX_ZSTD_WINDOW.saturating_add(MAX_ZSTD_STATE),
            Self::Xz => 12,
            Self::Bzip2 => 4,
            Self::Lz4 => (64 << 10) + 15,
        }
    }
}

/// Our limit: `zstd -19` has windows of 8 MiB, `--ultra -22` of 128 MiB. Frames with larger ones have
/// points at their start alone.
pub const MAX_ZSTD_WINDOW: u64 = 32 << 20;

/// Bytes of the header of a frame, and of a dictionary without its content: a tree has at most 129, tables
/// of up to 53 symbols fewer.
const MAX_ZSTD_STATE: u64 = 512;

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
    /// See [`KINDS`].
    kind: U32,
    reserved: U32,
}

pub(super) const POINT_BYTES: usize = 40;
const _: () = assert!(size_of::<RawPoint>() == POINT_BYTES);

impl RawPoint {
    pub(super) fn new(point: &Point, window: (u64, u32, u32)) -> Self {
        let mut kinds = (0..).zip(KINDS);
        let kind = kinds.find(|(_, kind)| *kind == point.resume);
        let kind = kind.map_or(0, |(number, _)| number);
        let (window_offset, window_stored, window_len) = window;
        Self {
            offset: U64::new(point.offset),
            compressed_bit: U64::new(point.compressed_bit),
            window_offset: U64::new(window_offset),
            window_stored: U32::new(window_stored),
            window_len: U32::new(window_len),
            kind: U32::new(kind),
            reserved: U32::ZERO,
        }
    }

    /// `None` if it is of no kind that is known.
    pub(super) fn point(&self) -> Option<Point> {
        let kind = usize::try_from(self.kind.get()).ok()?;
        let resume = *KINDS.get(kind)?;
        Some(Point {
            offset: self.offset.get(),
            compressed_bit: self.compressed_bit.get(),
            resume,
        })
    }
}
