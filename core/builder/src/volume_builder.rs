//! The description of a volume, from which [`VolumeBuilder::build`] makes the bytes.

use std::ops::Range;

use crate::assembly::Assembly;
use crate::file::File;
use crate::geometry::Geometry;
use crate::mft_layout::MftLayout;
use crate::volume::Volume;

/// Describes a volume. Every method but [`build`](Self::build) changes one thing and hands the builder on.
#[derive(Clone, Debug)]
pub struct VolumeBuilder {
    pub(crate) geometry: Geometry,
    pub(crate) explicit_tail: bool,
    pub(crate) label: String,
    pub(crate) version: (u8, u8),
    pub(crate) volume_flags: u16,
    pub(crate) serial: u64,
    pub(crate) mft_layout: MftLayout,
    pub(crate) mft_records: u64,
    pub(crate) mirror_records: Option<u64>,
    pub(crate) first_user_record: u64,
    pub(crate) log_file_size: Option<u64>,
    pub(crate) upcase_length: Option<usize>,
    pub(crate) index_pieces: u64,
    pub(crate) free_fill: u8,
    pub(crate) quota: bool,
    pub(crate) bad_clusters: Vec<Range<u64>>,
    pub(crate) marked: Vec<Range<u64>>,
    pub(crate) cleared: Vec<Range<u64>>,
    pub(crate) entries: Vec<Entry>,
}

/// One file or directory that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) directory: bool,
    pub(crate) file: File,
}

