//! A disk that Clonezilla saved: a folder with its partition table, and an image of each partition.

mod files;
mod image;
mod known_bytes;
mod logical;
mod swap;

use std::fs::Metadata;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{Partition, PartitionTable};

use self::files::{DiskFiles, disks_in, has_table, metadata_in};
pub use self::image::ImageKind;
use self::image::{PartitionImage, fill_with};
use self::known_bytes::KnownBytes;
use super::disk_parts::{Part, PartContent};
use crate::bulk::pipeline::{Filled, Filler};
use crate::error::{Error, Result};
use crate::input::clonezilla;
use crate::options;

/// A saved disk.
pub struct SavedDisk {
    folder: PathBuf,
    /// Of the disk, when it was saved: `sda`.
    name: String,
    /// What is known of it but its partitions.
    known: KnownBytes,
    table: PartitionTable,
    partitions: Vec<(Partition, Saved)>,
    /// Of all files in the folder.
    metadata: Vec<Metadata>,
}

/// How a partition was saved.
#[derive(Debug)]
enum Saved {
    /// In an image, whose first file this is.
    Image(PathBuf),
    /// The text with the identifiers of a swap area.
    Swap(String),
    Nothing,
}

/// A partition of the copy.
pub struct SavedPart<'a> {
    pub number: u32,
    /// Bytes of the partition.
    pub size: u64,
    pub content: Content<'a>,
}

/// What a partition is made from.
pub enum Content<'a> {
    Image {
        /// The first file.
        path: &'a Path,
        kind: ImageKind,
        /// Bytes that are stored.
        bytes: u64,
    },
    /// A swap area, of which only the identifiers are saved.
    Swap {
        uuid: Option<&'a str>,
    },
    Nothing,
}

impl SavedDisk {
    /// The disk that `path` names: a folder of Clonezilla with one disk, or `FOLDER/sda`. `None`
    /// for anything else, and if there is no partition table in the folder.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        if clonezilla::is_folder(path) {
            let mut disks = disks_in(path)?;
            disks.retain(|name| has_table(path, name));
            return match &disks[..] {
                [] => Ok(None),
                [name] => Self::open(path, name).map(Some),
                several => Err(Error::refused(
                    path,
                    format!(
                        "is a folder of Clonezilla with the disks {}",
                        several.join(", ")
                    ),
                    format!("name one: {}", path.join(&several[0]).display()),
                )),
            };
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        let name = name.to_string_lossy().into_owned();
        let is_disk = !path.exists()
            && clonezilla::is_folder(folder)
            && disks_in(folder)?.contains(&name)
            && has_table(folder, &name);
        match is_disk {
            true => Self::open(folder, &name).map(Some),
            false => Ok(None),
        }
    }

    fn open(folder: &Path, name: &str) -> Result<Self> {
        let files = DiskFiles { folder, name };
        files.refuse_layers()?;
        let parted = files.text("-pt.parted")?.unwrap_or_default();
        let tables = files.tables(&parted)?;
        let table = PartitionTable::read(&tables.known).ok_or_else(|| {
            Error::refused(
                &folder.join(format!("{name}-mbr")),
                "holds no partition table, nor do the files beside it",
                "is the folder complete?",
            )
        })?;
        files.refuse_large_sectors(&table, &parted)?;
        files.warn_of_missing(&tables, &table);
        let partitions = files.partitions(&table)?;
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            known: tables.known,
            table,
            partitions,
            metadata: metadata_in(folder).map_err(|error| Error::io("list", folder, error))?,
        })
    }

    /// What to call it in messages.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    pub fn table(&self) -> &PartitionTable {
        &self.table
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.known.size()
    }

    /// Bytes of a sector.
    pub fn sector_size(&self) -> u32 {
        u32::try_from(self.table.sector_size).unwrap_or(512)
    }

    /// What tells the images from other files.
    pub fn metadata(&self) -> &[Metadata] {
        &self.metadata
    }

    /// The number from which identifiers of a copy are made.
    pub fn serial_number(&self) -> u64 {
        let mut start = [0; 8 << 10];
        let len = start.len().min(self.size() as usize);
        // Of what is in memory.
        let _ = self.known.read_exact_at(0, &mut start[..len]);
        let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(&start).as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The parts of the disk in order, and what its partitions are made from. Calls `found` with
    /// each of these.
    pub fn parts(
        &self,
        progress: options::Progress,
        mut found: impl FnMut(SavedPart<'_>),
    ) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut position = 0;
        for (partition, saved) in &self.partitions {
            let start = partition.offset;
            if start < position {
                return Err(Error::refused(
                    &self.path(),
                    format!("has partitions that overlap: {}", partition.number),
                    "restore it with Clonezilla",
                ));
            }
            self.push_known(position..start, &mut parts);
            position = start.saturating_add(partition.size);
            if position > self.size() {
                return Err(Error::refused(
                    &self.path(),
                    format!(
                        "has {} bytes, and partition {} ends at byte {position:#x}",
                        self.size(),
                        partition.number
                    ),
                    "are its files those of one disk?",
                ));
            }
            let (content, made) = partition_content(partition, saved, progress)?;
            found(SavedPart {
                number: partition.number,
                size: partition.size,
                content,
            });
            parts.extend(made.map(|content| Part { start, content }));
        }
        self.push_known(position..self.size(), &mut parts);
        Ok(parts)
    }

    fn push_known(&self, area: Range<u64>, parts: &mut Vec<Part>) {
        for range in self.known.known_in(&area) {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            // Of what is in memory.
            let _ = self.known.read_exact_at(range.start, &mut bytes);
            parts.push(Part {
                start: range.start,
                content: Box::new(InMemory(bytes)),
            });
        }
    }
}

/// What a partition is made from, and its content; `None` if it is empty.
fn partition_content<'a>(
    partition: &Partition,
    saved: &'a Saved,
    progress: options::Progress,
) -> Result<(Content<'a>, Option<Box<dyn PartContent>>)> {
    match saved {
        Saved::Image(path) => {
            let image = PartitionImage::open(path, partition.size, progress)?;
            let content = Content::Image {
                path,
                kind: image.kind(),
                bytes: image.ranges().map(|(_, len)| len).sum(),
            };
            Ok((content, Some(Box::new(image))))
        }
        Saved::Swap(info) => {
            let page = swap::first_page(info, partition.size);
            let made = page.map(|page| Box::new(InMemory(page)) as Box<dyn PartContent>);
            let uuid = swap::uuid(info);
            Ok((Content::Swap { uuid }, made))
        }
        Saved::Nothing => Ok((Content::Nothing, None)),
    }
}

/// A part that is known.
struct InMemory(Vec<u8>);

impl PartContent for InMemory {
    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        Box::new(std::iter::once((0, self.0.len() as u64)))
    }

    fn fill(self: Box<Self>, start: u64, filler: &mut Filler<'_>) -> Filled {
        fill_with(filler, start, &self.0)
    }
}
