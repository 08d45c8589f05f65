//! The clusters that hold metadata, in the order of a metadata image: that in
//! which the MFT names them.

use alloc::vec::Vec;

use super::finding::Findings;
use super::walk::{Part, Walk, parts};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::index::DIRECTORY_INDEX;
use crate::ntfs::mft::{
    LAST_SYSTEM_RECORD, RECORD_BAD_CLUSTERS, RECORD_LOG_FILE, RECORD_MFT, RECORD_MFT_MIRROR,
};
use crate::ntfs::value::{self, Stream, Value};
use crate::ntfs::{Volume, runlist::Run};
use crate::units::{Extent, Geometry, Lcn, RecordNumber, Vcn, len_u64};

/// Bytes of the journal that are always kept: its restart areas.
const LOG_FILE_BYTES: u64 = 16 << 10;
/// The first step of the clusters that are kept of the rest.
const LOG_FILE_STEP: u64 = 256;

/// What to keep of `$LogFile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFile {
    /// The first 16 KiB, and clusters at doubling distances.
    Start,
    /// All of it.
    Whole,
}

/// A step of a metadata copy.
#[derive(Debug, Clone)]
pub enum MetadataStep {
    /// Clusters to be copied as they are.
    Clusters(Extent),
    /// All clusters of a value that consists of records to be wiped.
    Records(RecordKind, Stream),
}

/// What a value consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// MFT records.
    Mft,
    /// Records of a directory index.
    Index,
}

/// How much personal information stays in a copy of metadata, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Sensitive {
    /// Names of files, streams not counted.
    pub file_names: u64,
    /// Names of streams and of other attributes, but those of the file system.
    pub stream_names: u64,
    /// Labels of the volume.
    pub labels: u64,
    /// Security descriptors in files of their own.
    pub security_descriptors: u64,
    /// Bytes of the security descriptors that files share, in `$Secure`.
    pub shared_security_bytes: u64,
    /// Files with extended attributes.
    pub extended_attributes: u64,
    /// Object identifiers.
    pub object_ids: u64,
    /// Targets of links, mount points and cloud files.
    pub reparse_points: u64,
    /// Keys of encrypted files, and other logged utility streams.
    pub utility_streams: u64,
    /// Bytes of `$LogFile` copied, with names and content of records.
    pub log_file_bytes: u64,
}

/// The metadata of a volume.
#[derive(Debug, Default)]
pub struct Metadata {
    /// What to copy, in order. The tail comes after it.
    pub steps: Vec<MetadataStep>,
    /// Clusters of all steps, as the original counts them: each of the
    /// clusters of `$LogFile` at doubling distances, copied again or not.
    pub inuse: u64,
    /// The personal information that stays.
    pub sensitive: Sensitive,
    /// What is wrong.
    pub findings: Findings,
}

/// Selects the metadata of a volume.
///
/// `progress` is called now and then with the number of records walked over.
///
/// As with [`select_used`](super::select_used), several threads can look at
/// [`parts`], and what they find is appended in the order of the parts.
///
/// # Errors
///
/// [`crate::Error::Io`]: `$MFT` cannot be read. What is wrong with single
/// records is a finding.
pub fn select_metadata<R: ReadAt>(
    volume: &Volume<R>,
    log_file: LogFile,
    mut progress: impl FnMut(u64),
) -> Result<Metadata> {
    let mut metadata = Metadata::default();
    let mut walk = Walk::new(volume);
    for part in parts(volume) {
        metadata.append(walk.metadata(&part, log_file)?);
        progress(part.end().0);
    }
    Ok(metadata)
}

impl Metadata {
    /// Adds what was found in the part that comes after.
    pub fn append(&mut self, next: Self) {
        self.steps.extend(next.steps);
        add(&mut self.inuse, next.inuse);
        self.sensitive.append(&next.sensitive);
        self.findings.append(next.findings);
    }
}

