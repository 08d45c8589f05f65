//! Decompressing a stream from its start to its end, as its bytes come.
//!
//! A stream has one part or several: `cat a.gz b.gz` is a file of gzip, and so
//! with the other formats. A [`Decoder`] is for one part.

mod bzip2;
mod gzip;
mod zstd;

use alloc::boxed::Box;
use core::fmt;

use crate::image::{Format, probe};

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
    /// Of which nothing here decompresses it.
    Xz,
    /// bzip2, of any block size.
    Bzip2,
    /// As xz.
    Lz4,
}

impl Compression {
    /// How it is compressed, if it is, by its first bytes: as many as
    /// [`PROBE_BYTES`](crate::image::PROBE_BYTES), or all that there are.
    pub fn of(start: &[u8]) -> Option<Self> {
        match probe(start)? {
            Format::Zstd => Some(Self::Zstd),
            Format::Gzip => Some(Self::Gzip),
            Format::Xz => Some(Self::Xz),
            Format::Bzip2 => Some(Self::Bzip2),
            Format::Lz4 => Some(Self::Lz4),
            _ => None,
        }
    }

    /// The one that is called so.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Zstd, Self::Gzip, Self::Xz, Self::Bzip2, Self::Lz4];
        all.into_iter().find(|one| one.name() == name)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        }
    }

    /// The command that decompresses a file of that name.
    pub fn command(self) -> &'static str {
        match self {
            Self::Zstd => "zstd -d --long=31",
            Self::Gzip => "gzip -d",
            Self::Xz => "xz -d",
            Self::Bzip2 => "bzip2 -d",
            Self::Lz4 => "lz4 -d",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
}

impl Decoder {
    /// For a part that has not begun; none where nothing here decompresses it,
    /// or there is no memory for that.
    pub(crate) fn new(compression: Compression) -> Option<Self> {
        match compression {
            Compression::Gzip => Some(Self::Gzip(Box::default())),
            Compression::Zstd => zstd::Zstd::new().map(Self::Zstd),
            Compression::Bzip2 => Some(Self::Bzip2(Box::default())),
            Compression::Xz | Compression::Lz4 => None,
        }
    }

    /// Goes on with `input`, as far as `output` has room.
    pub(crate) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        match self {
            Self::Gzip(gzip) => gzip.decode(input, output),
            Self::Zstd(zstd) => zstd.decode(input, output),
            Self::Bzip2(bzip2) => bzip2.decode(input, output),
        }
    }
}
