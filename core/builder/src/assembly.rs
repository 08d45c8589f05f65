//! From the description of a volume to its bytes.

use std::collections::BTreeMap;

use crate::attribute::{Attribute, Body, attribute_type};
use crate::attribute_list::{Spread, Supply, spread};
use crate::cluster_allocator::ClusterAllocator;
use crate::content::write_to_runs;
use crate::directory_tree::{DirectoryTree, Node, RecordNumbers};
use crate::file::{FileData, FileState};
use crate::file_name::{ATTRIBUTE_COMPRESSED, ATTRIBUTE_SPARSE, FileName};
use crate::geometry::Geometry;
use crate::mft_record::{MftRecord, RecordFormat};
use crate::runlist::{Run, has_hole};
use crate::security::SECURITY_ID;
use crate::standard_information::{StandardInformation, Times};
use crate::stream_placement::StreamPlacement;
use crate::system_files::number;
use crate::upcase;
use crate::volume::{Stream, Volume};
use crate::volume_builder::VolumeBuilder;

/// A volume under construction.
pub(crate) struct Assembly<'a> {
    pub(crate) builder: &'a VolumeBuilder,
    pub(crate) geometry: Geometry,
    pub(crate) format: RecordFormat,
    pub(crate) allocator: ClusterAllocator,
    pub(crate) bytes: Vec<u8>,
    pub(crate) tree: DirectoryTree,
    pub(crate) upcase: Vec<u16>,
    pub(crate) records: BTreeMap<u64, MftRecord>,
    pub(crate) streams: BTreeMap<(u64, u32, String), Stream>,
}

