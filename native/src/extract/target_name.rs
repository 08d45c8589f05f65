//! Names of files as the target can hold them. NTFS allows names that Linux does not, and a hostile volume any.

use std::borrow::Cow;

/// Bytes of a name on Linux, at most.
const MAX_BYTES: usize = 255;

/// Bytes of a name that is cut, before its hash.
const CUT_BYTES: usize = 230;

/// The name that a file gets: its own if it can be one, else another that is the same each time.
pub fn target_name(name: &str) -> Cow<'_, str> {
    if matches!(name, "." | "..") {
        return Cow::Owned(name.replace('.', "%2E"));
    }
    let name = escaped(name, |character| matches!(character, '/' | '\0'));
    if name.len() <= MAX_BYTES {
        return name;
    }
    let end = (0..=CUT_BYTES)
        .rev()
        .find(|&end| name.is_char_boundary(end));
    let start = &name[..end.unwrap_or(0)];
    let hash = blake3::hash(name.as_bytes()).to_hex();
    Cow::Owned(format!("{start}~{}", &hash[..8]))
}

/// Like [`target_name`], for targets that refuse what Windows refuses, as FAT.
pub fn strict_name(name: &str) -> String {
    let name = target_name(name);
    let refused = |character: char| {
        character.is_control()
            || matches!(character, '"' | '*' | ':' | '<' | '>' | '?' | '\\' | '|')
    };
    let mut name = escaped(&name, refused).into_owned();
    if let Some(last @ ('.' | ' ')) = name.chars().last() {
        name.pop();
        name.push_str(&format!("%{:02X}", u32::from(last)));
    }
    name
}

fn escaped(name: &str, is_refused: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !name.contains(&is_refused) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len() + 2);
    for character in name.chars() {
        match is_refused(character) {
            true => text.push_str(&format!("%{:02X}", u32::from(character))),
            false => text.push(character),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_escaped() {
        let table = [
            ("a b.txt", "a b.txt"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("...", "..."),
            ("../x", "..%2Fx"),
            ("/etc", "%2Fetc"),
            ("a\0b", "a%00b"),
        ];
        for (name, expected) in table {
            assert_eq!(target_name(name), expected);
        }
        assert_eq!(strict_name("a:b? "), "a%3Ab%3F%20");
    }

    #[test]
    fn long_names_stay_different() {
        let (one, other) = ("漢".repeat(254) + "a", "漢".repeat(254) + "b");
        assert!(target_name(&one).len() <= MAX_BYTES);
        assert_ne!(target_name(&one), target_name(&other));
    }
}
