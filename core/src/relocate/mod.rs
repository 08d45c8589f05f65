//! A volume in another size: smaller, larger, or the least that its files need; or for a disk with
//! other sectors.
//!
//! The source is not changed: [`Relocated`] is the volume as it would be in the other size, as a
//! source of bytes, and is copied, saved, converted or checked like any other. Its clusters in
//! use are in the same order as before ([`Relocation`]), so both sides are read and written from
//! start to end, and no runlist gets longer.
//!
//! What differs from the original: the runlists in MFT records, `$Bitmap`, the size of
//! `$BadClus:$Bad`, the boot sectors, the content of `$MFTMirr`, and `$LogFile`, which is
//! emptied. Nothing else on a volume holds cluster numbers, but shadow copies
//! ([`Volume::shadow_copies`](crate::ntfs::Volume::shadow_copies)).

mod carried;
mod error;
mod limits;
mod loss;
mod new_disk;
mod places;
mod ranked_clusters;
mod record;
mod relocated;
mod relocation;
mod resized;
mod system_data;

pub use carried::Carried;
pub use error::RelocateError;
pub use limits::ResizeLimits;
pub use loss::Loss;
pub use new_disk::NewDisk;
pub use relocated::{Changes, Relocated};
pub use relocation::{Relocation, bitmap_clusters, has_size, least_size, total_size};
pub use resized::Resized;
pub use system_data::least_size_of;
#[cfg(feature = "jobs")]
pub(crate) use system_data::{SystemData, bitmap_runs};
