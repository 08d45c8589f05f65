//! Text that others chose: names of files, labels, paths. On a terminal,
//! control characters would be commands to it, and characters that turn the
//! direction of text would make it read otherwise.

use std::fmt::{self, Display, Write};
use std::io;

/// Displays as one line in which everything shows: what would not is written
/// as its code point, `\u{1b}`.
pub struct Visible<T>(pub T);

impl<T: Display> Display for Visible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return self.0.write_str(text);
        }
        let mut shown = 0;
        for (at, hidden) in text.match_indices(is_hidden) {
            self.0.write_str(&text[shown..at])?;
            for character in hidden.chars() {
                write!(self.0, "{}", character.escape_default())?;
            }
            shown = at + hidden.len();
        }
        self.0.write_str(&text[shown..])
    }
}

/// The same JSON, in which such characters stand as `\u001b`.
pub fn visible_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        // Lines end between the values only: in strings that is escaped.
        if character == '\n' || !is_hidden(character) {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// Writes such JSON, on one line.
pub struct VisibleJson;

impl serde_json::ser::Formatter for VisibleJson {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(visible_json(fragment).as_bytes())
    }
}

/// Controls, format characters (Unicode's category Cf; those that turn the
/// direction are among them), and separators of lines and paragraphs.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0001}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_out() {
        let table = [
            ("", ""),
            ("a b/ä 漢 \\ '\"", "a b/ä 漢 \\ '\""),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[2J\x07\0\x7f", "\\u{1b}[2J\\u{7}\\u{0}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("gnp\u{202e}exe", "gnp\\u{202e}exe"),
            (
                "\u{2066}a\u{2069}\u{200b}\u{feff}\u{e0041}",
                "\\u{2066}a\\u{2069}\\u{200b}\\u{feff}\\u{e0041}",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(Visible(text).to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn json_stays_what_it_is() {
        let strings = ["a\n\x1b\u{9b}\u{202e}\u{e0041}\"\\", "plain"];
        let json = serde_json::to_string_pretty(&strings).unwrap();
        let visible = visible_json(&json);
        assert!(
            visible.chars().all(|c| c == '\n' || !is_hidden(c)),
            "{visible}"
        );
        let parsed: Vec<String> = serde_json::from_str(&visible).unwrap();
        assert_eq!(parsed, strings);
    }
}
