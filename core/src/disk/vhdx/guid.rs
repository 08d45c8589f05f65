//! GUIDs as they are stored.

/// A GUID: the first three groups are little-endian.
pub(super) type Guid = [u8; 16];

/// The GUID whose text is `AAAAAAAA-BBBB-CCCC-DDDD-DDDDDDDDDDDD`.
pub(super) const fn guid(a: u32, b: u16, c: u16, d: u64) -> Guid {
    let [a0, a1, a2, a3] = a.to_le_bytes();
    let [b0, b1] = b.to_le_bytes();
    let [c0, c1] = c.to_le_bytes();
    let [d0, d1, d2, d3, d4, d5, d6, d7] = d.to_be_bytes();
    [
        a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7,
    ]
}
