//! Restoring an image whose clusters are in order: each byte is read once.

use alloc::vec::Vec;
use core::mem;

use super::super::job::Co;
use super::super::opened::Bytes;
use super::super::scan::piece_len;
use super::super::{Failure, STEP_BYTES};
use super::output::Output;
use crate::error::{Error, Structure};
use crate::image::ntfsclone::{Decoder, Event, Header};
use crate::io::ReadAt;
use crate::units::{Lcn, len_u64, len_usize};

/// Writes the volume in `image`, which has the header `header`.
pub(super) async fn unpack_image(
    co: &Co,
    image: &Bytes,
    header: &Header,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let cluster_size = u64::from(header.cluster_size);
    let mut decoder = Decoder::new();
    let mut batch = Batch::new(volume_end(header));
    let mut has_ended = false;
    while !has_ended {
        let offset = decoder.taken();
        let len = piece_len(offset, image.size());
        if len == 0 {
            decoder.end_of_input()?;
            break;
        }
        let piece = co.read(|| image.piece(offset, len)).await?;
        let mut input = &*piece;
        loop {
            match decoder.next(&mut input)? {
                Event::Header(_) => {}
                Event::Data { offset, bytes } => {
                    if offset.checked_rem(cluster_size) == Some(0) {
                        let lcn = offset.checked_div(cluster_size).unwrap_or(0);
                        output.note_clusters(Lcn(lcn), 1);
                    }
                    batch.skip_to(offset, decoder.taken(), output).await?;
                    // Each gap makes two steps, and a piece may hold many.
                    co.flushed().await;
                    batch.push(bytes, output)?;
                }
                Event::NeedInput => break,
                Event::End => {
                    has_ended = true;
                    break;
                }
            }
        }
    }
    batch.skip_to(batch.end, decoder.taken(), output).await?;
    batch.flush(output)
}

/// Bytes of the volume, its tail included.
fn volume_end(header: &Header) -> u64 {
    let tail = if header.has_tail() {
        header.tail_size()
    } else {
        0
    };
    header
        .nr_clusters
        .saturating_mul(header.cluster_size.into())
        .saturating_add(tail)
}

/// Bytes of the volume that are not written yet.
struct Batch {
    bytes: Vec<u8>,
    /// Position of the volume where they end.
    position: u64,
    /// The end of the volume.
    end: u64,
}

impl Batch {
    fn new(end: u64) -> Self {
        Self {
            bytes: Vec::new(),
            position: 0,
            end,
        }
    }

    /// Leaves a hole up to `offset`. `taken` is how far the image was decoded.
    async fn skip_to(
        &mut self,
        offset: u64,
        taken: u64,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let gap = offset.checked_sub(self.position);
        let gap = gap.ok_or_else(|| jumps_back(taken))?;
        if gap > 0 {
            self.flush(output)?;
            self.position = offset;
            output.set_progress(offset, self.end);
            output.hole(gap).await?;
        }
        Ok(())
    }

    fn push(&mut self, bytes: &[u8], output: &mut Output<'_>) -> Result<(), Failure> {
        if len_u64(self.bytes.len()) >= STEP_BYTES {
            self.flush(output)?;
        }
        if self.bytes.is_empty() {
            self.bytes.reserve(len_usize(STEP_BYTES));
        }
        self.bytes.extend_from_slice(bytes);
        self.position = self.position.saturating_add(len_u64(bytes.len()));
        Ok(())
    }

    fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Failure> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        output.set_progress(self.position, self.end);
        output.bytes(mem::take(&mut self.bytes).into())
    }
}

fn jumps_back(offset: u64) -> Error {
    Error::Corrupt {
        structure: Structure::ImageCommand,
        offset,
        field: "the number of clusters that it has twice, at least",
        found: 1,
        expected: "0, as its index tells",
    }
}
