//! `$MFT`: the file that holds all records, its own among them.

use alloc::vec;
use alloc::vec::Vec;

use super::attribute::{AttributeBody, AttributeType};
use super::attribute_list::{self, Entries};
use super::boot_sector::BootSector;
use super::mft_record::MftRecord;
use super::value::{self, Stream};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Geometry, Lcn, RecordNumber, len_usize};

/// `$MFT` itself.
pub const RECORD_MFT: RecordNumber = RecordNumber(0);
/// `$MFTMirr`, a copy of the first records.
pub const RECORD_MFT_MIRROR: RecordNumber = RecordNumber(1);
/// `$LogFile`, the journal.
pub const RECORD_LOG_FILE: RecordNumber = RecordNumber(2);
/// `$Volume`: label, version, flags.
pub const RECORD_VOLUME: RecordNumber = RecordNumber(3);
/// The root directory.
pub const RECORD_ROOT: RecordNumber = RecordNumber(5);
/// `$Bitmap`: which clusters are in use.
pub const RECORD_BITMAP: RecordNumber = RecordNumber(6);
/// `$BadClus`: which clusters cannot be read.
pub const RECORD_BAD_CLUSTERS: RecordNumber = RecordNumber(8);

/// `$AttrDef`: which types of attributes there are.
pub(crate) const RECORD_ATTRIBUTE_DEFINITIONS: RecordNumber = RecordNumber(4);
/// `$Secure`: the security descriptors of all files.
pub(crate) const RECORD_SECURE: RecordNumber = RecordNumber(9);
/// `$UpCase`: the upper case of each character.
pub(crate) const RECORD_UPCASE: RecordNumber = RecordNumber(10);
/// `$Extend`, the directory of the file system's later files.
pub const RECORD_EXTEND: RecordNumber = RecordNumber(11);
/// The last record of the files that the file system itself needs: all of
/// their content is metadata.
pub const LAST_SYSTEM_RECORD: RecordNumber = RECORD_EXTEND;

/// Records that `$MFTMirr` holds, at least.
pub(super) const MIRRORED_RECORDS: u64 = 4;

/// A record that stands in for one of `$MFT`: its number, and its bytes as they
/// stand on disk.
pub(super) type RecordCopy = (RecordNumber, Vec<u8>);

/// Where the records are.
#[derive(Debug, Clone)]
pub struct Mft {
    geometry: Geometry,
    data: Stream,
    /// By number. None, but on a volume that was salvaged.
    copies: Vec<RecordCopy>,
}

impl Mft {
    /// Finds all records, from record 0 and, where `$MFT` is so fragmented that
    /// it needs one, its attribute list.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] with what of record 0 is damaged.
    pub fn load(source: &(impl ReadAt + ?Sized), boot: &BootSector) -> Result<Self> {
        let (mut bytes, offset) = read_at(source, &boot.geometry, boot.mft, RECORD_MFT)?;
        let record = MftRecord::from_disk(&mut bytes, offset)?;
        let mut mft = Self::begin(&boot.geometry, &record)?;
        mft.load_rest(source, &record)?;
        Ok(mft)
    }

    /// No records at all.
    pub(super) fn empty(geometry: &Geometry) -> Self {
        Self {
            geometry: *geometry,
            data: Stream::new(0, 0, 0),
            copies: Vec::new(),
        }
    }

