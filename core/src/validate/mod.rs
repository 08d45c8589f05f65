//! Whether an image or a volume is sound, and what is wrong if it is not.
//!
//! The image itself is checked as it streams by ([`ImageCheck`]); the NTFS in
//! it, as the volume it would be restored to, with small reads here and there
//! ([`check_volume`]). Both end in [`Finding`]s of one kind, whatever program
//! shows them.

mod code;
mod finding;
mod image;
mod lost_frames;
mod partclone;
mod report;
mod summary;
mod touched;
mod volume;

pub use code::{Code, Severity};
pub use finding::{Finding, Findings, Place};
pub use image::ImageCheck;
pub use lost_frames::{Loss, LostFrames};
pub use partclone::{PartcloneCheck, PartcloneChecked};
pub use report::{Document, ImageChecked, Report, VolumeChecked};
#[cfg(feature = "serde")]
pub(crate) use summary::trailing_message;
pub use summary::{check_end, check_summary};
pub use touched::Touched;
pub use volume::{Checking, VolumeCheck, check_volume};
