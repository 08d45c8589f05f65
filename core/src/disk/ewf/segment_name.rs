//! The names of segments: `disk.E01` to `disk.E99`, then `disk.EAA` to `disk.ZZZ`.

use alloc::format;
use alloc::string::String;

use super::no_segment;
use crate::error::Result;

/// Segments whose names end with digits.
const NUMBERED: u16 = 99;
const LETTERS: u16 = 26;

/// Name of the segment after `name`, which is segment `number`; without the folder.
pub(super) fn after(name: &str, number: u16) -> Result<String> {
    let next = number.saturating_add(1);
    let file = name.rsplit('/').next().unwrap_or_default();
    let successor = file.rsplit_once('.').and_then(|(stem, extension)| {
        let first = extension.bytes().next().filter(u8::is_ascii_alphabetic)?;
        let suffix = suffix(next, first)?;
        Some(format!("{stem}.{suffix}"))
    });
    successor.ok_or_else(|| no_segment(next))
}

/// The suffix of a segment; `letter` is the first one of the suffix before, in its case.
fn suffix(number: u16, letter: u8) -> Option<String> {
    let first = char::from(letter);
    if number <= NUMBERED {
        return Some(format!("{first}{number:02}"));
    }
    // The last two letters count from AA on; the first one with them.
    let index = number.checked_sub(NUMBERED.saturating_add(1))?;
    let a = if letter.is_ascii_lowercase() {
        b'a'
    } else {
        b'A'
    };
    let nth = |index: u16| Some(char::from(a.checked_add(u8::try_from(index).ok()?)?));
    let (pair, last) = (index / LETTERS, index % LETTERS);
    let is_first_of_its_letter = pair % LETTERS == 0 && last == 0 && index > 0;
    let first = match is_first_of_its_letter {
        true => char::from(letter.checked_add(1)?),
        false => first,
    };
    let is_letter = first.is_ascii_alphabetic();
    is_letter.then_some(format!("{first}{}{}", nth(pair % LETTERS)?, nth(last)?))
}