impl<R: ReadAt> Walk<'_, R> {
    /// The metadata of the files whose base records are in `part`.
    ///
    /// # Errors
    ///
    /// As [`select_metadata`].
    pub fn metadata(&mut self, part: &Part, log_file: LogFile) -> Result<Metadata> {
        let mut collection = Collection::new(self.volume(), log_file);
        let mut rest = part.clone();
        while !rest.is_empty() {
            self.metadata_of_some(&mut rest, &mut collection)?;
        }
        Ok(collection.finish())
    }

    /// As [`Walk::metadata`], of the first records of `rest`, as many as are
    /// read at once: those that were looked at are taken off it, after an error
    /// too, which can then be tried again.
    ///
    /// # Errors
    ///
    /// As [`select_metadata`].
    pub fn metadata_of_some(&mut self, rest: &mut Part, collection: &mut Collection) -> Result<()> {
        self.visit_some(rest, &mut |number, result| match result {
            Ok(attributes) => collection.file(number, attributes),
            Err(finding) => collection.metadata.findings.push(finding),
        })
    }
}

/// Metadata that is being collected, in the order of the records.
#[derive(Debug)]
pub struct Collection {
    geometry: Geometry,
    log_file: LogFile,
    /// The cluster after the last one copied of this part. `$LogFile`, which
    /// asks for it, is in the first part.
    position: Lcn,
    metadata: Metadata,
}

impl Collection {
    /// Nothing of `volume`.
    pub fn new<R: ReadAt>(volume: &Volume<R>, log_file: LogFile) -> Self {
        Self {
            geometry: *volume.geometry(),
            log_file,
            position: Lcn(0),
            metadata: Metadata::default(),
        }
    }

    /// What was collected.
    pub fn finish(self) -> Metadata {
        self.metadata
    }
}

