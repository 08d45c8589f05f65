//! Writes the content of a file to standard output.

use std::io::{self, Write};

use ntfsclone_core::ntfs::{Content, ContentError};
use ntfsclone_core::tree::{
    By, ContentReader, Details, Kind, Located, Part, UsedClusters, first_overwritten, open_content,
    open_deleted, open_efs_raw,
};
use ntfsclone_core::units::RecordNumber;

use super::file_tree::FileTree;
use crate::error::{Error, Result};
use crate::options::{CatFile, CatTask, Encrypted};
use crate::report;

/// Bytes that are read in one call: what stays in a processor's cache until it is written.
const READ_BYTES: usize = 128 << 10;

pub fn run(task: &CatTask) -> Result<()> {
    let mut files = FileTree::open(&task.source, By::Index)?;
    let (name, content) = match &task.file {
        CatFile::Path(path) => {
            let located = files.find(path)?;
            let content = open(&files, &located, task.encrypted)?;
            (located.path, content)
        }
        CatFile::Record { number, stream } => {
            let name = format!("[record {number}]");
            let content = open_record(&files, task, &name, RecordNumber(*number), stream)?;
            (name, content)
        }
    };
    let end = task
        .range
        .map_or(u64::MAX, |range| range.end)
        .min(content.size());
    let mut position = task.range.map_or(0, |range| range.start);
    let mut reader = ContentReader::new(files.tree.volume(), &content);
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
            let found = format!("{}: {}", name, report::with_causes(&error));
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

/// The content of a file in use.
fn open(files: &FileTree, located: &Located, encrypted: Encrypted) -> Result<Content> {
    let record = located.entry.reference.record;
    let name = match &located.stream {
        Some(stream) => format!("{}:{stream}", located.path),
        None => located.path.clone(),
    };
    let details = Details::read(files.tree.volume(), located.entry.reference);
    let details = details.map_err(|error| refused(files, &name, None, &error.into()))?;
    if located.stream.is_none()
        && let Some(target) = &details.target
    {
        let kind = match details.kind {
            Kind::Junction => "junction",
            _ => "symbolic link",
        };
        return Err(Error::refused(
            files.device.path(),
            format!("{name} is a {kind} to {}", target.path),
            "name the file that it leads to",
        ));
    }
    let stream = located.stream.as_deref().unwrap_or_default();
    if encrypted == Encrypted::Raw && !stream.is_empty() {
        return Err(Error::refused(
            files.device.path(),
            format!("{name} is a stream"),
            "--efs-raw writes a file with all its streams: name the file",
        ));
    }
    open_as(files, encrypted, record, stream)
        .map_err(|error| refused(files, &name, Some(details.kind), &error))
}

/// The content of a file in use or of its stream, or an encrypted file with all its streams.
fn open_as(
    files: &FileTree,
    encrypted: Encrypted,
    record: RecordNumber,
    stream: &str,
) -> Result<Content, ContentError> {
    let (volume, index) = (files.tree.volume(), files.device.index());
    match encrypted {
        Encrypted::Refuse => open_content(volume, index, record, stream),
        Encrypted::Raw => open_efs_raw(volume, index, record),
    }
}

/// The content of the file of a record, in use or not.
fn open_record(
    files: &FileTree,
    task: &CatTask,
    name: &str,
    record: RecordNumber,
    stream: &str,
) -> Result<Content> {
    let (volume, index) = (files.tree.volume(), files.device.index());
    match open_as(files, task.encrypted, record, stream) {
        // What is known of a deleted file may be of a later one.
        Err(ContentError::NoFile) if task.encrypted == Encrypted::Raw => {
            return Err(Error::refused(
                files.device.path(),
                format!("{name} is the file of no record in use"),
                "--efs-raw is for files that exist; ls lists them",
            ));
        }
        Err(ContentError::NoFile) => {}
        opened => return opened.map_err(|error| refused(files, name, None, &error)),
    }
    let content = open_deleted(volume, index, record, stream)
        .map_err(|error| refused(files, name, None, &error))?;
    let range = task.range.map_or(0..content.size(), |range| {
        range.start..range.end.min(content.size())
    });
    let overwritten = UsedClusters::read(volume)
        .and_then(|used| first_overwritten(&content, volume.geometry(), &used, range));
    match overwritten.map_err(|error| Error::read(files.device.path(), error))? {
        None => Ok(content),
        Some(position) => Err(Error::refused(
            files.device.path(),
            format!(
                "{name}: the content from byte {position} on is in clusters that other files use now"
            ),
            format!("--range 0+{position} writes what is before; ranges after it may be sound too"),
        )),
    }
}

/// Why content is not written, and what to do.
fn refused(files: &FileTree, name: &str, kind: Option<Kind>, error: &ContentError) -> Error {
    let (found, remedy) = match (error, kind) {
        (ContentError::NoStream | ContentError::NotEncrypted, Some(kind))
            if kind.is_directory() =>
        {
            ("it is a directory".to_owned(), "list it with ls")
        }
        (ContentError::NoStream, _) => (error.to_string(), "list its streams with ls --streams"),
        (ContentError::Encrypted, _) => (
            "it is encrypted (EFS)".to_owned(),
            "--efs-raw writes it as Windows backs it up; or restore the volume, and open the file in \
             Windows as a user who has the key",
        ),
        (ContentError::NotEncrypted, _) => (
            "it is not encrypted (EFS)".to_owned(),
            "leave out --efs-raw",
        ),
        (ContentError::NoKeys, _) => (error.to_string(), "take it from another image"),
        (ContentError::Elsewhere(_), Some(Kind::Dedup)) => (
            "it is deduplicated: its content is in the chunk store of the volume".to_owned(),
            "restore the volume, and open the file in Windows Server with Data Deduplication",
        ),
        (ContentError::Elsewhere(_), Some(Kind::Cloud)) => (
            "it is a placeholder: its content is in a cloud".to_owned(),
            "take it from there",
        ),
        (ContentError::Elsewhere(_), _) => (
            error.to_string(),
            "restore the volume, and open the file in Windows",
        ),
        (ContentError::NoFile, _) => (error.to_string(), "ls and ls --deleted list what there is"),
        (ContentError::Error(ntfsclone_core::Error::Wiped { .. }), _) => (
            error.to_string(),
            "take it from an image that is not of metadata alone",
        ),
        (ContentError::Error(error), _) => {
            (report::with_causes(error), "verify says what is damaged")
        }
    };
    Error::refused(files.device.path(), format!("{name}: {found}"), remedy)
}
