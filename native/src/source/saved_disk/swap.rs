//! A swap area, of which only the identifiers are saved: it is made anew.

/// Bytes of a page, on all PCs.
const PAGE: usize = 4096;
const SIGNATURE: &[u8; 10] = b"SWAPSPACE2";
/// Offsets in the first page: version, last page, UUID, label (`union swap_header` of Linux).
const VERSION: usize = 1024;
const LAST_PAGE: usize = 1028;
const UUID: usize = 1036;
const LABEL: usize = 1052;
const LABEL_BYTES: usize = 16;

/// The first page of an empty swap area of `size` bytes; the rest is zeros. `info` is the text of
/// the file `swappt-*.info`: `UUID="..."` and `LABEL="..."`. `None` if there is no space for it.
pub fn first_page(info: &str, size: u64) -> Option<Vec<u8>> {
    let last = u32::try_from(size / PAGE as u64).ok()?.checked_sub(1)?;
    let mut page = vec![0; PAGE];
    page[VERSION..LAST_PAGE].copy_from_slice(&1_u32.to_le_bytes());
    page[LAST_PAGE..LAST_PAGE + 4].copy_from_slice(&last.to_le_bytes());
    if let Some(uuid) = value(info, "UUID").and_then(parse_uuid) {
        page[UUID..UUID + 16].copy_from_slice(&uuid);
    }
    let label = value(info, "LABEL").unwrap_or_default().as_bytes();
    let label = &label[..label.len().min(LABEL_BYTES)];
    page[LABEL..LABEL + label.len()].copy_from_slice(label);
    page[PAGE - SIGNATURE.len()..].copy_from_slice(SIGNATURE);
    Some(page)
}

/// The UUID in the text.
pub fn uuid(info: &str) -> Option<&str> {
    value(info, "UUID")
}

/// The value of a key, in quotes or without.
fn value<'a>(info: &'a str, key: &str) -> Option<&'a str> {
    let lines = info.lines().flat_map(|line| line.split(", "));
    let mut values = lines.filter_map(|item| {
        let (found, value) = item.trim().split_once('=')?;
        (found == key).then(|| value.trim_matches('"'))
    });
    values.next().filter(|value| !value.is_empty())
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok()?;
    (digits.len() == 32).then(|| number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_kept() {
        let info = "UUID=\"01020304-0506-0708-090a-0b0c0d0e0f10\"\nLABEL=\"swap of all\"\n";
        let page = first_page(info, 1 << 20).unwrap();
        assert_eq!(page[UUID..UUID + 3], [1, 2, 3]);
        assert_eq!(&page[LABEL..LABEL + 12], b"swap of all\0");
        assert_eq!(page[LAST_PAGE], 255);
        assert!(first_page("LABEL=\"\"", 4096).is_some());
        assert!(first_page("", 100).is_none());
    }
}
