//! Signals that would end the program: it ends at once, and leaves nothing that
//! looks whole.
//!
//! The thread that waits for signals does the cleaning itself, so that it does
//! not matter what the others are waiting for. What happens to the target is
//! noted in [`Unfinished`]; a target is finished under the same lock, so that it
//! is either complete or taken away, never both. Files that do not have their
//! final names are in a list of their own, since saving the map of a rescue,
//! which an interruption does, makes one.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use crate::device::{self, EndingSignals};
use crate::error::{Error, Result};
use crate::host::threads;
use crate::report;

/// What a run that ends now must do or say about its target.
pub enum Unfinished {
    Nothing,
    /// Say nothing but that it is removed: it does not have its final name yet.
    Beside,
    /// Say that each file under its final name is complete.
    Files,
    /// Say that the target is half written.
    HalfWritten(PathBuf),
    /// The same of a file whose old content is gone already.
    Emptied(PathBuf),
    /// Save what a later run needs to go on, and say how.
    Continued(Box<dyn Fn() -> Result<String> + Send>),
    /// Say that all was written.
    Complete,
}

static UNFINISHED: Mutex<Unfinished> = Mutex::new(Unfinished::Nothing);

/// Files that a run that ends now removes. Locked after [`UNFINISHED`] where
/// both are.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Runs the step that begins a target, which also returns what an interruption
/// would leave behind from then on; an interruption waits for it.
pub fn begin<T>(step: impl FnOnce() -> Result<(T, Unfinished)>) -> Result<T> {
    let mut unfinished = lock(&UNFINISHED);
    let (result, left_behind) = step()?;
    *unfinished = left_behind;
    Ok(result)
}

/// Runs the step that finishes a target; an interruption waits for it.
pub fn finish(step: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut unfinished = lock(&UNFINISHED);
    step()?;
    *unfinished = Unfinished::Complete;
    Ok(())
}

/// The file that has lost its old content, and does not have all of the new.
pub fn emptied_file() -> Option<PathBuf> {
    match &*lock(&UNFINISHED) {
        Unfinished::Emptied(path) => Some(path.clone()),
        _ => None,
    }
}

/// Runs a step that creates, renames or removes files without their final
/// names, and changes the list of them; an interruption waits for it.
pub fn with_parts<T>(step: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    step(&mut lock(&PARTS))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread that waits for signals.
pub fn install() -> Result<()> {
    let failed = |error| Error::io("wait for", "signals".as_ref(), error);
    let (sender, receiver) = mpsc::channel::<EndingSignals>();
    let started = threads::start("signals", receiver, |receiver| {
        let signals = receiver.recv().ok();
        if let Some(exit_status) = signals.and_then(EndingSignals::wait) {
            end(exit_status);
        }
    });
    if started.is_err() {
        // There can be no thread: signals end the program as if nobody handled
        // them, but for the one that is an error of a write.
        return device::handle_file_size_limit().map_err(failed);
    }
    // The thread lives as long as the program.
    let _ = sender.send(EndingSignals::handle().map_err(failed)?);
    Ok(())
}

fn end(exit_status: i32) -> ! {
    let unfinished = lock(&UNFINISHED);
    let saved = match &*unfinished {
        Unfinished::Continued(save) => Some(save()),
        _ => None,
    };
    // Both locks are kept: nothing begins or finishes any more.
    let parts = lock(&PARTS);
    let mut is_removed = true;
    for part in parts.iter() {
        if let Err(error) = std::fs::remove_file(part)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            is_removed = false;
            report::warning(format!(
                "interrupted; cannot remove the incomplete {}: {error}",
                part.display()
            ));
        }
    }
    match (&*unfinished, saved) {
        (_, Some(Ok(text))) => report::interrupted(text),
        (_, Some(Err(error))) => report::error(&error),
        (Unfinished::Beside, None) if is_removed => report::interrupted("nothing was left behind"),
        (Unfinished::HalfWritten(path) | Unfinished::Emptied(path), None) => {
            report::interrupted(format!("{} is half written and not usable", path.display()))
        }
        (Unfinished::Complete, None) => {
            report::interrupted("what was to be written is complete");
        }
        (Unfinished::Files, None) => {
            report::interrupted("the files that have their names are complete, others are missing");
        }
        (Unfinished::Nothing, None) => report::interrupted("nothing was being written"),
        (Unfinished::Beside | Unfinished::Continued(_), None) => {}
    }
    std::process::exit(exit_status)
}
