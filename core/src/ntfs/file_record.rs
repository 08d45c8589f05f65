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
        let damaged = &mut Err;
        let bytes = base(volume, number, damaged)?;
        Self::gather(volume, number, bytes, damaged)
    }

    /// Like [`FileRecord::read`], but leaves out what is damaged beside the
    /// header of the base record.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]: the base record is damaged as a whole.
    pub fn salvage<R: ReadAt>(volume: &Volume<R>, number: RecordNumber) -> Result<Self> {
        let damaged = &mut |error: Error| match error.is_damage() {
            true => Ok(()),
            false => Err(error),
        };
        let bytes = base(volume, number, damaged)?;
        Self::gather(volume, number, bytes, damaged)
    }

    /// The records of a file whose base record is `bytes`, its fixup undone.
    /// Leaves out what is damaged, and calls `damaged` with each error.
    ///
    /// # Errors
    ///
    /// Those that `damaged` returns.
    pub(crate) fn gather<R: ReadAt>(
        volume: &Volume<R>,
        number: RecordNumber,
        bytes: Vec<u8>,
        damaged: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<Self> {
        let offset = volume.mft().record_offset(number).unwrap_or(0);
        let base = OwnedRecord {
            number,
            bytes,
            offset,
        };
        let (list, in_use) = match base.parse() {
            Ok(base) => (attribute_list(volume, &base, damaged)?, base.in_use),
            Err(error) => {
                damaged(error)?;
                (None, true)
            }
        };
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
            damaged(Error::Limit {
                structure: Structure::AttributeList,
                offset,
                found: needed,
                limit: MAX_EXTENSION_BYTES,
            })?;
            references.clear();
        }
        for reference in references {
            match extension(volume, (number, in_use), reference, damaged) {
                Ok(extension) => file.extensions.push(extension),
                Err(error) => damaged(error)?,
            }
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

    /// What the attribute list names; `None` if there is no list.
    pub(crate) fn list(&self) -> Option<&[Entry]> {
        self.list.as_deref()
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

    /// All attributes of a damaged file that can be read: the attribute list,
    /// those that it names, in its order, then those that it does not. Calls
    /// `damaged` with each error.
    pub fn salvaged_attributes(&self, damaged: &mut dyn FnMut(Error)) -> Vec<Attribute<'_>> {
        let mut all: Vec<Attribute<'_>> = Vec::new();
        // A search for each entry would take hours, on a volume made for that.
        let mut keys = Vec::new();
        for owned in core::iter::once(&self.base).chain(&self.extensions) {
            let record = match owned.parse() {
                Ok(record) => record,
                Err(error) => {
                    damaged(error);
                    continue;
                }
            };
            for attribute in record.attributes() {
                match attribute {
                    Ok(attribute) => {
                        keys.push((key(owned.number, &attribute), all.len()));
                        all.push(attribute);
                    }
                    Err(error) => damaged(error),
                }
            }
        }
        let Some(list) = &self.list else {
            return all;
        };
        let keys = sorted(keys);
        let mut rest: Vec<Option<Attribute<'_>>> = all.into_iter().map(Some).collect();
        let mut attributes: Vec<Attribute<'_>> = Vec::new();
        for slot in &mut rest {
            let is_list =
                |attribute: &mut Attribute<'_>| attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST);
            attributes.extend(slot.take_if(is_list));
        }
        for entry in list {
            let wanted = (entry.reference.record, entry.type_code, entry.instance);
            let found = keys.partition_point(|(key, _)| *key < wanted);
            match keys.get(found).filter(|(key, _)| *key == wanted) {
                Some((_, index)) => {
                    attributes.extend(rest.get_mut(*index).and_then(Option::take));
                }
                None => damaged(self.not_there(entry)),
            }
        }
        attributes.extend(rest.into_iter().flatten());
        attributes
    }

    /// The value of the first attribute of that type and name (UTF-16,
    /// little-endian), all its pieces joined.
    ///
    /// Other attributes may be damaged.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: there is none, but something is damaged that may be
    /// it; the pieces do not make one value.
    pub fn value(&self, type_code: AttributeType, name: &[u8]) -> Result<Option<Value>> {
        let mut damage = None;
        let mut attributes = self.salvaged_attributes(&mut |error| {
            damage.get_or_insert(error);
        });
        attributes.retain(|attribute| attribute.type_code == type_code && attribute.name == name);
        match (attributes.is_empty(), damage) {
            (true, Some(damage)) => Err(damage),
            _ => value::join(attributes),
        }
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
        Err(self.not_there(entry))
    }

    fn not_there(&self, entry: &Entry) -> Error {
        Error::Corrupt {
            structure: Structure::AttributeList,
            offset: self.base.offset,
            field: "an entry for an attribute that is not there, in record",
            found: entry.reference.record.0,
            expected: "only attributes that are",
        }
    }
}

/// What an attribute list names an attribute by.
fn key(record: RecordNumber, attribute: &Attribute<'_>) -> (RecordNumber, AttributeType, u16) {
    (record, attribute.type_code, attribute.instance)
}

/// Reads a base record, and undoes its fixup. `damaged` as in
/// [`FileRecord::gather`].
fn base<R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
    damaged: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut bytes = volume.mft().read_record(volume.source(), number)?;
    let offset = volume.mft().record_offset(number).unwrap_or(0);
    MftRecord::salvage(&mut bytes, offset, damaged)?;
    MftRecord::parse(&bytes, offset)?;
    Ok(bytes)
}

