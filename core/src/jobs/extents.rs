//! Listing which clusters are in use, or stored, and where.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::Step;
use super::job::Job;
use super::locate::locate;
use super::opened::{Inside, Opened};
use super::used::used;
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
        Job::new(Rc::clone(&self.pages), |co| async move {
            let inside = locate(&co, &opened).await?;
            if let Inside::Image(reader) = &inside {
                for runs in reader.index().runs().chunks(EXTENTS_PER_STEP) {
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
            let reach = counted.volume.source().reach(geometry.bytes(1));
            let mut extents = counted
                .map
                .extents()
                .take_while(|extent| extent.start < reach)
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
