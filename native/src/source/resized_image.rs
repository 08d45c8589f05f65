//! An image that is read from start to end, for the volume in another size: the order of clusters
//! is the same on both.

use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::plan::Plan;
use ntfsclone_core::relocate::Relocated;
use ntfsclone_core::write::Stopped;

use super::image::ImageStream;
use super::volume::Device;
use crate::bulk::pipeline::{Filled, Filler};
use crate::error::Result;

/// The volume in another size as far as it is written: in order, by what a plan lists.
pub(super) struct ResizedImage<'a> {
    relocated: &'a Relocated<Arc<Device>>,
    cluster_size: u32,
    /// What is left of the plan, the next range last.
    ranges: Vec<Range<u64>>,
    /// What the next bytes are, while it holds for more of them.
    part: Option<Part>,
}

/// Bytes of the new volume that are one after the other on the old one, or are made anew.
#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    len: u64,
    /// Where they are on the old volume; `None` if they are made anew.
    original: Option<u64>,
}

impl<'a> ResizedImage<'a> {
    pub(super) fn new(relocated: &'a Relocated<Arc<Device>>, plan: &Plan) -> Self {
        let ranges = plan.ranges().map(|(offset, len)| offset..offset + len);
        let mut ranges: Vec<Range<u64>> = ranges.filter(|range| !range.is_empty()).collect();
        ranges.reverse();
        Self {
            relocated,
            cluster_size: plan.geometry().cluster_size,
            ranges,
            part: None,
        }
    }

    /// Fills batches with all of it. `read` reads what is made anew.
    pub(super) fn fill(
        mut self,
        mut image: ImageStream,
        filler: &mut Filler<'_>,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let mut failed = None;
        let decoded = image.decode(|offset, bytes| {
            if failed.is_some() {
                return Ok(());
            }
            let taken = self.take(offset, bytes, filler, &mut read)?;
            failed = taken.err();
            Ok::<(), Stopped>(())
        })?;
        match failed {
            Some(error) => return Ok(Err(error)),
            None if decoded.is_err() => return Ok(decoded),
            None => {}
        }
        // What is after the last cluster of the image.
        while let Some(part) = self.next_part() {
            if let Err(error) = self.make(part, filler, &mut read)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Takes bytes of the old volume: those that the new one has, after all before them.
    fn take(
        &mut self,
        offset: u64,
        bytes: &[u8],
        filler: &mut Filler<'_>,
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let end = offset + bytes.len() as u64;
        while let Some(part) = self.next_part() {
            let original = match part.original {
                Some(original) if end <= original => return Ok(Ok(())),
                Some(original) if offset <= original => original,
                // Made anew; or the image had it before, which no ordinary one does.
                _ => {
                    if let Err(error) = self.make(part, filler, read)? {
                        return Ok(Err(error));
                    }
                    continue;
                }
            };
            let len = part.len.min(end - original);
            let from = (original - offset) as usize;
            let mut left = &bytes[from..from + len as usize];
            let filled = filler.fill(part.offset, len, self.cluster_size, |_, out| {
                let (now, later) = left.split_at(out.len());
                out.copy_from_slice(now);
                left = later;
                Ok(())
            })?;
            if let Err(error) = filled {
                return Ok(Err(error));
            }
            self.advance(len);
            if original + len >= end {
                return Ok(Ok(()));
            }
        }
        Ok(Ok(()))
    }

    /// Reads a part, and passes it on.
    fn make(
        &mut self,
        part: Part,
        filler: &mut Filler<'_>,
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let filled = filler.fill(part.offset, part.len, self.cluster_size, read)?;
        self.advance(part.len);
        Ok(filled)
    }

    /// What the next bytes are; `None` at the end.
    fn next_part(&mut self) -> Option<Part> {
        if self.part.is_none() {
            let range = self.ranges.last()?;
            let (original, len) = self.relocated.part_at(range.start);
            self.part = Some(Part {
                offset: range.start,
                len: len.min(range.end - range.start),
                original,
            });
        }
        self.part
    }

    /// Goes on after the next `len` bytes.
    fn advance(&mut self, len: u64) {
        if let Some(range) = self.ranges.last_mut() {
            range.start += len;
            if range.is_empty() {
                self.ranges.pop();
            }
        }
        self.part = self.part.and_then(|part| {
            let left = part.len - len;
            (left > 0).then_some(Part {
                offset: part.offset + len,
                len: left,
                original: part.original.map(|original| original + len),
            })
        });
    }
}
