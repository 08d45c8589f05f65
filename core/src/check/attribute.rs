//! One attribute: its flags, the place of its name and value, and its value.

use super::record::name_of;
use crate::ntfs::attribute::{
    Attribute, AttributeBody, AttributeType, COMPRESSION_MASK, ENCRYPTED, SPARSE,
};
use crate::ntfs::record::{u16_at, u32_at};
use crate::units::Vcn;

/// In a resident attribute: flags, of which one is that its value is the key of
/// an index.
const RESIDENT_FLAGS_OFFSET: usize = 0x16;
/// Flags of attributes: compressed by LZNT1, encrypted, sparse.
const KNOWN_ATTRIBUTE_FLAGS: u16 = 1 | ENCRYPTED | SPARSE;
/// Where an attribute has the place of its name.
const NAME_OFFSET: usize = 0x0A;

/// The shortest `$STANDARD_INFORMATION`.
const STANDARD_INFORMATION_BYTES: usize = 0x30;

/// The largest type that Windows defines.
const LAST_TYPE: u32 = AttributeType::LOGGED_UTILITY_STREAM.0;

/// Whether an attribute has no name, no flags but that of a name, and its value
/// right after its header, as most have: nothing is to be checked.
pub(super) fn is_plain(attribute: &Attribute<'_>, bytes: &[u8]) -> bool {
    let is_name = u32::from(attribute.type_code == AttributeType::FILE_NAME);
    attribute.flags == 0
        && attribute.name.is_empty()
        && matches!(attribute.body, AttributeBody::Resident(_))
        // The last byte is reserved.
        && u32_at(bytes, 0x14).is_some_and(|word| word & 0xFF_FFFF == 0x18 | is_name << 16)
}

/// Whether the flags of an attribute, of which `bytes` is all, go with its type
/// and its value.
pub(super) fn are_flags_right(attribute: &Attribute<'_>, bytes: &[u8]) -> bool {
    // A directory has the flags that files get which are made in it.
    let has_flags = matches!(
        attribute.type_code,
        AttributeType::DATA | AttributeType::INDEX_ROOT | AttributeType::INDEX_ALLOCATION
    );
    let known = if has_flags { KNOWN_ATTRIBUTE_FLAGS } else { 0 };
    let own_flags = match attribute.body {
        AttributeBody::Resident(_) => {
            let flags = bytes.get(RESIDENT_FLAGS_OFFSET).copied().unwrap_or(0);
            flags == u8::from(attribute.type_code == AttributeType::FILE_NAME)
        }
        AttributeBody::NonResident(body) => {
            let has_units = body.compression_unit != 0;
            // A sparse value may have units, and need not.
            let (least, most) = match attribute.flags & (COMPRESSION_MASK | SPARSE) {
                0 => (false, false),
                SPARSE => (false, true),
                _ => (true, true),
            };
            body.lowest_vcn != Vcn(0) || (least <= has_units && has_units <= most)
        }
    };
    own_flags && attribute.flags & !known == 0
}

/// Whether the name of an attribute, of which `bytes` is all, is before its value,
/// that at a multiple of 8, and there is a name only where there may be one.
pub(super) fn is_place_right(attribute: &Attribute<'_>, bytes: &[u8]) -> bool {
    let (header, place) = match attribute.body {
        AttributeBody::Resident(_) => (0x18, 0x14),
        AttributeBody::NonResident(_) => (0x40, 0x20),
    };
    let value = u16_at(bytes, place).unwrap_or(0);
    let name = u16_at(bytes, NAME_OFFSET).unwrap_or(0);
    let name_end = usize::from(name).saturating_add(attribute.name.len());
    let may_have_name = matches!(
        attribute.type_code,
        AttributeType::DATA
            | AttributeType::INDEX_ROOT
            | AttributeType::INDEX_ALLOCATION
            | AttributeType::BITMAP
            | AttributeType::LOGGED_UTILITY_STREAM
    );
    value.is_multiple_of(8)
        && value >= header
        && (attribute.name.is_empty()
            || may_have_name && name >= header && name_end <= usize::from(value))
}

/// Whether the value of an attribute is as its type must be.
pub(super) fn check_value(attribute: &Attribute<'_>) -> Result<(), &'static str> {
    let AttributeType(code) = attribute.type_code;
    let value = match attribute.body {
        AttributeBody::Resident(value) => Some(value),
        AttributeBody::NonResident(_) => None,
    };
    let (is_right, what) = match attribute.type_code {
        AttributeType::DATA => return Ok(()),
        AttributeType::STANDARD_INFORMATION => (
            value.is_some_and(|value| value.len() >= STANDARD_INFORMATION_BYTES),
            "its $STANDARD_INFORMATION is cut short",
        ),
        AttributeType::FILE_NAME => (
            value.is_some_and(|value| name_of(value).is_some()),
            "a $FILE_NAME is not as long as it says, or empty",
        ),
        AttributeType::INDEX_ROOT => (value.is_some(), "the root of an index is not in the record"),
        _ => (
            code != 0 && code.is_multiple_of(0x10) && code <= LAST_TYPE,
            "an attribute is of no known type",
        ),
    };
    if is_right { Ok(()) } else { Err(what) }
}
