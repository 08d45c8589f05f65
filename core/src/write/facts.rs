//! The facts in a compressed file: when, where and from what it was made.

use alloc::string::String;
use alloc::vec::Vec;

/// The fields in `docs/image-format.md`.
#[derive(Debug, serde::Serialize)]
pub struct Facts {
    tool: &'static str,
    version: &'static str,
    /// As in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The name of the computer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    content: &'static str,
    level: i32,
    /// The warnings up to the end.
    pub warnings: Vec<String>,
    /// The user's note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Facts {
    /// The facts of a file that is compressed at a level of zstd; `source` is the
    /// path or name of what it is made from.
    pub fn new(source: String, level: i32) -> Self {
        Self {
            tool: "ntfsclone",
            version: env!("CARGO_PKG_VERSION"),
            time: None,
            host: None,
            source,
            label: None,
            serial: None,
            content: "used",
            level,
            warnings: Vec::new(),
            note: None,
        }
    }

    /// Adds those of the volume; `label` is `None` if it could not be read.
    pub fn set_volume(&mut self, label: Option<String>, serial_number: u64) {
        self.label = label;
        self.serial = Some(alloc::format!("{serial_number:016X}"));
    }

    /// Records that only metadata is copied.
    pub fn set_metadata(&mut self) {
        self.content = "metadata";
    }

    /// The facts as JSON.
    pub fn to_json(&self) -> String {
        // Strings and numbers always have JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}
