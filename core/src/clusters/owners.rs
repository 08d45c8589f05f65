//! Whose clusters these are.

use alloc::string::String;
use alloc::vec::Vec;

use super::select::for_each_base_record;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::file_name::decode_utf16;
use crate::ntfs::{Run, Volume};
use crate::units::{Extent, Lcn, RecordNumber, Vcn};

/// Ours: a damaged volume may have each cluster claimed by each run.
const MAX_OWNERS: usize = 10_000;

/// Clusters that an attribute of a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The file.
    pub record: RecordNumber,
    /// The kind of attribute.
    pub type_code: AttributeType,
    /// Its name, that of a stream; empty for the content of a file.
    pub name: String,
    /// The clusters.
    pub extent: Extent,
    /// Which cluster of the attribute the first one is.
    pub vcn: Vcn,
}

/// The files in use that have clusters of `extents`, with these clusters: the
/// first 10000. The answer to "whose are they?" after something went wrong
/// with them: walks over all records once more.
///
/// # Errors
///
/// [`crate::Error::Io`]: `$MFT` cannot be read.
pub fn owners<R: ReadAt>(volume: &Volume<R>, extents: &[Extent]) -> Result<Vec<Owner>> {
    let mut found = Vec::new();
    for_each_base_record(
        volume,
        |number, result| {
            for attribute in result.unwrap_or_default() {
                let AttributeBody::NonResident(body) = attribute.body else {
                    continue;
                };
                for run in body.runs().map_while(Result::ok) {
                    let room = MAX_OWNERS.saturating_sub(found.len());
                    let owners = extents
                        .iter()
                        .filter_map(|wanted| owner(number, attribute, &run, *wanted));
                    found.extend(owners.take(room));
                }
            }
        },
        |_| {},
    )?;
    Ok(found)
}

fn owner(
    record: RecordNumber,
    attribute: &Attribute<'_>,
    run: &Run,
    wanted: Extent,
) -> Option<Owner> {
    let owned = run.extent()?;
    let start: Lcn = owned.start.max(wanted.start);
    let end = owned.end().min(wanted.end());
    let len = end.0.checked_sub(start.0).filter(|&len| len > 0)?;
    Some(Owner {
        record,
        type_code: attribute.type_code,
        name: decode_utf16(attribute.name),
        extent: Extent::new(start, len),
        vcn: run.vcn.plus(start.0.saturating_sub(owned.start.0)),
    })
}