/// Reads the extension record of file `number` that `reference` names. With the file, its extension records get out
/// of use, and the next sequence number.
fn extension<R: ReadAt>(
    volume: &Volume<R>,
    (number, in_use): (RecordNumber, bool),
    reference: FileReference,
    damaged: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<OwnedRecord> {
    let mft = volume.mft();
    let mut bytes = mft.read_record(volume.source(), reference.record)?;
    let offset = mft.record_offset(reference.record).unwrap_or(0);
    MftRecord::salvage(&mut bytes, offset, damaged)?;
    let extension = MftRecord::parse(&bytes, offset)?;
    let base = extension.base.map(|base| base.record);
    if base != Some(number) || extension.in_use != in_use {
        return Err(Error::Corrupt {
            structure: Structure::MftRecord,
            offset,
            field: "the base record of an extension record",
            found: base.map_or(0, |base| base.0),
            expected: "the file whose attribute list names it",
        });
    }
    let expected = reference.sequence_number;
    let is_next = !in_use && extension.sequence_number == expected.wrapping_add(1);
    if expected != 0 && extension.sequence_number != expected && !is_next {
        return Err(Error::Corrupt {
            structure: Structure::MftRecord,
            offset,
            field: "the sequence number of an extension record",
            found: extension.sequence_number.into(),
            expected: "the one in the attribute list",
        });
    }
    Ok(OwnedRecord {
        number: reference.record,
        bytes,
        offset,
    })
}

/// The entries of a record's attribute list, if it has one; of a damaged list,
/// those before the damage. Errors as in [`FileRecord::gather`].
fn attribute_list<R: ReadAt>(
    volume: &Volume<R>,
    base: &MftRecord<'_>,
    damaged: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<Option<Vec<Entry>>> {
    let mut pieces = Vec::new();
    for attribute in base.attributes() {
        match attribute {
            Ok(attribute) if attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST) => {
                pieces.push(attribute);
            }
            Ok(_) => {}
            Err(error) => damaged(error)?,
        }
    }
    let list = value::join(pieces).and_then(|list| {
        let Some(list) = list else { return Ok(None) };
        let limit = attribute_list::MAX_SIZE;
        list.read_all(volume.source(), volume.geometry(), limit)
            .map(Some)
    });
    let bytes = match list {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error) => {
            damaged(error)?;
            return Ok(None);
        }
    };
    let mut entries = Vec::new();
    for entry in Entries::new(&bytes, base.offset()) {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => damaged(error)?,
        }
    }
    if let Err(error) = check_unique(&entries, base.offset()) {
        damaged(error)?;
    }
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