    /// Finds the records that record 0 itself tells of.
    pub(super) fn begin(geometry: &Geometry, record: &MftRecord<'_>) -> Result<Self> {
        let mut damage = None;
        let data = record
            .attributes()
            .filter_map(|attribute| attribute.map_err(|error| damage.get_or_insert(error)).ok())
            .find(|attribute| attribute.is_unnamed(AttributeType::DATA));
        let Some((data, AttributeBody::NonResident(first))) =
            data.map(|attribute| (attribute, attribute.body))
        else {
            return Err(damage.unwrap_or(Error::Corrupt {
                structure: Structure::Mft,
                offset: record.offset(),
                field: "the number of its non-resident data attributes",
                found: 0,
                expected: "1",
            }));
        };
        let mut stream = Stream::new(first.data_size, first.initialized_size, data.offset);
        stream.push(&first)?;
        // Holes and runs that overlap could make it larger than the device,
        // and a walk over it endless.
        let size = stream.initialized_size();
        let limit = geometry.bytes(geometry.nr_clusters());
        if size > limit {
            return Err(Error::Limit {
                structure: Structure::Mft,
                offset: record.offset(),
                found: size,
                limit,
            });
        }
        Ok(Self {
            geometry: *geometry,
            data: stream,
            copies: Vec::new(),
        })
    }

