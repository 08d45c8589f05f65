//! Wipes what is not metadata from a record: pure functions over one record.
//!
//! Content of files, unused bytes and deleted records are zeroed, and times are
//! set to 1970-01-01. The record keeps its layout, names, sizes and runlists, and
//! so can still be parsed. A record that cannot be parsed is left as it is.

use alloc::vec::Vec;
use core::ops::Range;

use crate::clusters::metadata::Sensitive;
use crate::ntfs::attribute::{AttributeBody, AttributeType};
use crate::ntfs::index::{self, Entries, Entry};
use crate::ntfs::mft::LAST_SYSTEM_RECORD;
use crate::ntfs::mft_record::{self, MftRecord};
use crate::ntfs::record::{FixupError, redo_fixup, u32_at, undo_fixup};
use crate::units::{RecordNumber, len_u64};

/// What times are set to: 1970-01-01, in units of 100 ns since 1601.
const EPOCH: u64 = 116_444_736_000_000_000;

/// Bytes of the header of a deleted record that stay, as in the original.
const DELETED_HEADER: usize = 48;

/// Four times, 8 bytes each.
const TIMES_BYTES: usize = 32;
/// Where they begin in a file name, after the reference to the directory.
const FILE_NAME_TIMES: usize = 8;

/// The name of the quota index by owner, `$Q` in UTF-16.
const QUOTA_INDEX: &[u8] = b"$\0Q\0";
/// The version of quota entries that have a change time, and where it is.
const QUOTA_VERSION: u32 = 2;
const QUOTA_CHANGE_TIME: usize = 16;
/// What it counts for, as in the original: half of its bytes.
const QUOTA_TIME_COUNT: u64 = 4;

/// What to do with times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Set them all to 1970-01-01.
    Reset,
    /// Leave them.
    Keep,
}

/// How many bytes were wiped, by what they were. Bytes that were zero already
/// are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Wiped {
    /// After the used part of records.
    pub slack: u64,
    /// Of deleted records.
    pub deleted: u64,
    /// Content of small files, kept in their records.
    pub resident_data: u64,
    /// Times.
    pub times: u64,
}

impl Wiped {
    /// What was wiped since it was so much.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            slack: self.slack.saturating_sub(before.slack),
            deleted: self.deleted.saturating_sub(before.deleted),
            resident_data: self.resident_data.saturating_sub(before.resident_data),
            times: self.times.saturating_sub(before.times),
        }
    }

    /// All bytes wiped.
    pub fn total(&self) -> u64 {
        [self.slack, self.deleted, self.resident_data, self.times]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// The personal information that an image of metadata holds, and what was wiped
/// from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Remains {
    /// Bytes of the image.
    pub image_size: u64,
    /// What stays.
    pub sensitive: Sensitive,
    /// Bytes that were wiped.
    pub wiped: Wiped,
    /// Records that are damaged, and were wiped only as far as they could be
    /// read: they may hold content of files.
    pub damaged_records: u64,
}

#[cfg(feature = "serde")]
impl Remains {
    /// For programs.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Memory`].
    pub fn to_json(&self) -> crate::Result<alloc::string::String> {
        crate::info::to_json(self)
    }
}

/// Why a record was not wiped, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WipeError {
    /// It is not a record; nothing was changed.
    #[error("it is not a record")]
    NotARecord(#[from] FixupError),
    /// It is damaged: what could not be read was left as it is.
    #[error("it is damaged")]
    Damaged,
}

/// Wipes a record of `$MFT` or `$MFTMirr` as it is on disk; `number` counts
/// from 0 in each of the two.
///
/// # Errors
///
/// [`WipeError`].
pub fn wipe_mft_record(
    bytes: &mut [u8],
    number: RecordNumber,
    times: Times,
    wiped: &mut Wiped,
) -> Result<(), WipeError> {
    let undone = undo_fixup(bytes, mft_record::MAGIC);
    if let Err(error @ FixupError::Magic(_)) = undone {
        return Err(error.into());
    }
    let mut edits = Vec::new();
    let planned = MftRecord::parse(bytes, 0)
        .and_then(|record| plan_edits(&record, bytes.len(), number, times, &mut edits));
    if planned.is_err() && edits.is_empty() {
        plan_damaged(bytes, number, times, &mut edits);
    }
    for edit in edits {
        edit.apply(bytes, wiped);
    }
    if undone.is_ok() {
        redo_fixup(bytes);
    }
    match (undone, planned) {
        (Ok(()), Ok(())) => Ok(()),
        _ => Err(WipeError::Damaged),
    }
}

/// Collects the edits of a record with a damaged header.
fn plan_damaged(bytes: &[u8], number: RecordNumber, times: Times, edits: &mut Vec<Edit>) {
    let mut copy = bytes.to_vec();
    let salvaged = MftRecord::clamp(&mut copy, 0, &mut |_| Ok(()));
    // What cannot be read at all stays, and is reported.
    let _ = salvaged
        .and_then(|()| MftRecord::parse(&copy, 0))
        .and_then(|record| plan_edits(&record, copy.len(), number, times, edits));
}

/// Wipes a record of a directory index as it is on disk.
///
/// # Errors
///
/// [`WipeError`].
pub fn wipe_index_record(
    bytes: &mut [u8],
    times: Times,
    wiped: &mut Wiped,
) -> Result<(), WipeError> {
    if times == Times::Keep {
        return Ok(());
    }
    undo_fixup(bytes, index::MAGIC)?;
    let edits: Vec<Edit> = Entries::in_record(bytes)
        .filter_map(|entry| file_name_times(&entry, index::RECORD_NODE_OFFSET))
        .collect();
    for edit in edits {
        edit.apply(bytes, wiped);
    }
    redo_fixup(bytes);
    Ok(())
}

