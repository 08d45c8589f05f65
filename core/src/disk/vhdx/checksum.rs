//! The checksums of headers, region tables and log entries.

use alloc::boxed::Box;

use crc::{CRC_32_ISCSI, Crc, Table};

/// Offset of the checksum in each structure that has one.
const OFFSET: usize = 4;

/// Computes checksums.
pub(super) struct Checksums {
    /// Computed when it is needed: as a constant it would be 16 KiB of program.
    table: Box<Crc<u32, Table<16>>>,
}

impl Checksums {
    pub(super) fn new() -> Self {
        Self {
            table: Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISCSI)),
        }
    }

    /// Sets the checksum of a structure.
    pub(super) fn set(&self, structure: &mut [u8]) {
        const END: usize = OFFSET + 4;
        if let Some(field) = structure.get_mut(OFFSET..END) {
            field.fill(0);
        }
        let checksum = self.table.checksum(structure);
        if let Some(field) = structure.get_mut(OFFSET..END) {
            field.copy_from_slice(&checksum.to_le_bytes());
        }
    }

    /// Whether a structure, which comes in pieces, has the checksum (CRC-32C) of its bytes with
    /// zeros in place of the checksum.
    pub(super) fn is_valid<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let mut digest = self.table.digest();
        let mut pieces = pieces.into_iter();
        let first = pieces.next().unwrap_or_default();
        let Some((before, rest)) = first.split_at_checked(OFFSET) else {
            return false;
        };
        let Some((checksum, after)) = rest.split_first_chunk::<4>() else {
            return false;
        };
        digest.update(before);
        digest.update(&[0; 4]);
        digest.update(after);
        for piece in pieces {
            digest.update(piece);
        }
        digest.finalize() == u32::from_le_bytes(*checksum)
    }
}
