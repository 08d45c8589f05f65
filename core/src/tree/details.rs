//! What the records of a file say of it.

use alloc::vec::Vec;

use super::entry::{Entry, Kind, REPARSE_POINT, Times};
use super::name::Name;
use super::target::Target;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::{
    Attribute, AttributeBody, AttributeType, COMPRESSION_MASK, ENCRYPTED, SPARSE,
};
use crate::ntfs::content::reparse_point;
use crate::ntfs::index::DIRECTORY_INDEX;
use crate::ntfs::mft_record::FileReference;
use crate::ntfs::record::u32_at;
use crate::ntfs::{FileRecord, Volume};
use crate::units::len_u64;

/// Where `$STANDARD_INFORMATION` has its DOS attributes, after four times.
const ATTRIBUTES_OFFSET: usize = 0x20;

/// What the records of a file say of it.
#[derive(Debug, Clone)]
pub struct Details {
    /// What it is.
    pub kind: Kind,
    /// Bytes of its content; 0 of a directory.
    pub size: u64,
    /// Bytes of the clusters of its content; 0 if that is in the record.
    pub allocated: u64,
    /// Its times.
    pub times: Times,
    /// Its DOS attributes.
    pub attributes: u32,
    /// Its names, without short ones.
    pub links: u64,
    /// Its named streams.
    pub streams: Vec<StreamSize>,
    /// Where it leads, if it is a link.
    pub target: Option<Target>,
    /// Whether its content is encrypted by EFS.
    pub is_encrypted: bool,
}

/// A named stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSize {
    /// Its name.
    pub name: Name,
    /// Its bytes.
    pub size: u64,
    /// Bytes of its clusters.
    pub allocated: u64,
}

impl Details {
    /// Reads the records of a file. What is damaged of them beside the header is left out.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]: the record is damaged, not in use, or that of a later file.
    pub fn read<R: ReadAt>(volume: &Volume<R>, file: FileReference) -> Result<Self> {
        let record = FileRecord::salvage(volume, file.record)?;
        let base = record.base()?;
        let is_same = file.sequence_number == 0 || file.sequence_number == base.sequence_number;
        if !base.in_use || base.base.is_some() || !is_same {
            return Err(Error::Corrupt {
                structure: Structure::MftRecord,
                offset: base.offset(),
                field: "its sequence number",
                found: base.sequence_number.into(),
                expected: "that of its directory's entry, in use",
            });
        }
        Self::of(volume, &record.salvaged_attributes(&mut |_| {}))
    }

    /// An entry without a name.
    pub(super) fn entry(&self, reference: FileReference) -> Entry {
        Entry {
            kind: self.kind,
            size: self.size,
            allocated: self.allocated,
            times: self.times,
            attributes: self.attributes,
            ..Entry::directory(reference)
        }
    }

    pub(super) fn of<R: ReadAt>(volume: &Volume<R>, attributes: &[Attribute<'_>]) -> Result<Self> {
        let mut details = Self {
            kind: Kind::File,
            size: 0,
            allocated: 0,
            times: Times::default(),
            attributes: 0,
            links: 0,
            streams: Vec::new(),
            target: None,
            is_encrypted: false,
        };
        let mut is_directory = false;
        for attribute in attributes {
            match (attribute.type_code, attribute.body) {
                (AttributeType::STANDARD_INFORMATION, AttributeBody::Resident(value)) => {
                    details.take_standard_information(value);
                }
                (AttributeType::FILE_NAME, AttributeBody::Resident(value)) => {
                    let name = crate::ntfs::file_name::FileName::parse(value);
                    if name.is_some_and(|name| !name.is_dos_only) {
                        details.links = details.links.saturating_add(1);
                    }
                }
                // Files of the file system, such as `$Secure`, have other indexes.
                (AttributeType::INDEX_ROOT, _) if attribute.name == DIRECTORY_INDEX => {
                    is_directory = true;
                }
                (AttributeType::DATA, _) => details.take_data(attribute),
                _ => {}
            }
        }
        let point = match reparse_point(volume, attributes) {
            Err(error) if !error.is_damage() => return Err(error),
            point => point.ok().flatten(),
        };
        let tag = point.as_deref().and_then(|point| u32_at(point, 0));
        let tag = tag.or((details.attributes & REPARSE_POINT != 0).then_some(0));
        details.kind = Kind::of(is_directory, tag);
        details.target = point.as_deref().and_then(Target::of);
        Ok(details)
    }

    fn take_standard_information(&mut self, value: &[u8]) {
        let (times, _) = value.as_chunks::<8>();
        if let [created, modified, record_changed, accessed, ..] = times {
            self.times = Times {
                created: u64::from_le_bytes(*created),
                modified: u64::from_le_bytes(*modified),
                record_changed: u64::from_le_bytes(*record_changed),
                accessed: u64::from_le_bytes(*accessed),
            };
        }
        self.attributes = u32_at(value, ATTRIBUTES_OFFSET).unwrap_or(0);
    }

    /// Takes the sizes of content, which its first piece has.
    fn take_data(&mut self, attribute: &Attribute<'_>) {
        let (size, allocated) = match attribute.body {
            AttributeBody::Resident(value) => (len_u64(value.len()), 0),
            AttributeBody::NonResident(body) if body.lowest_vcn.0 == 0 => {
                let is_packed = attribute.flags & (COMPRESSION_MASK | SPARSE) != 0;
                let compressed = body.compressed_size().filter(|_| is_packed);
                (body.data_size, compressed.unwrap_or(body.allocated_size))
            }
            AttributeBody::NonResident(_) => return,
        };
        if attribute.name.is_empty() {
            self.size = size;
            self.allocated = allocated;
            self.is_encrypted = attribute.flags & ENCRYPTED != 0;
        } else {
            self.streams.push(StreamSize {
                name: Name::from_utf16(attribute.name),
                size,
                allocated,
            });
        }
    }
}
