//! The walk over all files of a volume, a part of `$MFT` at a time.

use alloc::vec::Vec;
use core::ops::Range;

use super::finding::Finding;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeType};
use crate::ntfs::mft::{LAST_SYSTEM_RECORD, RECORD_EXTEND};
use crate::ntfs::mft_record::{MAGIC, MftRecord};
use crate::ntfs::{FileRecord, Volume};
use crate::units::{RecordNumber, len_usize};

/// Bytes of records that one thread looks at before it takes others.
const PART_BYTES: u64 = 4 << 20;

/// Bytes of records read at once: as much as stays in a processor's cache
/// until it has been looked at.
const READ_BYTES: u64 = 512 << 10;

/// Consecutive records of `$MFT`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part(Range<u64>);

impl Part {
    /// All records of a volume.
    pub fn all<R: ReadAt>(volume: &Volume<R>) -> Self {
        Self(0..volume.mft().record_count())
    }

    /// The first record.
    pub fn start(&self) -> RecordNumber {
        RecordNumber(self.0.start)
    }

    /// True if there are no records.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the first record off.
    pub(crate) fn skip_first(&mut self) {
        self.skip(1);
    }

    /// Takes the first `count` records off.
    pub(crate) fn skip(&mut self, count: u64) {
        self.0.start = self.0.start.saturating_add(count).min(self.0.end);
    }

    /// The record after the last one.
    pub fn end(&self) -> RecordNumber {
        RecordNumber(self.0.end)
    }
}

/// The parts of a volume's `$MFT`, in order.
pub fn parts<R: ReadAt>(volume: &Volume<R>) -> impl Iterator<Item = Part> + use<R> {
    let total = volume.mft().record_count();
    let record_size = u64::from(volume.geometry().mft_record_size);
    let records = PART_BYTES.checked_div(record_size).unwrap_or(1);
    let firsts = (0..total).step_by(len_usize(records));
    firsts.map(move |first| Part(first..first.saturating_add(records).min(total)))
}

/// Takes a file in use, by the number of its base record: its attributes, or what is
/// wrong with it.
pub(crate) type Visitor<'a> = dyn FnMut(RecordNumber, Result<&[Attribute<'_>], Finding>) + 'a;

/// Visits the files of one part of `$MFT` after another. Several can work on one
/// volume, each on a thread of its own.
#[derive(Debug)]
pub struct Walk<'v, R> {
    volume: &'v Volume<R>,
    buffer: Vec<u8>,
}

impl<'v, R: ReadAt> Walk<'v, R> {
    /// A walk that has not begun.
    pub fn new(volume: &'v Volume<R>) -> Self {
        Self {
            volume,
            buffer: Vec::new(),
        }
    }

    /// What it walks over.
    pub(super) fn volume(&self) -> &'v Volume<R> {
        self.volume
    }

    /// Calls `visit` with all attributes of each file in use whose base record
    /// is one of the first of `rest`, by record number; of a damaged file with
    /// the finding, and with all attributes that can be read. As many records as
    /// are read at once are visited and taken off `rest`, after an error up to
    /// there. Records that do not read as `FILE` records are passed over.
    pub(crate) fn visit_some(&mut self, rest: &mut Part, visit: &mut Visitor<'_>) -> Result<()> {
        let volume = self.volume;
        let record_size = u64::from(volume.geometry().mft_record_size);
        let count = READ_BYTES.checked_div(record_size).unwrap_or(1);
        let count = count.min(rest.0.end.saturating_sub(rest.0.start));
        let len = len_usize(count.saturating_mul(record_size));
        self.buffer.resize(len, 0);
        let (mft, source) = (volume.mft(), volume.source());
        let lost = match mft.read_records(source, rest.start(), &mut self.buffer) {
            Err(error) if error.is_loss() => {
                read_one_by_one(volume, rest.start(), &mut self.buffer)?
            }
            read => {
                read?;
                Vec::new()
            }
        };

        let mut lost = lost.into_iter().peekable();
        let records = self.buffer.chunks_exact_mut(len_usize(record_size));
        // Used again for each record.
        let mut attributes = Vec::new();
        for bytes in records {
            let is_first = |finding: &Finding| finding.first_lost() == Some(rest.start());
            if let Some(finding) = lost.next_if(is_first) {
                visit(rest.start(), Err(finding));
            }
            visit_record(volume, rest.start(), bytes, &mut attributes, visit)?;
            rest.0.start = rest.0.start.saturating_add(1);
        }
        Ok(())
    }
}