impl Collection {
    fn file(&mut self, number: RecordNumber, attributes: &[Attribute<'_>]) {
        for (index, attribute) in attributes.iter().enumerate() {
            self.metadata.sensitive.count(number, attribute);
            let AttributeBody::NonResident(piece) = attribute.body else {
                continue;
            };
            let is_data = attribute.type_code == AttributeType::DATA;
            let is_system = number <= LAST_SYSTEM_RECORD;
            if is_data && (!is_system || number == RECORD_BAD_CLUSTERS) {
                continue;
            }
            let records = match number {
                RECORD_MFT | RECORD_MFT_MIRROR if attribute.is_unnamed(AttributeType::DATA) => {
                    Some(RecordKind::Mft)
                }
                _ if attribute.type_code == AttributeType::INDEX_ALLOCATION
                    && attribute.name == DIRECTORY_INDEX =>
                {
                    Some(RecordKind::Index)
                }
                _ => None,
            };
            let is_log = number == RECORD_LOG_FILE && attribute.is_unnamed(AttributeType::DATA);
            let copied = if records.is_some() || is_log {
                if piece.lowest_vcn != Vcn(0) {
                    // Was copied with the first piece.
                    continue;
                }
                let rest = attributes.get(index..).unwrap_or_default();
                self.whole(records, attribute, rest)
            } else {
                piece.runs().try_for_each(|run| {
                    self.run(&run?);
                    Ok(())
                })
            };
            if let Err(source) = copied {
                let finding = super::Finding::of_record(number, source);
                self.metadata.findings.push(finding);
            }
        }
    }

    /// Copies a value whose pieces belong together.
    fn whole(
        &mut self,
        records: Option<RecordKind>,
        first: &Attribute<'_>,
        rest: &[Attribute<'_>],
    ) -> Result<()> {
        let pieces = rest.iter().filter(|attribute| {
            attribute.type_code == first.type_code && attribute.name == first.name
        });
        let Some(Value::NonResident(mut stream)) = value::join(pieces.copied())? else {
            return Ok(());
        };
        stream.clip(self.geometry.nr_clusters());
        match records {
            None => self.log_file(&stream),
            Some(kind) => {
                for run in stream.runs() {
                    if let Some(extent) = run.extent() {
                        self.count(extent);
                    }
                }
                self.metadata
                    .steps
                    .push(MetadataStep::Records(kind, stream));
            }
        }
        Ok(())
    }

    fn log_file(&mut self, stream: &Stream) {
        let size = stream.end().0;
        let cluster_size = u64::from(self.geometry.cluster_size);
        let kept = match self.log_file {
            LogFile::Whole => size,
            LogFile::Start => LOG_FILE_BYTES.div_ceil(cluster_size).min(size),
        };
        for run in stream.runs() {
            let len = kept.saturating_sub(run.vcn.0).min(run.len);
            if let Some(extent) = run.extent().filter(|_| len > 0) {
                self.step(Extent::new(extent.start, len));
            }
        }
        // The original counts each run as long as the first one. The count
        // stands in the header, so ours does the same.
        let counted = stream.runs().first().map_or(0, |run| run.len.min(kept));
        let runs = len_u64(stream.runs().len());
        self.metadata.inuse = self
            .metadata
            .inuse
            .saturating_add(counted.saturating_mul(runs));

        let mut offset = 0_u64;
        while self.geometry.vcn_at(offset).0.0 < size {
            let (vcn, _) = self.geometry.vcn_at(offset);
            let place = stream.position_on_volume(&self.geometry, self.geometry.bytes(vcn.0));
            if let Some(place) = place {
                let lcn = Lcn(place.checked_div(cluster_size).unwrap_or(0));
                self.metadata.inuse = self.metadata.inuse.saturating_add(1);
                // Not again where it is the one just copied.
                if self.position != lcn.plus(1) {
                    self.step(Extent::new(lcn, 1));
                }
            }
            // A run may be said to reach further than positions do.
            let Some(next) = offset.checked_mul(2) else {
                break;
            };
            offset = next.max(LOG_FILE_STEP);
        }
        let copied = self.geometry.bytes(kept);
        self.metadata.sensitive.log_file_bytes = copied;
    }

    fn run(&mut self, run: &Run) {
        let Some(extent) = run.extent() else {
            return;
        };
        // A damaged run may reach past the end of the volume.
        let inside = self.geometry.nr_clusters().saturating_sub(extent.start.0);
        let extent = Extent::new(extent.start, extent.len.min(inside));
        if extent.len > 0 {
            self.count(extent);
            self.step(extent);
        }
    }

    fn count(&mut self, extent: Extent) {
        self.metadata.inuse = self.metadata.inuse.saturating_add(extent.len);
        self.position = extent.end();
    }

    fn step(&mut self, extent: Extent) {
        self.position = extent.end();
        self.metadata.steps.push(MetadataStep::Clusters(extent));
    }
}

impl Sensitive {
    fn append(&mut self, next: &Self) {
        let Self {
            file_names,
            stream_names,
            labels,
            security_descriptors,
            shared_security_bytes,
            extended_attributes,
            object_ids,
            reparse_points,
            utility_streams,
            log_file_bytes,
        } = self;
        add(file_names, next.file_names);
        add(stream_names, next.stream_names);
        add(labels, next.labels);
        add(security_descriptors, next.security_descriptors);
        add(shared_security_bytes, next.shared_security_bytes);
        add(extended_attributes, next.extended_attributes);
        add(object_ids, next.object_ids);
        add(reparse_points, next.reparse_points);
        add(utility_streams, next.utility_streams);
        add(log_file_bytes, next.log_file_bytes);
    }

    fn count(&mut self, number: RecordNumber, attribute: &Attribute<'_>) {
        if number <= LAST_SYSTEM_RECORD {
            // The names and security of the file system's own files are the
            // same on every volume, but for two.
            match attribute.type_code {
                AttributeType::VOLUME_NAME => add(&mut self.labels, 1),
                AttributeType::DATA if !attribute.name.is_empty() => {
                    if let AttributeBody::NonResident(body) = attribute.body
                        && attribute.name == SECURITY_STREAM
                    {
                        add(&mut self.shared_security_bytes, body.data_size);
                    }
                }
                _ => {}
            }
            return;
        }
        let count = match attribute.type_code {
            AttributeType::FILE_NAME => &mut self.file_names,
            AttributeType::OBJECT_ID => &mut self.object_ids,
            AttributeType::SECURITY_DESCRIPTOR => &mut self.security_descriptors,
            AttributeType::REPARSE_POINT => &mut self.reparse_points,
            AttributeType::EA => &mut self.extended_attributes,
            AttributeType::LOGGED_UTILITY_STREAM => &mut self.utility_streams,
            AttributeType::DATA if !attribute.name.is_empty() => &mut self.stream_names,
            _ => return,
        };
        add(count, 1);
    }
}

/// The stream of `$Secure` that holds the descriptors, `$SDS` in UTF-16.
const SECURITY_STREAM: &[u8] = b"$\0S\0D\0S\0";

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}
