//! The order of the keys of an index, and which indexes have which.

use core::cmp::Ordering;

use crate::ntfs::attribute::AttributeType;
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::DIRECTORY_INDEX;
use crate::ntfs::upcase::UpCase;

/// How keys are ordered, as the root of an index has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collation(pub(super) u32);

impl Collation {
    const FILE_NAME: Self = Self(1);
    const NUMBER: Self = Self(0x10);
    const SECURITY_IDENTIFIER: Self = Self(0x11);
    const SECURITY_HASH: Self = Self(0x12);
    pub(super) const NUMBERS: Self = Self(0x13);

    /// Whether `key` may follow `before`.
    pub(super) fn allows(self, upcase: &UpCase, before: &[u8], key: &[u8]) -> bool {
        match self {
            // The order is not known.
            Self::FILE_NAME if upcase.units().is_empty() => true,
            Self::FILE_NAME => {
                let (Some(before), Some(key)) = (FileName::parse(before), FileName::parse(key))
                else {
                    return true;
                };
                match upcase.compare(before.name, key.name) {
                    Ordering::Less => true,
                    // Names that differ in case only, as Linux makes them.
                    Ordering::Equal => before.name != key.name,
                    Ordering::Greater => false,
                }
            }
            Self::NUMBER | Self::SECURITY_HASH | Self::NUMBERS => {
                let (before, _) = before.as_chunks::<4>();
                let (key, _) = key.as_chunks::<4>();
                let number = |word: &[u8; 4]| u32::from_le_bytes(*word);
                before.iter().map(number).lt(key.iter().map(number))
            }
            _ => true,
        }
    }
}

/// Whether the type of the attribute that an index is over, and its order, are those
/// of its name.
pub(super) fn is_kind_right(name: &[u8], attribute: u32, order: Collation) -> bool {
    let orders: &[Collation] = match name {
        DIRECTORY_INDEX => {
            return attribute == AttributeType::FILE_NAME.0 && order == Collation::FILE_NAME;
        }
        b"$\0S\0I\0I\0" | b"$\0Q\0" => &[Collation::NUMBER],
        b"$\0S\0D\0H\0" => &[Collation::SECURITY_HASH],
        // Of owners by their security identifiers, and of objects.
        b"$\0O\0" => &[Collation::SECURITY_IDENTIFIER, Collation::NUMBERS],
        b"$\0R\0" => &[Collation::NUMBERS],
        _ => return true,
    };
    attribute == 0 && orders.contains(&order)
}
