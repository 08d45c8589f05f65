//! The formats of compressed streams, and how they are recognised.

use alloc::boxed::Box;
use core::fmt;

use super::{Decoder, Limits, Problem};

/// Bytes from the start of a stream that [`Compression::of`] looks at.
pub const START_BYTES: usize = 14;

type NewDecoder = fn(Limits) -> Result<Box<dyn Decoder>, Problem>;

/// A row of the table below.
struct Format {
    name: &'static str,
    /// The command that decompresses a file of that name.
    command: &'static str,
    /// True for the first [`START_BYTES`] of a part, or all that there are.
    begins: fn(&[u8]) -> bool,
    /// What may stand between two parts, at a multiple of its length.
    padding: &'static [u8],
    /// `None` if the feature is off.
    decoder: Option<NewDecoder>,
}

/// Declares the formats: a variant of [`Compression`] and its row in one place,
/// so that none can be forgotten.
macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident: $format:expr,)*) => {
        /// The format of a compressed stream.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Compression {
            $($(#[$doc])* $variant,)*
        }

        impl Compression {
            /// All formats that are recognised.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            fn format(self) -> &'static Format {
                match self {
                    $(Self::$variant => {
                        const FORMAT: Format = $format;
                        &FORMAT
                    })*
                }
            }
        }
    };
}

/// The constructor of a decoder if its feature is on.
macro_rules! decoder {
    ($feature:literal, $new:path) => {{
        #[cfg(feature = $feature)]
        let decoder: Option<NewDecoder> = Some(|limits| Ok(Box::new($new(limits)?)));
        #[cfg(not(feature = $feature))]
        let decoder = None;
        decoder
    }};
}

formats! {
    /// RFC 8878.
    Zstd: Format {
        name: "zstd",
        command: "zstd -d --long=31",
        // Section 3.1: a frame, or a skippable frame, such as pzstd begins with.
        begins: |start| matches!(
            start,
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] | [0x28, 0xB5, 0x2F, 0xFD, ..]
        ),
        padding: &[],
        decoder: decoder!("zstd", super::zstd::Zstd::new),
    },
    /// RFC 1952.
    Gzip: Format {
        name: "gzip",
        command: "gzip -d",
        // Section 2.3.1: with the only method there is.
        begins: |start| start.starts_with(b"\x1F\x8B\x08"),
        padding: &[],
        decoder: decoder!("gzip", super::gzip::Gzip::<super::gzip::Inflate>::new),
    },
    /// The format of xz, version 1.
    Xz: Format {
        name: "xz",
        command: "xz -d",
        begins: |start| start.starts_with(b"\xFD7zXZ\0"),
        padding: &[0; 4],
        decoder: decoder!("lzma", super::lzma::Lzma::of_xz),
    },
    /// bzip2, of any block size.
    Bzip2: Format {
        name: "bzip2",
        command: "bzip2 -d",
        // The level, then the magic of a block, or of the end.
        begins: |start| matches!(
            start,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
                | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..]
        ),
        padding: &[],
        decoder: decoder!("bzip2", super::bzip2::Bzip2::new),
    },
    /// lz4, in frames.
    Lz4: Format {
        name: "lz4",
        command: "lz4 -d",
        begins: |start| start.starts_with(b"\x04\x22\x4D\x18"),
        padding: &[],
        decoder: decoder!("lz4", super::lz4::Lz4::new),
    },
    /// lzop, with LZO1X.
    Lzop: Format {
        name: "lzop",
        command: "lzop -d",
        begins: |start| start.starts_with(b"\x89LZO\0\r\n\x1A\n"),
        padding: &[],
        decoder: decoder!("lzop", super::lzop::Lzop::new),
    },
    /// lzip, version 0 or 1.
    Lzip: Format {
        name: "lzip",
        command: "lzip -d",
        begins: |start| start.starts_with(b"LZIP"),
        padding: &[],
        decoder: decoder!("lzma", super::lzma::Lzma::of_lzip),
    },
    /// The format of LZMA before xz, which has neither a magic nor checksums.
    Lzma: Format {
        name: "lzma",
        command: "xz -d --format=lzma",
        begins: begins_as_lzma,
        padding: &[],
        decoder: decoder!("lzma", super::lzma::Lzma::of_lzma),
    },
}

/// The properties that all encoders use unless told otherwise, a dictionary of a
/// size that they make, content of less than 256 GiB or of unknown size, and the
/// first byte of the range coder: what xz looks at, and the two that are fixed.
fn begins_as_lzma(start: &[u8]) -> bool {
    const PROPERTIES: u8 = 0x5D;
    const MOST_CONTENT: u64 = 256 << 30;
    let Some(([PROPERTIES, rest @ ..], [0, ..])) = start.split_first_chunk::<13>() else {
        return false;
    };
    let [d0, d1, d2, d3, size @ ..] = *rest;
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    let content = u64::from_le_bytes(size);
    // A power of two, or one and its half.
    let is_usual =
        |size: u32| size.is_power_of_two() || size.count_ones() == 2 && (size & size >> 1) != 0;
    (is_usual(dictionary) || dictionary == u32::MAX)
        && (content < MOST_CONTENT || content == u64::MAX)
}

impl Compression {
    /// The format of a stream that begins with `start`: [`START_BYTES`], or all
    /// that there are.
    pub fn of(start: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|one| (one.format().begins)(start))
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// The name, as in messages.
    pub fn name(self) -> &'static str {
        self.format().name
    }

    /// The command that decompresses a file of that name.
    pub fn command(self) -> &'static str {
        self.format().command
    }

    /// True if this build has a decoder for it.
    pub fn has_decoder(self) -> bool {
        self.format().decoder.is_some()
    }

    /// A decoder of one part. `None` if this build has none.
    pub fn new_decoder(self, limits: Limits) -> Option<Result<Box<dyn Decoder>, Problem>> {
        self.format().decoder.map(|new| new(limits))
    }

    pub(super) fn padding(self) -> &'static [u8] {
        self.format().padding
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
