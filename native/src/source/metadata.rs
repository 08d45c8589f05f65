//! Reading the metadata of a volume, wiped on its way.

use std::sync::{Arc, Mutex};

use ntfsclone_core::clusters::metadata::{MetadataStep, RecordKind};
use ntfsclone_core::ntfs::value::Stream;
use ntfsclone_core::plan::MetadataPlan;
use ntfsclone_core::units::{Geometry, RecordNumber, Vcn};
use ntfsclone_core::wipe::{self, Times, Wiped};

use super::volume::Device;
use crate::bulk::pipeline::{Filled, Filler, TakerGone};
use crate::error::{Error, Result};

/// Bytes of records that are wiped at once; at least the largest cluster.
const CHUNK_BYTES: usize = 4 << 20;

/// What was done to the records that passed by.
#[derive(Debug, Clone, Copy, Default)]
pub struct WipeReport {
    pub wiped: Wiped,
    /// Records that are damaged and were wiped only as far as they can be read.
    pub damaged_records: u64,
}

/// Reads what `plan` says, in its order, and wipes it. `report` is complete
/// when the last batch is.
pub fn copy_metadata(
    device: Arc<Device>,
    plan: MetadataPlan,
    times: Times,
    report: Arc<Mutex<WipeReport>>,
) -> impl FnOnce(&mut Filler<'_>) -> Filled {
    move |filler| {
        let mut reader = Reader {
            device: &device,
            geometry: *plan.geometry(),
            times,
            report: WipeReport::default(),
            buffer: vec![0; CHUNK_BYTES],
        };
        let copied = reader.copy_all(&plan, filler)?;
        let copied = copied.and_then(|()| device.confirm_failures());
        if let Ok(mut report) = report.lock() {
            *report = reader.report;
        }
        // A change explains an error, too.
        Ok(device.check_unchanged().and(copied))
    }
}

struct Reader<'a> {
    device: &'a Device,
    geometry: Geometry,
    times: Times,
    report: WipeReport,
    /// Records on their way.
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn copy_all(&mut self, plan: &MetadataPlan, filler: &mut Filler<'_>) -> Filled {
        for step in plan.steps() {
            let copied = match step {
                MetadataStep::Clusters(extent) => {
                    let offset = self.geometry.offset(extent.start);
                    self.copy(offset, self.geometry.bytes(extent.len), filler)?
                }
                MetadataStep::Records(kind, stream) => self.records(*kind, stream, filler)?,
            };
            if let Err(error) = copied {
                return Ok(Err(error));
            }
        }
        if plan.returns_to_start() {
            filler.seek(0)?;
        }
        let (offset, len) = plan.tail();
        self.copy(offset, len, filler)
    }

    fn copy(&self, offset: u64, len: u64, filler: &mut Filler<'_>) -> Filled {
        filler.fill(offset, len, self.geometry.cluster_size, |offset, bytes| {
            self.device.read_at(offset, bytes)
        })
    }

    /// Copies all clusters of a value that consists of records.
    fn records(&mut self, kind: RecordKind, stream: &Stream, filler: &mut Filler<'_>) -> Filled {
        let cluster_size = u64::from(self.geometry.cluster_size);
        // A multiple of clusters and of records: both are powers of two, and
        // the buffer is larger than either.
        let clusters_a_chunk = CHUNK_BYTES as u64 / cluster_size;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut vcn = Vcn(0);
        let mut result = Ok(());
        while vcn < stream.end() && result.is_ok() {
            let end = vcn.plus(clusters_a_chunk).min(stream.end());
            let chunk = &mut buffer[..((end.0 - vcn.0) * cluster_size) as usize];
            result = self.read_chunk(stream, vcn, end, chunk);
            if result.is_ok() {
                self.wipe(kind, vcn.0 * cluster_size, chunk);
                self.send_chunk(stream, vcn, end, chunk, filler)?;
            }
            vcn = end;
        }
        self.buffer = buffer;
        Ok(result)
    }

    fn read_chunk(&self, stream: &Stream, vcn: Vcn, end: Vcn, chunk: &mut [u8]) -> Result<()> {
        // Holes are neither read nor sent, and must not read as old records.
        chunk.fill(0);
        for (start, extent) in stream.extents(vcn, end) {
            let at = self.geometry.bytes(start.0 - vcn.0) as usize;
            let len = self.geometry.bytes(extent.len) as usize;
            let offset = self.geometry.offset(extent.start);
            self.device.read_at(offset, &mut chunk[at..at + len])?;
        }
        Ok(())
    }

    fn wipe(&mut self, kind: RecordKind, position: u64, chunk: &mut [u8]) {
        let record_size = match kind {
            RecordKind::Mft => self.geometry.mft_record_size,
            RecordKind::Index => self.geometry.index_record_size,
        };
        let first = position / u64::from(record_size);
        let records = chunk.chunks_exact_mut(record_size as usize);
        for (number, record) in (first..).map(RecordNumber).zip(records) {
            let wiped = &mut self.report.wiped;
            let result = match kind {
                RecordKind::Mft => wipe::wipe_mft_record(record, number, self.times, wiped),
                RecordKind::Index => wipe::wipe_index_record(record, self.times, wiped),
            };
            // Never used ones are empty.
            if result.is_err() && record.iter().any(|&byte| byte != 0) {
                self.report.damaged_records += 1;
            }
        }
    }

    fn send_chunk(
        &self,
        stream: &Stream,
        vcn: Vcn,
        end: Vcn,
        chunk: &[u8],
        filler: &mut Filler<'_>,
    ) -> Result<(), TakerGone> {
        for (start, extent) in stream.extents(vcn, end) {
            let at = self.geometry.bytes(start.0 - vcn.0) as usize;
            let offset = self.geometry.offset(extent.start);
            let len = self.geometry.bytes(extent.len);
            // Copying from memory does not fail.
            let _: Result<(), Error> = filler.fill(
                offset,
                len,
                self.geometry.cluster_size,
                |position, bytes| {
                    let from = at + (position - offset) as usize;
                    bytes.copy_from_slice(&chunk[from..from + bytes.len()]);
                    Ok(())
                },
            )?;
        }
        Ok(())
    }
}
