//! Listing which clusters are in use, or stored, and where.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::job::Job;
use super::locate::locate;
use super::opened::Opened;
use super::used::used;
use super::{Step, first_absent_in};
use crate::error::Result;
use crate::io::{ReadAt, Source};
use crate::units::Extent;

/// Extents of one step, at most.
const EXTENTS_PER_STEP: usize = 16 << 10;

/// An extent and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The clusters.
    pub extent: Extent,
    /// On a volume: byte position of the first cluster. In an image: byte
    /// position of the command before it, in the decompressed stream.
    pub offset: u64,
}

impl Opened {
    /// Lists the clusters that a copy of a volume needs, or that an image
    /// stores: [`Step::Extents`].
    pub fn extents(&self) -> Job<()> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            if let Some(index) = inside.index() {
                for runs in index.runs().chunks(EXTENTS_PER_STEP) {
                    let located = runs.iter().map(|run| Located {
                        extent: run.extent,
                        offset: run.offset,
                    });
                    co.emit(Step::Extents(located.collect()));
                    co.flushed().await;
                }
                return Ok(());
            }
            let counted = used(&co, inside, opened.before_damage).await?;
            let geometry = counted.volume.geometry();
            // Of a volume that is cut short, up to there.
            let end = co.read(|| end_of_stored(&counted.inside.source)).await?;
            let (reach, _) = geometry.vcn_at(end);
            let mut extents = counted
                .map
                .extents()
                .take_while(|extent| extent.start.0 < reach.0)
                .map(|Extent { start, len }| Located {
                    extent: Extent::new(start, len.min(reach.0.saturating_sub(start.0))),
                    offset: geometry.offset(start),
                });
            loop {
                let located: Vec<Located> = extents.by_ref().take(EXTENTS_PER_STEP).collect();
                if located.is_empty() {
                    return Ok(());
                }
                co.emit(Step::Extents(located));
                co.flushed().await;
            }
        })
    }
}

/// The end of the last bytes that `source` has; its size if it lacks nothing at its end.
fn end_of_stored(source: &Source) -> Result<u64> {
    let size = source.size();
    let mut end = u64::MAX;
    let mut position = 0;
    while let Some(absent) = first_absent_in(source, position..size)? {
        end = absent.start;
        position = absent.end;
    }
    Ok(if position < size { u64::MAX } else { end })
}
