//! `$AttrDef`: which types of attributes there are.

use crate::ntfs::attribute::AttributeType;
use crate::ntfs::record::u32_at;

/// Bytes of a definition.
const DEFINITION_BYTES: usize = 0xA0;
/// Where its type is, after the name.
const TYPE_OFFSET: usize = 0x80;

/// What is wrong with the definitions.
pub(super) fn check(bytes: &[u8]) -> Option<&'static str> {
    let mut last = 0;
    let mut needed = [
        AttributeType::STANDARD_INFORMATION,
        AttributeType::FILE_NAME,
        AttributeType::DATA,
        AttributeType::INDEX_ROOT,
    ]
    .iter()
    .peekable();
    for definition in bytes.chunks_exact(DEFINITION_BYTES) {
        let code = u32_at(definition, TYPE_OFFSET).unwrap_or(0);
        if code == 0 {
            break;
        }
        if code <= last {
            return Some("the types of attributes are not in ascending order");
        }
        last = code;
        needed.next_if(|needed| needed.0 == code);
    }
    match needed.peek() {
        None => None,
        Some(_) => Some("a type of attributes that each volume has is missing"),
    }
}
