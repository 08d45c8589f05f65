//! A name in UTF-16, which need not be valid.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display, Write};

/// A name. Displayed as text; an unpaired surrogate, such as 0xD800, is displayed as U+FFFD and its four
/// digits, `�d800`, so that different names are different text. Untrusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Name(Vec<u8>);

impl Name {
    /// From UTF-16, little-endian.
    pub fn from_utf16(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// From text as it is displayed.
    pub fn from_text(text: &str) -> Self {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if let Some((unit, after)) = surrogate(rest) {
                bytes.extend(unit.to_le_bytes());
                rest = after;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                bytes.extend(unit.to_le_bytes());
            }
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
        Self(bytes)
    }

    /// UTF-16, little-endian.
    pub fn utf16(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is no name, as of the root directory.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An unpaired surrogate at the start of `text`, and what follows it.
fn surrogate(text: &str) -> Option<(u16, &str)> {
    let rest = text.strip_prefix(char::REPLACEMENT_CHARACTER)?;
    let (digits, after) = rest.split_at_checked(4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xD800..0xE000).contains(&unit).then_some((unit, after))
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, _) = self.0.as_chunks::<2>();
        // Most names are ASCII: their bytes are every second one.
        if units.iter().all(|[low, high]| low.is_ascii() && *high == 0) {
            let text: String = units.iter().map(|[low, _]| char::from(*low)).collect();
            return f.write_str(&text);
        }
        for unit in char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit))) {
            match unit {
                Ok(character) => f.write_char(character)?,
                Err(error) => {
                    let unit = error.unpaired_surrogate();
                    write!(f, "{}{unit:04x}", char::REPLACEMENT_CHARACTER)?;
                }
            }
        }
        Ok(())
    }
}
