//! What an extraction has done, and what it could not do.

use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::host::progress::Progress;
use crate::report::{self, Reports};

/// Counts files, and names those that could not be extracted.
pub struct Tally {
    failures: AtomicU64,
    files: AtomicU64,
    progress: Mutex<Progress>,
}

impl Tally {
    pub fn new(progress: Progress) -> Self {
        Self {
            failures: AtomicU64::new(0),
            files: AtomicU64::new(0),
            progress: Mutex::new(progress),
        }
    }

    /// Names what could not be read or written.
    pub fn fail(&self, path: &str, why: impl Display) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        report::warning(format_args!("{path}: {why}"));
    }

    /// Reports a name that the target could not hold, or holds once.
    pub fn note_name(&self, path: &str, name: &str, target: &str) {
        if name != target {
            report::warning(format_args!(
                "{path}: the target cannot hold this name, it is {target} there"
            ));
        }
    }

    /// A file is complete.
    pub fn count_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub fn advance(&self, bytes: u64) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let done = progress.done() + bytes;
        progress.advance_to(done);
    }

    /// Reports the end of the run, when all that was written is on the disk.
    ///
    /// # Errors
    ///
    /// Something of `source` could not be extracted.
    pub fn finish(self, source: &Path, reports: Reports) -> Result<()> {
        let progress = self.progress.into_inner();
        let progress = progress.unwrap_or_else(PoisonError::into_inner);
        let bytes = progress.done();
        let took = progress.finish();
        let files = report::count(self.files.into_inner(), "file", "files");
        reports.line(report::done(&format!("Extracted {files},"), bytes, took));
        match self.failures.into_inner() {
            0 => Ok(()),
            failures => Err(Error::Incomplete {
                path: source.to_owned(),
                found: report::count(
                    failures,
                    "file or directory could not be extracted",
                    "files or directories could not be extracted",
                ),
            }),
        }
    }
}
