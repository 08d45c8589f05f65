//! The files of a saved disk: its tables, lists and images, by their names.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use ntfsclone_core::open::{Kind, Partition, PartitionTable};

use super::known_bytes::KnownBytes;
use super::{Saved, logical};
use crate::error::{Error, Result};
use crate::input::clonezilla;
use crate::report;
use crate::source::small_file;

/// Ours: lists and tables are much smaller.
const MAX_TEXT: u64 = 1 << 20;
/// Ours: what is before the first partition. Clonezilla saves 1 MiB, or what is there.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes of a sector of most disks.
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

/// The disks that were saved to a folder.
pub(super) fn disks_in(folder: &Path) -> Result<Vec<String>> {
    let text = read_text(&folder.join("disk"))?.unwrap_or_default();
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Of all files of a folder.
pub(super) fn metadata_in(folder: &Path) -> io::Result<Vec<Metadata>> {
    let entries = fs::read_dir(folder)?.flatten();
    Ok(entries
        .filter_map(|entry| fs::metadata(entry.path()).ok())
        .collect())
}

pub(super) fn has_table(folder: &Path, name: &str) -> bool {
    let files = ["mbr", "gpt-1st"];
    files
        .iter()
        .any(|file| folder.join(format!("{name}-{file}")).is_file())
}

/// What is saved of a disk but its partitions.
pub(super) struct Tables {
    pub(super) known: KnownBytes,
    is_size_known: bool,
    /// Of a GPT.
    has_backup: bool,
}

/// The files of a saved disk.
pub(super) struct DiskFiles<'a> {
    pub(super) folder: &'a Path,
    /// Of the disk, when it was saved: `sda`.
    pub(super) name: &'a str,
}

impl DiskFiles<'_> {
    /// The bytes of the file whose name is that of the disk with `suffix`; `None` if it is not
    /// there.
    fn bytes(&self, suffix: &str) -> Result<Option<Vec<u8>>> {
        let path = self.folder.join(format!("{}{suffix}", self.name));
        read(&path, MAX_BYTES)
    }

    pub(super) fn text(&self, suffix: &str) -> Result<Option<String>> {
        read_text(&self.folder.join(format!("{}{suffix}", self.name)))
    }

    /// The name of a partition of the disk.
    fn partition_name(&self, number: u32) -> String {
        let ends_in_digit = self.name.ends_with(|letter: char| letter.is_ascii_digit());
        let separator = if ends_in_digit { "p" } else { "" };
        format!("{}{separator}{number}", self.name)
    }

    /// Refuses a disk with volumes of LVM or LUKS: their content is saved by itself.
    pub(super) fn refuse_layers(&self) -> Result<()> {
        for (file, what) in [("lvm_vg_dev.list", "LVM"), ("luks-dev.list", "LUKS")] {
            let text = read_text(&self.folder.join(file))?.unwrap_or_default();
            let mut words = text.split_whitespace();
            if let Some(partition) = words.find(|word| self.is_on_disk(word)) {
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

    /// What is saved of the disk but its partitions. `parted` is what that printed.
    pub(super) fn tables(&self, parted: &str) -> Result<Tables> {
        let mut known = KnownBytes::default();
        let dump = self.text("-pt.sf")?.unwrap_or_default();
        let dumped = logical::parse_dump(&dump, self.name);
        if let Some(hidden) = self.bytes("-hidden-data-after-mbr")? {
            known.put(SECTOR, hidden);
        }
        if let Some(mbr) = self.bytes("-mbr")? {
            self.put_links(&mbr, &dumped, &mut known)?;
            known.put(0, mbr);
        }
        let gpt = self.bytes("-gpt-1st")?;
        let size = disk_size(gpt.as_deref(), parted, self.name);
        if let Some(gpt) = gpt {
            known.put(0, gpt);
        }
        let ends = dumped.iter().map(|one| (one.start + one.len) * SECTOR);
        let end_of_last = ends.max().unwrap_or(0).next_multiple_of(ALIGNMENT);
        known.extend_to(size.unwrap_or(end_of_last));
        let backup = self.bytes("-gpt-2nd")?;
        let backup = backup.and_then(|bytes| Some((backup_offset(&bytes)?, bytes)));
        let has_backup = backup.is_some();
        if let Some((offset, bytes)) = backup {
            known.put(offset, bytes);
        }
        Ok(Tables {
            known,
            is_size_known: size.is_some(),
            has_backup,
        })
    }

    /// Warns of files that are not there and without which the copy lacks something.
    pub(super) fn warn_of_missing(&self, tables: &Tables, table: &PartitionTable) {
        let Self { folder, name } = self;
        if table.kind == Kind::Gpt && !tables.has_backup {
            report::warning(format!(
                "{}: the backup of the partition table is not there ({name}-gpt-2nd); sgdisk -e \
                 makes one on the copy",
                folder.display()
            ));
        }
        if !tables.is_size_known {
            report::warning(format!(
                "{}: the size of the disk is not known (there is no {name}-pt.parted); it ends \
                 after its last partition",
                folder.display()
            ));
        }
    }

    /// Whether a device is the disk or a partition of it.
    fn is_on_disk(&self, device: &str) -> bool {
        let number = device
            .strip_prefix("/dev/")
            .and_then(|name| name.strip_prefix(self.name))
            .map(|rest| rest.strip_prefix('p').unwrap_or(rest));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// An MBR does not record what it counts in; parted does.
    pub(super) fn refuse_large_sectors(&self, table: &PartitionTable, parted: &str) -> Result<()> {
        if table.kind == Kind::Gpt || sector_size_of(parted) == SECTOR {
            return Ok(());
        }
        Err(Error::refused(
            &self.folder.join(self.name),
            "has a master boot record that counts in sectors of more than 512 bytes",
            "restore it with Clonezilla",
        ))
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
    pub(super) fn partitions(&self, table: &PartitionTable) -> Result<Vec<(Partition, Saved)>> {
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
    sectors.checked_mul(sector_size_of(parted))
}

/// Bytes of a sector, as parted printed them: `Sector size (logical/physical): 512B/4096B`.
fn sector_size_of(parted: &str) -> u64 {
    let mut lines = parted.lines();
    let size = lines.find_map(|line| {
        let sizes = line.strip_prefix("Sector size (logical/physical):")?;
        sizes.trim().split_once('B')?.0.parse().ok()
    });
    size.unwrap_or(SECTOR)
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
