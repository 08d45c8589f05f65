//! The walk over all files of a volume, a part of `$MFT` at a time.

use alloc::vec::Vec;
use core::ops::Range;

use super::finding::Finding;
use crate::error::{Error, Result};
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeType};
use crate::ntfs::mft_record::{MAGIC, MftRecord};
use crate::ntfs::{FileRecord, Volume};
use crate::units::{RecordNumber, len_usize};

/// Bytes of records read at once: as much as stays in a processor's cache
/// until it has been looked at.
const PART_BYTES: u64 = 512 << 10;

/// Consecutive records of `$MFT` that are read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part(Range<u64>);

impl Part {
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

/// What looks at the records of one part after the other. There can be several
/// at work on one volume.
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

    /// Calls `visit` with all attributes of each file in use whose base record
    /// is in `part`, by record number. Records that do not read as `FILE`
    /// records are passed over.
    pub(super) fn visit(
        &mut self,
        part: &Part,
        mut visit: impl FnMut(RecordNumber, Result<&[Attribute<'_>], Finding>),
    ) -> Result<()> {
        let volume = self.volume;
        let record_size = u64::from(volume.geometry().mft_record_size);
        let Range { start, end } = part.0;
        let len = end.saturating_sub(start).saturating_mul(record_size);
        self.buffer.resize(len_usize(len), 0);
        let first = RecordNumber(start);
        volume
            .mft()
            .read_records(volume.source(), first, &mut self.buffer)?;

        let records = self.buffer.chunks_exact_mut(len_usize(record_size));
        // Used again for each record.
        let mut attributes = Vec::new();
        for (number, bytes) in (start..).map(RecordNumber).zip(records) {
            visit_record(volume, number, bytes, &mut attributes, &mut visit);
        }
        Ok(())
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
    let mut walk = Walk::new(volume);
    for part in parts(volume) {
        walk.visit(&part, &mut visit)?;
        progress(part.end().0);
    }
    Ok(())
}

fn visit_record<'a, R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
    bytes: &'a mut [u8],
    attributes: &mut Vec<Attribute<'a>>,
    visit: &mut impl FnMut(RecordNumber, Result<&[Attribute<'_>], Finding>),
) {
    if !bytes.starts_with(MAGIC) {
        return;
    }
    let offset = volume.mft().record_offset(number).unwrap_or(0);
    let undone = MftRecord::undo_fixup(bytes, offset);
    let bytes: &'a [u8] = bytes;
    let record = match undone.and_then(|()| MftRecord::parse(bytes, offset)) {
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
    attributes.clear();
    let mut has_list = false;
    for attribute in record.attributes() {
        match attribute {
            Ok(attribute) => {
                has_list |= attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST);
                attributes.push(attribute);
            }
            Err(source) => return visit(number, Err(damaged(source))),
        }
    }
    if !has_list {
        return visit(number, Ok(attributes));
    }
    let file = match FileRecord::with_base(volume, number, bytes.to_vec()) {
        Ok(file) => file,
        Err(source) => return visit(number, Err(damaged(source))),
    };
    match file.attributes() {
        Ok(attributes) => visit(number, Ok(&attributes)),
        Err(source) => visit(number, Err(damaged(source))),
    }
}
