//! Compares the clusters that runlists name with those that `$Bitmap` marks.

use alloc::vec::Vec;

use super::extender::Extender;
use super::finding::{Finding, Findings};
use super::map::{ClusterMap, PAGE_CLUSTERS, PAGE_WORDS};
use super::select::Selection;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::bitmap::{Chunks, Unknown};
use crate::units::{Extent, Lcn, len_usize};

/// How `$Bitmap` and the runlists disagree.
#[derive(Debug, Default)]
pub struct Audit {
    /// Clusters that only `$Bitmap` marks. Windows 11 leaves such behind on
    /// healthy volumes; nothing is lost if they are copied.
    pub only_in_bitmap: Disagreement,
    /// Clusters that a file uses and `$Bitmap` calls free. Each extent is also
    /// a [`Finding::NotInBitmap`].
    pub only_in_runlists: Disagreement,
    /// Clusters whose bits are in a damaged part of `$Bitmap`. They are taken
    /// as used; the caller decides whether they are copied.
    pub unknown: Option<Unknown>,
}

/// Clusters on which `$Bitmap` and the runlists disagree.
#[derive(Debug, Default)]
pub struct Disagreement {
    /// How many clusters.
    pub clusters: u64,
    /// The first extents, at most [`super::finding::MAX_LISTED`].
    pub first: Vec<Extent>,
}

impl Disagreement {
    fn add(&mut self, extent: Extent) {
        self.clusters = self.clusters.saturating_add(extent.len);
        if self.first.len() < super::finding::MAX_LISTED {
            self.first.push(extent);
        }
    }
}

/// Compares what the runlists mark with `$Bitmap`, cluster by cluster, and
/// adds what only `$Bitmap` marks, and that of which it says nothing, to the
/// selection.
///
/// # Errors
///
/// [`crate::Error::Io`].
pub fn audit<R: ReadAt>(volume: &Volume<R>, selection: &mut Selection) -> Result<Audit> {
    let mut auditor = Auditor::new(volume)?;
    while auditor.step(volume, selection)? {}
    Ok(auditor.finish(selection))
}

/// An [`audit`], one part of `$Bitmap` at a time.
#[derive(Debug)]
pub struct Auditor {
    chunks: Chunks,
    extra: Extender,
    missing: Extender,
    audit: Audit,
}

impl Auditor {
    /// Finds `$Bitmap`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`].
    pub fn new<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        Ok(Self {
            chunks: Chunks::new(volume)?,
            extra: Extender::default(),
            missing: Extender::default(),
            audit: Audit::default(),
        })
    }

    /// Compares the next part of `$Bitmap`; `false` after the last one. Can be
    /// called again after an error.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`].
    pub fn step<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        selection: &mut Selection,
    ) -> Result<bool> {
        let Selection { map, findings, .. } = selection;
        let Self {
            chunks,
            extra,
            missing,
            audit,
        } = self;
        let Some((first, words)) = chunks.next(volume)? else {
            return Ok(false);
        };
        for (first, words) in pages(first, words) {
            // The usual case: the page agrees.
            if map.page_is(first, words) {
                continue;
            }
            let lcns = (first.0..).step_by(64).map(Lcn);
            for (lcn, &in_bitmap) in lcns.zip(words) {
                let in_runlists = map.word(lcn);
                if in_bitmap == in_runlists {
                    continue;
                }
                extra.add_bits(lcn, in_bitmap & !in_runlists, |extent| {
                    audit.take_extra(map, extent);
                });
                missing.add_bits(lcn, in_runlists & !in_bitmap, |extent| {
                    audit.take_missing(findings, extent);
                });
            }
        }
        Ok(true)
    }

    /// What was found.
    pub fn finish(self, selection: &mut Selection) -> Audit {
        let Selection { map, findings, .. } = selection;
        let mut audit = self.audit;
        if let Some(extent) = self.extra.finish() {
            audit.take_extra(map, extent);
        }
        if let Some(extent) = self.missing.finish() {
            audit.take_missing(findings, extent);
        }
        audit.unknown = self.chunks.unknown();
        if let Some(unknown) = &audit.unknown {
            map.insert(unknown.extent);
        }
        audit
    }
}

/// The pages of a chunk of `$Bitmap`, which begins at a page.
fn pages(first: Lcn, words: &[u64]) -> impl Iterator<Item = (Lcn, &[u64])> {
    let lcns = (first.0..).step_by(len_usize(PAGE_CLUSTERS)).map(Lcn);
    lcns.zip(words.chunks(PAGE_WORDS))
}

impl Audit {
    /// True if `$Bitmap` and the runlists say the same.
    pub fn agrees(&self) -> bool {
        self.only_in_bitmap.clusters == 0 && self.only_in_runlists.clusters == 0
    }

    fn take_extra(&mut self, map: &mut ClusterMap, extent: Extent) {
        self.only_in_bitmap.add(extent);
        map.insert(extent);
    }

    fn take_missing(&mut self, findings: &mut Findings, extent: Extent) {
        self.only_in_runlists.add(extent);
        findings.push(Finding::NotInBitmap { extent });
    }
}
