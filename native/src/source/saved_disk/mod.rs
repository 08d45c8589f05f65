//! A disk that Clonezilla saved: a folder with its partition table, and an image of each partition.

mod image;
mod known_bytes;
mod logical;
mod swap;

use std::fs::{self, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{Partition, PartitionTable};

pub use self::image::ImageKind;
use self::image::{PartitionImage, fill_with};
use self::known_bytes::KnownBytes;
use super::disk_parts::{Part, PartContent};
use super::small_file;
use crate::bulk::pipeline::{Filled, Filler};
use crate::error::{Error, Result};
use crate::input::clonezilla;
use crate::options;
use crate::report;

/// Ours: lists and tables are much smaller.
const MAX_TEXT: u64 = 1 << 20;
/// Ours: what is before the first partition. Clonezilla saves 1 MiB, or what is there.
const MAX_BYTES: u64 = 64 << 20;
const SECTOR: u64 = 512;
const LARGE_SECTOR: u64 = 4096;
/// Disks end at multiples of it, if their size is not known.
const ALIGNMENT: u64 = 1 << 20;
const GPT_SIGNATURE: &[u8] = b"EFI PART";
/// Offsets in a header of a GPT (UEFI 5.3.2): its own sector, and that of the other header.
const GPT_OWN_SECTOR: usize = 24;
const GPT_OTHER_SECTOR: usize = 32;
/// Types of an extended partition, and where the records of an MBR are.
const TYPES_EXTENDED: [u8; 3] = [0x05, 0x0F, 0x85];
const MBR_RECORDS: usize = 446;
const MBR_RECORD: usize = 16;

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
        let mut known = KnownBytes::default();
        let parted = files.text("-pt.parted")?.unwrap_or_default();
        let dump = files.text("-pt.sf")?.unwrap_or_default();
        let dumped = logical::parse_dump(&dump, name);
        if let Some(hidden) = files.bytes("-hidden-data-after-mbr")? {
            known.put(SECTOR, hidden);
        }
        if let Some(mbr) = files.bytes("-mbr")? {
            files.put_links(&mbr, &dumped, &mut known)?;
            known.put(0, mbr);
        }
        let gpt = files.bytes("-gpt-1st")?;
        let size = disk_size(gpt.as_deref(), &parted, name);
        if let Some(gpt) = gpt {
            known.put(0, gpt);
        }
        if let Some(size) = size {
            known.extend_to(size);
        }
        let ends = dumped.iter().map(|one| (one.start + one.len) * SECTOR);
        if size.is_none() {
            known.extend_to(ends.max().unwrap_or(0).next_multiple_of(ALIGNMENT));
        }
        if let Some(backup) = files.bytes("-gpt-2nd")?
            && let Some(offset) = backup_offset(&backup)
        {
            known.put(offset, backup);
        }
        let table = PartitionTable::read(&known).ok_or_else(|| {
            Error::refused(
                &folder.join(format!("{name}-mbr")),
                "holds no partition table, nor do the files beside it",
                "is the folder complete?",
            )
        })?;
        if size.is_none() {
            report::warning(format!(
                "{}: the size of the disk is not known (there is no {name}-pt.parted); it ends \
                 after its last partition",
                folder.display()
            ));
        }
        let partitions = files.partitions(&table)?;
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            known,
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

/// The disks that were saved to a folder.
fn disks_in(folder: &Path) -> Result<Vec<String>> {
    let text = read_text(&folder.join("disk"))?.unwrap_or_default();
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Of all files of a folder.
fn metadata_in(folder: &Path) -> io::Result<Vec<Metadata>> {
    let entries = fs::read_dir(folder)?.flatten();
    Ok(entries
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .collect())
}

fn has_table(folder: &Path, name: &str) -> bool {
    let files = ["mbr", "gpt-1st"];
    files
        .iter()
        .any(|file| folder.join(format!("{name}-{file}")).is_file())
}

/// The files of a saved disk.
struct DiskFiles<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl DiskFiles<'_> {
    /// The bytes of the file whose name is that of the disk with `suffix`; `None` if it is not
    /// there.
    fn bytes(&self, suffix: &str) -> Result<Option<Vec<u8>>> {
        let path = self.folder.join(format!("{}{suffix}", self.name));
        read(&path, MAX_BYTES)
    }

    fn text(&self, suffix: &str) -> Result<Option<String>> {
        read_text(&self.folder.join(format!("{}{suffix}", self.name)))
    }

    /// The name of a partition of the disk.
    fn partition_name(&self, number: u32) -> String {
        let ends_in_digit = self.name.ends_with(|letter: char| letter.is_ascii_digit());
        let separator = if ends_in_digit { "p" } else { "" };
        format!("{}{separator}{number}", self.name)
    }

    /// Refuses a disk with volumes of LVM or LUKS: their content is saved by itself.
    fn refuse_layers(&self) -> Result<()> {
        let device = format!("/dev/{}", self.name);
        for (file, what) in [("lvm_vg_dev.list", "LVM"), ("luks-dev.list", "LUKS")] {
            let text = read_text(&self.folder.join(file))?.unwrap_or_default();
            let mut words = text.split_whitespace();
            if let Some(partition) = words.find(|word| word.starts_with(&device)) {
                return Err(Error::refused(
                    &self.folder.join(self.name),
                    format!(
                        "its partition {partition} is of {what}, whose volumes are saved apart"
                    ),
                    "restore it with Clonezilla; or name the image of one partition",
                ));
            }
        }
        Ok(())
    }

    /// Makes the links to logical partitions, if there are any.
    fn put_links(
        &self,
        mbr: &[u8],
        dumped: &[logical::Dumped],
        known: &mut KnownBytes,
    ) -> Result<()> {
        let records = mbr
            .get(MBR_RECORDS..)
            .unwrap_or_default()
            .chunks_exact(MBR_RECORD);
        for (number, record) in (1..=4).zip(records) {
            if !TYPES_EXTENDED.contains(&record[4]) {
                continue;
            }
            if dumped.is_empty() {
                return Err(Error::refused(
                    &self.folder.join(format!("{}-pt.sf", self.name)),
                    "is missing, and it has the logical partitions",
                    "is the folder complete?",
                ));
            }
            let start = record[8..]
                .first_chunk()
                .map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let first = read(
                &self
                    .folder
                    .join(format!("{}-ebr", self.partition_name(number))),
                MAX_TEXT,
            )?;
            for (sector, link) in logical::links(start.into(), dumped, first.as_deref()) {
                known.put(sector * SECTOR, link);
            }
        }
        Ok(())
    }

    /// The partitions in the order of the disk, and how each was saved.
    fn partitions(&self, table: &PartitionTable) -> Result<Vec<(Partition, Saved)>> {
        let listed = read_text(&self.folder.join("parts"))?.unwrap_or_default();
        let listed: Vec<&str> = listed.split_whitespace().collect();
        let names = clonezilla::names_in(self.folder);
        let names = names.map_err(|error| Error::io("list", self.folder, error))?;
        let mut partitions = table.partitions.clone();
        partitions.sort_by_key(|partition| partition.offset);
        let mut found = Vec::new();
        for partition in partitions {
            let name = self.partition_name(partition.number);
            let saved = match self.image_of(&name, &names)? {
                Some(image) => Saved::Image(image),
                None => match read_text(&self.folder.join(format!("swappt-{name}.info")))? {
                    Some(info) => Saved::Swap(info),
                    None if listed.contains(&&*name) => {
                        return Err(Error::refused(
                            self.folder,
                            format!("has no image of {name}, which was saved"),
                            "is the folder complete? Images of partclone, ntfsclone and dd are \
                             read, those of partimage are not",
                        ));
                    }
                    None => Saved::Nothing,
                },
            };
            found.push((partition, saved));
        }
        Ok(found)
    }

    /// The first file of the image of a partition. `names` are all in the folder, sorted.
    fn image_of(&self, partition: &str, names: &[String]) -> Result<Option<PathBuf>> {
        let mut images: Vec<(&str, &String)> = names
            .iter()
            .filter_map(|name| Some((clonezilla::image_of(partition, name)?, name)))
            .collect();
        images.dedup_by_key(|(kind, _)| *kind);
        match &images[..] {
            [] => Ok(None),
            [(_, name)] => Ok(Some(self.folder.join(name))),
            [(_, first), (_, second), ..] => Err(Error::refused(
                self.folder,
                format!("has two images of {partition}: {first} and {second}"),
                "move one of them elsewhere",
            )),
        }
    }
}

/// Bytes of the disk, as its GPT or parted has it.
fn disk_size(gpt: Option<&[u8]>, parted: &str, name: &str) -> Option<u64> {
    for sector_size in [SECTOR, LARGE_SECTOR] {
        let header = gpt.and_then(|gpt| gpt.get(sector_size as usize..));
        let header = header.filter(|header| header.starts_with(GPT_SIGNATURE));
        if let Some(last) = header.and_then(|header| number_at(header, GPT_OTHER_SECTOR)) {
            return last.checked_add(1)?.checked_mul(sector_size);
        }
    }
    let line = format!("Disk /dev/{name}:");
    let sectors = parted.lines().find_map(|text| text.strip_prefix(&line))?;
    let sectors: u64 = sectors.trim().strip_suffix('s')?.parse().ok()?;
    sectors.checked_mul(SECTOR)
}

/// Where the backup of a GPT belongs, whose last sector is its header.
fn backup_offset(backup: &[u8]) -> Option<u64> {
    [SECTOR, LARGE_SECTOR].into_iter().find_map(|sector_size| {
        let start = backup.len().checked_sub(sector_size as usize)?;
        let header = backup.get(start..)?;
        if !header.starts_with(GPT_SIGNATURE) {
            return None;
        }
        let offset = number_at(header, GPT_OWN_SECTOR)?.checked_mul(sector_size)?;
        offset.checked_sub(start as u64)
    })
}

fn number_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

fn read_text(path: &Path) -> Result<Option<String>> {
    let bytes = read(path, MAX_TEXT)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// A small file; `None` if it is not there.
fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    match small_file::read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}
