//! The ntfsclone image: a header, then a command before each cluster and before
//! each gap.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::writer::Format;
use super::{DiskSupport, Encode, Out, Stopped, Writer};
use crate::image::ntfsclone::{COMMAND_GAP, COMMAND_NEXT, HEADER_SIZE, Header};
use crate::image::seekable::Kind;
use crate::plan::Plan;
use crate::units::{len_u64, len_usize};

/// Bytes of a gap: its command and its count.
const GAP_SIZE: u64 = 9;

/// The row of an ntfsclone image in the table of writers.
pub(super) const fn writer(id: &'static str) -> Writer {
    Writer {
        id,
        extensions: &[],
        kind: Some(Kind::NtfscloneImage),
        disk: DiskSupport::None,
        format: Format::Volume {
            size: encoded_size,
            encoder: |plan| Ok(Box::new(NtfscloneEncoder::new(&plan.header()))),
        },
    }
}

/// Encodes an ntfsclone image.
///
/// A gap is written when the next cluster is known: two runs have one gap between
/// them, however the clusters are divided into calls.
#[derive(Debug)]
pub struct NtfscloneEncoder {
    header: Header,
    cluster_size: usize,
    volume_size: u64,
    /// The cluster that the next [`COMMAND_NEXT`] would carry; `None` before the
    /// header is written.
    position: Option<u64>,
    tail: Vec<u8>,
}

impl NtfscloneEncoder {
    /// An encoder for an image with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            header: *header,
            cluster_size: len_usize(header.cluster_size.into()),
            volume_size: header.volume_size(),
            position: None,
            tail: Vec::new(),
        }
    }

    /// Writes the header if it is missing, and the gap before cluster `lcn` if
    /// there is one.
    fn seek(&mut self, lcn: u64, out: &mut dyn Out) -> Result<(), Stopped> {
        let position = match self.position {
            Some(position) => position,
            None => {
                out.put(&self.header.to_bytes())?;
                0
            }
        };
        self.position = Some(lcn);
        // A jump back, as in images of metadata, wraps to the two's complement
        // that the format stores.
        let gap = lcn.wrapping_sub(position);
        if gap == 0 {
            return Ok(());
        }
        let [a, b, c, d, e, f, g, h] = gap.to_le_bytes();
        out.put(&[COMMAND_GAP, a, b, c, d, e, f, g, h])
    }
}

impl Encode for NtfscloneEncoder {
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        if offset >= self.volume_size {
            self.tail.extend_from_slice(bytes);
            return Ok(());
        }
        let cluster_size = u64::from(self.header.cluster_size);
        let lcn = offset.checked_div(cluster_size).unwrap_or(0);
        self.seek(lcn, out)?;
        let clusters = bytes.chunks(self.cluster_size);
        self.position = Some(lcn.saturating_add(len_u64(clusters.len())));
        for cluster in clusters {
            out.put(&[COMMAND_NEXT])?;
            out.put(cluster)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.seek(self.header.nr_clusters, out)?;
        out.put(&[COMMAND_NEXT])?;
        out.put(&self.tail)
    }
}

/// Bytes of an image made by `plan`.
fn encoded_size(plan: &Plan) -> u64 {
    let header = plan.header();
    let mut size = len_u64(HEADER_SIZE);
    let mut position = 0_u64;
    let a_cluster = u64::from(header.cluster_size).saturating_add(1);
    for extent in plan.extents() {
        if extent.start.0 != position {
            size = size.saturating_add(GAP_SIZE);
        }
        size = size.saturating_add(extent.len.saturating_mul(a_cluster));
        position = extent.end().0;
    }
    if position != header.nr_clusters {
        size = size.saturating_add(GAP_SIZE);
    }
    size.saturating_add(1).saturating_add(header.tail_size())
}
