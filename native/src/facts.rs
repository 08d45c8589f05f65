//! When and from what a compressed image was made: what it tells of itself.

use std::path::Path;

use serde::Serialize;

use crate::device;
use crate::error::{Error, Result};
use crate::report;

/// As in `docs/image-format.md`.
#[derive(Debug, Serialize)]
pub struct Facts {
    tool: &'static str,
    version: &'static str,
    time: String,
    host: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    serial: String,
    content: &'static str,
    level: i32,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What is known of the volume.
pub struct Origin<'a> {
    pub source: &'a Path,
    /// None where it could not be read.
    pub label: Option<&'a str>,
    pub serial: u64,
    pub is_metadata: bool,
}

impl Facts {
    /// As of now.
    pub fn new(origin: &Origin<'_>, level: i32, note: Option<&str>) -> Self {
        // Seconds are enough.
        let now = jiff::Timestamp::now().as_second();
        let time = jiff::Timestamp::from_second(now).unwrap_or_default();
        Self {
            tool: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            time: time.to_string(),
            host: device::host_name(),
            source: origin.source.to_string_lossy().into_owned(),
            label: origin.label.map(str::to_owned),
            serial: format!("{:016X}", origin.serial),
            content: match origin.is_metadata {
                true => "metadata",
                false => "used",
            },
            level,
            warnings: Vec::new(),
            note: note.map(str::to_owned),
        }
    }

    /// With the warnings up to now.
    pub fn into_json(mut self) -> Result<String> {
        self.warnings = report::warnings();
        serde_json::to_string(&self)
            .map_err(|error| Error::io("describe", "the image".as_ref(), error.into()))
    }
}
