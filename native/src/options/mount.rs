//! `mount`, resolved to a task.

use super::task::{MountTask, MountedAs, Options, Origin, Task};
use super::{distinct_paths, indexed, input_named, resolve_progress, usage};
use crate::cli::Mount;
use crate::error::Result;
use crate::input;

pub(super) fn resolve(typed: Mount) -> Result<Options> {
    let progress = resolve_progress(&typed.progress);
    let source = indexed(input_named(typed.source, typed.partition)?, typed.index)?;
    if let Some(overlay) = &typed.overlay {
        let Origin::File(path) = &source.origin else {
            return usage(
                "--overlay goes with a file or device: it is of no use without the volume",
            );
        };
        let pieces = input::pieces_of(path)?;
        let mut paths: Vec<_> = pieces.into_iter().map(|path| ("IMAGE", path)).collect();
        paths.push(("--overlay", overlay.clone()));
        distinct_paths::check(&paths)?;
    }
    let task = Task::Mount(MountTask {
        source,
        directory: typed.directory,
        mounted_as: match typed.raw {
            true => MountedAs::Volume {
                overlay: typed.overlay,
            },
            false => MountedAs::Files,
        },
        is_background: typed.background,
        allow_other: typed.allow_other,
        force: typed.force,
    });
    Ok(Options::new(task, progress))
}
