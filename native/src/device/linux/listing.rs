//! Caches lists of the kernel, such as that of mounts, for a moment: several checks
//! follow each other within milliseconds and need the same lists. After a long
//! scan, before anything is written to, they are read again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a list is taken for what the kernel has now.
const LIFETIME: Duration = Duration::from_secs(1);

/// A list, and when it was read.
pub struct Listing<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Listing<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The list of a moment ago, or what `read` returns.
    pub fn get<E>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, list)) = &*kept
            && since.elapsed() < LIFETIME
        {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(read()?);
        *kept = Some((Instant::now(), Arc::clone(&list)));
        Ok(list)
    }
}
