//! Deflate by miniz_oxide: small.

use alloc::boxed::Box;

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use miniz_oxide::inflate::stream::{InflateState, ZeroReset, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::{Decoded, Problem, Then};

pub(super) struct Inflate(Box<InflateState>);

impl Inflate {
    pub(super) fn new() -> Self {
        Self(InflateState::new_boxed(DataFormat::Raw))
    }

    pub(super) fn reset(&mut self) {
        self.0.reset_as(ZeroReset);
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let found = inflate(&mut self.0, input, output, MZFlush::None);
        Decoded {
            taken: found.bytes_consumed,
            made: found.bytes_written,
            then: match found.status {
                Ok(MZStatus::StreamEnd) => Then::End,
                // There is no progress without input.
                Ok(_) | Err(MZError::Buf) => Then::More,
                Err(_) => Then::Failed(Problem::Damaged("it breaks the rules of deflate")),
            },
        }
    }
}

/// CRC-32 of the content.
pub(super) struct Checksum {
    /// Computed when it is needed: as a constant it would be 16 KiB of program.
    crc: Box<Crc<u32, Table<16>>>,
    value: u32,
}

impl Checksum {
    pub(super) fn new() -> Self {
        Self {
            crc: Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC)),
            value: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.value = 0;
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        // Continues where the last call ended.
        let mut digest = self.crc.digest_with_initial((!self.value).reverse_bits());
        digest.update(bytes);
        self.value = digest.finalize();
    }

    pub(super) fn value(&self) -> u32 {
        self.value
    }
}
