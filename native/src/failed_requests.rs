//! Requests of other programs that failed. They are given a number; the reason is printed here.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::report;

/// How many failures are printed; a damaged image can have millions.
const PRINTED_FAILURES: u32 = 10;

/// Counts the failures that were printed.
#[derive(Default)]
pub struct FailedRequests(AtomicU32);

impl FailedRequests {
    /// Prints why a request failed, up to [`PRINTED_FAILURES`] times.
    pub fn report(&self, what: &str, error: &(dyn Error + 'static)) {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before < PRINTED_FAILURES {
            let error = report::with_causes(error);
            report::warning(format!("cannot {what}: {error}"));
        }
        if before + 1 == PRINTED_FAILURES {
            report::warning("further failed requests are not printed");
        }
    }
}
