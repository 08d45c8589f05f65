//! The image format of partclone: a header, a bitmap of all blocks of the volume,
//! then the blocks in use in ascending order, with a checksum after every few.
//!
//! `docs/partclone.md` says what is read and what is checked. A block is a cluster.

mod block_map;
mod checksum;
mod cursor;
mod decoder;
mod index;
mod layout;
mod raw_header;
mod reader;

pub use block_map::BlockMap;
pub use checksum::Algorithm;
pub(crate) use checksum::Crc32;
pub use decoder::Decoder;
pub use index::{Index, IndexReader};
pub use layout::{BitmapForm, Checksums, FileSystems, Header, MAGIC, Version};
pub(crate) use raw_header::RawHeader2;
pub use reader::Reader;
