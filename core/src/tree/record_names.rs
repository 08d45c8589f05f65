//! The names in all MFT records, by the directory that each stands in.

use alloc::vec::Vec;

use super::details::Details;
use super::directory::Named;
use super::entry::Entry;
use crate::clusters::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::attribute::{AttributeBody, AttributeType};
use crate::ntfs::file_name::FileName;
use crate::ntfs::mft_record::FileReference;
use crate::units::RecordNumber;

/// The names of all files in use. Takes some 200 bytes a name.
#[derive(Debug)]
pub(super) struct RecordNames {
    /// Directory and name, sorted by directory.
    names: Vec<(RecordNumber, Entry, crate::ntfs::file_name::Namespace)>,
}

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
                            kind: details.kind,
                            size: details.size,
                            allocated: details.allocated,
                            times: details.times,
                            attributes: details.attributes,
                            ..named.entry
                        };
                        names.push((name.parent.record, entry, named.namespace));
                    }
                }
            })?;
        }
        failed?;
        names.sort_by_key(|(parent, ..)| *parent);
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