/// A change to a record.
#[derive(Debug, Clone)]
enum Edit {
    ZeroSlack(Range<usize>),
    ZeroDeleted(Range<usize>),
    ZeroData(Range<usize>),
    /// So many times, one after the other.
    ResetTimes(Range<usize>),
    /// The change time of a quota entry.
    ResetQuotaTime(Range<usize>),
}

impl Edit {
    fn apply(&self, record: &mut [u8], wiped: &mut Wiped) {
        let (Self::ZeroSlack(range)
        | Self::ZeroDeleted(range)
        | Self::ZeroData(range)
        | Self::ResetTimes(range)
        | Self::ResetQuotaTime(range)) = self;
        let Some(bytes) = record.get_mut(range.clone()) else {
            return;
        };
        let (count, wiped) = match self {
            Self::ZeroSlack(_) => (&mut wiped.slack, zero(bytes)),
            Self::ZeroDeleted(_) => (&mut wiped.deleted, zero(bytes)),
            Self::ZeroData(_) => (&mut wiped.resident_data, zero(bytes)),
            Self::ResetTimes(_) => (&mut wiped.times, reset_times(bytes)),
            Self::ResetQuotaTime(_) => {
                reset_times(bytes);
                (&mut wiped.times, QUOTA_TIME_COUNT)
            }
        };
        *count = count.saturating_add(wiped);
    }
}

/// Zeroes bytes. Returns how many were not zero.
fn zero(bytes: &mut [u8]) -> u64 {
    let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte != 0).count();
    // Nearly all are zero already: to count each of them takes as long as all else.
    let (words, rest) = bytes.as_chunks::<16>();
    let told = words.iter().filter(|word| **word != [0; 16]);
    let told = told
        .map(|word| count(word))
        .fold(count(rest), usize::saturating_add);
    if told > 0 {
        bytes.fill(0);
    }
    len_u64(told)
}

/// Resets times. Returns how many bytes they have.
fn reset_times(bytes: &mut [u8]) -> u64 {
    for time in bytes.as_chunks_mut::<8>().0 {
        *time = EPOCH.to_le_bytes();
    }
    len_u64(bytes.len())
}

/// Collects the edits of all attributes that are not damaged. The first one that
/// is, is the error.
fn plan_edits(
    record: &MftRecord<'_>,
    len: usize,
    number: RecordNumber,
    times: Times,
    edits: &mut Vec<Edit>,
) -> crate::Result<()> {
    let is_system = number <= LAST_SYSTEM_RECORD;
    let used = record.bytes().len();
    if !is_system {
        edits.push(Edit::ZeroSlack(used..len));
    }
    if !record.in_use {
        if !is_system {
            edits.push(Edit::ZeroDeleted(DELETED_HEADER.min(used)..used));
        }
        return Ok(());
    }
    let mut damage = Ok(());
    for attribute in record.attributes() {
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(error) => {
                damage = damage.and(Err(error));
                continue;
            }
        };
        let AttributeBody::Resident(value) = attribute.body else {
            continue;
        };
        let start = attribute.value_position;
        match attribute.type_code {
            AttributeType::DATA if !is_system => {
                edits.push(Edit::ZeroData(start..start.saturating_add(value.len())));
            }
            _ if times == Times::Keep => {}
            AttributeType::STANDARD_INFORMATION => edits.extend(times_at(value, 0, start)),
            AttributeType::FILE_NAME => edits.extend(times_at(value, FILE_NAME_TIMES, start)),
            AttributeType::INDEX_ROOT => {
                let node = start.saturating_add(index::ROOT_NODE_OFFSET);
                if u32_at(value, 0) == Some(AttributeType::FILE_NAME.0) {
                    edits.extend(
                        Entries::in_root(value).filter_map(|entry| file_name_times(&entry, node)),
                    );
                } else if attribute.name == QUOTA_INDEX {
                    edits.extend(
                        Entries::in_root(value).filter_map(|entry| quota_time(&entry, node)),
                    );
                }
            }
            _ => {}
        }
    }
    damage
}

/// The times at `offset` of a value that begins at `start` of the record.
fn times_at(value: &[u8], offset: usize, start: usize) -> Option<Edit> {
    let end = offset.saturating_add(TIMES_BYTES);
    value.get(offset..end)?;
    let range = start.saturating_add(offset)..start.saturating_add(end);
    Some(Edit::ResetTimes(range))
}

/// The times in an entry over file names; its node begins at `node` of the
/// record.
fn file_name_times(entry: &Entry<'_>, node: usize) -> Option<Edit> {
    let key = node
        .saturating_add(entry.position)
        .saturating_add(Entry::KEY_OFFSET);
    times_at(entry.key, FILE_NAME_TIMES, key)
}

/// The change time in an entry of the quota index.
fn quota_time(entry: &Entry<'_>, node: usize) -> Option<Edit> {
    let data_offset = usize::from(crate::ntfs::record::u16_at(entry.bytes, 0)?);
    let data = entry.bytes.get(data_offset..)?;
    let end = QUOTA_CHANGE_TIME.saturating_add(8);
    if u32_at(data, 0) != Some(QUOTA_VERSION) || data.len() < end {
        return None;
    }
    let start = node
        .saturating_add(entry.position)
        .saturating_add(data_offset);
    let range = start.saturating_add(QUOTA_CHANGE_TIME)..start.saturating_add(end);
    Some(Edit::ResetQuotaTime(range))
}
