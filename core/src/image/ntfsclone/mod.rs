//! The image format of ntfsclone: a header, then a stream of commands that
//! either skip free clusters or carry one used cluster.

mod decoder;
mod layout;

pub(crate) use decoder::cut_short;
pub(in crate::image) use decoder::{Command, corrupt};
pub use decoder::{Decoder, Event};
pub(crate) use layout::COMMAND_GAP;
pub use layout::{ByteOrder, COMMAND_NEXT, HEADER_SIZE, Header, MAGIC, Version};
