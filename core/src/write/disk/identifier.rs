//! Identifiers of disks, made from the serial number of the volume: core has no random numbers,
//! and the same volume always makes the same file.

/// A UUID of version 8 (RFC 9562) for a `part` of the disk that holds the volume with this serial
/// number, stored as a GUID: the version is in the high byte of a little-endian number.
pub(crate) fn identifier(serial_number: u64, part: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"ntfsclone ");
    hasher.update(part.as_bytes());
    hasher.update(&serial_number.to_le_bytes());
    let hash = hasher.finalize();
    let [a, b, c, d, e, f, _, version, variant, rest @ ..] = hash.as_bytes();
    let mut bytes = [0; 16];
    let start = [*a, *b, *c, *d, *e, *f, *version];
    let fixed = [*version & 0x0F | 0x80, *variant & 0x3F | 0x80];
    let all = start.iter().chain(&fixed).chain(rest);
    for (byte, from) in bytes.iter_mut().zip(all) {
        *byte = *from;
    }
    bytes
}
