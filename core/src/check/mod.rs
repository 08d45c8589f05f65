//! Whether an image or a volume is sound, and what is wrong if it is not.
//!
//! The image itself is checked as it is streamed ([`ImageCheck`]); the NTFS in
//! it, as the volume that it would be restored to ([`check_volume`]): first the
//! files ([`FilesCheck`]: one kind of structure a file here), then the clusters.
//! All of them report [`Finding`]s, whatever program shows them.

mod account;
mod attribute;
mod attribute_definitions;
mod boot_sectors;
mod census;
mod code;
mod collation;
mod content;
mod entries;
mod files;
mod finding;
mod image;
mod index;
mod index_block;
mod lost_frames;
mod meaning;
mod mft;
mod missing;
mod partclone;
mod record;
mod records;
mod report;
mod security;
mod slot;
mod streamed;
mod summary;
mod system_files;
mod systems;
mod touched;
mod upcase;
mod volume;

pub use code::{Code, Effect, Severity};
pub use content::ContentCheck;
pub use files::{FilesCheck, check_system_files};
pub use finding::{Finding, Findings, Place};
pub use image::ImageCheck;
pub use lost_frames::{Loss, LostFrames};
pub use partclone::{PartcloneCheck, PartcloneChecked};
pub use report::{Document, ImageChecked, Report, VolumeChecked};
pub use streamed::StreamedCheck;
#[cfg(feature = "serde")]
pub(crate) use summary::trailing_message;
pub use summary::{check_frames, check_summary};
pub use touched::Touched;
pub use volume::{Checking, VolumeCheck, check_volume};
