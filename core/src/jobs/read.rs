//! Reading a range of the volume.

use alloc::sync::Arc;
use core::ops::Range;

use super::Step;
use super::job::Job;
use super::locate::locate;
use super::opened::Opened;
use crate::io::ReadAt;

/// Bytes of one step, at most.
const BYTES_PER_STEP: u64 = 1 << 20;

impl Opened {
    /// Reads a range of the volume as it would be restored, up to its end:
    /// [`Step::Bytes`]. Clusters that an image does not store read as zeros.
    pub fn read(&self, range: Range<u64>) -> Job<()> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            let mut start = range.start;
            let end = range.end.min(inside.source.size());
            while start < end {
                let len = end.saturating_sub(start).min(BYTES_PER_STEP);
                let piece = co.piece(&inside.source, start, len).await?;
                co.emit(Step::Bytes(piece));
                start = start.saturating_add(len);
            }
            Ok(())
        })
    }
}
