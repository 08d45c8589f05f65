//! What is read: volumes and images.

mod bulk;
mod content;
mod disk;
mod disk_parts;
mod image;
pub mod index_file;
pub mod inside;
mod kept_volume;
mod past_cache;
mod resized_image;
mod restored_volume;
mod salvaged;
pub mod saved_disk;
mod sidecar;
pub mod small_file;
mod spool;
mod volume;
mod volume_decoder;
mod whole;

pub use bulk::{BulkReader, WipedRecords};
pub use content::{Content, Part};
pub use disk::Disk;
pub use disk_parts::{BLOCK_BYTES, DiskParts, DiskReader};
pub use image::{ImageStream, check_ahead, expected_bytes};
pub use kept_volume::{Keeper, KeptVolume};
pub use restored_volume::RestoredVolume;
pub use salvaged::SalvagedVolume;
pub use sidecar::{Compared, Sidecar, Subject, is_older, subject_of};
pub use volume::Device;
pub use whole::WholeReader;
