//! `extract`, resolved to a task.

use ntfsclone_core::tree::By;

use super::task::{ExtractTask, Options, Task};
use super::{indexed, input_named, resolve_progress};
use crate::cli::{Extract, Links, NamesBy};
use crate::error::Result;

pub(super) fn resolve(typed: Extract) -> Result<Options> {
    let progress = resolve_progress(&typed.progress);
    let task = Task::Extract(ExtractTask {
        source: indexed(input_named(typed.source, typed.partition)?, typed.index)?,
        paths: typed.paths,
        folder: typed.folder,
        replaces: typed.overwrite,
        keeps_links: typed.links == Links::Keep,
        streams: typed.streams,
        by: match typed.by {
            NamesBy::Index => By::Index,
            NamesBy::Mft => By::Mft,
        },
    });
    Ok(Options::new(task, progress))
}
