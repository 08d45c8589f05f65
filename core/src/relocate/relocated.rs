//! A volume in another size, as a source of bytes.

use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use super::error::RelocateError;
use super::record::relocate_record;
use super::relocation::{Relocation, total_size};
use super::system_data::{Content, Made, Patch, SystemData};
use crate::clusters::{Part, parts};
use crate::io::{ByteExtent, IoError, ReadAt};
use crate::ntfs::Volume;
use crate::units::{Lcn, RecordNumber, len_u64, len_usize};

/// The most clusters of which one answer says where they are. A full disk is one long run: an
/// answer that counted all of it for each read would take longer than the read.
const MOST_AT_ONCE: u64 = 1 << 15;

/// What every byte of an empty journal is. mkntfs and the format of Windows leave it so, and
/// Windows begins a new journal on it. Restart pages of ours would have to have a sequence number
/// after those of all records.
const EMPTY_JOURNAL: u8 = 0xFF;

/// A volume in another size: a source whose bytes are those of the new volume. Clusters that are
/// free read as zeros.
#[derive(Debug)]
pub struct Relocated<R> {
    volume: Volume<R>,
    relocation: Relocation,
    /// In order.
    made: Vec<Made>,
    patches: Vec<Patch>,
    size: u64,
}

/// What is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Clusters that are elsewhere.
    pub moved_clusters: u64,
    /// MFT records with other runlists.
    pub records: u64,
}

/// What the bytes from some offset on are.
enum Bytes {
    /// Those of the old volume, from an offset on.
    Original(u64),
    /// Of a free cluster.
    Zeros,
    /// Made anew, from a position of their content on.
    Made(Content, u64),
}

impl<R: ReadAt> Relocated<R> {
    /// `volume` with its clusters at the places of `relocation`.
    ///
    /// # Errors
    ///
    /// [`RelocateError`]. MFT records are not looked at: see [`Relocated::check`].
    pub fn new(volume: Volume<R>, relocation: Relocation) -> Result<Self, RelocateError> {
        let system_data = SystemData::read(&volume, &relocation)?;
        Ok(Self::of(volume, relocation, system_data))
    }

    /// The same, with what was read for it.
    pub(crate) fn of(volume: Volume<R>, relocation: Relocation, system_data: SystemData) -> Self {
        let SystemData { made, patches } = system_data;
        Self {
            made,
            patches,
            size: total_size(relocation.to()),
            volume,
            relocation,
        }
    }

    /// The places of the clusters.
    pub fn relocation(&self) -> &Relocation {
        &self.relocation
    }

    /// Bytes of the journal, which is emptied.
    pub(super) fn journal_bytes(&self) -> u64 {
        let journal = |made: &&Made| made.content == Content::Journal;
        let clusters = self.made.iter().filter(journal).map(|made| made.extent.len);
        let clusters = clusters.fold(0, u64::saturating_add);
        self.relocation.to().bytes(clusters)
    }

    /// Looks at all MFT records, to find what would stop a copy.
    ///
    /// # Errors
    ///
    /// [`RelocateError`]; that of the first record that cannot be changed.
    pub fn check(&self) -> Result<Changes, RelocateError> {
        let mut records = 0_u64;
        let mut buffer = Vec::new();
        for part in parts(&self.volume) {
            records = records.saturating_add(self.check_part(&part, &mut buffer)?);
        }
        Ok(self.changes(records))
    }

    /// What is not as it was, with `records` changed records.
    pub fn changes(&self, records: u64) -> Changes {
        Changes {
            moved_clusters: self.relocation.moved(),
            records,
        }
    }

    /// Like [`Relocated::check`], of one part of `$MFT`. Returns how many of its records change.
    /// `buffer` is memory to work in.
    ///
    /// # Errors
    ///
    /// Those of [`Relocated::check`]. After one, it can be tried again.
    pub fn check_part(&self, part: &Part, buffer: &mut Vec<u8>) -> Result<u64, RelocateError> {
        let record_size = u64::from(self.volume.geometry().mft_record_size);
        let count = part.end().0.saturating_sub(part.start().0);
        buffer.resize(len_usize(count.saturating_mul(record_size)), 0);
        let mft = self.volume.mft();
        mft.read_records(self.volume.source(), part.start(), buffer)?;
        self.relocate(part.start(), buffer)
    }

