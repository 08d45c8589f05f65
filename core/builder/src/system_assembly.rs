//! The parts of a volume under construction that belong to the system: its files, its directories and `$MFT`.

use crate::assembly::{Assembly, stream_of};
use crate::attribute::{Attribute, Sizes, attribute_type};
use crate::attribute_list::{ListForm, Spread};
use crate::boot_sector::BOOT_FILE_SIZE;
use crate::cluster_allocator::encode_bitmap;
use crate::directory_tree::Node;
use crate::file_name::ATTRIBUTE_DIRECTORY;
use crate::index::{COLLATION_FILE_NAME, Index, IndexEntry, IndexKind};
use crate::mft_layout::MftLayout;
use crate::mft_record::FLAG_IN_USE;
use crate::quota::quota_attributes;
use crate::runlist::{Run, total_length};
use crate::security::secure_attributes;
use crate::system_files::{attribute_definitions, number, volume_information};
use crate::upcase;

/// Bytes that a directory's record keeps for `INDEX_ALLOCATION` and `BITMAP` when its index has blocks.
const LARGE_INDEX_RESERVE: usize = 0x40 + 8 + 24 + 56;
/// Bytes that an attribute list of a directory takes at least.
const LIST_RESERVE: usize = 240;
/// The header of an attribute named `$I30`.
const INDEX_ATTRIBUTE_HEADER: usize = 32;

