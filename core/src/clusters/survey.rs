//! What a volume holds: its files, by name and size, and which clusters are
//! whose.

use alloc::string::String;
use alloc::vec::Vec;

use super::claims::BAD_STREAM;
use super::walk::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::file_name::known_name;
use crate::ntfs::mft::{RECORD_BAD_CLUSTERS, RECORD_MFT, RECORD_MFT_MIRROR, RECORD_ROOT};
use crate::units::{Extent, RecordNumber, len_u64};

/// Records before this one are the file system's own.
const FIRST_USER_RECORD: RecordNumber = RecordNumber(24);

/// `$Extend`, the directory of the file system's later files.
const RECORD_EXTEND: RecordNumber = RecordNumber(11);

/// Ours: on a damaged volume, the files of one step may have more runs than
/// there is room for.
const MAX_HELD: usize = 1 << 20;

/// What clusters are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "typescript", ts(rename_all = "lowercase"))]
pub enum Holder {
    /// `$MFT` and its mirror.
    Mft,
    /// The other files of the file system.
    System,
    /// A directory's index.
    Directory,
    /// A file.
    File,
    /// Nothing: they are bad.
    Bad,
}

/// A file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Surveyed {
    /// Its record.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub record: u64,
    /// The record of the directory it stands in; its own of the root.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub parent: u64,
    /// Its name; none where no record tells. Untrusted, like all names.
    pub name: Option<String>,
    /// What it is.
    pub holder: Holder,
    /// Bytes of its content; of a directory none.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub size: u64,
    /// Clusters that it has, whatever for.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub clusters: u64,
}

impl Surveyed {
    /// Files as a JSON array, for programs.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Memory`].
    #[cfg(feature = "serde")]
    pub fn list_to_json(files: &[Self]) -> Result<String> {
        serde_json::to_string(files).map_err(|_| crate::Error::Memory {
            structure: crate::error::Structure::Volume,
            len: 0,
        })
    }
}

/// Clusters, and whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The clusters. Of a damaged volume, some may be past its end, or held by
    /// several.
    pub extent: Extent,
    /// The file.
    pub record: RecordNumber,
    /// What for.
    pub holder: Holder,
}

/// A walk over all files in use. What is damaged is passed over.
#[derive(Debug)]
pub struct Survey {
    rest: Part,
}

impl Survey {
    /// A survey that has not begun.
    pub fn new<R: ReadAt>(volume: &Volume<R>) -> Self {
        Self {
            rest: Part::all(volume),
        }
    }

    /// Looks at the next records, and adds what they tell, but for clusters
    /// beyond a million extents; false if there are none. After an error, it can
    /// be tried again.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]: `$MFT` cannot be read.
    pub fn step<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        files: &mut Vec<Surveyed>,
        held: &mut Vec<Held>,
    ) -> Result<bool> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        Walk::new(volume).visit_some(&mut self.rest, &mut |record, attributes| {
            if let Ok(attributes) = attributes {
                files.push(survey(record, attributes, held));
            }
        })?;
        Ok(true)
    }

    /// The records that are yet to be looked at.
    pub fn rest(&self) -> &Part {
        &self.rest
    }
}

fn survey(record: RecordNumber, attributes: &[Attribute<'_>], held: &mut Vec<Held>) -> Surveyed {
    let name = known_name(attributes);
    let parent = name.map_or(RECORD_ROOT, |name| name.parent.record);
    let is_directory = attributes
        .iter()
        .any(|attribute| attribute.type_code == AttributeType::INDEX_ROOT);
    let holder = match record {
        RECORD_MFT | RECORD_MFT_MIRROR => Holder::Mft,
        RECORD_ROOT => Holder::Directory,
        _ if record < FIRST_USER_RECORD || parent == RECORD_EXTEND => Holder::System,
        _ if is_directory => Holder::Directory,
        _ => Holder::File,
    };
    let mut surveyed = Surveyed {
        record: record.0,
        parent: parent.0,
        name: name.map(|name| name.to_text()),
        holder,
        size: 0,
        clusters: 0,
    };
    for attribute in attributes {
        let is_content = attribute.is_unnamed(AttributeType::DATA);
        let body = match attribute.body {
            AttributeBody::Resident(value) => {
                if is_content {
                    surveyed.size = len_u64(value.len());
                }
                continue;
            }
            AttributeBody::NonResident(body) => body,
        };
        if is_content && body.lowest_vcn.0 == 0 {
            surveyed.size = body.data_size;
        }
        let are_bad = record == RECORD_BAD_CLUSTERS && attribute.name == BAD_STREAM;
        let holder = match are_bad {
            true => Holder::Bad,
            false => holder,
        };
        for extent in body
            .runs()
            .map_while(Result::ok)
            .filter_map(|run| run.extent())
        {
            surveyed.clusters = surveyed.clusters.saturating_add(extent.len);
            if held.len() < MAX_HELD {
                held.push(Held {
                    extent,
                    record,
                    holder,
                });
            }
        }
    }
    surveyed
}
