//! What is served: a volume, and the overlay that takes what is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::overlay::Overlay;
use crate::report;
use crate::source::Content;

// Transmission flags.
const HAS_FLAGS: u16 = 1 << 0;
const READ_ONLY: u16 = 1 << 1;
const SEND_FLUSH: u16 = 1 << 2;
const SEND_FUA: u16 = 1 << 3;
const SEND_TRIM: u16 = 1 << 5;
const SEND_WRITE_ZEROES: u16 = 1 << 6;
const SEND_DF: u16 = 1 << 7;
const CAN_MULTI_CONN: u16 = 1 << 8;
const SEND_CACHE: u16 = 1 << 10;

/// How many failures are printed; a damaged image can have millions.
const PRINTED_FAILURES: u32 = 10;

/// The one export of a server. Its name is empty, which stands for the default.
pub struct Export {
    content: Arc<dyn Content>,
    /// What is written to; `None` if the export is read-only. It is the content then.
    overlay: Option<Arc<Overlay>>,
    /// For people: what a client may show of it.
    description: String,
    failures: AtomicU32,
}

impl Export {
    pub fn read_only(content: Arc<dyn Content>, description: String) -> Self {
        Self {
            content,
            overlay: None,
            description,
            failures: AtomicU32::new(0),
        }
    }

    pub fn writable(overlay: Arc<Overlay>, description: String) -> Self {
        Self {
            overlay: Some(Arc::clone(&overlay)),
            ..Self::read_only(overlay, description)
        }
    }

    pub(super) fn content(&self) -> &dyn Content {
        &*self.content
    }

    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_deref()
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// The transmission flags. `CAN_MULTI_CONN` holds: all connections share one overlay,
    /// and a flush of one flushes what any of them wrote.
    pub(super) fn flags(&self, is_structured: bool) -> u16 {
        let always = HAS_FLAGS | SEND_FLUSH | CAN_MULTI_CONN | SEND_CACHE;
        let access = match self.overlay {
            None => READ_ONLY,
            Some(_) => SEND_FUA | SEND_TRIM | SEND_WRITE_ZEROES,
        };
        let pieces = if is_structured { SEND_DF } else { 0 };
        always | access | pieces
    }

    /// Prints why a request failed, up to [`PRINTED_FAILURES`] times: a client is told no
    /// more than a number.
    pub(super) fn report_failure(&self, what: &str, offset: u64, error: &std::io::Error) {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        if before < PRINTED_FAILURES {
            let error = report::with_causes(error);
            report::warning(format!("cannot {what} at byte {offset:#x}: {error}"));
        }
        if before + 1 == PRINTED_FAILURES {
            report::warning("further failed requests are not printed");
        }
    }
}