impl Assembly<'_> {
    pub(crate) fn place_system_streams(&mut self) {
        let builder = self.builder;
        let (middle, data) = (self.geometry.clusters / 2, attribute_type::DATA);
        let mirror_len = self.mirror_records() as usize * self.format.record_size;
        let upcase: Vec<u8> = self
            .upcase
            .iter()
            .flat_map(|unit| unit.to_le_bytes())
            .collect();
        let bitmap = encode_bitmap(&vec![false; self.geometry.clusters as usize], true);
        self.add_stream(number::MFT_MIRROR, data, "", &vec![0; mirror_len], middle);
        // Windows takes a log full of 0xff for a fresh one.
        self.add_stream(
            number::LOG_FILE,
            data,
            "",
            &vec![0xff; self.log_file_size()],
            middle,
        );
        self.add_stream(
            number::ATTRIBUTE_DEFINITIONS,
            data,
            "",
            &attribute_definitions(),
            middle,
        );
        self.add_stream(number::BITMAP, data, "", &bitmap, middle);
        self.add_stream(number::UPCASE, data, "", &upcase, middle);
        let info = Attribute::resident(data, "$Info", upcase::info(&upcase));
        self.add_attribute(number::UPCASE, info);
        self.add_boot();
        self.add_volume_attributes();
        self.add_bad_clusters();
        self.add_secure();
        for number in number::FIRST_RESERVED..number::FIRST_EXTENSION {
            self.add_attribute(number, Attribute::resident(data, "", Vec::new()));
        }
        if builder.version.0 < 3 {
            self.add_attribute(number::EXTEND, Attribute::resident(data, "", Vec::new()));
        }
        if builder.quota {
            let quota = self.tree.paths["$Extend/$Quota"];
            let attributes = quota_attributes(&self.geometry);
            self.node_mut(quota).attributes.extend(attributes);
        }
    }

    /// Builds the index of a directory from the names in it; does nothing for other files.
    pub(crate) fn place_directory_index(&mut self, number: u64) {
        let node = &self.tree.nodes[&number];
        if !node.is_directory() {
            return;
        }
        let room = self.index_room(node);
        let kind = IndexKind {
            attribute_type: attribute_type::FILE_NAME,
            collation: COLLATION_FILE_NAME,
        };
        let entries = self.directory_entries(number);
        let large_room = room.saturating_sub(LARGE_INDEX_RESERVE).max(56);
        let index = Index::build(entries, &kind, &self.geometry, room, large_room);
        self.add_attribute(
            number,
            Attribute::resident(attribute_type::INDEX_ROOT, "$I30", index.root),
        );
        if !index.blocks.is_empty() {
            let bitmap = encode_bitmap(&vec![true; index.blocks.len()], false);
            self.add_attribute(
                number,
                Attribute::resident(attribute_type::BITMAP, "$I30", bitmap),
            );
            let hint = self.geometry.clusters / 4;
            self.add_stream(
                number,
                attribute_type::INDEX_ALLOCATION,
                "$I30",
                &index.blocks.concat(),
                hint,
            );
        }
    }

    /// Finds room for `$MFT` and its bitmap, and returns how many records it has.
    pub(crate) fn place_mft(&mut self) -> u64 {
        let cluster_size = u64::from(self.geometry.cluster_size);
        let record_size = u64::from(self.geometry.mft_record_size);
        let pieces = self.builder.mft_layout.pieces();
        // $MFT fills its clusters; the reference reads as many records of it as a cluster holds.
        let unit = (cluster_size / record_size).max(8);
        let needed = self
            .tree
            .numbers
            .end()
            .max(self.builder.mft_records)
            .max(number::FIRST_USER);
        let needed = needed.next_multiple_of(unit);
        let granule = record_size.div_ceil(cluster_size);
        let first = (number::FIRST_USER * record_size)
            .div_ceil(cluster_size)
            .next_multiple_of(granule);
        let (runs, records) = match &self.builder.mft_layout {
            MftLayout::Runs(runs) => (
                runs.clone(),
                total_length(runs) * cluster_size / record_size,
            ),
            _ if pieces == 1 => {
                let clusters = (needed * record_size).div_ceil(cluster_size);
                (vec![self.allocator.allocate(clusters, 0)], needed)
            }
            _ => {
                let rest = (needed * record_size)
                    .div_ceil(cluster_size)
                    .saturating_sub(first);
                let rest = rest.max((pieces - 1) * granule).next_multiple_of(granule);
                (
                    self.allocate_mft(first, rest, pieces, granule),
                    (first + rest) * cluster_size / record_size,
                )
            }
        };
        assert!(
            records >= needed,
            "$MFT needs {needed} records, its runs hold {records}"
        );
        let data = Attribute::plain(
            attribute_type::DATA,
            "",
            runs,
            records * record_size,
            self.geometry.cluster_size,
        );
        self.add_attribute(number::MFT, data);
        let bitmap_len = records.div_ceil(64) as usize * 8;
        self.add_stream(
            number::MFT,
            attribute_type::BITMAP,
            "",
            &vec![0; bitmap_len],
            0,
        );
        records
    }

    /// Records in `$MFTMirr`.
    pub(crate) fn mirror_records(&self) -> u64 {
        let in_cluster = u64::from(self.geometry.cluster_size / self.geometry.mft_record_size);
        self.builder.mirror_records.unwrap_or(in_cluster.max(4))
    }

    /// How record 0 is spread, and the first record for its extensions.
    pub(crate) fn mft_spread(&self) -> (Spread, u64) {
        let (form, runs_per_record) = match self.builder.mft_layout {
            MftLayout::AttributeList {
                runs_per_record, ..
            } => (Some(ListForm::Resident), runs_per_record.max(1)),
            _ => (None, usize::MAX),
        };
        (
            Spread {
                form,
                runs_per_record,
                keep_data: true,
            },
            number::FIRST_EXTENSION,
        )
    }

    /// Marks the records in use in the bitmap of `$MFT`.
    pub(crate) fn write_mft_bitmap(&mut self, mft_records: u64) {
        let in_use = |number| {
            let record = self.records.get(&number);
            record.is_some_and(|record| record.flags & FLAG_IN_USE != 0 && &record.magic == b"FILE")
        };
        let map: Vec<bool> = (0..mft_records).map(in_use).collect();
        let base = &self.records[&number::MFT];
        let bitmap = base
            .attributes
            .iter()
            .find(|a| a.kind == attribute_type::BITMAP)
            .expect("kept in the base");
        let runs = stream_of(bitmap).runs;
        let cluster_size = self.geometry.cluster_size as usize;
        crate::content::write_to_runs(
            &mut self.bytes,
            &runs,
            cluster_size,
            &encode_bitmap(&map, false),
        );
        let last_extension = self
            .records
            .values()
            .filter(|record| record.base << 16 == 0 && record.base != 0);
        assert!(
            last_extension
                .map(|record| record.number)
                .max()
                .unwrap_or(0)
                < number::FIRST_USER,
            "$MFT takes more extension records than the eight that its first run is sure to hold"
        );
    }

    fn allocate_mft(&mut self, first: u64, rest: u64, pieces: u64, granule: u64) -> Vec<Run> {
        // One cluster more, given back below, keeps the second run away from the first.
        let run = self.allocator.allocate(first + 1, 0);
        let mut runs = vec![Run {
            length: first,
            ..run
        }];
        runs.extend(self.allocator.allocate_pieces(
            rest,
            pieces - 1,
            granule,
            run.clusters().end + 1,
        ));
        self.allocator.release(runs[0].clusters().end);
        runs
    }

    fn directory_entries(&self, directory: u64) -> Vec<IndexEntry> {
        let mut names = Vec::new();
        for (child, name) in self.tree.children(directory) {
            let node = &self.tree.nodes[&child];
            let matches = |(parent, file_name): &(u64, crate::file_name::FileName)| {
                *parent == directory && file_name.name == name
            };
            let (_, file_name) = self
                .file_names(node)
                .into_iter()
                .find(matches)
                .expect("children have names");
            let key = (
                upcase::fold(name, &self.upcase),
                name.encode_utf16().collect::<Vec<_>>(),
            );
            names.push((
                key,
                IndexEntry::of_file(node.reference(), file_name.encode()),
            ));
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        names.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Bytes for the value of `INDEX_ROOT` in the record of a directory.
    fn index_room(&self, node: &Node) -> usize {
        debug_assert!(node.file_attributes & ATTRIBUTE_DIRECTORY != 0);
        let names: usize = self
            .file_names(node)
            .iter()
            .map(|(_, name)| {
                Attribute::resident(attribute_type::FILE_NAME, "", name.encode()).encoded_len()
            })
            .sum();
        let others: usize = node.attributes.iter().map(Attribute::encoded_len).sum();
        let list = if node.file.list.is_some() {
            LIST_RESERVE
        } else {
            0
        };
        let taken = self.standard_information(node).encoded_len()
            + names
            + others
            + list
            + INDEX_ATTRIBUTE_HEADER;
        self.format.capacity().saturating_sub(taken)
    }

    fn log_file_size(&self) -> usize {
        let volume = self.geometry.volume_size();
        let size = if volume >= 1 << 20 {
            256 << 10
        } else {
            (volume / 16).max(4096)
        };
        self.builder.log_file_size.unwrap_or(size) as usize
    }

    fn add_boot(&mut self) {
        let clusters = self.geometry.clusters_for(BOOT_FILE_SIZE as u64);
        let runs = vec![Run::at(0, clusters)];
        let size = BOOT_FILE_SIZE as u64;
        let boot = Attribute::plain(
            attribute_type::DATA,
            "",
            runs,
            size,
            self.geometry.cluster_size,
        );
        self.add_attribute(number::BOOT, boot);
    }

    fn add_volume_attributes(&mut self) {
        let builder = self.builder;
        let label = builder
            .label
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let information = volume_information(builder.version, builder.volume_flags);
        for (kind, value) in [
            (attribute_type::VOLUME_NAME, label),
            (attribute_type::VOLUME_INFORMATION, information),
            (attribute_type::DATA, Vec::new()),
        ] {
            self.add_attribute(number::VOLUME, Attribute::resident(kind, "", value));
        }
    }

    /// `$Bad` maps the whole volume: bad clusters by runs, all others by holes. It is not flagged as sparse.
    fn add_bad_clusters(&mut self) {
        let mut bad = self.builder.bad_clusters.clone();
        bad.sort_by_key(|clusters| clusters.start);
        let mut runs = Vec::new();
        let mut next = 0;
        for clusters in bad {
            assert!(
                next <= clusters.start
                    && clusters.start < clusters.end
                    && clusters.end <= self.geometry.clusters,
                "bad clusters {clusters:?} are empty, overlap others or lie behind the volume"
            );
            if next < clusters.start {
                runs.push(Run::hole(clusters.start - next));
            }
            runs.push(Run::at(clusters.start, clusters.end - clusters.start));
            next = clusters.end;
        }
        if next < self.geometry.clusters {
            runs.push(Run::hole(self.geometry.clusters - next));
        }
        let size = self.geometry.volume_size();
        let sizes = Sizes {
            allocated: size,
            data: size,
            initialized: 0,
            mapped: 0,
        };
        self.add_attribute(
            number::BAD_CLUSTERS,
            Attribute::resident(attribute_type::DATA, "", Vec::new()),
        );
        let stream = Attribute::non_resident(attribute_type::DATA, "$Bad", 0, runs, 0, sizes);
        self.add_attribute(number::BAD_CLUSTERS, stream);
    }

    /// Whether the record of `$Secure` has room for the descriptor of all files.
    pub(crate) fn has_descriptor(&self) -> bool {
        // STANDARD_INFORMATION and FILE_NAME of $Secure.
        let taken = 96 + 112;
        let filled = secure_attributes(&self.geometry, true);
        let len: usize = filled.iter().map(Attribute::encoded_len).sum();
        self.builder.version.0 >= 3 && len <= self.format.capacity() - taken
    }

    fn add_secure(&mut self) {
        if self.builder.version.0 < 3 {
            self.add_attribute(
                number::SECURE,
                Attribute::resident(attribute_type::DATA, "", Vec::new()),
            );
            return;
        }
        let attributes = secure_attributes(&self.geometry, self.has_descriptor());
        self.node_mut(number::SECURE).attributes.extend(attributes);
    }
}
