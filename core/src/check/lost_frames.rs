//! Frames of a compressed image that cannot be decompressed, and what of the
//! volume was in them.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::code::Code;
use super::finding::{Finding, Place};
use crate::error::{Error, with_causes};
use crate::image::seekable::Frame;
use crate::units::{Extent, Geometry, Lcn, len_usize};

/// Part of an image or volume that cannot be read, and the finding about it,
/// whose files are not known yet.
#[derive(Debug, Clone)]
pub struct Loss {
    pub(super) finding: Finding,
    part: Part,
}

#[derive(Debug, Clone)]
enum Part {
    Clusters(Vec<Extent>),
    /// Of a raw volume.
    Bytes(Range<u64>),
}

/// Damaged frames, in the order of the file.
#[derive(Debug, Default)]
pub struct LostFrames {
    list: Vec<LostFrame>,
}

/// One frame, or several that follow each other.
#[derive(Debug)]
struct LostFrame {
    numbers: Range<usize>,
    /// In bytes from the start of the file.
    file: Range<u64>,
    /// In bytes from the start of the stream.
    stream: Range<u64>,
    /// Why the first one cannot be decompressed.
    reason: String,
}

impl LostFrames {
    /// Adds a frame that cannot be decompressed.
    pub fn push(&mut self, number: usize, frame: &Frame, error: &Error) {
        let file_end = frame.position.saturating_add(frame.compressed_size);
        let stream_end = frame.offset.saturating_add(frame.size);
        match self.list.last_mut() {
            Some(last) if last.numbers.end == number => {
                last.numbers.end = number.saturating_add(1);
                last.file.end = file_end;
                last.stream.end = stream_end;
            }
            _ => self.list.push(LostFrame {
                numbers: number..number.saturating_add(1),
                file: frame.position..file_end,
                stream: frame.offset..stream_end,
                reason: with_causes(error),
            }),
        }
    }

    /// True if all frames can be decompressed.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Where in the stream the first one begins.
    pub fn first(&self) -> Option<u64> {
        self.list.first().map(|lost| lost.stream.start)
    }

    /// How many of the `len` bytes of the stream from `offset` on are lost, or are
    /// not, as the first of them is; and which.
    pub fn stretch(&self, offset: u64, len: usize) -> (usize, bool) {
        let len_to = |end: u64| len.min(len_usize(end.saturating_sub(offset)));
        // The one that is at `offset` or next.
        let after = self.list.partition_point(|lost| lost.stream.end <= offset);
        match self.list.get(after).map(|lost| &lost.stream) {
            Some(lost) if lost.start <= offset => (len_to(lost.end), true),
            Some(lost) => (len_to(lost.start), false),
            None => (len, false),
        }
    }

    /// What was in them, of an image in which `extents_in` finds the clusters stored in a
    /// range of bytes.
    pub fn in_image(
        self,
        cluster_size: u32,
        extents_in: impl Fn(&Range<u64>) -> Vec<Extent>,
    ) -> Vec<Loss> {
        self.losses(|stream| {
            let extents = extents_in(&stream);
            let first = extents.first().map(|extent| extent.start);
            let place = first.map(|first| Place::at_cluster(first, cluster_size));
            (Part::Clusters(extents), place)
        })
    }

    /// What was in them, of a raw volume.
    pub fn in_volume(self) -> Vec<Loss> {
        self.losses(|stream| {
            let place = Place::Volume {
                offset: stream.start,
                length: Some(stream.end.saturating_sub(stream.start)),
            };
            (Part::Bytes(stream), Some(place))
        })
    }

    /// `part` returns what was in a range of the stream, and where on the volume it
    /// begins.
    fn losses(self, part: impl Fn(Range<u64>) -> (Part, Option<Place>)) -> Vec<Loss> {
        let losses = self.list.into_iter().map(|lost| {
            let mut finding = lost.finding();
            let (part, place) = part(lost.stream);
            finding.also_at = place;
            Loss { finding, part }
        });
        losses.collect()
    }
}

impl LostFrame {
    fn finding(&self) -> Finding {
        let Self {
            numbers,
            file,
            stream,
            reason,
        } = self;
        let frames = match numbers.len() {
            1 => format!("frame {}", numbers.start),
            _ => format!(
                "frames {} to {}",
                numbers.start,
                numbers.end.saturating_sub(1)
            ),
        };
        let message = format!(
            "{frames}, bytes {:#x} to {:#x} of the file, cannot be decompressed to {} bytes: {reason}",
            file.start,
            file.end,
            stream.end.saturating_sub(stream.start)
        );
        let place = Some(Place::Image {
            offset: stream.start,
        });
        Finding::new(Code::FrameDamaged, place, message)
    }
}

impl Loss {
    /// A loss in these clusters, found in the image.
    pub(super) fn of_clusters(mut finding: Finding, extent: Extent, cluster_size: u32) -> Self {
        finding.also_at = Some(Place::of_clusters(extent, cluster_size));
        Self {
            finding,
            part: Part::Clusters(vec![extent]),
        }
    }

    /// What was found, without the files that are touched: those are known only
    /// if the volume can be read.
    pub fn into_finding(self) -> Finding {
        self.finding
    }

    /// The clusters that are lost.
    pub(super) fn extents(&self, geometry: &Geometry) -> Vec<Extent> {
        match &self.part {
            Part::Clusters(extents) => extents.clone(),
            Part::Bytes(bytes) => {
                let size = u64::from(geometry.cluster_size);
                let first = bytes.start.checked_div(size).unwrap_or(0);
                let end = bytes.end.div_ceil(size.max(1)).min(geometry.nr_clusters());
                vec![Extent::new(Lcn(first), end.saturating_sub(first))]
            }
        }
    }
}