    /// Finds the records that extension records of record 0 tell of. Each such
    /// record lies in a piece before it, or it could not be found.
    pub(super) fn load_rest(
        &mut self,
        source: &(impl ReadAt + ?Sized),
        record: &MftRecord<'_>,
    ) -> Result<()> {
        let list = record
            .attributes()
            .filter_map(Result::ok)
            .filter(|attribute| attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST));
        let Some(list) = value::join(list)? else {
            return Ok(());
        };
        let list = list.read_all(source, &self.geometry, attribute_list::MAX_SIZE)?;
        for entry in Entries::new(&list, record.offset()) {
            let entry = entry?;
            if entry.type_code != AttributeType::DATA || entry.reference.record == RECORD_MFT {
                continue;
            }
            let mut bytes = self.read_record(source, entry.reference.record)?;
            let position = self.record_offset(entry.reference.record);
            let extension = MftRecord::from_disk(&mut bytes, position.unwrap_or(record.offset()))?;
            let mut is_there = false;
            for attribute in extension.attributes() {
                let attribute = attribute?;
                if let AttributeBody::NonResident(piece) = attribute.body
                    && attribute.is_unnamed(AttributeType::DATA)
                    && attribute.instance == entry.instance
                {
                    self.data.push(&piece)?;
                    is_there = true;
                }
            }
            if !is_there {
                return Err(Error::Corrupt {
                    structure: Structure::AttributeList,
                    offset: record.offset(),
                    field: "an entry for a part of $MFT that is not there, in record",
                    found: entry.reference.record.0,
                    expected: "only attributes that are",
                });
            }
        }
        Ok(())
    }

    /// Leaves out what is past the last record whose place is known.
    pub(super) fn cut(&mut self) {
        let reach = self.data.reach(&self.geometry);
        self.data.cut(reach);
    }

    /// From now on `copies`, sorted, are read instead of what stands in `$MFT`.
    pub(super) fn replace(&mut self, copies: Vec<RecordCopy>) {
        self.copies = copies;
    }

    /// How many records there are, in use or not.
    pub fn record_count(&self) -> u64 {
        self.data
            .initialized_size()
            .checked_div(u64::from(self.geometry.mft_record_size))
            .unwrap_or(0)
    }

    /// How many of them lie at a place that is known.
    pub(super) fn known_records(&self) -> u64 {
        self.data
            .reach(&self.geometry)
            .checked_div(u64::from(self.geometry.mft_record_size))
            .unwrap_or(0)
            .min(self.record_count())
    }

    /// The data of `$MFT`.
    pub fn data(&self) -> &Stream {
        &self.data
    }

    /// Where a record lies on the volume, in bytes.
    pub fn record_offset(&self, number: RecordNumber) -> Option<u64> {
        self.data
            .position_on_volume(&self.geometry, self.position(number))
    }

    /// Reads a record as it is on disk, its fixup not undone.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] where there is no such record.
    pub fn read_record(
        &self,
        source: &(impl ReadAt + ?Sized),
        number: RecordNumber,
    ) -> Result<Vec<u8>> {
        if number.0 >= self.record_count() {
            return Err(Error::Corrupt {
                structure: Structure::Mft,
                offset: self.record_offset(RECORD_MFT).unwrap_or(0),
                field: "the number of a record",
                found: number.0,
                expected: "a record within $MFT",
            });
        }
        let mut bytes = vec![0; len_usize(self.geometry.mft_record_size.into())];
        self.read_records(source, number, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `buf`, whole records, from record `first` on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] where `$MFT`'s runs end before.
    pub fn read_records(
        &self,
        source: &(impl ReadAt + ?Sized),
        first: RecordNumber,
        buf: &mut [u8],
    ) -> Result<()> {
        let position = self.position(first);
        let read = self
            .data
            .read_exact_at(source, &self.geometry, position, buf);
        match read {
            // Its copy is all that is wanted.
            Err(error) if error.is_loss() && self.is_copied(first, buf.len()) => {}
            read => read?,
        }
        let from = self.copies.partition_point(|(number, _)| *number < first);
        for (number, copy) in self.copies.get(from..).unwrap_or_default() {
            let at = self.position(*number).saturating_sub(position);
            let at = len_usize(at);
            let Some(place) = buf.get_mut(at..at.saturating_add(copy.len())) else {
                break;
            };
            place.copy_from_slice(copy);
        }
        Ok(())
    }

    /// Whether `len` bytes are those of one record, which has a copy.
    fn is_copied(&self, number: RecordNumber, len: usize) -> bool {
        let copy = self.copies.iter().find(|(copied, _)| *copied == number);
        copy.is_some_and(|(_, copy)| copy.len() == len)
    }

    /// Compares the first records with their copies in `$MFTMirr`, as far as
    /// they are in use.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first record that differs; [`Error::Io`].
    pub fn check_mirror(&self, source: &(impl ReadAt + ?Sized), boot: &BootSector) -> Result<()> {
        for number in (0..MIRRORED_RECORDS).map(RecordNumber) {
            let mut original = self.read_record(source, number)?;
            let (mut copy, copy_offset) = read_at(source, &self.geometry, boot.mft_mirror, number)?;
            let offset = self.record_offset(number).unwrap_or(0);
            let original = MftRecord::from_disk(&mut original, offset)?;
            let same = MftRecord::from_disk(&mut copy, copy_offset)
                .is_ok_and(|copy| copy.bytes() == original.bytes());
            if !same {
                return Err(Error::Corrupt {
                    structure: Structure::MftMirror,
                    offset: copy_offset,
                    field: "the record that differs from its original in $MFT",
                    found: number.0,
                    expected: "none",
                });
            }
        }
        Ok(())
    }

    fn position(&self, number: RecordNumber) -> u64 {
        number
            .0
            .saturating_mul(u64::from(self.geometry.mft_record_size))
    }
}

/// Reads a record of `$MFT` or `$MFTMirr`, and tells where it lies, if the
/// file begins at `lcn` and is not fragmented before it.
pub(super) fn read_at(
    source: &(impl ReadAt + ?Sized),
    geometry: &Geometry,
    lcn: Lcn,
    number: RecordNumber,
) -> Result<(Vec<u8>, u64)> {
    let size = u64::from(geometry.mft_record_size);
    let offset = geometry
        .offset(lcn)
        .saturating_add(number.0.saturating_mul(size));
    let end = geometry.bytes(geometry.nr_clusters());
    if offset.saturating_add(size) > end {
        return Err(Error::Corrupt {
            structure: Structure::MftRecord,
            offset,
            field: "its end",
            found: offset.saturating_add(size),
            expected: "one within the volume",
        });
    }
    let mut bytes = vec![0; len_usize(size)];
    source
        .read_exact_at(offset, &mut bytes)
        .map_err(|error| Error::Io {
            structure: Structure::MftRecord,
            offset,
            len: size,
            source: error,
        })?;
    Ok((bytes, offset))
}
