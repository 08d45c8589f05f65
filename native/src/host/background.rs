//! Continuing in the background: what the user waits for is done by then, and errors were printed.

use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::device::Forked;

static FORKED: Mutex<Option<Forked>> = Mutex::new(None);

/// Continues in a new process. This one ends when that calls [`ready`] or ends, with the same exit status. To be
/// called before there is a second thread.
pub fn begin() -> io::Result<()> {
    let forked = Forked::new()?;
    *FORKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(forked);
    Ok(())
}

/// Lets the first process end, and leaves its terminal. Does nothing in the foreground.
pub fn ready() -> io::Result<()> {
    let mut forked = FORKED.lock().unwrap_or_else(PoisonError::into_inner);
    match forked.take() {
        Some(forked) => forked.leave(),
        None => Ok(()),
    }
}
