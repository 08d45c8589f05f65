//! Lists the files of a volume with names and sizes, and the clusters of each.

use alloc::string::String;
use alloc::vec::Vec;

use super::claims::BAD_STREAM;
use super::walk::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::file_name::{FileName, decode_utf16, known_name};
use crate::ntfs::mft::{
    RECORD_BAD_CLUSTERS, RECORD_EXTEND, RECORD_MFT, RECORD_MFT_MIRROR, RECORD_ROOT,
};
use crate::ntfs::record::u32_at;
use crate::units::{Extent, RecordNumber, len_u64};

/// Records before this one are the file system's own.
const FIRST_USER_RECORD: RecordNumber = RecordNumber(24);

/// Ours: on a damaged volume, the files of one step may have more runs than
/// there is room for.
const MAX_HELD: usize = 1 << 20;

/// Where the time of the last change is in `$STANDARD_INFORMATION`.
const MODIFIED_OFFSET: usize = 8;
/// Milliseconds from 1601 to 1970.
const MS_TO_1970: i64 = 11_644_473_600_000;

/// The bit of a reparse tag that marks a name surrogate: a link or mount point.
const NAME_SURROGATE: u32 = 0x2000_0000;

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
    /// Bad clusters.
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
    /// Its other names, each a hard link; short ones are left out. Empty for most files.
    pub other_names: Vec<SurveyedName>,
    /// What it is.
    pub holder: Holder,
    /// Bytes of its content; of a directory none.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub size: u64,
    /// When its content was changed last: milliseconds since 1970. None where no
    /// record tells.
    #[cfg_attr(feature = "typescript", ts(type = "number | null"))]
    pub modified: Option<i64>,
    /// Whether it leads to something else: a symbolic link, or the mount point
    /// of another volume.
    pub is_link: bool,
    /// Its named streams.
    pub streams: Vec<SurveyedStream>,
    /// Clusters of all its attributes.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub clusters: u64,
}

/// Another name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SurveyedName {
    /// The record of the directory it stands in.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub parent: u64,
    /// The name. Untrusted.
    pub name: String,
}

/// Named content of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SurveyedStream {
    /// Its name. Untrusted.
    pub name: String,
    /// Its bytes.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub size: u64,
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

/// Clusters, and the file they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The clusters. Of a damaged volume, some may be past its end, or held by
    /// several.
    pub extent: Extent,
    /// The file.
    pub record: RecordNumber,
    /// What they are used for.
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

    /// The records that are still to be read.
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
        other_names: other_names(attributes),
        holder,
        size: 0,
        modified: modified(attributes),
        is_link: is_link(attributes),
        streams: Vec::new(),
        clusters: 0,
    };
    for attribute in attributes {
        surveyed.add_size(attribute);
        let AttributeBody::NonResident(body) = attribute.body else {
            continue;
        };
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

impl Surveyed {
    /// Takes the size of content, which the first piece of it tells.
    fn add_size(&mut self, attribute: &Attribute<'_>) {
        let size = match attribute.body {
            AttributeBody::Resident(value) => len_u64(value.len()),
            AttributeBody::NonResident(body) if body.lowest_vcn.0 == 0 => body.data_size,
            AttributeBody::NonResident(_) => return,
        };
        if attribute.is_unnamed(AttributeType::DATA) {
            self.size = size;
        } else if attribute.type_code == AttributeType::DATA {
            self.streams.push(SurveyedStream {
                name: decode_utf16(attribute.name),
                size,
            });
        }
    }
}

/// The names but for the first one that is not only for MS-DOS, which is the [known](known_name) one.
fn other_names(attributes: &[Attribute<'_>]) -> Vec<SurveyedName> {
    let names = attributes
        .iter()
        .filter(|attribute| attribute.type_code == AttributeType::FILE_NAME)
        .filter_map(|attribute| match attribute.body {
            AttributeBody::Resident(value) => FileName::parse(value),
            AttributeBody::NonResident(_) => None,
        });
    let others = names.filter(|name| !name.is_dos_only).skip(1);
    let others = others.map(|name| SurveyedName {
        parent: name.parent.record.0,
        name: name.to_text(),
    });
    others.collect()
}

/// The time of the last change in `$STANDARD_INFORMATION`.
fn modified(attributes: &[Attribute<'_>]) -> Option<i64> {
    let value = resident(attributes, AttributeType::STANDARD_INFORMATION)?;
    let (time, _) = value.get(MODIFIED_OFFSET..)?.split_first_chunk()?;
    // In units of 100 ns since 1601; 0 is written where there is no time.
    let time = Some(u64::from_le_bytes(*time)).filter(|&time| time != 0)?;
    let since_1601 = time.checked_div(10_000)?;
    i64::try_from(since_1601).ok()?.checked_sub(MS_TO_1970)
}

/// Whether the reparse tag is one of another name for something.
fn is_link(attributes: &[Attribute<'_>]) -> bool {
    let value = resident(attributes, AttributeType::REPARSE_POINT);
    let tag = value.and_then(|value| u32_at(value, 0));
    tag.is_some_and(|tag| tag & NAME_SURROGATE != 0)
}

fn resident<'a>(attributes: &[Attribute<'a>], type_code: AttributeType) -> Option<&'a [u8]> {
    let mut attributes = attributes.iter();
    let attribute = attributes.find(|attribute| attribute.is_unnamed(type_code))?;
    match attribute.body {
        AttributeBody::Resident(value) => Some(value),
        AttributeBody::NonResident(_) => None,
    }
}
