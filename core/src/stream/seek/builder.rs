//! Makes the file of an index while the content is streamed by.

use alloc::vec::Vec;

use zerocopy::IntoBytes;

use super::index::{BLOCK_BYTES, RawHeader, SUM_BYTES, tables_sum};
use super::point::{POINT_BYTES, Point, RawPoint};
use crate::stream::Compression;
use crate::units::{len_u64, len_usize};

/// Collects checksums of the content and seek points. Either may come first.
#[derive(Default)]
pub struct SeekIndexBuilder {
    size: u64,
    block: blake3::Hasher,
    /// Bytes of the block that is not complete.
    in_block: usize,
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
            self.block.update(taken);
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
        let sum = self.block.finalize();
        self.sums
            .extend(sum.as_bytes().iter().take(SUM_BYTES).copied());
        self.block.reset();
        self.in_block = 0;
    }
}
