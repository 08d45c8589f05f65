//! The names in all MFT records, by the directory that each stands in.

use alloc::vec::Vec;

use super::details::Details;
use super::directory::Named;
use super::entry::Entry;
use super::records::each_record;
use crate::clusters::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::attribute::{AttributeBody, AttributeType};
use crate::ntfs::file_name::{FileName, Namespace};
use crate::ntfs::mft_record::{FileReference, MftRecord};
use crate::units::RecordNumber;

/// The names of all files in use. Takes some 200 bytes a name.
#[derive(Debug)]
pub(super) struct RecordNames {
    /// Directory and name, sorted by directory.
    names: Vec<Listed>,
}

/// A directory, and a name in it.
type Listed = (RecordNumber, Entry, Namespace);

impl RecordNames {
    /// Reads all records. Damaged ones are passed over, as far as they are damaged.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]; `$MFT` is damaged.
    pub(super) fn read<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let mut names = Vec::new();
        let mut failed = Ok(());
        let mut rest = Part::all(volume);
        let mut walk = Walk::new(volume);
        while !rest.is_empty() && failed.is_ok() {
            walk.visit_some(&mut rest, &mut |record, attributes| {
                let Ok(attributes) = attributes else { return };
                let details = match Details::of(volume, attributes) {
                    Ok(details) => details,
                    Err(error) => {
                        failed = Err(error);
                        return;
                    }
                };
                let reference = FileReference {
                    record,
                    sequence_number: 0,
                };
                for attribute in attributes {
                    if attribute.type_code == AttributeType::FILE_NAME
                        && let AttributeBody::Resident(value) = attribute.body
                        && let Some(named) = Named::of_key(value, reference)
                        && let Some(name) = FileName::parse(value)
                        && name.parent.record != record
                    {
                        let entry = Entry {
                            name: named.entry.name,
                            ..details.entry(reference)
                        };
                        names.push((name.parent.record, entry, named.namespace));
                    }
                }
            })?;
        }
        failed?;
        names.sort_by_key(key);
        let found = names_in_extensions(volume, &names)?;
        if !found.is_empty() {
            names.extend(found);
            names.sort_by_key(key);
        }
        Ok(Self { names })
    }

    /// The names in a directory.
    pub(super) fn in_directory(&self, directory: RecordNumber) -> Vec<Named> {
        let first = self
            .names
            .partition_point(|(parent, ..)| *parent < directory);
        let names = self.names.get(first..).unwrap_or_default().iter();
        names
            .take_while(|(parent, ..)| *parent == directory)
            .map(|(_, entry, namespace)| Named {
                entry: entry.clone(),
                namespace: *namespace,
            })
            .collect()
    }
}

/// What the names are sorted by: directory and file.
fn key((parent, entry, _): &Listed) -> (RecordNumber, RecordNumber) {
    (*parent, entry.reference.record)
}

/// The names in extension records that are not in `names`, which are sorted: attribute lists that should name them are
/// damaged.
fn names_in_extensions<R: ReadAt>(volume: &Volume<R>, names: &[Listed]) -> Result<Vec<Listed>> {
    let mut found = Vec::new();
    each_record(volume, &mut |number, bytes| {
        let offset = volume.mft().record_offset(number).unwrap_or(0);
        let Ok(record) = MftRecord::from_disk(bytes, offset) else {
            return Ok(());
        };
        let Some(base) = record.base.filter(|_| record.in_use) else {
            return Ok(());
        };
        for attribute in record.attributes().filter_map(Result::ok) {
            let AttributeBody::Resident(value) = attribute.body else {
                continue;
            };
            if attribute.type_code != AttributeType::FILE_NAME {
                continue;
            }
            let (Some(name), Some(named)) = (FileName::parse(value), Named::of_key(value, base))
            else {
                continue;
            };
            let wanted = (name.parent.record, base.record);
            let first = names.partition_point(|listed| key(listed) < wanted);
            let of_file = names.get(first..).unwrap_or_default().iter();
            let is_known = of_file
                .take_while(|listed| key(listed) == wanted)
                .any(|(_, entry, _)| entry.name == named.entry.name);
            if is_known {
                continue;
            }
            let details = match Details::read(volume, base) {
                Err(error) if error.is_damage() => continue,
                details => details?,
            };
            let entry = Entry {
                name: named.entry.name,
                ..details.entry(base)
            };
            found.push((name.parent.record, entry, named.namespace));
        }
        Ok(())
    })?;
    Ok(found)
}
