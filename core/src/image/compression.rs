//! How an image or volume may be compressed, and how that is told.

use core::fmt;

use super::probe::{Format, probe};

/// How a stream is compressed. Not all of them are decompressed everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
    /// The format of xz, version 1.
    Xz,
    /// bzip2, of any block size.
    Bzip2,
    /// lz4, in frames.
    Lz4,
}

impl Compression {
    /// How it is compressed, if it is, by its first bytes: as many as
    /// [`PROBE_BYTES`](super::PROBE_BYTES), or all that there are.
    pub fn of(start: &[u8]) -> Option<Self> {
        match probe(start) {
            Some(Format::Compressed(compression)) => Some(compression),
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
