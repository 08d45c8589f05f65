//! Restoring an image whose clusters are in order: each byte is read once.

use alloc::vec::Vec;
use core::mem;

use super::super::job::Co;
use super::super::scan::piece_len;
use super::super::{Failure, STEP_BYTES};
use super::output::Output;
use crate::error::{Error, Structure};
use crate::image::Index;
use crate::image::ntfsclone::{Decoder, Event};
use crate::io::{ReadAt, Source};
use crate::units::{len_u64, len_usize};

/// Writes the volume in an image with that index.
pub(super) async fn unpack_image(
    co: &Co,
    image: &Source,
    index: &Index,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    output.set_size(Some(index.restored_size()));
    let mut decoder = Decoder::new();
    let mut batch = Batch::new(index.restored_size());
    let mut has_ended = false;
    while !has_ended {
        let offset = decoder.taken();
        let len = piece_len(offset, image.size());
        if len == 0 {
            decoder.end_of_input()?;
            break;
        }
        let piece = co.piece(image, offset, len).await?;
        let mut input = &*piece;
        loop {
            match decoder.next(&mut input)? {
                Event::Header(_) => {}
                Event::Data { offset, bytes } => {
                    let is_next = batch.end() == offset && !batch.is_full();
                    if offset < batch.end() {
                        return Err(jumps_back(decoder.taken()).into());
                    }
                    if !is_next {
                        batch.flush(offset, output).await?;
                        // Each gap makes two steps, and a piece may hold many.
                        co.flushed().await;
                    }
                    batch.push(bytes);
                }
                Event::NeedInput => break,
                Event::End => {
                    has_ended = true;
                    break;
                }
            }
        }
    }
    batch.flush(index.restored_size(), output).await
}

/// Consecutive bytes of the volume that are not written yet.
struct Batch {
    /// Where they begin.
    start: u64,
    bytes: Vec<u8>,
    /// Bytes of the volume.
    volume_end: u64,
}

impl Batch {
    fn new(volume_end: u64) -> Self {
        Self {
            start: 0,
            bytes: Vec::new(),
            volume_end,
        }
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(len_u64(self.bytes.len()))
    }

    fn is_full(&self) -> bool {
        len_u64(self.bytes.len()) >= STEP_BYTES
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes.reserve(len_usize(STEP_BYTES));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes the bytes. The next ones are those at `next`.
    async fn flush(&mut self, next: u64, output: &mut Output<'_>) -> Result<(), Failure> {
        output.set_progress(next, self.volume_end);
        let bytes = mem::take(&mut self.bytes);
        let start = mem::replace(&mut self.start, next);
        if bytes.is_empty() {
            return Ok(());
        }
        output.data(start, bytes.into()).await
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
