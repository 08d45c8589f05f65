//! The upper case table, `$UpCase`.

/// Characters of a full table.
pub(crate) const FULL_LENGTH: usize = 0x1_0000;

/// Upper case of each UTF-16 unit below `length`.
pub(crate) fn table(length: usize) -> Vec<u16> {
    (0..length).map(|unit| upper(unit as u16)).collect()
}

/// The units of a name in upper case, as the table has them.
pub(crate) fn fold(name: &str, table: &[u16]) -> Vec<u16> {
    name.encode_utf16()
        .map(|unit| table.get(usize::from(unit)).copied().unwrap_or(unit))
        .collect()
}

fn upper(unit: u16) -> u16 {
    let Some(lower) = char::from_u32(u32::from(unit)) else {
        return unit;
    };
    let mut upper = lower.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => u16::try_from(u32::from(single)).unwrap_or(unit),
        _ => unit,
    }
}

/// The stream `$Info`, which Windows has since version 8: its length, and the CRC-64 of the table.
pub(crate) fn info(table: &[u8]) -> Vec<u8> {
    const POLYNOMIAL: u64 = 0x9A6C_9329_AC4B_C9B5;
    let mut sum = u64::MAX;
    for byte in table {
        sum ^= u64::from(*byte);
        for _ in 0..8 {
            let bit = sum & 1;
            sum >>= 1;
            if bit == 1 {
                sum ^= POLYNOMIAL;
            }
        }
    }
    let mut info = vec![0; 0x20];
    info[0] = 0x20;
    info[8..16].copy_from_slice(&(!sum).to_le_bytes());
    info
}
