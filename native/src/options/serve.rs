//! `serve`, resolved to a task.

use super::task::{Address, Options, Origin, ServeTask, Task};
use super::{distinct_paths, indexed, input_named, resolve_progress, usage};
use crate::cli::Serve;
use crate::error::Result;
use crate::input;

pub(super) fn resolve(typed: Serve) -> Result<Options> {
    let progress = resolve_progress(&typed.progress);
    let source = indexed(input_named(typed.source, typed.partition)?, typed.index)?;
    if let Origin::Stdin = source.origin
        && typed.overlay.is_some()
    {
        return usage("--overlay goes with a file or device: it is of no use without the volume");
    }
    let address = match typed.socket {
        Some(path) => Address::Local(path),
        None => Address::Network(typed.listen),
    };
    let mut paths = Vec::new();
    if let Origin::File(path) = &source.origin
        && typed.overlay.is_some()
    {
        let pieces = input::pieces_of(path)?;
        paths.extend(pieces.into_iter().map(|path| ("IMAGE", path)));
    }
    paths.extend(typed.overlay.clone().map(|path| ("--overlay", path)));
    if let Address::Local(path) = &address {
        paths.push(("--socket", path.clone()));
    }
    distinct_paths::check(&paths)?;
    let task = Task::Serve(ServeTask {
        source,
        address,
        overlay: typed.overlay,
        is_once: typed.once,
        force: typed.force,
    });
    Ok(Options::new(task, progress))
}
