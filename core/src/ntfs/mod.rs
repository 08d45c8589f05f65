//! NTFS on disk: from the boot sector to the runs of every attribute.
//!
//! One on-disk structure a file. The facts are those of Microsoft's published
//! structure descriptions, checked against volumes made by Windows, `mkntfs`
//! and Linux; where a limit is ours, its constant says so.

pub mod attribute;
pub mod attribute_list;
mod bitlocker;
pub mod bitmap;
pub mod boot_sector;
pub mod content;
mod efs_raw;
mod encrypted_swap;
pub mod file_name;
pub mod file_record;
pub mod hibernation;
mod huffman;
pub mod index;
pub mod log_file;
pub mod lznt1;
pub mod lzx;
mod matches;
pub mod mft;
pub mod mft_record;
pub mod path;
pub mod record;
pub mod runlist;
pub mod salvage;
pub(crate) mod security;
pub mod shadow_copies;
mod system_volume_information;
pub mod unclean;
pub(crate) mod upcase;
pub mod value;
pub mod volume;
pub mod volume_info;
pub mod wof;
pub mod xpress;

pub use attribute::{Attribute, AttributeBody, AttributeType};
pub use boot_sector::{BootSector, OpenedFrom};
pub use content::{Content, ContentError};
pub use file_record::FileRecord;
pub use log_file::Journal;
pub use mft::Mft;
pub use runlist::Run;
pub use salvage::Damage;
pub use system_volume_information::SystemFiles;
pub use unclean::Unclean;
pub use volume::Volume;
pub use volume_info::VolumeInfo;
