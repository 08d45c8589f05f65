//! Decompressing a stream from its start to its end, as its bytes come.
//!
//! A stream has one part or several: `cat a.gz b.gz` is a file of gzip, and so
//! with the other formats. A [`Decoder`] is for one part.

mod bzip2;
mod gzip;
mod lz4;
mod zstd;

use alloc::boxed::Box;

use crate::image::Compression;

/// What a decoder did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Bytes of the input that it needs no more.
    pub(crate) taken: usize,
    /// Bytes of the output that it made.
    pub(crate) made: usize,
    /// The part ended there.
    pub(crate) has_ended: bool,
}

/// Why a decoder cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The part is damaged; what is wrong.
    Damaged(&'static str),
    /// It would take more memory than this limit, in bytes.
    Memory(u64),
}

/// Decompresses one part of a stream.
#[derive(Debug)]
pub(crate) enum Decoder {
    Gzip(Box<gzip::Gzip>),
    Zstd(zstd::Zstd),
    Bzip2(Box<bzip2::Bzip2>),
    Lz4(Box<lz4::Lz4>),
}

impl Decoder {
    /// For a part that has not begun; none where nothing here decompresses it,
    /// or there is no memory for that.
    pub(crate) fn new(compression: Compression) -> Option<Self> {
        match compression {
            Compression::Gzip => Some(Self::Gzip(Box::default())),
            Compression::Zstd => zstd::Zstd::new().map(Self::Zstd),
            Compression::Bzip2 => Some(Self::Bzip2(Box::default())),
            Compression::Lz4 => Some(Self::Lz4(Box::default())),
            Compression::Xz => None,
        }
    }

    /// Goes on with `input`, as far as `output` has room.
    pub(crate) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        match self {
            Self::Gzip(gzip) => gzip.decode(input, output),
            Self::Zstd(zstd) => zstd.decode(input, output),
            Self::Bzip2(bzip2) => bzip2.decode(input, output),
            Self::Lz4(lz4) => lz4.decode(input, output),
        }
    }
}
