//! The errors for what holds no image or volume that can be read.

use std::path::{Path, PathBuf};

use ntfsclone_core::image::ntfsclone::{HEADER_SIZE, MAGIC};
use ntfsclone_core::ntfs::BootSector;
use ntfsclone_core::open::{NotOpened, Partition, PartitionTable};

use super::{Format, OpenOptions, Recognised, Wanted};
use crate::error::{Error, Result};
use crate::report;
use crate::visible::Visible;

/// Where something was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    All,
    /// Of a stream, only the start: whether a partition is NTFS is unknown.
    Start,
}

/// The error for what was found at `name`.
pub fn refuse(name: &Path, found: &NotOpened) -> Error {
    refuse_seen(name, found, Seen::All)
}

pub(super) fn refuse_seen(name: &Path, found: &NotOpened, seen: Seen) -> Error {
    let remedy = match found {
        NotOpened::Format(_) | NotOpened::Containers | NotOpened::DiskInStream(_) => {
            found.remedy().to_owned()
        }
        NotOpened::Disk(table) => match seen {
            Seen::All => return refuse_disk(name, table),
            Seen::Start => return refuse_disk_stream(name, table),
        },
        NotOpened::NoTable => "leave out --partition, if it is a volume or an image".to_owned(),
        NotOpened::NoPartition(_, table) => {
            let partitions = table.partitions.iter();
            let numbers: Vec<String> = partitions.map(|one| one.number.to_string()).collect();
            return Error::refused(
                name,
                format!("{found}; it has {}", numbers.join(", ")),
                "name one of these with --partition",
            );
        }
        NotOpened::Compressions(compression) => format!(
            "{} -c IMAGE | ntfsclone --restore-image ... -",
            compression.command()
        ),
    };
    Error::refused(name, found.to_string(), remedy)
}

/// What is taken for what is unknown, and begins with `start`: an image or volume
/// whose start is damaged.
pub(super) fn judge_unknown(
    input: &Recognised,
    start: &[u8],
    opening: OpenOptions<'_>,
) -> Result<Format> {
    let name = &input.name;
    match (opening.wanted, start.first_chunk()) {
        (Wanted::Image, _) if start.is_empty() => Err(Error::refused(
            name,
            "is empty",
            "was it written completely?",
        )),
        // The decoder says best what is wrong with a damaged image.
        (Wanted::Image, _) if resembles_image(start) => Ok(Format::Image),
        // A rescue looks for what is left of one. In a compressed stream, that may be
        // what is damaged.
        (Wanted::Image, _) if opening.rescue.is_some() || input.is_compressed() => {
            Ok(Format::Image)
        }
        (Wanted::Image, _) => Err(Error::refused(
            name,
            "is neither an image of ntfsclone nor an NTFS volume, nor anything else that is known",
            "is it the right file? If it was an image, restore what is left of it with \
             --restore-image --rescue",
        )),
        (Wanted::Volume, None) => Err(Error::refused(
            name,
            "is too small for a volume",
            "is it the right file?",
        )),
        (Wanted::Volume, Some(sector)) => match BootSector::parse(sector, 0) {
            Ok(_) => Ok(Format::Volume),
            Err(source) => Err(Error::NotNtfs {
                path: name.clone(),
                source,
            }),
        },
    }
}

/// True for the start of an image of which some bytes are wrong: most of the magic is
/// right, or the boot sector stands behind the header.
fn resembles_image(start: &[u8]) -> bool {
    const OEM_NAME: &[u8] = b"NTFS    ";
    // After the command of the first cluster and the jump.
    const OEM_NAME_AT: usize = HEADER_SIZE + 1 + 3;
    let right = start
        .iter()
        .zip(MAGIC)
        .filter(|(found, byte)| found == byte);
    let after_header = start.get(OEM_NAME_AT..OEM_NAME_AT + OEM_NAME.len());
    right.count() > MAGIC.len().min(start.len()) / 2 || after_header == Some(OEM_NAME)
}

/// The error for a folder in which there are several images.
pub(super) fn refuse_several(folder: &Path, found: &str, images: &[PathBuf]) -> Error {
    let describe = |path: &PathBuf| format!("{}{}", report::NEXT_ITEM, Visible(path.display()));
    let list: Vec<String> = images.iter().map(describe).collect();
    Error::refused(
        folder,
        format!("{found}{}", list.concat()),
        "name one of them instead of the folder",
    )
}

/// The error for a whole disk.
fn refuse_disk(name: &Path, table: &PartitionTable) -> Error {
    let partitions = &table.partitions;
    let mut ntfs = partitions.iter().filter(|partition| partition.is_ntfs);
    let list: Vec<String> = ntfs.clone().map(describe).collect();
    let (found, remedy) = match ntfs.next() {
        None => (
            format!(
                "is a whole disk with {}, none of them NTFS",
                report::count(partitions.len() as u64, "partition", "partitions")
            ),
            "is it the right disk?".to_owned(),
        ),
        Some(first) => (
            format!("is a whole disk; NTFS is in{}", list.concat()),
            format!("name the partition: --partition {}", first.number),
        ),
    };
    Error::WholeDisk {
        path: name.to_owned(),
        found,
        remedy,
        table: table.clone(),
        is_searched: true,
    }
}

/// The error for a whole disk in a stream, of which only the start is read.
fn refuse_disk_stream(name: &Path, table: &PartitionTable) -> Error {
    let list: Vec<String> = table.partitions.iter().map(describe).collect();
    Error::WholeDisk {
        path: name.to_owned(),
        found: format!("is a whole disk, with{}", list.concat()),
        remedy: "name the partition with NTFS: --partition N".to_owned(),
        table: table.clone(),
        is_searched: false,
    }
}

fn describe(partition: &Partition) -> String {
    format!(
        "{}partition {}: at byte {:#x}, {}",
        report::NEXT_ITEM,
        partition.number,
        partition.offset,
        report::size(partition.size)
    )
}
