//! Small NTFS volumes in memory, healthy or broken on purpose, for tests that need neither root nor FUSE.
//!
//! The crate shares no code with `ntfsclone-core`: what a test learns from a volume made here is independent
//! evidence. The same calls always give the same bytes; there is no clock and no randomness.
//!
//! ```
//! use ntfs_volume_builder::{File, FileData, Run, VolumeBuilder};
//!
//! let volume = VolumeBuilder::new()
//!     .label("TEST")
//!     .file("docs/hello.txt", FileData::Resident(b"hello".to_vec()))
//!     .file("big.bin", FileData::Runs(vec![Run::at(200, 3), Run::hole(5), Run::at(220, 1)]))
//!     .file("two.bin", File::new().data(FileData::Bytes(vec![7; 9000])).stream("ads", vec![1, 2, 3]))
//!     .build();
//! assert_eq!(volume.used_clusters().filter(|lcn| (200..221).contains(lcn)).count(), 4);
//! ```

mod assembly;
mod attribute;
mod attribute_list;
mod boot_sector;
mod cluster_allocator;
mod completion;
mod compression;
mod content;
mod difference;
mod directory_tree;
mod ewf;
mod file;
mod file_name;
mod fixup;
mod geometry;
mod index;
mod journal;
mod mft_layout;
mod mft_record;
mod partclone_image;
mod quota;
mod runlist;
mod sabotage;
mod security;
mod standard_information;
mod stream_placement;
mod system_assembly;
mod system_files;
mod upcase;
mod vhdx;
mod virtual_disk;
mod volume;
mod volume_builder;

pub use attribute::attribute_type;
pub use attribute_list::ListForm;
pub use content::pattern;
pub use difference::{qcow2_with_backing, vdi_difference, vdi_with_id, vhd_difference, vmdk_delta};
pub use ewf::{Ewf, ewf, redo_ewf_checksums};
pub use file::{File, FileData};
pub use fixup::{redo_fixup, undo_fixup};
pub use geometry::Geometry;
pub use mft_layout::MftLayout;
pub use partclone_image::{PartcloneImage, redo_partclone_header};
pub use runlist::Run;
pub use standard_information::{BASE_TIME, Times};
pub use vhdx::{
    VHDX_DATA_GUID, VHDX_TABLE, VhdxChange, VhdxLogEntry, redo_vhdx_checksums, vhdx,
    vhdx_difference, write_vhdx_log,
};
pub use virtual_disk::{Qcow2, qcow2, redo_vhd_checksum, vdi, vhd, vmdk};
pub use volume::{Content, Volume};
pub use volume_builder::VolumeBuilder;
