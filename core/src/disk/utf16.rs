//! Texts in UTF-16 that end at a NUL or with their bytes.

use alloc::string::String;

/// The text in little-endian bytes.
pub(super) fn from_le(bytes: &[u8]) -> String {
    decode(bytes, u16::from_le_bytes)
}

/// The text in big-endian bytes.
pub(super) fn from_be(bytes: &[u8]) -> String {
    decode(bytes, u16::from_be_bytes)
}

fn decode(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks();
    let units = pairs.iter().map(|&pair| unit(pair));
    char::decode_utf16(units.take_while(|&unit| unit != 0))
        .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
