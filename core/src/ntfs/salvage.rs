//! Opening a volume whose first records are damaged or cannot be read: their
//! copies in `$MFTMirr` stand in, and what cannot be found is left out.

use alloc::vec;
use alloc::vec::Vec;

use super::attribute::AttributeBody;
use super::boot_sector::{BootSector, OpenedFrom};
use super::mft::{self, MIRRORED_RECORDS, Mft, RECORD_MFT, RecordCopy};
use super::mft_record::MftRecord;
use super::volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Geometry, Lcn, RecordNumber};

/// What was damaged when a volume was salvaged, and what took its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A record of `$MFT` is damaged, and its copy is sound.
    #[error("MFT record {record} is damaged; its copy at byte {copy:#x}, in $MFTMirr, is used")]
    Record {
        /// The record.
        record: RecordNumber,
        /// Where its copy lies, in bytes.
        copy: u64,
        /// What is wrong with it.
        source: Error,
    },

    /// Not all of `$MFT`'s runs are known.
    #[error("the end of $MFT cannot be found: only {known} of its {all} records are read")]
    MftEnd {
        /// How many records are read.
        known: u64,
        /// How many there are said to be.
        all: u64,
        /// What is wrong.
        source: Error,
    },

    /// Neither record 0 nor its copy tells where the others are.
    #[error("$MFT cannot be found, nor by its copy in $MFTMirr: no file is known")]
    NoMft {
        /// What is wrong with record 0.
        source: Error,
    },
}

/// Finds what is there of `$MFT`.
///
/// # Errors
///
/// As [`volume::Volume::salvage`].
pub(super) fn find(
    source: &(impl ReadAt + ?Sized),
) -> Result<(BootSector, OpenedFrom, (Mft, Vec<Damage>))> {
    let by_original = volume::find(source, |boot| find_mft(source, boot, boot.mft));
    let damaged = match by_original {
        Err(error) if error.is_damage() => error,
        found => return found,
    };
    let by_copy = volume::find(source, |boot| find_mft(source, boot, boot.mft_mirror));
    match by_copy {
        Err(error) if error.is_damage() => {}
        Err(error) => return Err(error),
        Ok((boot, opened_from, (mft, mut damage))) => {
            let copy = boot.geometry.offset(boot.mft_mirror);
            let of_record_0 = Damage::Record {
                record: RECORD_MFT,
                copy,
                source: damaged,
            };
            damage.insert(0, of_record_0);
            return Ok((boot, opened_from, (mft, damage)));
        }
    }
    let (boot, opened_from, mft) = volume::find(source, |boot| Ok(Mft::empty(&boot.geometry)))?;
    let damage = vec![Damage::NoMft { source: damaged }];
    Ok((boot, opened_from, (mft, damage)))
}

/// Finds what the record 0 at `lcn` tells of: the original, or its copy.
fn find_mft(
    source: &(impl ReadAt + ?Sized),
    boot: &BootSector,
    lcn: Lcn,
) -> Result<(Mft, Vec<Damage>)> {
    let (raw, offset) = mft::read_at(source, &boot.geometry, lcn, RECORD_MFT)?;
    let mut bytes = raw.clone();
    let record = MftRecord::from_disk(&mut bytes, offset)?;
    let mut mft = Mft::begin(&boot.geometry, &record)?;

    let (mut copies, mut damage) = copies(source, boot, &mft)?;
    if lcn == boot.mft_mirror {
        copies.insert(0, (RECORD_MFT, raw));
    }
    mft.replace(copies);

    let rest = match mft.load_rest(source, &record) {
        Ok(()) => None,
        Err(error) if error.is_damage() => Some(error),
        Err(error) => return Err(error),
    };
    let all = mft.record_count();
    mft.cut();
    let known = mft.record_count();
    let source = rest.unwrap_or(Error::Corrupt {
        structure: Structure::Mft,
        offset,
        field: "the number of records in its runs",
        found: known,
        expected: "as many as its size tells, and one at least",
    });
    match known {
        0 => return Err(source),
        _ if known < all => damage.push(Damage::MftEnd { known, all, source }),
        _ => {}
    }
    Ok((mft, damage))
}

/// The records after record 0 that are damaged in `$MFT` and sound in
/// `$MFTMirr`, with their bytes there.
fn copies(
    source: &(impl ReadAt + ?Sized),
    boot: &BootSector,
    mft: &Mft,
) -> Result<(Vec<RecordCopy>, Vec<Damage>)> {
    let mut found: Vec<(RecordCopy, Damage)> = Vec::new();
    let mut count = mirrored_records(&boot.geometry).min(mft.known_records());
    for number in (1..count).map(RecordNumber) {
        let mut original = match mft.read_record(source, number) {
            // Not a record: its copy stands in.
            Err(error) if error.is_loss() => Vec::new(),
            read => read?,
        };
        let original_offset = mft.record_offset(number).unwrap_or(0);
        let (bytes, offset) = match mft::read_at(source, &boot.geometry, boot.mft_mirror, number) {
            Ok(read) => read,
            Err(error) if error.is_damage() => break,
            Err(error) => return Err(error),
        };
        let mut copy = bytes.clone();
        let Ok(copy) = check(&mut copy, offset) else {
            continue;
        };
        match check(&mut original, original_offset) {
            Err(error) => {
                let damage = Damage::Record {
                    record: number,
                    copy: offset,
                    source: error,
                };
                found.push(((number, bytes), damage));
            }
            // Not all systems keep more than the least up to date, and an old
            // record leads to clusters that belong to others now.
            Ok(original)
                if number.0 >= MIRRORED_RECORDS
                    && original.in_use
                    && original.bytes() != copy.bytes() =>
            {
                count = MIRRORED_RECORDS;
                break;
            }
            Ok(_) => {}
        }
    }
    found.retain(|((number, _), _)| number.0 < count);
    Ok(found.into_iter().unzip())
}

/// How many records `$MFTMirr` holds: a cluster of them, and four at least.
fn mirrored_records(geometry: &Geometry) -> u64 {
    let in_cluster = geometry.cluster_size.checked_div(geometry.mft_record_size);
    in_cluster.map_or(0, u64::from).max(MIRRORED_RECORDS)
}

/// Checks a record as it stands on disk, with all its attributes and runs.
fn check(bytes: &mut [u8], offset: u64) -> Result<MftRecord<'_>> {
    let record = MftRecord::from_disk(bytes, offset)?;
    for attribute in record.attributes() {
        if let AttributeBody::NonResident(body) = attribute?.body {
            for run in body.runs() {
                run?;
            }
        }
    }
    Ok(record)
}
