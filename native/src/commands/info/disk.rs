//! The partitions of a whole disk.

use std::path::Path;

use ntfsclone_core::open::{Damage, Kind, Partition, PartitionTable};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::options::{InfoTask, Input};
use crate::report::{self, Reports};

/// A disk, for programs.
#[derive(Serialize)]
struct Document {
    source: String,
    format: &'static str,
    table: &'static str,
    partitions: Vec<Listed>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Listed {
    number: u32,
    /// In bytes, from the start of the disk.
    offset: u64,
    size: u64,
    /// None if that was not looked at, as of a stream.
    is_ntfs: Option<bool>,
}

/// Prints the partitions of a disk and, if exactly one of them is NTFS, for people also what is known of that. Without
/// being searched, it is unknown which of them are NTFS.
pub(super) fn run(task: &InfoTask, table: &PartitionTable, is_searched: bool) -> Result<()> {
    let name = task.source.name();
    let listed = |partition: &Partition| Listed {
        number: partition.number,
        offset: partition.offset,
        size: partition.size,
        is_ntfs: is_searched.then_some(partition.is_ntfs),
    };
    let document = Document {
        source: name.display().to_string(),
        format: "disk",
        table: match table.kind {
            Kind::Mbr => "mbr",
            Kind::Gpt => "gpt",
        },
        partitions: table.partitions.iter().map(listed).collect(),
        warnings: warning(table).into_iter().collect(),
    };
    if task.json {
        let text = serde_json::to_string(&document);
        let text = text.map_err(|error| Error::io("describe", &name, error.into()))?;
        Reports::TO_STDOUT.json(&text);
    } else {
        let only = table.only_ntfs().filter(|_| is_searched);
        print(&document, task.source.word(), only.is_none());
        if let Some(partition) = only {
            let source = Input {
                partition: Some(partition.number),
                ..task.source.clone()
            };
            return super::run(&InfoTask { source, ..*task });
        }
    }
    report::check_written()
}

fn warning(table: &PartitionTable) -> Option<String> {
    let state = match table.damage? {
        Damage::BackupUsed => "is damaged; its backup at the end of the disk is used",
        Damage::BothDamaged => "is damaged, and so is its backup, or that cannot be read",
    };
    Some(format!("the partition table {state}"))
}

/// Prints it; `word` is what names the disk on a command line. `is_all`: nothing follows that is known of a partition.
fn print(document: &Document, word: &Path, is_all: bool) {
    let reports = Reports::TO_STDOUT;
    let table = document.table.to_uppercase();
    let count = report::count(document.partitions.len() as u64, "partition", "partitions");
    reports.line(format_args!(
        "{}: a whole disk with {count} ({table})",
        document.source
    ));
    for partition in &document.partitions {
        let content = match partition.is_ntfs {
            Some(true) => "NTFS, ",
            Some(false) => "not NTFS, ",
            None => "",
        };
        reports.line(format_args!(
            "Partition {}: {content}{} bytes ({}) at byte {:#x}",
            partition.number,
            partition.size,
            report::size(partition.size),
            partition.offset
        ));
    }
    if !is_all {
        // Whoever reads the partition warns of the table.
        return reports.empty_line();
    }
    let ntfs = document.partitions.iter();
    if let Some(first) = ntfs.clone().find(|one| one.is_ntfs != Some(false)) {
        reports.line(format_args!(
            "Look into one with: ntfsclone info --partition {} {}",
            first.number,
            crate::shell::quoted(word)
        ));
    }
    for warning in &document.warnings {
        report::warning(format_args!("{}: {warning}", document.source));
    }
}