/// Fills `buf` with the records from `first` on, as far as they are not lost.
/// Those that are read as zeros, which are no record, and are returned.
fn read_one_by_one<R: ReadAt>(
    volume: &Volume<R>,
    first: RecordNumber,
    buf: &mut [u8],
) -> Result<Vec<Finding>> {
    let record_size = len_usize(volume.geometry().mft_record_size.into());
    let mut lost = Vec::new();
    let mut was_lost = false;
    for (number, bytes) in (first.0..).zip(buf.chunks_exact_mut(record_size)) {
        let number = RecordNumber(number);
        let read = volume.mft().read_records(volume.source(), number, bytes);
        let is_lost = match read {
            Err(source) if source.is_loss() => {
                bytes.fill(0);
                match lost.last_mut() {
                    Some(Finding::RecordsLost { count, .. }) if was_lost => {
                        *count = count.saturating_add(1);
                    }
                    _ => lost.push(Finding::RecordsLost {
                        first: number,
                        count: 1,
                        source,
                    }),
                }
                true
            }
            read => {
                read?;
                false
            }
        };
        was_lost = is_lost;
    }
    Ok(lost)
}

fn visit_record<'a, R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
    bytes: &'a mut [u8],
    attributes: &mut Vec<Attribute<'a>>,
    visit: &mut Visitor<'_>,
) -> Result<()> {
    if !bytes.starts_with(MAGIC) {
        return Ok(());
    }
    let offset = volume.mft().record_offset(number).unwrap_or(0);
    let mut damage = Damage {
        record: number,
        finding: None,
    };
    let undone = MftRecord::salvage(bytes, offset, &mut |source| {
        damage.add(source);
        Ok(())
    });
    let bytes: &'a [u8] = bytes;
    let record = match undone.and_then(|()| MftRecord::parse(bytes, offset)) {
        Ok(record) => record,
        Err(source) => {
            let finding = Finding::RecordSkipped {
                record: number,
                source,
            };
            visit(number, Err(finding));
            return Ok(());
        }
    };
    let is_system = number <= LAST_SYSTEM_RECORD;
    match (record.in_use, record.base) {
        (true, None) => {}
        // The file system cannot do without these: it is the header that is wrong.
        (false, _) if number < RECORD_EXTEND && record.attributes().next().is_some() => {
            damage.add(misplaced(offset, "the flag that it is in use", 0, "set"));
        }
        (true, Some(base)) if is_system => {
            damage.add(misplaced(offset, "its base record", base.record.0, "none"));
        }
        _ => return Ok(()),
    }
    attributes.clear();
    let mut has_list = false;
    for attribute in record.attributes() {
        match attribute {
            Ok(attribute) => {
                has_list |= attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST);
                attributes.push(attribute);
            }
            Err(source) => damage.add(source),
        }
    }
    if !has_list {
        damage.tell(visit);
        visit(number, Ok(attributes));
        return Ok(());
    }
    let mut add = |source: Error| match source.is_missing() {
        // The record itself is not damaged.
        true => Err(source),
        false => {
            damage.add(source);
            Ok(())
        }
    };
    let file = FileRecord::gather(volume, number, bytes.to_vec(), &mut add)?;
    match (damage.finding.is_some(), file.attributes()) {
        (false, Ok(attributes)) => visit(number, Ok(&attributes)),
        _ => {
            let attributes = file.salvaged_attributes(&mut |source| damage.add(source));
            damage.tell(visit);
            visit(number, Ok(&attributes));
        }
    }
    Ok(())
}

fn misplaced(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::MftRecord,
        offset,
        field,
        found,
        expected,
    }
}

/// What is wrong with a record: the first of it, or the first that leaves its
/// clusters unknown.
struct Damage {
    record: RecordNumber,
    finding: Option<Finding>,
}

impl Damage {
    fn add(&mut self, source: Error) {
        let finding = Finding::of_record(self.record, source);
        let is_worse = |kept: &Finding| finding.is_error() && !kept.is_error();
        if self.finding.as_ref().is_none_or(is_worse) {
            self.finding = Some(finding);
        }
    }

