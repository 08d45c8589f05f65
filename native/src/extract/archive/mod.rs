//! Archives of files of a volume, written from start to end to what may be a pipe.

mod body;
mod deflate;
mod stream;
mod tar;
mod zip;

use std::io;

use ntfsclone_core::tree::Times;

pub use body::Body;
pub use stream::{ArchiveStream, error_of_target};
pub use tar::TarArchive;
pub use zip::ZipArchive;

use super::attributes::ExtendedAttribute;

/// A file, directory or link in an archive.
pub struct Member<'a> {
    /// Relative, with `/` between names that the archive can hold.
    pub path: &'a str,
    pub times: Times,
    /// Nobody may write to it.
    pub is_read_only: bool,
    pub attributes: &'a [ExtendedAttribute],
}

/// How a file got into an archive.
pub enum Archived {
    Whole,
    /// It could not be read to its end for this reason, and its member says so.
    Damaged(String),
}

/// An archive that is being written. Errors are those of the stream, and end it.
pub trait Archive {
    /// The name that a file gets in it.
    fn name_of(&self, name: &str) -> String;

    fn add_directory(&mut self, member: &Member<'_>) -> io::Result<()>;

    /// `target` is relative to the directory of the link.
    fn add_symlink(&mut self, member: &Member<'_>, target: &str) -> io::Result<()>;

    /// Whether a file can have several names.
    fn has_hard_links(&self) -> bool;

    /// Adds a further name of the file at `first`.
    fn add_hard_link(&mut self, member: &Member<'_>, first: &str) -> io::Result<()>;

    /// Calls `advance` with how many bytes of the content were taken.
    fn add_file(
        &mut self,
        member: &Member<'_>,
        body: &mut Body<'_>,
        advance: &dyn Fn(u64),
    ) -> io::Result<Archived>;

    /// How the member of a file says that it is damaged.
    fn damaged_remark(&self) -> &'static str;

    /// Writes the end.
    fn finish(self: Box<Self>) -> io::Result<ArchiveStream>;
}

/// What stands in an archive where the rest of a file could not be read.
fn notice(path: &str, why: &str) -> String {
    format!(
        "ntfsclone: THIS IS NOT THE WHOLE FILE {path}, which could not be read to its end: {why}\n"
    )
}
