//! SIGINT, SIGTERM and SIGHUP: end at once, and leave nothing that looks whole.
//!
//! The thread that waits for signals does the cleaning itself, so that it does
//! not matter what the others are waiting for. What there is to clean is noted
//! in [`Unfinished`]; a target is finished under the same lock, so that it is
//! either complete or taken away, never both.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::device;
use crate::error::{Error, Result};
use crate::report;
use crate::threads;

/// What a run that ends now must do or say about its target.
pub enum Unfinished {
    Nothing,
    /// Remove the file, which does not have its final name yet.
    Remove(PathBuf),
    /// Say that the target is half written.
    HalfWritten(PathBuf),
    /// Save what a later run needs to go on, and say how.
    Continued(Box<dyn Fn() -> Result<String> + Send>),
    /// Say that all was written.
    Complete,
}

static UNFINISHED: Mutex<Unfinished> = Mutex::new(Unfinished::Nothing);

/// Runs the step that begins a target, which also tells what an interruption
/// would leave behind from then on; an interruption waits for it.
pub fn begin<T>(step: impl FnOnce() -> Result<(T, Unfinished)>) -> Result<T> {
    let mut unfinished = lock();
    let (result, left_behind) = step()?;
    *unfinished = left_behind;
    Ok(result)
}

/// Runs the step that finishes a target; an interruption waits for it.
pub fn finish(step: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut unfinished = lock();
    step()?;
    *unfinished = Unfinished::Complete;
    Ok(())
}

fn lock() -> MutexGuard<'static, Unfinished> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread that waits for signals.
pub fn install() -> Result<()> {
    let failed = |error| Error::io("wait for", "signals".as_ref(), error);
    let ignored = device::ignored_signals();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter();
    let wanted: Vec<i32> = wanted
        .filter(|signal| ignored >> (signal - 1) & 1 == 0)
        .collect();
    let signals = Signals::new(&wanted).map_err(failed)?;
    let started = threads::start("signals", signals, |mut signals| {
        if let Some(signal) = signals.forever().next() {
            end(signal);
        }
    });
    if started.is_err() {
        // There can be no thread: they end the program as if nobody handled them.
        for signal in wanted {
            let always = Arc::new(AtomicBool::new(true));
            flag::register_conditional_default(signal, always).map_err(failed)?;
        }
    }
    Ok(())
}

fn end(signal: i32) -> ! {
    let unfinished = lock();
    match &*unfinished {
        Unfinished::Nothing => report::interrupted("nothing was being written"),
        Unfinished::Complete => report::interrupted("what was to be written is complete"),
        Unfinished::Remove(path) => match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => report::warning(format!(
                "interrupted; cannot remove the incomplete {}: {error}",
                path.display()
            )),
            _ => report::interrupted("nothing was left behind"),
        },
        Unfinished::HalfWritten(path) => {
            report::interrupted(format!("{} is half written and not usable", path.display()))
        }
        Unfinished::Continued(save) => match save() {
            Ok(text) => report::interrupted(text),
            Err(error) => report::error(&error),
        },
    }
    // The lock is kept: nothing finishes any more.
    std::process::exit(128 + signal)
}
