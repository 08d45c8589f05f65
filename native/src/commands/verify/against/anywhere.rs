//! Two volumes that can be read at any place.

use std::path::Path;
use std::thread;

use ntfsclone_core::io::Source;

use super::{Different, Lcn, Wanted, is_held, read_there};
use crate::error::{Error, Result};
use crate::host::progress::Progress;

/// Bytes that are compared at once.
const CHUNK_BYTES: u64 = 4 << 20;

struct Comparison<'a> {
    ours: (&'a Source, &'a Path),
    theirs: (&'a Source, &'a Path),
    cluster_size: usize,
    buffers: [Vec<u8>; 2],
    done: u64,
    progress: Progress,
    different: Different,
}

/// Reads what is wanted of both.
pub(super) fn compare(
    (ours, theirs): ((&Source, &Path), (&Source, &Path)),
    wanted: &Wanted,
    different: Different,
    progress: Progress,
) -> Result<Different> {
    let geometry = &wanted.geometry;
    let mut comparison = Comparison {
        ours,
        theirs,
        cluster_size: geometry.cluster_size as usize,
        buffers: [Vec::new(), Vec::new()],
        done: 0,
        progress,
        different,
    };
    for extent in wanted.used.extents() {
        comparison.compare(geometry.offset(extent.start), geometry.bytes(extent.len))?;
    }
    comparison.compare(wanted.tail_offset(), wanted.tail)?;
    comparison.progress.finish();
    Ok(comparison.different)
}

impl Comparison<'_> {
    fn compare(&mut self, offset: u64, len: u64) -> Result<()> {
        let end = offset + len;
        let mut position = offset;
        while position < end {
            let len = (end - position).min(CHUNK_BYTES);
            self.compare_chunk(position, len as usize)?;
            position += len;
            self.done += len;
            self.progress.advance_to(self.done);
        }
        Ok(())
    }

    /// Reads from both at once, and compares.
    fn compare_chunk(&mut self, offset: u64, len: usize) -> Result<()> {
        let [mine, other] = &mut self.buffers;
        mine.resize(len, 0);
        other.resize(len, 0);
        let ((ours, our_name), (theirs, their_name)) = (self.ours, self.theirs);
        let both = thread::scope(|scope| {
            let read_other = || read_there(theirs, their_name, offset, &mut *other);
            let reads = thread::Builder::new().spawn_scoped(scope, read_other);
            let there = read_there(ours, our_name, offset, mine);
            reads.ok().map(|reads| (there, reads.join()))
        });
        let (there, there_other) = match both {
            Some((there, there_other)) => {
                (there?, there_other.map_err(|_| Error::Thread("reads"))??)
            }
            // There can be no thread.
            None => (
                read_there(ours, our_name, offset, mine)?,
                read_there(theirs, their_name, offset, other)?,
            ),
        };
        let first = Lcn(offset / self.cluster_size as u64);
        self.different.compare(
            first,
            self.cluster_size,
            &mine[..there],
            &other[..there_other],
            |lcn| is_held(theirs, lcn.0 * self.cluster_size as u64),
        );
        Ok(())
    }
}
