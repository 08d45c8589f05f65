//! Writes the content of a file to standard output.

use std::io::{self, Write};

use ntfsclone_core::ntfs::mft::LAST_SYSTEM_RECORD;
use ntfsclone_core::ntfs::{Content, ContentError};
use ntfsclone_core::tree::{By, ContentReader, Located, Part};

use super::file_tree::FileTree;
use crate::error::{Error, Result};
use crate::options::CatTask;
use crate::report;

/// Bytes that are read in one call.
const READ_BYTES: usize = 1 << 20;

pub fn run(task: &CatTask) -> Result<()> {
    let mut files = FileTree::open(&task.source, By::Index)?;
    let located = files.find(&task.path)?;
    let content = open(&files, &located)?;
    let end = task
        .range
        .map_or(u64::MAX, |range| range.end)
        .min(content.size());
    let mut position = task.range.map_or(0, |range| range.start);
    let mut reader = ContentReader::new(files.tree.volume(), content);
    let mut stdout = io::stdout().lock();
    let mut bytes = Vec::new();
    while position < end {
        // The buffer may have been cut, or be of a part of a hole.
        reader.seek(position);
        let limit = usize::try_from(end - position)
            .unwrap_or(READ_BYTES)
            .min(READ_BYTES);
        let part = reader.next(limit, &mut bytes);
        let part = part.map_err(|error| {
            let found = format!("{}: {}", located.path, report::with_causes(&error));
            let remedy = "take it from another image; verify says what is damaged in this one";
            Error::refused(files.device.path(), found, remedy)
        })?;
        match part {
            None => break,
            Some(Part::Bytes) => bytes.truncate(limit),
            Some(Part::Hole(len)) => {
                let len = usize::try_from(len).unwrap_or(READ_BYTES).min(limit);
                bytes.resize(len, 0);
            }
        }
        position += bytes.len() as u64;
        if let Err(error) = stdout.write_all(&bytes) {
            return report::written_to_stdout(Err(error));
        }
    }
    report::written_to_stdout(stdout.flush())
}

fn open(files: &FileTree, located: &Located) -> Result<Content> {
    let name = match &located.stream {
        Some(stream) => format!("{}:{stream}", located.path),
        None => located.path.clone(),
    };
    let path = files.device.path();
    let record = located.entry.reference.record;
    let stream = located.stream.as_deref().unwrap_or_default();
    let content = Content::open(files.tree.volume(), record, stream);
    let content = content.map_err(|error| {
        let remedy = match &error {
            ContentError::NoStream if located.entry.kind.is_directory() => {
                "it is a directory: list it with ls"
            }
            ContentError::NoStream => "list its streams with ls --streams",
            ContentError::Encrypted | ContentError::Elsewhere(_) => {
                "restore the volume, and open the file in Windows"
            }
            _ => "verify says what is damaged",
        };
        Error::refused(
            path,
            format!("{name}: {}", report::with_causes(&error)),
            remedy,
        )
    })?;
    let is_metadata = files
        .device
        .index()
        .is_some_and(|index| !index.is_ordinary());
    if is_metadata && content.is_resident() && content.size() > 0 && record > LAST_SYSTEM_RECORD {
        let found = format!("{name}: its content was wiped, as this is an image of metadata");
        let remedy = "take it from an image that is not of metadata alone";
        return Err(Error::refused(path, found, remedy));
    }
    Ok(content)
}
