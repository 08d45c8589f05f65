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
