//! Copying the metadata of a volume.

use alloc::format;

use super::super::job::Co;
use super::super::used::Counted;
use super::super::{Failure, Refusal};
use super::copy::Copy;
use crate::clusters::metadata::{Collection, LogFile, Sensitive};
use crate::clusters::{DamagedSystemFile, damaged_system_files};
use crate::error::with_causes;
use crate::plan::Plan;

impl Copy {
    /// A copy of the metadata, and what in it identifies people.
    pub(super) async fn of_metadata(
        co: &Co,
        counted: Counted,
    ) -> Result<(Self, Sensitive), Failure> {
        // Where the owner of each cluster is known, nothing can be missing.
        if !counted.agree {
            let damaged = co.read(|| damaged_system_files(&counted.volume)).await?;
            refuse_damaged(&damaged)?;
        }
        let mut collection = Collection::new(&counted.volume, LogFile::Start);
        co.walk(&counted.volume, |walk, rest| {
            walk.metadata_of_some(rest, &mut collection)
        })
        .await?;
        let geometry = *counted.volume.geometry();
        let metadata = collection.finish();
        let device_size = counted.inside.device_size();
        let plan = Plan::of_metadata(geometry, device_size, metadata.steps, metadata.inuse);
        Ok((
            Self {
                source: counted.inside.source,
                plan,
                serial_number: counted.volume.boot().serial_number,
                relocated: None,
            },
            metadata.sensitive,
        ))
    }
}

/// Refuses metadata that would lack some of the file system's own: it could not
/// be read as a volume.
fn refuse_damaged(damaged: &[DamagedSystemFile]) -> Result<(), Failure> {
    let Some(file) = damaged.first() else {
        return Ok(());
    };
    Err(Failure::refused(
        Refusal::Inconsistent,
        format!(
            "has metadata that cannot be found: MFT record {} is damaged: {}",
            file.record,
            with_causes(&file.source)
        ),
        "run chkdsk /f on the volume in Windows; or make an image of all that is in use",
    ))
}