    /// The volume as it was.
    pub fn volume(&self) -> &Volume<R> {
        &self.volume
    }

    /// Changes whole records from `first` on. Returns how many of them change.
    fn relocate(&self, first: RecordNumber, bytes: &mut [u8]) -> Result<u64, RelocateError> {
        let record_size = len_usize(self.volume.geometry().mft_record_size.into());
        let mut original = Vec::new();
        let mut changed = 0_u64;
        for (number, record) in (first.0..).zip(bytes.chunks_exact_mut(record_size)) {
            let number = RecordNumber(number);
            let offset = self.volume.mft().record_offset(number).unwrap_or(0);
            let has_changed =
                relocate_record(&self.relocation, record, number, offset, &mut original)?;
            changed = changed.saturating_add(has_changed.into());
        }
        Ok(changed)
    }

    /// The volume as it is.
    pub fn source(&self) -> &R {
        self.volume.source()
    }

    /// Where the byte at `offset` is on the volume as it is, `None` if it is made anew or free; and
    /// for how many bytes from there on that holds. Clusters are not cut in two.
    pub fn part_at(&self, offset: u64) -> (Option<u64>, u64) {
        let (bytes, mut len) = self.bytes_at(offset);
        let cluster_size = NonZeroU64::new(self.relocation.to().cluster_size.into());
        let cluster_size = cluster_size.unwrap_or(NonZeroU64::MIN);
        for patch in &self.patches {
            let end = patch.offset.saturating_add(len_u64(patch.bytes.len()));
            let end = end
                .checked_next_multiple_of(cluster_size.get())
                .unwrap_or(end);
            let start = patch.offset.saturating_sub(patch.offset % cluster_size);
            if start <= offset && offset < end {
                return (None, len.min(end.saturating_sub(offset)));
            }
            if offset < start {
                len = len.min(start.saturating_sub(offset));
            }
        }
        match bytes {
            Bytes::Original(original) => (Some(original), len),
            Bytes::Zeros | Bytes::Made(..) => (None, len),
        }
    }

