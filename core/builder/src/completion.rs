//! The last step of an assembly: what depends on everything else is written, and the volume handed over.

use std::ops::Range;

use crate::assembly::Assembly;
use crate::attribute::{Attribute, attribute_type};
use crate::boot_sector::BootSector;
use crate::cluster_allocator::{encode_bitmap, ranges};
use crate::content::{read_from_runs, write_to_runs};
use crate::file::{FileData, FileState};
use crate::mft_record::{FLAG_IN_USE, MftRecord};
use crate::runlist::Run;
use crate::system_files::number;
use crate::volume::{Content, Volume};

impl Assembly<'_> {
    /// Writes what depends on everything else: `$Bitmap`, the records and the boot sectors.
    pub(crate) fn finish(mut self, mft_records: u64) -> Volume {
        let (used, bad) = self.cluster_maps();
        let mut marked = used.clone();
        set_range(&mut marked, &self.builder.bad_clusters, true);
        set_range(&mut marked, &self.builder.marked, true);
        set_range(&mut marked, &self.builder.cleared, false);
        self.write_stream(number::BITMAP, "", &encode_bitmap(&marked, true));
        self.write_mft_bitmap(mft_records);
        self.write_records(mft_records);
        self.write_boot_sectors();

        let contents = self.contents();
        let mut paths = std::mem::take(&mut self.tree.paths);
        paths.insert(".".to_owned(), number::ROOT);
        Volume {
            bytes: self.bytes,
            geometry: self.geometry,
            used: ranges(&used),
            bad: ranges(&bad),
            mft_records,
            contents,
            paths,
            streams: self.streams,
        }
    }

    /// The used and the bad clusters.
    fn cluster_maps(&self) -> (Vec<bool>, Vec<bool>) {
        let mut used = vec![false; self.geometry.clusters as usize];
        let mut bad = used.clone();
        set_range(&mut bad, &self.builder.bad_clusters, true);
        let in_use = self
            .records
            .values()
            .filter(|r| r.flags & FLAG_IN_USE != 0 && &r.magic == b"FILE");
        for run in in_use
            .flat_map(|record| &record.attributes)
            .flat_map(Attribute::runs)
        {
            set_range(&mut used, &[run.clusters()], true);
        }
        set_range(&mut used, &self.builder.bad_clusters, false);
        (used, bad)
    }

    fn write_records(&mut self, mft_records: u64) {
        let encode = |number| match self.records.get(&number) {
            Some(record) => record.encode(self.format),
            None => MftRecord::unused(number).encode(self.format),
        };
        let mft: Vec<u8> = (0..mft_records).flat_map(encode).collect();
        let mirror_len = self.mirror_records().min(mft_records) as usize * self.format.record_size;
        self.write_stream(number::MFT, "", &mft);
        self.write_stream(number::MFT_MIRROR, "", &mft[..mirror_len]);
    }

    fn write_boot_sectors(&mut self) {
        let first_lcn = |number| {
            let runs: &Vec<Run> =
                &self.streams[&(number, attribute_type::DATA, String::new())].runs;
            runs[0].lcn.expect("system files have no holes")
        };
        let boot = BootSector {
            geometry: &self.geometry,
            mft_lcn: first_lcn(number::MFT),
            mft_mirror_lcn: first_lcn(number::MFT_MIRROR),
            serial: self.builder.serial,
        }
        .encode();
        self.write_stream(number::BOOT, "", &boot);
        if let Some(offset) = self.geometry.backup_boot_sector_offset() {
            let end = (offset as usize + self.geometry.bytes_per_sector.max(512) as usize)
                .min(self.bytes.len());
            self.bytes[offset as usize..end].copy_from_slice(&boot[..end - offset as usize]);
        }
    }

    pub(crate) fn write_stream(&mut self, number: u64, name: &str, content: &[u8]) {
        let runs = self.streams[&(number, attribute_type::DATA, name.to_owned())]
            .runs
            .clone();
        write_to_runs(
            &mut self.bytes,
            &runs,
            self.geometry.cluster_size as usize,
            content,
        );
    }

    fn contents(&self) -> Vec<Content> {
        let mut contents = Vec::new();
        for node in self
            .tree
            .nodes
            .values()
            .filter(|node| node.state == FileState::InUse)
        {
            let attributes = node
                .file
                .attributes
                .iter()
                .filter(|(kind, _, _)| *kind == attribute_type::DATA);
            for (kind, stream, data) in attributes {
                let bytes = match data {
                    FileData::Resident(bytes)
                    | FileData::Bytes(bytes)
                    | FileData::Fragmented { bytes, .. }
                    | FileData::Sparse(bytes)
                    | FileData::Compressed(bytes) => bytes.clone(),
                    FileData::Runs(_) | FileData::Placed { .. } => {
                        let place = &self.streams[&(node.number, *kind, stream.clone())];
                        let cluster_size = self.geometry.cluster_size as usize;
                        read_from_runs(
                            &self.bytes,
                            &place.runs,
                            cluster_size,
                            place.data_size as usize,
                        )
                    }
                };
                contents.push(Content {
                    path: node.path.clone(),
                    stream: stream.clone(),
                    bytes,
                });
            }
        }
        contents
    }
}

fn set_range(map: &mut [bool], clusters: &[Range<u64>], value: bool) {
    let end = map.len() as u64;
    for range in clusters {
        map[range.start.min(end) as usize..range.end.min(end) as usize].fill(value);
    }
}