/// Where extension records and attribute lists come from.
struct FreeSpace<'a> {
    numbers: &'a mut RecordNumbers,
    first_number: u64,
    allocator: &'a mut ClusterAllocator,
    cluster_size: u32,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(builder: &'a VolumeBuilder, geometry: Geometry) -> Self {
        let full = geometry.volume_size() >= 512 << 10;
        let upcase_length =
            builder
                .upcase_length
                .unwrap_or(if full { upcase::FULL_LENGTH } else { 128 });
        Self {
            builder,
            format: RecordFormat {
                record_size: geometry.mft_record_size as usize,
                numbered: builder.version >= (3, 1),
            },
            allocator: ClusterAllocator::new(geometry.clusters),
            bytes: vec![builder.free_fill; geometry.device_size() as usize],
            tree: DirectoryTree::new(builder),
            upcase: upcase::table(upcase_length),
            records: BTreeMap::new(),
            streams: BTreeMap::new(),
            geometry,
        }
    }

    pub(crate) fn build(mut self) -> Volume {
        self.reserve_chosen_clusters();
        self.place_user_streams();
        self.place_system_streams();
        let numbers: Vec<u64> = self
            .tree
            .nodes
            .keys()
            .copied()
            .filter(|number| *number != number::MFT)
            .collect();
        for number in &numbers {
            self.place_directory_index(*number);
        }
        for number in numbers {
            self.make_records(number);
        }
        let mft_records = self.place_mft();
        self.make_records(number::MFT);
        self.finish(mft_records)
    }

    /// Keeps the builder's own choices away from the clusters that the caller named.
    fn reserve_chosen_clusters(&mut self) {
        self.allocator.reserve(
            0..self
                .geometry
                .clusters_for(crate::boot_sector::BOOT_FILE_SIZE as u64),
        );
        for clusters in self.builder.bad_clusters.iter().chain(&self.builder.marked) {
            self.allocator.reserve(clusters.clone());
        }
        let chosen = self
            .builder
            .entries
            .iter()
            .flat_map(|entry| &entry.file.attributes);
        for run in chosen.flat_map(|(_, _, data)| data.chosen_runs()) {
            self.allocator.reserve(run.clusters());
        }
        if let crate::mft_layout::MftLayout::Runs(runs) = &self.builder.mft_layout {
            runs.iter()
                .for_each(|run| self.allocator.reserve(run.clusters()));
        }
    }

    fn place_user_streams(&mut self) {
        let mut placement = StreamPlacement {
            volume: &mut self.bytes,
            allocator: &mut self.allocator,
            cluster_size: self.geometry.cluster_size,
            hint: self.geometry.clusters / 3,
        };
        for node in self.tree.nodes.values_mut() {
            for (kind, name, data) in &node.file.attributes {
                node.attributes
                    .push(placement.place(*kind, name, data, node.number));
                node.file_attributes |= match data {
                    FileData::Sparse(_) => ATTRIBUTE_SPARSE,
                    FileData::Compressed(_) => ATTRIBUTE_COMPRESSED,
                    data if has_hole(data.chosen_runs()) => ATTRIBUTE_SPARSE,
                    _ => 0,
                };
            }
        }
    }

    /// Stores bytes for a system file near `hint` and adds their attribute to its node.
    pub(crate) fn add_stream(
        &mut self,
        number: u64,
        kind: u32,
        name: &str,
        content: &[u8],
        hint: u64,
    ) {
        let mut placement = StreamPlacement {
            volume: &mut self.bytes,
            allocator: &mut self.allocator,
            cluster_size: self.geometry.cluster_size,
            hint,
        };
        let granule = u64::from(
            self.geometry
                .index_record_size
                .div_ceil(self.geometry.cluster_size),
        );
        let index = kind == attribute_type::INDEX_ALLOCATION;
        let clusters = self.geometry.clusters_for(content.len() as u64);
        let (pieces, granule) = if index {
            (
                self.builder
                    .index_pieces
                    .clamp(1, clusters.div_ceil(granule)),
                granule,
            )
        } else {
            (1, 1)
        };
        let attribute = placement.place_pieces(kind, name, content, pieces, granule);
        self.add_attribute(number, attribute);
    }

    pub(crate) fn add_attribute(&mut self, number: u64, attribute: Attribute) {
        self.node_mut(number).attributes.push(attribute);
    }

    pub(crate) fn node_mut(&mut self, number: u64) -> &mut Node {
        self.tree
            .nodes
            .get_mut(&number)
            .expect("a node for each system file")
    }

    /// The `FILE_NAME` values of a file, one for each link, with the number of the directory that lists it.
    pub(crate) fn file_names(&self, node: &Node) -> Vec<(u64, FileName)> {
        let (allocated, size) = unnamed_data_size(&node.attributes);
        let with_parent = |(parent, name): &(u64, String)| {
            let file_name = FileName {
                parent: self.tree.nodes[parent].reference(),
                times: Times::of_record(node.number),
                allocated,
                size,
                file_attributes: node.file_attributes,
                namespace: node.namespace,
                name: name.clone(),
            };
            (*parent, file_name)
        };
        node.names.iter().map(with_parent).collect()
    }

    pub(crate) fn standard_information(&self, node: &Node) -> Attribute {
        let value = StandardInformation {
            times: Times::of_record(node.number),
            file_attributes: node.file_attributes & 0xffff,
            security_id: (self.has_descriptor() && !node.names.is_empty()).then_some(SECURITY_ID),
        };
        Attribute::resident(attribute_type::STANDARD_INFORMATION, "", value.encode())
    }

    /// Spreads a file over its records.
    fn make_records(&mut self, number: u64) {
        let node = &self.tree.nodes[&number];
        let mut attributes = vec![self.standard_information(node)];
        let names = self.file_names(node);
        attributes.extend(
            names
                .iter()
                .map(|(_, name)| Attribute::resident(attribute_type::FILE_NAME, "", name.encode())),
        );
        attributes.extend(node.attributes.iter().cloned());
        for attribute in attributes
            .iter()
            .filter(|attribute| matches!(attribute.body, Body::NonResident(_)))
        {
            self.streams.insert(
                (number, attribute.kind, attribute.name.clone()),
                stream_of(attribute),
            );
        }
        let record = MftRecord {
            number,
            sequence: node.sequence,
            flags: node.flags,
            links: names.len() as u16,
            base: 0,
            attributes,
            magic: if node.state == FileState::Baad {
                *b"BAAD"
            } else {
                *b"FILE"
            },
        };
        let (rules, first_number) = if number == number::MFT {
            self.mft_spread()
        } else {
            (node.spread(), self.builder.first_user_record)
        };
        self.spread_record(record, rules, first_number);
    }

    fn spread_record(&mut self, record: MftRecord, rules: Spread, first_number: u64) {
        let number = record.number;
        let mut supply = FreeSpace {
            numbers: &mut self.tree.numbers,
            first_number,
            allocator: &mut self.allocator,
            cluster_size: self.geometry.cluster_size,
        };
        let spread = spread(
            record,
            rules,
            self.format,
            self.geometry.cluster_size,
            &mut supply,
        );
        if let Some((runs, content)) = spread.list {
            write_to_runs(
                &mut self.bytes,
                &runs,
                self.geometry.cluster_size as usize,
                &content,
            );
            let stream = Stream {
                runs,
                data_size: content.len() as u64,
            };
            self.streams.insert(
                (number, attribute_type::ATTRIBUTE_LIST, String::new()),
                stream,
            );
        }
        for record in std::iter::once(spread.base).chain(spread.extensions) {
            self.records.insert(record.number, record);
        }
    }
}

impl Supply for FreeSpace<'_> {
    fn extension_record(&mut self) -> (u64, u16) {
        (self.numbers.next(self.first_number), 1)
    }

    fn clusters(&mut self, bytes: u64, is_fragmented: bool) -> Vec<Run> {
        let count = bytes.div_ceil(u64::from(self.cluster_size));
        let pieces = if is_fragmented { count } else { 1 };
        self.allocator.allocate_pieces(count, pieces, 1, 0)
    }
}

pub(crate) fn stream_of(attribute: &Attribute) -> Stream {
    match &attribute.body {
        Body::Resident { value, .. } => Stream {
            runs: Vec::new(),
            data_size: value.len() as u64,
        },
        Body::NonResident(extent) => Stream {
            runs: extent.runs.clone(),
            data_size: extent.sizes.data,
        },
    }
}

fn unnamed_data_size(attributes: &[Attribute]) -> (u64, u64) {
    let data = attributes
        .iter()
        .find(|a| a.kind == attribute_type::DATA && a.name.is_empty());
    match data.map(|attribute| &attribute.body) {
        Some(Body::Resident { value, .. }) => {
            ((value.len() as u64).next_multiple_of(8), value.len() as u64)
        }
        Some(Body::NonResident(extent)) => (extent.sizes.allocated, extent.sizes.data),
        None => (0, 0),
    }
}