    /// Like [`ReadAt::read_exact_at`]. `read` reads the volume as it is, but for what is made
    /// anew.
    ///
    /// # Errors
    ///
    /// Those of [`ReadAt::read_exact_at`], and of `read`.
    pub fn read_by(
        &self,
        offset: u64,
        buf: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), IoError>,
    ) -> Result<(), IoError> {
        let end = offset.saturating_add(len_u64(buf.len()));
        if end > self.size {
            return Err(IoError::end_of_input());
        }
        let mut position = offset;
        let mut left = &mut *buf;
        while !left.is_empty() {
            let (bytes, len) = self.bytes_at(position);
            let (now, later) = left.split_at_mut(left.len().min(len_usize(len)));
            match bytes {
                Bytes::Zeros => now.fill(0),
                Bytes::Original(offset) => read(offset, now)?,
                Bytes::Made(content, position) => self.make(content, position, now)?,
            }
            position = position.saturating_add(len_u64(now.len()));
            left = later;
        }
        for patch in &self.patches {
            overlay(buf, offset, patch);
        }
        Ok(())
    }

    /// What the byte at `offset` is, and how many bytes from there on are alike.
    fn bytes_at(&self, offset: u64) -> (Bytes, u64) {
        let geometry = self.relocation.to();
        let (vcn, within) = geometry.vcn_at(offset);
        let lcn = Lcn(vcn.0);
        let end = geometry.nr_clusters();
        if lcn.0 >= end {
            return (Bytes::Zeros, self.size.saturating_sub(offset));
        }
        let len = |clusters: u64| geometry.bytes(clusters).saturating_sub(within);
        let next = self.made.partition_point(|made| made.extent.end() <= lcn);
        let limit = match self.made.get(next) {
            Some(made) if made.extent.start <= lcn => {
                let skipped = geometry.bytes(lcn.0.saturating_sub(made.extent.start.0));
                let position = made.position.saturating_add(skipped).saturating_add(within);
                let clusters = made.extent.end().0.saturating_sub(lcn.0);
                return (Bytes::Made(made.content, position), len(clusters));
            }
            Some(made) => made.extent.start.0.saturating_sub(lcn.0),
            None => end.saturating_sub(lcn.0),
        };
        let limit = limit.min(MOST_AT_ONCE);
        let (original, clusters) = self.relocation.original(lcn, limit);
        let bytes = match original {
            Some(original) => Bytes::Original(geometry.offset(original).saturating_add(within)),
            None => Bytes::Zeros,
        };
        (bytes, len(clusters))
    }

    /// Fills `buf` with what is made anew.
    fn make(&self, content: Content, position: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match content {
            Content::Journal => buf.fill(EMPTY_JOURNAL),
            Content::Bitmap => self.make_bitmap(position, buf),
            Content::Records => {
                let made = self.make_records(position, buf);
                return made.map_err(into_io_error);
            }
        }
        Ok(())
    }

    fn make_bitmap(&self, position: u64, buf: &mut [u8]) {
        let size = super::relocation::bitmap_size(self.relocation.to().nr_clusters());
        let word_at = |position: u64| {
            let lcn = Lcn(position.saturating_mul(8));
            self.relocation.bitmap_word(lcn).to_le_bytes()
        };
        let mut word = word_at(position.saturating_sub(position % 8));
        for (position, byte) in (position..).zip(buf.iter_mut()) {
            let within = position % 8;
            if within == 0 {
                word = word_at(position);
            }
            let found = word.get(len_usize(within)).copied().unwrap_or(0);
            *byte = if position < size { found } else { 0 };
        }
    }

    /// Fills `buf` with records; `position` is in bytes from the start of `$MFT`.
    fn make_records(&self, position: u64, buf: &mut [u8]) -> Result<(), RelocateError> {
        let mft = self.volume.mft();
        let record_size = u64::from(self.volume.geometry().mft_record_size);
        let mut position = position;
        let mut left = buf;
        while !left.is_empty() {
            let number = position.checked_div(record_size).unwrap_or(0);
            let within = position.saturating_sub(number.saturating_mul(record_size));
            let count = mft.record_count().saturating_sub(number);
            let whole = len_u64(left.len()).checked_div(record_size).unwrap_or(0);
            let (len, is_whole) = match (within, whole.min(count)) {
                _ if count == 0 => (left.len(), false),
                (0, records @ 1..) => (len_usize(records.saturating_mul(record_size)), true),
                _ => (len_usize(record_size.saturating_sub(within)), false),
            };
            let (now, later) = left.split_at_mut(len.min(left.len()));
            let number = RecordNumber(number);
            if count == 0 {
                now.fill(0);
            } else if is_whole {
                mft.read_records(self.volume.source(), number, now)?;
                self.relocate(number, now)?;
            } else {
                let mut record = vec![0; len_usize(record_size)];
                mft.read_records(self.volume.source(), number, &mut record)?;
                self.relocate(number, &mut record)?;
                let part = record.get(len_usize(within)..).unwrap_or_default();
                for (byte, of_record) in now.iter_mut().zip(part) {
                    *byte = *of_record;
                }
            }
            position = position.saturating_add(len_u64(now.len()));
            left = later;
        }
        Ok(())
    }
}

impl<R: ReadAt> ReadAt for Relocated<R> {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let (bytes, len) = self.bytes_at(offset);
        let Bytes::Original(offset) = bytes else {
            return Ok(ByteExtent::Data { len });
        };
        Ok(match self.volume.source().extent_at(offset)? {
            ByteExtent::Data { len: data } => ByteExtent::Data { len: data.min(len) },
            ByteExtent::Absent { len: absent } => ByteExtent::Absent {
                len: absent.min(len),
            },
        })
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let source = self.volume.source();
        self.read_by(offset, buf, |offset, buf| source.read_exact_at(offset, buf))
    }
}

/// Replaces bytes in `buf`, which begins at `offset`.
fn overlay(buf: &mut [u8], offset: u64, patch: &Patch) {
    let skipped = len_usize(offset.saturating_sub(patch.offset));
    let start = len_usize(patch.offset.saturating_sub(offset));
    let bytes = patch.bytes.get(skipped..).unwrap_or_default();
    let place = buf.get_mut(start..).unwrap_or_default();
    for (byte, patched) in place.iter_mut().zip(bytes) {
        *byte = *patched;
    }
}

/// Keeps what says that bytes are not there yet.
fn into_io_error(error: RelocateError) -> IoError {
    match error {
        RelocateError::Volume(error) => IoError::new(error),
        error => IoError::new(error),
    }
}
