//! Identifiers of disks, as messages show them.

use alloc::format;
use alloc::string::String;

/// A UUID whose bytes are in the order of its digits.
pub(super) fn uuid(bytes: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, rest @ ..] = bytes;
    let number = |bytes: [u8; 4]| u32::from_be_bytes(bytes);
    let half = |bytes: [u8; 2]| u16::from_be_bytes(bytes);
    let [k, l, m, n, o, p] = rest;
    let node = u64::from_be_bytes([0, 0, k, l, m, n, o, p]);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{node:012x}",
        number([a, b, c, d]),
        half([e, f]),
        half([g, h]),
        half([i, j]),
    )
}

/// A GUID whose first three groups are little-endian.
pub(super) fn guid(bytes: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let [i, j, k, l, m, n, o, p] = rest;
    uuid([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
}
