//! The front door: what a source is, and what it is within.
//!
//! [`FORMATS`] is the table of all that is known, [`Probe`] looks up a source in
//! it, and [`Nesting`] goes inwards, one layer a step: compression, a partition
//! of a disk, a container such as a virtual disk, then the image or volume. Hosts change the source as
//! each step says, since only they can decompress a stream or open a partition's
//! device.

mod container;
mod foreign;
mod format;
mod gpt;
mod inside;
mod nesting;
mod partition_reader;
mod partition_table;
mod probe;
mod recoded;

pub use container::{Container, Contents, Opener};
pub use format::{FORMATS, Format, Role};
pub use inside::Inside;
pub use nesting::{Inward, Layer, Nesting, NotOpened};
pub use partition_reader::PartitionReader;
pub use partition_table::{Damage, Kind, Partition, PartitionTable};
pub use probe::{Content, Probe, explain_volume};
