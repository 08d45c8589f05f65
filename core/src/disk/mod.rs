//! Virtual disks: files that hold a disk in blocks, and a table of where each block is stored.
//!
//! One file or folder a format. Its `open` checks the headers and returns the disk as a source
//! that can be read at any offset. Table entries are read on demand: a source that has to be
//! waited for is opened, and read, by calling again.

mod cache;
mod compressed_block;
mod header;
pub mod qcow2;
mod table_reader;
pub mod vdi;
pub mod vhd;
pub mod vhdx;
mod virtual_disk;
pub mod vmdk;

/// Bytes of a sector, the unit of positions in VHD and VMDK.
const SECTOR: u64 = 512;
