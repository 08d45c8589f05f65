//! Makes the file of an index while the content is streamed by.

use alloc::vec::Vec;

use zerocopy::IntoBytes;

use super::index::{BLOCK_BYTES, RawHeader, SUM_BYTES, tables_sum};
use super::point::{POINT_BYTES, Point, RawPoint};
use crate::stream::Compression;
use crate::units::{len_u64, len_usize};
use crate::zeros::is_zero;

/// Collects checksums of the content and seek points. Either may come first.
#[derive(Default)]
pub struct SeekIndexBuilder {
    size: u64,
    block: blake3::Hasher,
    /// Bytes of the block that is not complete.
    in_block: usize,
    /// How many of them, all so far, are zeros that are not in the checksum yet: many blocks of a volume
    /// have nothing else, and the same checksum.
    zeros: usize,
    sum_of_zeros: Option<blake3::Hash>,
    sums: Vec<u8>,
    points: Vec<(Point, u32, Vec<u8>)>,
}

impl SeekIndexBuilder {
    /// An index of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of content so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.size = self.size.saturating_add(len_u64(bytes.len()));
        while !bytes.is_empty() {
            let missing = len_usize(BLOCK_BYTES).saturating_sub(self.in_block);
            let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
            if self.zeros == self.in_block && is_zero(taken) {
                self.zeros = self.zeros.saturating_add(taken.len());
            } else {
                self.sum_zeros();
                self.block.update(taken);
            }
            self.in_block = self.in_block.saturating_add(taken.len());
            if len_u64(self.in_block) == BLOCK_BYTES {
                self.end_block();
            }
            bytes = rest;
        }
    }

    /// Adds a point, in order. `window` is what its decoder has to know, `window_len` bytes, as a frame
    /// of zstd; empty if that is nothing.
    pub fn push(&mut self, point: Point, window_len: u32, window: Vec<u8>) {
        self.points.push((point, window_len, window));
    }

    /// The file of the index.
    pub fn finish(
        mut self,
        compression: Compression,
        compressed_size: u64,
        identity: [u8; 32],
    ) -> Vec<u8> {
        if self.in_block > 0 {
            self.end_block();
        }
        let header = RawHeader::new(
            compression,
            compressed_size,
            self.size,
            identity,
            self.points.len(),
        );
        let mut window_offset = size_of::<RawHeader>()
            .saturating_add(self.sums.len())
            .saturating_add(self.points.len().saturating_mul(POINT_BYTES));
        let mut tables = self.sums;
        for (point, window_len, window) in &self.points {
            let stored = u32::try_from(window.len()).unwrap_or_default();
            let place = (len_u64(window_offset), stored, *window_len);
            tables.extend_from_slice(RawPoint::new(point, place).as_bytes());
            window_offset = window_offset.saturating_add(window.len());
        }
        let header = header.with_sum(tables_sum(&header, &tables));
        let mut file = header.as_bytes().to_vec();
        file.append(&mut tables);
        for (_, _, window) in &self.points {
            file.extend_from_slice(window);
        }
        file
    }

    fn end_block(&mut self) {
        let is_of_zeros = len_u64(self.zeros) == BLOCK_BYTES;
        let sum = match self.sum_of_zeros.filter(|_| is_of_zeros) {
            Some(sum) => {
                self.zeros = 0;
                sum
            }
            None => {
                self.sum_zeros();
                self.block.finalize()
            }
        };
        if is_of_zeros {
            self.sum_of_zeros = Some(sum);
        }
        self.sums
            .extend(sum.as_bytes().iter().take(SUM_BYTES).copied());
        self.block.reset();
        self.in_block = 0;
    }

    /// Adds the zeros to the checksum that are not in it yet.
    fn sum_zeros(&mut self) {
        const ZEROS: [u8; 4096] = [0; 4096];
        while self.zeros > 0 {
            let now = ZEROS.get(..self.zeros).unwrap_or(&ZEROS);
            self.block.update(now);
            self.zeros = self.zeros.saturating_sub(now.len());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use alloc::vec;

    use super::*;

    /// Zeros at the start of a block, all of it, and at its end; in pieces of any size.
    #[test]
    fn blocks_have_the_checksums_of_their_content() {
        let block = len_usize(BLOCK_BYTES);
        let mut content = vec![0; 4 * block + 5000];
        for at in [block + 70_000, 3 * block, 4 * block + 4999] {
            *content.get_mut(at).unwrap() = 1;
        }
        for piece in [4095, 100_000, block, 3 * block] {
            let mut builder = SeekIndexBuilder::new();
            content
                .chunks(piece)
                .for_each(|piece| builder.update(piece));
            builder.end_block();
            let sums = content.chunks(block).map(blake3::hash);
            let sums = sums.flat_map(|sum| *sum.as_bytes().first_chunk::<SUM_BYTES>().unwrap());
            assert_eq!(builder.sums, sums.collect::<Vec<u8>>());
        }
    }
}
