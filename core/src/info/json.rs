//! Writes reports as JSON, and includes JSON that a file contains.
//!
//! Included JSON stays text. Parsing it would need code for numbers with fractions,
//! which in a module for browsers is larger than all code for NTFS.

use alloc::string::{String, ToString};

use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};

use super::Document;
use crate::error::{Error, Result, Structure};

/// Ours, as of most readers of JSON: lines are longer the deeper they are.
const MAX_DEPTH: usize = 128;

/// What some program told of the making of an image: JSON, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made(String);

impl Made {
    /// From text.
    ///
    /// # Errors
    ///
    /// It is no JSON, or nested too deep.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
        match depth(text) > MAX_DEPTH {
            false => Ok(Self(text.into())),
            true => Err(alloc::format!("it is nested more than {MAX_DEPTH} deep")),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Its place, for [`document_to_json`].
impl Serialize for Made {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// A document, with what it tells of its making.
pub(super) fn document_to_json(document: &Document) -> Result<String> {
    // Nowhere else in it: within a string, there is a backslash before a quote.
    const PLACE: &[u8] = b"\"made\":null";
    let mut json = compact(document)?;
    let mut places = json.as_bytes().windows(PLACE.len());
    if let Some(made) = &document.made
        && let Some(place) = places.position(|bytes| bytes == PLACE)
    {
        let end = place.saturating_add(PLACE.len());
        let null = end.saturating_sub("null".len());
        json.replace_range(null..end, made.text());
    }
    Ok(in_lines(&json))
}

/// JSON for people and programs.
pub(crate) fn to_json(document: &impl Serialize) -> Result<String> {
    compact(document).map(|json| in_lines(&json))
}

fn compact(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|_| Error::Memory {
        structure: Structure::Source,
        len: 0,
    })
}

/// How deep sound JSON is nested.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = json;
    while let Some(next) = rest.find(['"', '{', '[', '}', ']']) {
        let (_, found) = rest.split_at_checked(next).unwrap_or_default();
        rest = match found.chars().next() {
            Some('"') => split_string(found).1,
            other => {
                depth = match other {
                    Some('{' | '[') => depth.saturating_add(1),
                    _ => depth.saturating_sub(1),
                };
                deepest = depth.max(deepest);
                found.get(1..).unwrap_or_default()
            }
        };
    }
    deepest
}

/// Sound JSON, with a line for each value.
fn in_lines(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let (string, after) = split_string(rest);
            out.push_str(string);
            rest = after;
            continue;
        }
        rest = rest.strip_prefix(next).unwrap_or_default();
        match next {
            '{' | '[' => {
                depth = depth.saturating_add(1);
                out.push(next);
                let inside = rest.trim_ascii_start();
                if !inside.starts_with(['}', ']']) {
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(['{', '[']) {
                    new_line(&mut out, depth);
                }
                out.push(next);
            }
            ',' => {
                out.push(next);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if next.is_ascii_whitespace() => {}
            _ => out.push(next),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// The string at the start, with its quotes, and what follows it.
fn split_string(json: &str) -> (&str, &str) {
    let mut is_escaped = true;
    let end = json.find(|next| {
        let is_end = next == '"' && !is_escaped;
        is_escaped = next == '\\' && !is_escaped;
        is_end
    });
    let after = end.unwrap_or(json.len()).saturating_add(1);
    json.split_at_checked(after).unwrap_or((json, ""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::info::Format;

    #[test]
    fn lines_are_those_of_others() {
        for text in [
            "{}",
            "[]",
            "1",
            r#""a \"b\" {[,:]} \\""#,
            r#"{"a":[],"b":{},"c":[1,{"d":null},"x, y: \\"],"e":-1.5e3}"#,
            "[[[ ]], { } ,\n 2]",
        ] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let expected = serde_json::to_string_pretty(&value).unwrap();
            // Numbers stay as they are written.
            let expected = expected.replace("-1500.0", "-1.5e3");
            assert_eq!(in_lines(text), expected);
        }
    }

    #[test]
    fn what_was_made_is_told_as_it_is() {
        let mut document = Document {
            source: r#"{"made":null,"made\":null"#.to_string(),
            size: Some(1),
            format: Format::Image,
            layers: vec![],
            made: None,
            image: None,
            volume: None,
            warnings: vec![],
        };
        let without = document.to_json().unwrap();
        let made = r#"{"z":1.50,"a":["made",{"made":null}]}"#;
        document.made = Some(Made::parse(made).unwrap());
        let with = document.to_json().unwrap();
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let mut expected = parse(&without);
        assert_eq!(expected.get("made"), Some(&serde_json::Value::Null));
        expected
            .as_object_mut()
            .unwrap()
            .insert("made".to_string(), parse(made));
        assert_eq!(parse(&with), expected);
        assert!(with.contains("\n    \"z\": 1.50,\n"), "{with}");
        assert!(Made::parse("{").is_err() && Made::parse("1 2").is_err());
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        for (expected, text) in [
            (0, "1"),
            (2, r#"["[[[\"[[", {}, []]"#),
            (3, r#"{"{[": [[], {}], "a": 1}"#),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Made::parse(&nested(128)).is_ok());
        assert!(Made::parse(&nested(129)).is_err());
        assert!(Made::parse(&nested(1 << 20)).is_err());
    }
}
