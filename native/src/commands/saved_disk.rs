//! Converts a disk that Clonezilla saved, with all partitions.

use ntfsclone_core::open::Kind as TableKind;
use ntfsclone_core::write::{Disk, DiskSupport};

use super::copying::writer;
use super::whole_disk::{DiskConversion, open_destination, warn_of_large_sectors};
use crate::error::Result;
use crate::options::{self, ConvertTask, Origin};
use crate::report::{self, Reports};
use crate::source::DiskParts;
use crate::source::saved_disk::{Content, ImageKind, SavedDisk, SavedPart};

/// The disk that the source of `task` names, if the output can be one: else its volume is meant.
pub fn find(task: &ConvertTask) -> Result<Option<SavedDisk>> {
    let holds_disk = writer(&task.kind).disk != DiskSupport::None;
    let names_no_volume = task.partitioning.is_none() && task.writing.resize.is_none();
    match &task.source.origin {
        Origin::File(path) if holds_disk && names_no_volume => SavedDisk::find(path),
        _ => Ok(None),
    }
}

/// Converts the disk.
pub fn convert(task: &ConvertTask, disk: &SavedDisk, how: options::Progress) -> Result<()> {
    let reports = task.writing.reports();
    let name = disk.path();
    let destination = open_destination(task, disk.metadata())?;
    let table = match disk.table().kind {
        TableKind::Mbr => "MBR",
        TableKind::Gpt => "GPT",
    };
    let count = disk.table().partitions.len() as u64;
    reports.line(format_args!(
        "Disk: {} (Clonezilla), {} ({table}), {}",
        name.display(),
        report::count(count, "partition", "partitions"),
        report::size(disk.size())
    ));
    let parts = disk.parts(how, |part| describe(&part, reports))?;
    let whole = Disk {
        size: disk.size(),
        sector_size: disk.sector_size(),
        serial_number: disk.serial_number(),
    };
    warn_of_large_sectors(&name, &whole, writer(&task.kind));
    let conversion = DiskConversion {
        task,
        source: name.to_string_lossy().into_owned(),
        parts: DiskParts::new(whole, parts),
        how,
    };
    conversion.write(destination)
}

fn describe(part: &SavedPart<'_>, reports: Reports) {
    let SavedPart { number, size, .. } = part;
    let size = report::size(*size);
    match &part.content {
        Content::Image { path, kind, bytes } => {
            let kind = match kind {
                ImageKind::Ntfsclone => "an image of ntfsclone",
                ImageKind::Partclone => "an image of partclone",
                ImageKind::Raw => "all of its bytes",
            };
            let file = path.file_name().unwrap_or_default();
            reports.line(format_args!(
                "Partition {number}: {kind}, {}, {} of {size}",
                file.display(),
                report::size(*bytes)
            ));
        }
        Content::Swap { uuid } => {
            let uuid = uuid.map_or(String::new(), |uuid| format!(" {uuid}"));
            reports.line(format_args!(
                "Partition {number}: a swap area{uuid}, made anew, {size}"
            ));
        }
        Content::Nothing => {
            reports.line(format_args!(
                "Partition {number}: not saved, {size} of zeros"
            ));
        }
    }
}