    fn tell(&mut self, visit: &mut Visitor<'_>) {
        if let Some(finding) = self.finding.take() {
            visit(self.record, Err(finding));
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod tests {
    #[cfg(not(feature = "typescript"))]
    extern crate std;

    use alloc::format;
    use alloc::string::String;
    use alloc::vec;
    use std::sync::LazyLock;

    use ntfs_volume_builder::{self as build, File, FileData, ListForm, MftLayout, VolumeBuilder};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::clusters::metadata::LogFile;
    use crate::clusters::{Metadata, Selection};

    /// Files whose clusters are claimed twice, attribute lists, bad clusters,
    /// an `$MFT` with an attribute list of its own.
    static BUILT: LazyLock<build::Volume> = LazyLock::new(|| {
        let fragmented = |pieces: u64| FileData::Fragmented {
            bytes: build::pattern(pieces, 512 * pieces as usize),
            pieces,
        };
        let claiming = |start| FileData::Runs(vec![build::Run::at(start, 7)]);
        let list = |form| File::new().data(fragmented(3)).attribute_list(form);
        let resident = |n: usize| FileData::Resident(vec![7; n]);
        let builder = VolumeBuilder::new()
            .cluster_size(512)
            .clusters(3000)
            .mft_layout(MftLayout::AttributeList {
                pieces: 3,
                runs_per_record: 1,
            })
            .bad_clusters(2900..2910)
            .file("list", list(ListForm::Resident))
            .file("list in clusters", list(ListForm::NonResident))
            .file("split", File::new().data(fragmented(6)).runs_per_record(1))
            .file("past the end", claiming(2996))
            .file("deleted", File::new().data(fragmented(2)).deleted());
        (0..40)
            .fold(builder, |builder, n| {
                builder
                    .file(&format!("claiming/{n}"), claiming(2700 + 5 * n))
                    .file(&format!("resident/{n}"), resident(n as usize))
            })
            .build()
    });

    fn found<'a>(
        volume: &Volume<&[u8]>,
        parts: impl Iterator<Item = &'a Part>,
    ) -> Result<[String; 2]> {
        let mut selection = Selection::new(volume)?;
        let mut metadata = Metadata::default();
        for part in parts {
            let mut walk = Walk::new(volume);
            walk.claims(part, |claims| selection.add(claims))?;
            metadata.append(walk.metadata(part, LogFile::Whole)?);
        }
        Ok([format!("{selection:?}"), format!("{metadata:?}")])
    }

    proptest! {
        /// However the records are cut into parts, the same is found in the
        /// same order; on damaged volumes too.
        #[test]
        fn parts_make_the_whole(
            cuts in prop::collection::vec(any::<Index>(), 0..12),
            changes in prop::collection::vec((any::<Index>(), 8..440_usize, any::<u8>()), 0..12),
            torn in prop::collection::vec(any::<Index>(), 0..4),
        ) {
            let mut built = BUILT.clone();
            let records = built.mft_records;
            // The first ones say where all others are.
            let number = |index: Index| 4 + index.index(records as usize - 4) as u64;
            for (record, at, byte) in changes {
                built.patch_record(number(record), |record| record[at] = byte);
            }
            for record in torn {
                built.tear_record(number(record));
            }
            // Where the rest of `$MFT` is may be what is damaged.
            let Ok(volume) = Volume::open(built.bytes.as_slice()) else {
                return Ok(());
            };

            // The first part of any volume has more records than that.
            let mut cuts: Vec<u64> = cuts.into_iter().map(number).collect();
            cuts.extend([0, records]);
            cuts.sort_unstable();
            let parts: Vec<Part> = cuts.windows(2).map(|ends| Part(ends[0]..ends[1])).collect();
            // Records of `$MFT` may be past the end of the volume.
            prop_assert_eq!(
                found(&volume, parts.iter()).ok(),
                found(&volume, [Part(0..records)].iter()).ok()
            );
        }
    }

    #[test]
    fn the_volume_has_something_to_find() {
        let volume = Volume::open(BUILT.bytes.as_slice()).unwrap();
        let parts: Vec<Part> = parts(&volume).collect();
        let selection = found(&volume, parts.iter()).unwrap();
        for expected in ["claimed already", "the volume has 3000", "bad: [Extent"] {
            assert!(selection[0].contains(expected), "{selection:?}");
        }
    }
}
