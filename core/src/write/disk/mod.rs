//! A volume on the disk that it is written into, and what the writers of disks have in common.
//!
//! [`DiskLayout`] records where everything lies, `OnDisk` puts the volume there. Formats in blocks
//! implement `BlockFormat`: which blocks have content follows from a `DiskContent`, so that their
//! tables precede the content, and the output can be a pipe. The writer of each format is beside its
//! reader, in `core/src/disk`.

mod blocks;
mod identifier;
mod layout;
mod on_disk;
mod partition_table;
mod parts;
mod table;
mod volume_on_disk;
mod whole_disk;

pub(crate) use self::blocks::{BlockEncoder, BlockFormat, Blocks};
pub(crate) use self::identifier::identifier;
pub use self::layout::{DiskLayout, Partitioning};
pub(crate) use self::on_disk::OnDisk;
pub use self::parts::{DiskArea, DiskPart, StoredSearch, Stretches};
pub(crate) use self::table::Table;
pub(crate) use self::volume_on_disk::VolumeOnDisk;
pub(crate) use self::whole_disk::WholeDisk;
