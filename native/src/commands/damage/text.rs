//! The report of `damage`, as text.

use super::Damage;
use crate::commands::lost_parts::LostPart;
use crate::report::{self, Reports};

/// What is lost of one file, or of one structure of the file system.
struct Entry {
    name: String,
    bytes: u64,
    /// The MFT records that are lost with it.
    records: Vec<u64>,
}

pub fn print(damage: &Damage) {
    let line = |text: String| Reports::TO_STDOUT.line(text);
    let parts = &damage.files;
    let files = entries(parts.iter().filter(|part| !part.is_metadata));
    for file in &files {
        line(file.describe());
    }
    if damage.files_left_out > 0 {
        let count = damage.files_left_out;
        let more = report::count(count, "more part of files", "more parts of files");
        line(format!("and {more}, too many to list"));
    }
    line(format!(
        "Files: {}",
        match damage.file_bytes {
            0 => "nothing lost".to_owned(),
            bytes => {
                let count = report::count(files.len() as u64, "file", "files");
                format!("{} lost in {count}", bytes_text(bytes))
            }
        }
    ));
    let metadata = entries(parts.iter().filter(|part| part.is_metadata));
    line(match damage.metadata_bytes {
        0 => "Metadata: nothing lost".to_owned(),
        bytes => format!("Metadata: {} lost", bytes_text(bytes)),
    });
    let mut listed = 0;
    for entry in &metadata {
        line(format!("  {}", entry.describe()));
        listed += entry.bytes;
    }
    if damage.metadata_bytes > listed {
        let bytes = bytes_text(damage.metadata_bytes - listed);
        line(format!("  the backup boot sector: {bytes} lost"));
    }
    if damage.unowned_bytes > 0 {
        let bytes = bytes_text(damage.unowned_bytes);
        line(format!("In use by no known file: {bytes} lost"));
    }
    line(match damage.free_bytes {
        0 => "Free space: nothing lost".to_owned(),
        bytes => format!("Free space: {}, of no file", bytes_text(bytes)),
    });
}

/// The entries of parts in the order of their names.
fn entries<'a>(parts: impl Iterator<Item = &'a LostPart>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for part in parts {
        let name = part.name();
        let records = part.record.into_iter();
        match entries.last_mut() {
            Some(last) if last.name == name => {
                last.bytes += part.length;
                last.records.extend(records);
            }
            _ => entries.push(Entry {
                name,
                bytes: part.length,
                records: records.collect(),
            }),
        }
    }
    entries
}

impl Entry {
    fn describe(&self) -> String {
        let numbers: Vec<String> = self.records.iter().map(u64::to_string).collect();
        let records = match numbers.len() {
            0 => String::new(),
            1 => format!(", with MFT record {}", numbers.concat()),
            _ => format!(", with MFT records {}", numbers.join(", ")),
        };
        format!("{}: {} lost{records}", self.name, bytes_text(self.bytes))
    }
}

fn bytes_text(bytes: u64) -> String {
    report::count(bytes, "byte", "bytes")
}
