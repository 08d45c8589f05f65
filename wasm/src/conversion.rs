//! What JavaScript asks of a conversion.

use ntfsclone_core::jobs::{Compression, Failure, Refusal};
use ntfsclone_core::write::{Conversion, Partitioning, WRITERS, Writer};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codecs::LoadedCompressor;

/// What a conversion makes: `target` is the name of a writer, `disk` a partition table.
pub(crate) fn conversion(target: &str, disk: Option<&str>) -> Result<Conversion, Failure> {
    let writer = writer(target)?;
    let partitioning = match disk {
        None => None,
        Some("gpt") => Some(Partitioning::Gpt),
        Some("mbr") => Some(Partitioning::Mbr),
        Some("none") => Some(Partitioning::None),
        Some(other) => {
            let found = format!("cannot get a partition table {other:?}");
            return Err(refused(found, "ask for \"gpt\", \"mbr\" or \"none\""));
        }
    };
    Conversion::new(writer, partitioning).ok_or_else(|| {
        let found = format!("cannot get a partition table as {target}, which holds a volume alone");
        refused(found, "leave out the option disk")
    })
}

fn refused(found: String, remedy: impl Into<String>) -> Failure {
    Failure::Refused {
        kind: Refusal::Target,
        found,
        remedy: remedy.into(),
    }
}

/// The writer of that name.
pub(crate) fn writer(target: &str) -> Result<&'static Writer, Failure> {
    let found = WRITERS.iter().find(|writer| writer.id == target).copied();
    found.ok_or_else(|| {
        let ids: Vec<&str> = WRITERS.iter().map(|writer| writer.id).collect();
        let remedy = format!("the formats are {}", ids.join(", "));
        refused(format!("cannot be made into {target:?}"), remedy)
    })
}

/// How a result is compressed, and what it tells of itself.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Compressed {
    level: i32,
    time: Option<String>,
    note: Option<String>,
    source: Option<String>,
}

#[wasm_bindgen]
impl Compressed {
    /// With zstd, at a level from 1 to 22. `time` is as RFC 3339 has it; without `source` it is the name of
    /// the image.
    #[wasm_bindgen(constructor)]
    pub fn new(
        level: i32,
        time: Option<String>,
        note: Option<String>,
        source: Option<String>,
    ) -> Self {
        Self {
            level,
            time,
            note,
            source,
        }
    }
}

impl From<Compressed> for Compression {
    fn from(compressed: Compressed) -> Self {
        Self {
            level: compressed.level,
            compressor: Box::new(LoadedCompressor::new(compressed.level)),
            time: compressed.time,
            note: compressed.note,
            source: compressed.source,
        }
    }
}
