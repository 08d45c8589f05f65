//! The checksums of headers, bitmaps and blocks.

use alloc::boxed::Box;
use core::fmt;
use core::hash::Hasher;

use crc::{CRC_32_JAMCRC, Crc, Table};
use twox_hash::{XxHash3_128, XxHash64};

/// How the checksums between the blocks are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-32 of each block's first byte, as often as the block has bytes: a mistake of
    /// version 1 that became its format.
    FirstByteCrc32,
    /// CRC-32 without the inversion at the end.
    Crc32,
    /// XXH64 with seed 0.
    Xxh64,
    /// XXH3 of 128 bits with seed 0.
    Xxh128,
}

impl Algorithm {
    /// Bytes of a checksum.
    pub(super) fn size(self) -> usize {
        match self {
            Self::FirstByteCrc32 | Self::Crc32 => 4,
            Self::Xxh64 => 8,
            Self::Xxh128 => 16,
        }
    }
}

/// A checksum of bytes that come in pieces. Can be read at any time, and continued.
#[derive(Clone)]
pub(super) enum Checksum {
    None,
    Crc32(Crc32),
    Xxh64(XxHash64),
    Xxh128(Box<XxHash3_128>),
}

impl Checksum {
    pub(super) fn new(algorithm: Option<Algorithm>) -> Self {
        match algorithm {
            None => Self::None,
            Some(Algorithm::FirstByteCrc32 | Algorithm::Crc32) => Self::Crc32(Crc32::new()),
            Some(Algorithm::Xxh64) => Self::Xxh64(XxHash64::with_seed(0)),
            Some(Algorithm::Xxh128) => Self::Xxh128(Box::new(XxHash3_128::new())),
        }
    }

    pub(super) fn restart(&mut self) {
        match self {
            Self::None => {}
            Self::Crc32(crc) => crc.restart(),
            Self::Xxh64(hash) => *hash = XxHash64::with_seed(0),
            Self::Xxh128(hash) => **hash = XxHash3_128::new(),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Crc32(crc) => crc.update(bytes),
            Self::Xxh64(hash) => hash.write(bytes),
            Self::Xxh128(hash) => hash.write(bytes),
        }
    }

    /// Like [`Checksum::update`], with `count` times the same byte.
    pub(super) fn update_repeated(&mut self, byte: u8, count: u32) {
        let bytes = [byte; 256];
        let mut left = count;
        while left > 0 {
            let len = left.min(256);
            let piece = usize::try_from(len).ok().and_then(|len| bytes.get(..len));
            self.update(piece.unwrap_or_default());
            left = left.saturating_sub(len);
        }
    }

    /// Whether this is the checksum that is stored as `bytes`.
    pub(super) fn is_stored_as(&self, bytes: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::Crc32(crc) => bytes == crc.to_bytes(),
            Self::Xxh64(hash) => bytes == hash.finish().to_le_bytes(),
            Self::Xxh128(hash) => bytes == hash.finish_128().to_le_bytes(),
        }
    }
}

impl fmt::Debug for Crc32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc32({:#x})", self.state)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Crc32(_) => "Crc32",
            Self::Xxh64(_) => "Xxh64",
            Self::Xxh128(_) => "Xxh128",
        })
    }
}

/// CRC-32 without the inversion at the end, so that what is stored is its state.
#[derive(Clone)]
pub(crate) struct Crc32 {
    /// Computed when it is needed: as a constant it would be 16 KiB of program.
    table: Box<Crc<u32, Table<16>>>,
    state: u32,
}

impl Crc32 {
    pub(crate) fn new() -> Self {
        Self {
            table: Box::new(Crc::<u32, Table<16>>::new(&CRC_32_JAMCRC)),
            state: CRC_32_JAMCRC.init,
        }
    }

    pub(crate) fn restart(&mut self) {
        self.state = CRC_32_JAMCRC.init;
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        // An initial value is reflected, as the polynomial is.
        let initial = self.state.reverse_bits();
        let mut digest = self.table.digest_with_initial(initial);
        digest.update(bytes);
        self.state = digest.finalize();
    }

    /// As stored.
    pub(crate) fn to_bytes(&self) -> [u8; 4] {
        self.state.to_le_bytes()
    }
}

/// CRC-32 without the inversion at the end.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.state
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the algorithms' descriptions.
    #[test]
    fn checksums_are_those_of_other_programs() {
        let check = |algorithm, bytes: &[u8], expected: &[u8]| {
            let mut checksum = Checksum::new(Some(algorithm));
            for byte in bytes {
                checksum.update(&[*byte]);
            }
            assert!(checksum.is_stored_as(expected), "{algorithm:?}");
            checksum.restart();
            checksum.update(bytes);
            assert!(checksum.is_stored_as(expected), "{algorithm:?}");
        };
        // CRC-32 of 123456789 is 0xcbf43926, inverted.
        let crc = (!0xCBF4_3926_u32).to_le_bytes();
        check(Algorithm::Crc32, b"123456789", &crc);
        check(
            Algorithm::Xxh64,
            b"",
            &0xEF46_DB37_51D8_E999_u64.to_le_bytes(),
        );
        let low_then_high = [
            0x6001_C324_468D_497F_u64.to_le_bytes(),
            0x99AA_06D3_0147_98D8_u64.to_le_bytes(),
        ];
        check(Algorithm::Xxh128, b"", low_then_high.as_flattened());
    }
}
