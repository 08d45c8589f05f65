//! The path of a file, from its names and those of its directories.

use alloc::string::String;
use alloc::vec::Vec;

use super::file_name::known_name;
use super::file_record::FileRecord;
use super::mft::RECORD_ROOT;
use super::mft_record::FileReference;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;
use crate::units::RecordNumber;

/// Ours: Windows paths have at most 32767 characters, so fewer levels. Also
/// what ends a circle of directories.
const MAX_DEPTH: usize = 1024;

/// A path of the file from the root directory, with `/` before each name.
/// Where a directory cannot be read, the path begins with what is known.
pub fn path_of<R: ReadAt>(volume: &Volume<R>, number: RecordNumber) -> String {
    find(volume, number).unwrap_or_else(|_| unknown(number))
}

/// As [`path_of`], to be tried again where something is not there yet.
///
/// # Errors
///
/// [`Error::Io`](crate::Error::Io), only for what is [not there
/// yet](crate::Error::is_missing).
pub fn find<R: ReadAt>(volume: &Volume<R>, number: RecordNumber) -> Result<String> {
    find_by(volume, number, |_| None)
}

/// Like [`find`], with names from elsewhere: `known` returns the directory and the
/// name of records that are not to be read.
pub(crate) fn find_by<R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
    known: impl Fn(RecordNumber) -> Option<(RecordNumber, String)>,
) -> Result<String> {
    let mut names: Vec<String> = Vec::new();
    let mut current = number;
    while current != RECORD_ROOT && names.len() < MAX_DEPTH {
        if let Some((directory, name)) = known(current) {
            names.push(name);
            current = directory;
            continue;
        }
        match name_of(volume, current) {
            Ok(Some((parent, name))) => {
                names.push(name);
                current = parent.record;
            }
            Err(error) if error.is_missing() => return Err(error),
            _ => {
                names.push(unknown(current));
                break;
            }
        }
    }
    if names.is_empty() {
        return Ok(String::from("/"));
    }
    let mut path = String::new();
    for name in names.iter().rev() {
        path.push('/');
        path.push_str(name);
    }
    Ok(path)
}

/// What stands for the name of a file that is not known.
pub(crate) fn unknown(number: RecordNumber) -> String {
    alloc::format!("[record {number}]")
}

/// The name that people know, and the directory it stands in.
fn name_of<R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
) -> Result<Option<(FileReference, String)>> {
    let file = FileRecord::salvage(volume, number)?;
    let name = known_name(&file.salvaged_attributes(&mut |_| {}));
    Ok(name.map(|name| (name.parent, name.to_text())))
}
