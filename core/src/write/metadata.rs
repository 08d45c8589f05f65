//! Metadata on its way to the output: records are read in chunks and wiped.

use alloc::vec::Vec;
use core::ops::Range;

use crate::clusters::metadata::RecordKind;
use crate::ntfs::value::Stream;
use crate::units::{Geometry, RecordNumber, Vcn, len_usize};
use crate::wipe::{Times, Wiped, wipe_index_record, wipe_mft_record};

/// Bytes of a chunk: at least the largest cluster, and a multiple of the sizes of
/// all clusters and records, which are powers of two.
const CHUNK_BYTES: u64 = 4 << 20;

/// What was done to the records of a volume.
#[derive(Debug, Clone, Copy, Default)]
pub struct WipeReport {
    /// Bytes that were wiped.
    pub wiped: Wiped,
    /// Damaged records, which were wiped only as far as they can be read.
    pub damaged_records: u64,
}

/// Some clusters of a stream of records. It holds whole records.
#[derive(Debug)]
pub struct RecordChunk<'a> {
    geometry: &'a Geometry,
    kind: RecordKind,
    stream: &'a Stream,
    start: Vcn,
    end: Vcn,
}

impl<'a> RecordChunk<'a> {
    /// The chunks of a stream, in order.
    pub fn all(
        geometry: &'a Geometry,
        kind: RecordKind,
        stream: &'a Stream,
    ) -> impl Iterator<Item = Self> {
        let cluster_size = u64::from(geometry.cluster_size);
        let clusters = CHUNK_BYTES.checked_div(cluster_size).unwrap_or(1).max(1);
        let mut start = Vcn(0);
        core::iter::from_fn(move || {
            let end = start.plus(clusters).min(stream.end());
            let chunk = Self {
                geometry,
                kind,
                stream,
                start,
                end,
            };
            start = end;
            (chunk.start < end).then_some(chunk)
        })
    }

    /// Reads the chunk into `bytes` and wipes its records. `read` reads the volume
    /// at an offset. Holes are zeros.
    ///
    /// # Errors
    ///
    /// Those of `read`; nothing is added to `report` then.
    pub fn read_wiped<E>(
        &self,
        bytes: &mut Vec<u8>,
        times: Times,
        report: &mut WipeReport,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        bytes.clear();
        bytes.resize(self.len(self.start, self.end), 0);
        for (range, offset) in self.stored() {
            read(offset, bytes.get_mut(range).unwrap_or_default())?;
        }
        self.wipe(bytes, times, report);
        Ok(())
    }

    /// The parts of `bytes`, which are those of the chunk, that the volume stores,
    /// each with its offset on the volume.
    pub fn pieces<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = (u64, &'b [u8])> {
        self.stored()
            .map(|(range, offset)| (offset, bytes.get(range).unwrap_or_default()))
    }

    /// The stored parts: their range in the chunk, and their offset on the volume.
    fn stored(&self) -> impl Iterator<Item = (Range<usize>, u64)> {
        self.stream
            .extents(self.start, self.end)
            .map(|(vcn, extent)| {
                let start = self.len(self.start, vcn);
                let end = self.len(self.start, vcn.plus(extent.len));
                (start..end, self.geometry.offset(extent.start))
            })
    }

    /// Bytes from cluster `start` to `end`.
    fn len(&self, start: Vcn, end: Vcn) -> usize {
        len_usize(self.geometry.bytes(end.0.saturating_sub(start.0)))
    }

    /// Wipes the records. What does not read as a record stays as it is.
    fn wipe(&self, bytes: &mut [u8], times: Times, report: &mut WipeReport) {
        let record_size = match self.kind {
            RecordKind::Mft => self.geometry.mft_record_size,
            RecordKind::Index => self.geometry.index_record_size,
        };
        let position = self.geometry.bytes(self.start.0);
        let first = position.checked_div(record_size.into()).unwrap_or(0);
        let records = bytes.chunks_exact_mut(len_usize(record_size.into()));
        for (number, record) in (first..).map(RecordNumber).zip(records) {
            let wiped = &mut report.wiped;
            let result = match self.kind {
                RecordKind::Mft => wipe_mft_record(record, number, times, wiped),
                RecordKind::Index => wipe_index_record(record, times, wiped),
            };
            // A record of zeros was never used.
            if result.is_err() && record.iter().any(|&byte| byte != 0) {
                report.damaged_records = report.damaged_records.saturating_add(1);
            }
        }
    }
}
