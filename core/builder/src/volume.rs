//! A finished volume and ways to find things on it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::attribute::attribute_type;
use crate::content::{read_from_runs, write_to_runs};
use crate::fixup::undo_fixup;
use crate::geometry::Geometry;
use crate::runlist::Run;

/// The bytes of a volume with what the builder knows of them. The tables describe the volume as it was built; they do
/// not follow later patches.
#[derive(Clone, Debug)]
pub struct Volume {
    /// The whole device: the volume and the tail.
    pub bytes: Vec<u8>,
    /// The sizes of the volume.
    pub geometry: Geometry,
    /// Clusters below `geometry.clusters` that the records in use name, without those in `$BadClus:$Bad`: what a clone
    /// holds. Sorted, neither overlapping nor touching.
    pub used: Vec<Range<u64>>,
    /// Clusters in `$BadClus:$Bad`, likewise.
    pub bad: Vec<Range<u64>>,
    /// Records of `$MFT`.
    pub mft_records: u64,
    /// Content of the data streams of the files in use.
    pub contents: Vec<Content>,
    pub(crate) paths: BTreeMap<String, u64>,
    pub(crate) streams: BTreeMap<(u64, u32, String), Stream>,
}

/// A data stream as it reads.
#[derive(Clone, Debug)]
pub struct Content {
    /// Path of the file.
    pub path: String,
    /// Name of the stream, empty for the unnamed one.
    pub stream: String,
    /// What a reader gets.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) runs: Vec<Run>,
    pub(crate) data_size: u64,
}

impl Volume {
    /// The used clusters one by one, in ascending order.
    pub fn used_clusters(&self) -> impl Iterator<Item = u64> + '_ {
        self.used.iter().cloned().flatten()
    }

    /// The number of the base record of a file, a directory or a system file (`$MFT`).
    pub fn record_number(&self, path: &str) -> u64 {
        *self
            .paths
            .get(path)
            .unwrap_or_else(|| panic!("no file {path:?} on the volume"))
    }

    /// Paths and record numbers of all files and directories in use; the root is both `""` and `"."`.
    pub fn paths(&self) -> impl Iterator<Item = (&str, u64)> {
        self.paths
            .iter()
            .map(|(path, number)| (path.as_str(), *number))
    }

    /// All runs of a non-resident attribute, over all its extents; none for a resident or missing one.
    pub fn runs(&self, record: u64, kind: u32, name: &str) -> Vec<Run> {
        self.streams
            .get(&(record, kind, name.to_owned()))
            .map_or(Vec::new(), |stream| stream.runs.clone())
    }

    /// The raw bytes of a non-resident attribute as they stand now, compressed or not, to its data size.
    pub fn read_stream(&self, record: u64, kind: u32, name: &str) -> Vec<u8> {
        let stream = self.stream(record, kind, name);
        read_from_runs(
            &self.bytes,
            &stream.runs,
            self.cluster_size(),
            stream.data_size as usize,
        )
    }

    /// Where byte `offset` of a non-resident attribute stands on the device.
    pub fn stream_offset(&self, record: u64, kind: u32, name: &str, offset: u64) -> u64 {
        let cluster_size = self.cluster_size() as u64;
        let mut vcn = offset / cluster_size;
        for run in &self.stream(record, kind, name).runs {
            if vcn < run.length {
                let lcn = run.lcn.expect("the byte lies in a hole") + vcn;
                return lcn * cluster_size + offset % cluster_size;
            }
            vcn -= run.length;
        }
        panic!("byte {offset} lies behind the attribute");
    }

    /// Where record `number` of `$MFT` begins on the device. The builder never splits a record over two runs, unless
    /// it was given the runs of `$MFT`.
    pub fn record_offset(&self, number: u64) -> u64 {
        self.stream_offset(
            0,
            attribute_type::DATA,
            "",
            number * u64::from(self.geometry.mft_record_size),
        )
    }

    /// Where record `number` of `$MFTMirr` begins on the device.
    pub fn mirror_record_offset(&self, number: u64) -> u64 {
        self.stream_offset(
            1,
            attribute_type::DATA,
            "",
            number * u64::from(self.geometry.mft_record_size),
        )
    }

    /// Where a block of a directory's `INDEX_ALLOCATION` begins on the device.
    pub fn index_block_offset(&self, record: u64, block: u64) -> u64 {
        let offset = block * u64::from(self.geometry.index_record_size);
        self.stream_offset(record, attribute_type::INDEX_ALLOCATION, "$I30", offset)
    }

    /// How many blocks a directory's `INDEX_ALLOCATION` has.
    pub fn index_blocks(&self, record: u64) -> u64 {
        let key = (record, attribute_type::INDEX_ALLOCATION, "$I30".to_owned());
        self.streams.get(&key).map_or(0, |stream| {
            stream.data_size / u64::from(self.geometry.index_record_size)
        })
    }

    /// A record of `$MFT` with its fixup undone.
    pub fn record(&self, number: u64) -> Vec<u8> {
        let mut record = self.raw_record(number);
        undo_fixup(&mut record);
        record
    }

    /// Where in a record an attribute begins. The record may be an extension record.
    pub fn attribute_offset(&self, number: u64, kind: u32, name: &str) -> Option<usize> {
        let record = self.record(number);
        let word = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
        let long = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("4 bytes"));
        let mut at = word(0x14);
        while long(at) != attribute_type::END {
            let name_at = at + word(at + 10);
            let units = (0..usize::from(record[at + 9])).map(|n| word(name_at + 2 * n) as u16);
            if long(at) == kind && units.eq(name.encode_utf16()) {
                return Some(at);
            }
            at += long(at + 4) as usize;
        }
        None
    }

    /// The bytes of a cluster.
    pub fn cluster(&self, lcn: u64) -> &[u8] {
        let start = lcn as usize * self.cluster_size();
        &self.bytes[start..start + self.cluster_size()]
    }

    /// The first boot sector, at least 512 bytes.
    pub fn boot_sector(&self) -> &[u8] {
        &self.bytes[..self.geometry.bytes_per_sector.max(512) as usize]
    }

    pub(crate) fn cluster_size(&self) -> usize {
        self.geometry.cluster_size as usize
    }

    pub(crate) fn raw_record(&self, number: u64) -> Vec<u8> {
        let size = self.geometry.mft_record_size as usize;
        let mft = self.read_stream(0, attribute_type::DATA, "");
        mft[number as usize * size..][..size].to_vec()
    }

    pub(crate) fn write_stream(&mut self, record: u64, kind: u32, name: &str, content: &[u8]) {
        let runs = self.stream(record, kind, name).runs.clone();
        let cluster_size = self.cluster_size();
        write_to_runs(&mut self.bytes, &runs, cluster_size, content);
    }

    fn stream(&self, record: u64, kind: u32, name: &str) -> &Stream {
        self.streams
            .get(&(record, kind, name.to_owned()))
            .unwrap_or_else(|| {
                panic!("record {record} has no non-resident attribute {kind:#x} {name:?}")
            })
    }
}
