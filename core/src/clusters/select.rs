//! The clusters in use, by the runlists of all files.

use alloc::vec;
use alloc::vec::Vec;

use super::finding::{Finding, Findings};
use super::map::ClusterMap;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::mft::RECORD_BAD_CLUSTERS;
use crate::ntfs::mft_record::{MAGIC, MftRecord};
use crate::ntfs::{FileRecord, Volume};
use crate::units::{Extent, RecordNumber, len_usize};

/// Bytes of records read at once.
const CHUNK_BYTES: u64 = 4 << 20;

/// The name of the stream of `$BadClus` that holds the bad clusters, `$Bad`
/// in UTF-16.
const BAD_STREAM: &[u8] = b"$\0B\0a\0d\0";

/// What a walk over all records found.
#[derive(Debug)]
pub struct Selection {
    /// Clusters that a runlist names, those of `$BadClus` among them.
    pub map: ClusterMap,
    /// Clusters that `$BadClus` names: in use, and not to be read.
    pub bad: Vec<Extent>,
    /// Base records in use.
    pub files: u64,
    /// What is wrong.
    pub findings: Findings,
}

/// Walks over every record that is in use and has no base record, and marks
/// the clusters of every run of its non-resident attributes, whatever their
/// type. Records that do not read as `FILE` records are passed over.
///
/// `progress` is called now and then with the number of records walked over.
///
/// # Errors
///
/// [`Error::Io`]: `$MFT` cannot be read. What is wrong with single records is
/// a [`Finding`].
pub fn select_used<R: ReadAt>(
    volume: &Volume<R>,
    mut progress: impl FnMut(u64),
) -> Result<Selection> {
    let nr_clusters = volume.geometry().nr_clusters();
    let map = ClusterMap::new(nr_clusters).map_err(|_| Error::Memory {
        structure: Structure::Volume,
        len: ClusterMap::least_memory(nr_clusters),
    })?;
    let mut selection = Selection {
        map,
        bad: Vec::new(),
        files: 0,
        findings: Findings::default(),
    };
    for_each_base_record(
        volume,
        |number, result| match result {
            Ok(attributes) => selection.mark(number, attributes),
            Err(finding) => selection.findings.push(finding),
        },
        &mut progress,
    )?;
    Ok(selection)
}

impl Selection {
    fn mark(&mut self, number: RecordNumber, attributes: &[Attribute<'_>]) {
        self.files = self.files.saturating_add(1);
        for attribute in attributes {
            let AttributeBody::NonResident(body) = attribute.body else {
                continue;
            };
            let is_bad_clusters = number == RECORD_BAD_CLUSTERS
                && attribute.type_code == AttributeType::DATA
                && attribute.name == BAD_STREAM;
            for run in body.runs() {
                match run {
                    Ok(run) => {
                        let Some(extent) = run.extent() else { continue };
                        if is_bad_clusters {
                            self.bad.push(extent);
                        }
                        self.claim(number, extent);
                    }
                    Err(source) => self.findings.push(Finding::RecordDamaged {
                        record: number,
                        source,
                    }),
                }
            }
        }
    }

    fn claim(&mut self, record: RecordNumber, extent: Extent) {
        let nr_clusters = self.map.nr_clusters();
        if extent.end().0 > nr_clusters {
            self.findings.push(Finding::PastEnd {
                record,
                extent,
                nr_clusters,
            });
        }
        let clusters = self.map.insert(extent);
        if clusters > 0 {
            self.findings.push(Finding::ClaimedTwice {
                record,
                extent,
                clusters,
            });
        }
    }
}

/// Calls `visit` with all attributes of each file in use, by record number.
///
/// # Errors
///
/// [`Error::Io`]: `$MFT` cannot be read.
pub(super) fn for_each_base_record<R: ReadAt>(
    volume: &Volume<R>,
    mut visit: impl FnMut(RecordNumber, Result<&[Attribute<'_>], Finding>),
    mut progress: impl FnMut(u64),
) -> Result<()> {
    let mft = volume.mft();
    let record_size = u64::from(volume.geometry().mft_record_size);
    let records_a_chunk = CHUNK_BYTES.checked_div(record_size).unwrap_or(1);
    let total = mft.record_count();
    let mut chunk = vec![0; len_usize(records_a_chunk.min(total).saturating_mul(record_size))];

    let mut first = 0_u64;
    while first < total {
        let count = records_a_chunk.min(total.saturating_sub(first));
        let bytes = chunk
            .get_mut(..len_usize(count.saturating_mul(record_size)))
            .unwrap_or_default();
        mft.read_records(volume.source(), RecordNumber(first), bytes)?;
        let numbers = (first..).map(RecordNumber);
        for (number, bytes) in numbers.zip(bytes.chunks_exact_mut(len_usize(record_size))) {
            visit_record(volume, number, bytes, &mut visit);
        }
        first = first.saturating_add(count);
        progress(first);
    }
    Ok(())
}

fn visit_record<R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
    bytes: &mut [u8],
    visit: &mut impl FnMut(RecordNumber, Result<&[Attribute<'_>], Finding>),
) {
    if !bytes.starts_with(MAGIC) {
        return;
    }
    let offset = volume.mft().record_offset(number).unwrap_or(0);
    let record = match MftRecord::from_disk(bytes, offset) {
        Ok(record) => record,
        Err(source) => {
            let finding = Finding::RecordSkipped {
                record: number,
                source,
            };
            return visit(number, Err(finding));
        }
    };
    if !record.in_use || record.base.is_some() {
        return;
    }
    let damaged = |source: Error| Finding::RecordDamaged {
        record: number,
        source,
    };
    let attributes: Result<Vec<Attribute<'_>>> = record.attributes().collect();
    match attributes {
        Err(source) => visit(number, Err(damaged(source))),
        Ok(attributes)
            if attributes
                .iter()
                .any(|attribute| attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST)) =>
        {
            let file = FileRecord::with_base(volume, number, bytes.to_vec());
            let file = match file {
                Ok(file) => file,
                Err(source) => return visit(number, Err(damaged(source))),
            };
            match file.attributes() {
                Ok(attributes) => visit(number, Ok(&attributes)),
                Err(source) => visit(number, Err(damaged(source))),
            }
        }
        Ok(attributes) => visit(number, Ok(&attributes)),
    }
}
