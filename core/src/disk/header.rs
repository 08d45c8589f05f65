//! Reading and checking headers.

use core::num::NonZeroU64;
use core::ops::RangeInclusive;

use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, Result, Structure};
use crate::io::Source;
use crate::units::len_u64;

/// A header or table of a virtual disk, and its offset in the file: the place that errors name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) structure: Structure,
    pub(super) offset: u64,
}

impl Place {
    /// A header at `offset`.
    pub(super) fn header(offset: u64) -> Self {
        Self {
            structure: Structure::DiskHeader,
            offset,
        }
    }

    /// An entry of a block table at `offset`.
    pub(super) fn table(offset: u64) -> Self {
        Self {
            structure: Structure::DiskTable,
            offset,
        }
    }

    /// Fills `bytes` from the place on.
    pub(super) fn read_into(self, source: &Source, bytes: &mut [u8]) -> Result<()> {
        let read = source.read_exact_at(self.offset, bytes);
        read.map_err(|source| Error::Io {
            structure: self.structure,
            offset: self.offset,
            len: len_u64(bytes.len()),
            source,
        })
    }

    /// Reads the structure.
    pub(super) fn read<T: FromBytes + IntoBytes>(self, source: &Source) -> Result<T> {
        let mut value = T::new_zeroed();
        self.read_into(source, value.as_mut_bytes())?;
        Ok(value)
    }

    /// The structure breaks the rules of its format.
    pub(super) fn corrupt(self, field: &'static str, found: u64, expected: &'static str) -> Error {
        Error::Corrupt {
            structure: self.structure,
            offset: self.offset,
            field,
            found,
            expected,
        }
    }

    /// The structure is of a kind that is not read.
    pub(super) fn unsupported(
        self,
        field: &'static str,
        found: u64,
        expected: &'static str,
    ) -> Error {
        Error::Unsupported {
            structure: self.structure,
            offset: self.offset,
            field,
            found,
            expected,
        }
    }

    /// A block size: a power of two in `range`.
    pub(super) fn block_size(self, found: u64, range: RangeInclusive<u64>) -> Result<NonZeroU64> {
        NonZeroU64::new(found)
            .filter(|size| size.is_power_of_two() && range.contains(&found))
            .ok_or_else(|| {
                let expected = "a power of two within the limits of the format";
                self.corrupt("its block size", found, expected)
            })
    }
}

/// For [`not_read`]: no file can be looked for.
pub(super) const NO_PARENT: &str = "is a difference to its parent, and names none";

/// A virtual disk that is not whole by itself, or not read.
pub(super) fn not_read(reason: &'static str) -> Error {
    Error::DiskNotRead { reason }
}
