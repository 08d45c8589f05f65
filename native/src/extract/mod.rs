//! Files of a volume, written to a folder or an archive: which ([`Selection`], [`Picker`]), where ([`Folder`], [`Archive`]), each of
//! them to a folder ([`Writer`]), and what else is known of them ([`AttributeReader`]).

mod archive;
mod attributes;
mod encrypted;
mod folder;
mod link_target;
mod part_file;
mod picker;
mod selection;
mod tally;
mod target_attributes;
mod target_name;
mod times;
mod writer;

use ntfsclone_core::tree::Details;

pub use archive::{
    Archive, ArchiveStream, Archived, Body, Member, TarArchive, ZipArchive, error_of_target,
};
pub use attributes::{AttributeReader, ExtendedAttribute};
pub use folder::Folder;
pub use link_target::link_target;
pub use picker::{Level, Picked, Picker};
pub use selection::Selection;
pub use tally::Tally;
pub use target_name::target_name;
pub use times::times_of;
pub use writer::{Job, Writer, WriterOptions};

/// Bytes that are read in one call.
const READ_BYTES: usize = 1 << 20;

/// Whether nobody may write to a file.
pub fn is_read_only(details: &Details) -> bool {
    // In the DOS attributes. Of a directory Windows means something else by it.
    const READ_ONLY: u32 = 1;
    details.attributes & READ_ONLY != 0
}
