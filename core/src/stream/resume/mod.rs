//! Decoders that begin within a stream.

#[cfg(feature = "bzip2")]
mod bzip2;
#[cfg(feature = "gzip")]
mod deflate;
#[cfg(feature = "zstd")]
mod zstd;

use alloc::boxed::Box;

#[cfg(feature = "bzip2")]
use self::bzip2::ResumedBzip2;
#[cfg(feature = "gzip")]
use self::deflate::ResumedDeflate;
#[cfg(feature = "zstd")]
pub(in crate::stream) use self::zstd::resumed_zstd;
#[cfg(feature = "gzip")]
use crate::stream::gzip::{Gzip, miniz};
#[cfg(feature = "lz4")]
use crate::stream::lz4::Lz4;
#[cfg(feature = "lzma")]
use crate::stream::lzma::Lzma;
use crate::stream::{Compression, Decoder, Limits, Problem};

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
    /// Its number in the file of an index.
    pub fn number(self) -> u32 {
        let mut kinds = (0..).zip(KINDS);
        let found = kinds.find(|(_, kind)| *kind == self);
        found.map_or(0, |(number, _)| number)
    }

    /// The kind of that number; `None` if there is none.
    pub fn of_number(number: u32) -> Option<Self> {
        KINDS.get(usize::try_from(number).ok()?).copied()
    }

    /// The most bytes that its decoder has to know.
    pub fn max_window(self) -> u64 {
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

/// Where a decoder begins.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The format of the stream.
    pub compression: Compression,
    /// What begins there.
    pub resume: Resume,
    /// Bits of the first byte that come before it.
    pub skipped_bits: u8,
    /// What the decoder has to know, see [`Resume`].
    pub known: &'a [u8],
}

/// Makes a decoder at a point. `None` if there is none for its format.
pub type NewDecoderAt = fn(Start<'_>, Limits) -> Option<Result<Box<dyn Decoder>, Problem>>;

/// The decoders of this build: a [`NewDecoderAt`].
pub fn new_decoder_at(
    start: Start<'_>,
    limits: Limits,
) -> Option<Result<Box<dyn Decoder>, Problem>> {
    match start.resume {
        Resume::Part => start.compression.new_decoder(limits),
        #[cfg(feature = "zstd")]
        Resume::Zstd => Some(resumed_zstd(start.known, limits)),
        #[cfg(feature = "gzip")]
        Resume::Deflate => {
            let deflate = ResumedDeflate::new(start.known, start.skipped_bits, limits);
            Some(Ok(Box::new(deflate)))
        }
        #[cfg(feature = "lzma")]
        Resume::Xz => Some(Lzma::of_xz_block(start.known, limits).map(boxed)),
        #[cfg(feature = "bzip2")]
        Resume::Bzip2 => Some(ResumedBzip2::new(start.known, start.skipped_bits).map(boxed)),
        #[cfg(feature = "lz4")]
        Resume::Lz4 => Some(Lz4::of_block(start.known).map(boxed)),
        #[cfg(not(all(
            feature = "bzip2",
            feature = "gzip",
            feature = "lz4",
            feature = "lzma",
            feature = "zstd"
        )))]
        _ => None,
    }
}

/// A decoder of a stream that finds blocks, if it is of gzip.
pub fn new_finding_decoder(
    compression: Compression,
    limits: Limits,
) -> Option<Result<Box<dyn Decoder>, Problem>> {
    #[cfg(feature = "gzip")]
    if compression == Compression::Gzip {
        return Some(Gzip::<miniz::Inflate>::new(limits).map(boxed));
    }
    compression.new_decoder(limits)
}

#[cfg(any(feature = "bzip2", feature = "gzip", feature = "lz4", feature = "lzma"))]
fn boxed(decoder: impl Decoder + 'static) -> Box<dyn Decoder> {
    Box::new(decoder)
}
