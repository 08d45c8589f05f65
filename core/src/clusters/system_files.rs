//! Checks that all metadata of the file system's own files can be read.

use alloc::vec::Vec;

use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeBody;
use crate::ntfs::index::files_in_directory;
use crate::ntfs::mft::{LAST_SYSTEM_RECORD, RECORD_EXTEND};
use crate::ntfs::mft_record::MftRecord;
use crate::ntfs::{FileRecord, Volume};
use crate::units::RecordNumber;

/// A file of the file system whose record is damaged: some of its clusters may
/// not be known.
#[derive(Debug)]
pub struct DamagedSystemFile {
    /// The record.
    pub record: RecordNumber,
    /// What is wrong with it.
    pub source: Error,
}

/// Looks for damage in the records of the file system's own files: 0 to 11, and
/// those in `$Extend`. An image of metadata without them is of no use.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Memory`].
pub fn damaged_system_files<R: ReadAt>(volume: &Volume<R>) -> Result<Vec<DamagedSystemFile>> {
    let mut damaged = Vec::new();
    let mut note = |record, result: Result<()>| match result {
        Err(source) if source.is_damage() => {
            damaged.push(DamagedSystemFile { record, source });
            Ok(())
        }
        other => other,
    };
    for record in (0..=LAST_SYSTEM_RECORD.0).map(RecordNumber) {
        note(record, check(volume, record))?;
    }
    match files_in_directory(volume, RECORD_EXTEND) {
        Ok(files) => {
            for file in files {
                note(file.record, check(volume, file.record))?;
            }
        }
        // NTFS 1.x has none.
        Err(_) if !may_be_in_use(volume, RECORD_EXTEND)? => {}
        Err(error) => note(RECORD_EXTEND, Err(error))?,
    }
    Ok(damaged)
}

/// Reads all attributes and runs of a file.
fn check<R: ReadAt>(volume: &Volume<R>, number: RecordNumber) -> Result<()> {
    let file = FileRecord::read(volume, number)?;
    let attributes = file.attributes()?;
    if attributes.is_empty() && number != RECORD_EXTEND {
        return Err(Error::Corrupt {
            structure: Structure::MftRecord,
            offset: file.base()?.offset(),
            field: "the number of its attributes",
            found: 0,
            expected: "those of a file of the file system",
        });
    }
    for attribute in attributes {
        if let AttributeBody::NonResident(body) = attribute.body {
            body.runs().try_for_each(|run| run.map(|_| ()))?;
        }
    }
    Ok(())
}

fn may_be_in_use<R: ReadAt>(volume: &Volume<R>, number: RecordNumber) -> Result<bool> {
    let mut bytes = match volume.mft().read_record(volume.source(), number) {
        Err(error) if !error.is_damage() => return Err(error),
        Err(_) => return Ok(false),
        Ok(bytes) => bytes,
    };
    // What does not read as a record may have been in use.
    Ok(MftRecord::from_disk(&mut bytes, 0).map_or(true, |record| record.in_use))
}