impl Default for VolumeBuilder {
    fn default() -> Self {
        Self {
            geometry: Geometry {
                bytes_per_sector: 512,
                cluster_size: 4096,
                mft_record_size: 1024,
                index_record_size: 4096,
                clusters: 512,
                extra_sectors: 0,
                device_tail: 512,
            },
            explicit_tail: false,
            label: String::new(),
            version: (3, 1),
            volume_flags: 0,
            serial: 0x0123_4567_89ab_cdef,
            mft_layout: MftLayout::Contiguous,
            mft_records: 0,
            mirror_records: None,
            first_user_record: crate::system_files::number::FIRST_USER,
            log_file_size: None,
            upcase_length: None,
            index_pieces: 1,
            free_fill: 0,
            quota: false,
            bad_clusters: Vec::new(),
            marked: Vec::new(),
            cleared: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl VolumeBuilder {
    /// A clean NTFS 3.1 volume without files: 512 clusters of 4096 bytes, records of 1024 bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of a sector.
    pub fn bytes_per_sector(mut self, bytes: u32) -> Self {
        self.geometry.bytes_per_sector = bytes;
        self
    }

    /// Bytes of a cluster.
    pub fn cluster_size(mut self, bytes: u32) -> Self {
        self.geometry.cluster_size = bytes;
        self
    }

    /// Bytes of a record of `$MFT`, at least 512.
    pub fn mft_record_size(mut self, bytes: u32) -> Self {
        self.geometry.mft_record_size = bytes;
        self
    }

    /// Bytes of a record of a directory index.
    pub fn index_record_size(mut self, bytes: u32) -> Self {
        self.geometry.index_record_size = bytes;
        self
    }

    /// Clusters of the volume.
    pub fn clusters(mut self, clusters: u64) -> Self {
        self.geometry.clusters = clusters;
        self
    }

    /// Sectors of the volume behind its last whole cluster. Needs a [`device_tail`](Self::device_tail) with room.
    pub fn extra_sectors(mut self, sectors: u64) -> Self {
        self.geometry.extra_sectors = sectors;
        self
    }

    /// Bytes of the device behind the last whole cluster; one sector, at least 512 bytes, when not called. The backup
    /// boot sector stands behind the volume's last sector if there is room for it.
    pub fn device_tail(mut self, bytes: u64) -> Self {
        self.geometry.device_tail = bytes;
        self.explicit_tail = true;
        self
    }

    /// The volume's name.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }

    /// The NTFS version. Before 3.1 records are not numbered; before 3.0 there is no `$Secure` and no `$Extend`.
    pub fn version(mut self, major: u8, minor: u8) -> Self {
        self.version = (major, minor);
        self
    }

    /// Marks the volume dirty.
    pub fn dirty(self, dirty: bool) -> Self {
        let flags = self.volume_flags & !1 | u16::from(dirty);
        self.volume_flags(flags)
    }

    /// All flags of `VOLUME_INFORMATION`.
    pub fn volume_flags(mut self, flags: u16) -> Self {
        self.volume_flags = flags;
        self
    }

    /// The volume's serial number.
    pub fn serial(mut self, serial: u64) -> Self {
        self.serial = serial;
        self
    }

    /// Where `$MFT` lies.
    pub fn mft_layout(mut self, layout: MftLayout) -> Self {
        self.mft_layout = layout;
        self
    }

    /// `$MFT` has at least so many records.
    pub fn mft_records(mut self, records: u64) -> Self {
        self.mft_records = records;
        self
    }

    /// Records in `$MFTMirr`. When not called: as many as a cluster holds, at least 4.
    pub fn mirror_records(mut self, records: u64) -> Self {
        self.mirror_records = Some(records);
        self
    }

    /// The record of the first file, 24 when not called.
    pub fn first_user_record(mut self, number: u64) -> Self {
        self.first_user_record = number;
        self
    }

    /// Bytes of `$LogFile`. When not called: 256 KiB, but little on a volume below 1 MiB. ntfs-3g wants at least
    /// 200 KiB to mount for writing.
    pub fn log_file_size(mut self, bytes: u64) -> Self {
        self.log_file_size = Some(bytes);
        self
    }

    /// Characters in `$UpCase`. When not called: all 65536, but 128 on a volume below 512 KiB.
    pub fn upcase_length(mut self, characters: usize) -> Self {
        self.upcase_length = Some(characters);
        self
    }

    /// Runs of each `INDEX_ALLOCATION` that has as many blocks.
    pub fn index_pieces(mut self, pieces: u64) -> Self {
        self.index_pieces = pieces;
        self
    }

    /// What free clusters and the slack of used ones are filled with.
    pub fn fill_free(mut self, byte: u8) -> Self {
        self.free_fill = byte;
        self
    }

    /// Adds `$Extend/$Quota` with two version 2 entries in `$Q`.
    pub fn quota_index(mut self) -> Self {
        self.quota = true;
        self
    }

    /// Adds a file. The directories of its path are made when they do not exist.
    pub fn file(mut self, path: &str, file: impl Into<File>) -> Self {
        self.entries.push(Entry {
            path: path.to_owned(),
            directory: false,
            file: file.into(),
        });
        self
    }

    /// Adds an empty directory.
    pub fn directory(self, path: &str) -> Self {
        self.directory_with(path, File::new())
    }

    /// Adds a directory with extra attributes, a chosen record or an attribute list. It must come before its files.
    pub fn directory_with(mut self, path: &str, directory: File) -> Self {
        self.entries.push(Entry {
            path: path.to_owned(),
            directory: true,
            file: directory,
        });
        self
    }

    /// Adds a `hiberfil.sys` that says Windows is hibernated.
    pub fn hibernated(self) -> Self {
        let mut content = b"hibr".to_vec();
        content.resize(8192, 0);
        self.file("hiberfil.sys", crate::file::FileData::Bytes(content))
    }

    /// Puts clusters into `$BadClus:$Bad`.
    pub fn bad_clusters(mut self, clusters: Range<u64>) -> Self {
        self.bad_clusters.push(clusters);
        self
    }

    /// Marks clusters in `$Bitmap` although nothing may use them. Files placed by the builder keep away from them.
    pub fn mark_in_bitmap(mut self, clusters: Range<u64>) -> Self {
        self.marked.push(clusters);
        self
    }

    /// Clears clusters in `$Bitmap` although something may use them.
    pub fn clear_in_bitmap(mut self, clusters: Range<u64>) -> Self {
        self.cleared.push(clusters);
        self
    }

    /// Makes the volume. Panics when the description cannot be met.
    pub fn build(&self) -> Volume {
        let mut geometry = self.geometry.clone();
        if !self.explicit_tail {
            let sectors = geometry.extra_sectors + 1;
            geometry.device_tail = (sectors * u64::from(geometry.bytes_per_sector)).max(512);
        }
        geometry.check();
        Assembly::new(self, geometry).build()
    }
}
