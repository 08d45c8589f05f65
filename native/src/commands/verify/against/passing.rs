//! A volume that passes by, from start to end, and another one that can be read
//! at any place.

use std::path::Path;

use ntfsclone_core::io::Source;

use super::{Different, Extent, Lcn, Wanted, is_held, read_there};
use crate::bulk::pipeline::{self, Flow};
use crate::error::Result;
use crate::host::progress::Progress;
use crate::source::ImageStream;

struct Comparison<'a> {
    /// What can be read at any place.
    source: &'a Source,
    name: &'a Path,
    /// What did not pass by yet.
    wanted: Wanted,
    buffer: Vec<u8>,
    done: u64,
    different: Different,
}

/// Compares what is wanted as it passes by. What does not come is different.
pub(super) fn compare(
    stream: ImageStream,
    source: &Source,
    name: &Path,
    wanted: Wanted,
    different: Different,
    mut progress: Progress,
) -> Result<Different> {
    let cluster_size = stream.header().cluster_size;
    let mut comparison = Comparison {
        source,
        name,
        wanted,
        buffer: Vec::new(),
        done: 0,
        different,
    };
    let flow = Flow {
        cluster_size: cluster_size.max(comparison.wanted.geometry.cluster_size),
        is_direct: false,
        encoding: None,
    };
    // Another volume: no cluster is the same. It is read to its end all the
    // same, to know that it is one.
    let is_alike = cluster_size == comparison.wanted.geometry.cluster_size;
    pipeline::start("reads", flow, stream.fill())?.for_each(|batch| {
        for (piece, bytes) in batch.pieces().filter(|_| is_alike) {
            comparison.take(piece.offset, bytes)?;
        }
        progress.advance_to(comparison.done);
        Ok(())
    })?;
    progress.finish();
    Ok(comparison.end())
}

impl Comparison<'_> {
    /// Takes whole clusters, or the tail, from `offset` on.
    fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let geometry = self.wanted.geometry;
        let end = offset + bytes.len() as u64;
        let first = Lcn(offset / u64::from(geometry.cluster_size));
        let after = Lcn(end / u64::from(geometry.cluster_size));
        let within: Vec<Extent> = self
            .wanted
            .used
            .extents_from(first)
            .take_while(|extent| extent.start < after)
            .map(|extent| {
                let end = extent.end().min(after);
                Extent::new(extent.start, end.0 - extent.start.0)
            })
            .collect();
        for extent in within {
            let start = (geometry.offset(extent.start) - offset) as usize;
            let len = geometry.bytes(extent.len) as usize;
            self.compare(extent.start, &bytes[start..start + len])?;
            self.wanted.used.remove(extent);
        }
        let tail = self.wanted.tail_offset();
        if self.wanted.tail > 0 && end > tail {
            let there = &bytes[tail.saturating_sub(offset) as usize..];
            let len = there.len().min(self.wanted.tail as usize);
            self.compare(Lcn(geometry.nr_clusters()), &there[..len])?;
            self.wanted.tail -= len as u64;
        }
        Ok(())
    }

    fn compare(&mut self, first: Lcn, passing: &[u8]) -> Result<()> {
        let geometry = self.wanted.geometry;
        self.buffer.resize(passing.len(), 0);
        let offset = geometry.offset(first);
        let there = read_there(self.source, self.name, offset, &mut self.buffer)?;
        let is_held = |lcn| is_held(self.source, geometry.offset(lcn));
        let read = &self.buffer[..there];
        let size = geometry.cluster_size as usize;
        self.different.compare(first, size, passing, read, is_held);
        self.done += passing.len() as u64;
        Ok(())
    }

    fn end(mut self) -> Different {
        for extent in self.wanted.used.extents() {
            self.different.add(extent);
        }
        if self.wanted.tail > 0 {
            let nr_clusters = self.wanted.geometry.nr_clusters();
            self.different.add(Extent::new(Lcn(nr_clusters), 1));
        }
        self.different
    }
}
