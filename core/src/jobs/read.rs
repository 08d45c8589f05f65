//! Reading a range of the volume.

use alloc::rc::Rc;
use alloc::vec;
use core::ops::Range;

use super::job::Job;
use super::locate::locate;
use super::opened::Opened;
use super::{Step, read_at};
use crate::io::ReadAt;
use crate::units::len_usize;

/// Bytes of one step, at most.
const BYTES_PER_STEP: u64 = 1 << 20;

impl Opened {
    /// Reads a range of the volume as it would be restored, up to its end:
    /// [`Step::Bytes`]. Clusters that an image does not store read as zeros.
    pub fn read(&self, range: Range<u64>) -> Job<()> {
        let opened = self.clone();
        Job::new(Rc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            let mut start = range.start;
            let end = range.end.min(inside.size());
            while start < end {
                let len = end.saturating_sub(start).min(BYTES_PER_STEP);
                let piece = co.read(|| {
                    let mut piece = vec![0; len_usize(len)];
                    read_at(&inside, start, &mut piece).map(|()| piece)
                });
                let piece = piece.await?;
                co.emit(Step::Bytes(piece.into()));
                start = start.saturating_add(len);
            }
            Ok(())
        })
    }
}
