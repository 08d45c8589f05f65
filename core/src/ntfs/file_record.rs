//! All records of one file: its base record and, by its attribute list, its
//! extension records.

use alloc::vec::Vec;

use super::attribute::{Attribute, AttributeType};
use super::attribute_list::{self, Entries, Entry};
use super::mft_record::{FileReference, MftRecord};
use super::value::{self, Value};
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::sorted::sorted;
use crate::units::{RecordNumber, len_u64};

/// Ours: the longest attribute list has 8192 entries; as many records of the
/// usual size.
const MAX_EXTENSION_BYTES: u64 = 32 << 20;

/// All records of one file, their fixups undone.
#[derive(Debug, Clone)]
pub struct FileRecord {
    base: OwnedRecord,
    /// Sorted by number.
    extensions: Vec<OwnedRecord>,
    /// What the attribute list names, if there is one.
    list: Option<Vec<Entry>>,
}

#[derive(Debug, Clone)]
struct OwnedRecord {
    number: RecordNumber,
    bytes: Vec<u8>,
    offset: u64,
}

impl OwnedRecord {
    fn parse(&self) -> Result<MftRecord<'_>> {
        MftRecord::parse(&self.bytes, self.offset)
    }
}

impl FileRecord {
    /// Reads base record `number` and its extension records.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`], also if an extension record is not
    /// one of this file.
    pub fn read<R: ReadAt>(volume: &Volume<R>, number: RecordNumber) -> Result<Self> {
        let (mft, source) = (volume.mft(), volume.source());
        let mut bytes = mft.read_record(source, number)?;
        let offset = mft.record_offset(number).unwrap_or(0);
        MftRecord::from_disk(&mut bytes, offset)?;
        Self::with_base(volume, number, bytes)
    }

    /// As [`FileRecord::read`], with the base record at hand, its fixup undone.
    ///
    /// # Errors
    ///
    /// As [`FileRecord::read`].
    pub fn with_base<R: ReadAt>(
        volume: &Volume<R>,
        number: RecordNumber,
        bytes: Vec<u8>,
    ) -> Result<Self> {
        let (mft, source) = (volume.mft(), volume.source());
        let offset = mft.record_offset(number).unwrap_or(0);
        let base = OwnedRecord {
            number,
            bytes,
            offset,
        };
        let list = attribute_list(volume, &base.parse()?)?;
        let mut file = Self {
            base,
            extensions: Vec::new(),
            list,
        };

        let references: Vec<FileReference> = file
            .list
            .iter()
            .flatten()
            .map(|entry| entry.reference)
            .filter(|reference| reference.record != number)
            .collect();
        let mut references = sorted(references);
        references.dedup();
        let needed =
            u64::from(volume.geometry().mft_record_size).saturating_mul(len_u64(references.len()));
        if needed > MAX_EXTENSION_BYTES {
            return Err(Error::Limit {
                structure: Structure::AttributeList,
                offset,
                found: needed,
                limit: MAX_EXTENSION_BYTES,
            });
        }
        for reference in references {
            let mut bytes = mft.read_record(source, reference.record)?;
            let offset = mft.record_offset(reference.record).unwrap_or(0);
            let extension = MftRecord::from_disk(&mut bytes, offset)?;
            let base = extension.base.map(|base| base.record);
            if base != Some(number) || !extension.in_use {
                return Err(Error::Corrupt {
                    structure: Structure::MftRecord,
                    offset,
                    field: "the base record of an extension record",
                    found: base.map_or(0, |base| base.0),
                    expected: "the file whose attribute list names it",
                });
            }
            let expected = reference.sequence_number;
            if expected != 0 && extension.sequence_number != expected {
                return Err(Error::Corrupt {
                    structure: Structure::MftRecord,
                    offset,
                    field: "the sequence number of an extension record",
                    found: extension.sequence_number.into(),
                    expected: "the one in the attribute list",
                });
            }
            file.extensions.push(OwnedRecord {
                number: reference.record,
                bytes,
                offset,
            });
        }
        Ok(file)
    }

    /// The base record.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: its header is damaged.
    pub fn base(&self) -> Result<MftRecord<'_>> {
        self.base.parse()
    }

    /// All attributes of the file, those in extension records where the
    /// attribute list names them. The attribute list comes first.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: an attribute is damaged, or named by the list and
    /// not there.
    pub fn attributes(&self) -> Result<Vec<Attribute<'_>>> {
        let base = self.base.parse()?;
        let Some(list) = &self.list else {
            return base.attributes().collect();
        };
        let mut attributes: Vec<Attribute<'_>> = Vec::new();
        for attribute in base.attributes() {
            let attribute = attribute?;
            if attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST) {
                attributes.push(attribute);
            }
        }
        for entry in list {
            attributes.push(self.find(entry)?);
        }
        Ok(attributes)
    }

    /// The value of the first attribute of that type and name (UTF-16,
    /// little-endian), all its pieces joined.
    ///
    /// # Errors
    ///
    /// As [`FileRecord::attributes`]; the pieces do not make one value.
    pub fn value(&self, type_code: AttributeType, name: &[u8]) -> Result<Option<Value>> {
        let attributes = self.attributes()?;
        value::join(
            attributes
                .into_iter()
                .filter(|attribute| attribute.type_code == type_code && attribute.name == name),
        )
    }

    fn find(&self, entry: &Entry) -> Result<Attribute<'_>> {
        let number = entry.reference.record;
        let owned = match self
            .extensions
            .binary_search_by_key(&number, |record| record.number)
        {
            Ok(index) => self.extensions.get(index).unwrap_or(&self.base),
            Err(_) => &self.base,
        };
        for attribute in owned.parse()?.attributes() {
            let attribute = attribute?;
            if attribute.type_code == entry.type_code && attribute.instance == entry.instance {
                return Ok(attribute);
            }
        }
        Err(Error::Corrupt {
            structure: Structure::AttributeList,
            offset: self.base.offset,
            field: "an entry for an attribute that is not there, in record",
            found: number.0,
            expected: "only attributes that are",
        })
    }
}

/// The entries of a record's attribute list, if it has one.
fn attribute_list<R: ReadAt>(
    volume: &Volume<R>,
    base: &MftRecord<'_>,
) -> Result<Option<Vec<Entry>>> {
    let mut pieces = Vec::new();
    for attribute in base.attributes() {
        let attribute = attribute?;
        if attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST) {
            pieces.push(attribute);
        }
    }
    let Some(list) = value::join(pieces)? else {
        return Ok(None);
    };
    let bytes = list.read_all(volume.source(), volume.geometry(), attribute_list::MAX_SIZE)?;
    let entries = Entries::new(&bytes, base.offset()).collect::<Result<Vec<Entry>>>()?;
    check_unique(&entries, base.offset())?;
    Ok(Some(entries))
}

/// A list that names attributes again and again would be looked at for hours,
/// their runs each time.
fn check_unique(entries: &[Entry], offset: u64) -> Result<()> {
    let named: Vec<(RecordNumber, u16, AttributeType)> = entries
        .iter()
        .map(|entry| (entry.reference.record, entry.instance, entry.type_code))
        .collect();
    let named = sorted(named);
    let twice = named
        .iter()
        .zip(named.iter().skip(1))
        .find(|(one, other)| one == other);
    match twice {
        None => Ok(()),
        Some(((record, ..), _)) => Err(Error::Corrupt {
            structure: Structure::AttributeList,
            offset,
            field: "an entry for an attribute that is named twice, in record",
            found: record.0,
            expected: "one entry for each attribute",
        }),
    }
}
