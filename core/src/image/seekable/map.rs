//! The map: which clusters are in the stream, in its order.

use alloc::vec::Vec;

use crate::error::{Error, Result, Structure};
use crate::units::{Lcn, len_u64};

/// Bytes that the longest number takes.
const MAX_VARINT: usize = 10;

/// Makes a map, as the clusters are written.
#[derive(Debug)]
pub struct MapBuilder {
    bytes: Vec<u8>,
    /// Where the last run that is in `bytes` ended.
    position: u64,
    /// The last run, to which more may be added.
    run: Option<(u64, u64)>,
    limit: usize,
    is_beyond_limit: bool,
}

impl MapBuilder {
    /// A map of at most `limit` bytes; beyond that it is dropped.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            position: 0,
            run: None,
            limit,
            is_beyond_limit: false,
        }
    }

    /// Adds the clusters that come next in the stream: `count` from `start`.
    pub fn add(&mut self, start: Lcn, count: u64) {
        match &mut self.run {
            _ if count == 0 => {}
            Some((first, len)) if first.saturating_add(*len) == start.0 => {
                *len = len.saturating_add(count);
            }
            _ => {
                self.end_run();
                self.run = Some((start.0, count));
            }
        }
    }

    /// The map; `None` if it was given up.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        self.end_run();
        (!self.is_beyond_limit).then_some(self.bytes)
    }

    fn end_run(&mut self) {
        let Some((start, count)) = self.run.take() else {
            return;
        };
        // The two's complement of what is negative: images of metadata jump
        // back.
        let gap = start.wrapping_sub(self.position).cast_signed();
        self.position = start.saturating_add(count);
        if self.is_beyond_limit {
            return;
        }
        put_varint(&mut self.bytes, zigzag(gap));
        put_varint(&mut self.bytes, count);
        if self.bytes.len() > self.limit {
            self.is_beyond_limit = true;
            self.bytes = Vec::new();
        }
    }
}

/// Clusters that follow each other on the volume and in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapRun {
    /// Clusters skipped since the run before; negative for a jump back, 0 at
    /// most in the first run.
    pub gap: i64,
    /// The first cluster.
    pub start: Lcn,
    /// How many, never 0. The last one may be the tail, which is the cluster
    /// after the last one of the volume.
    pub count: u64,
}

/// The runs of a map, each checked to lie on the volume. Ends after an error.
#[derive(Debug, Clone)]
pub struct MapRuns<'a> {
    rest: &'a [u8],
    /// Where the map lies, in bytes from the start of the file, and its size.
    offset: u64,
    size: u64,
    position: u64,
    /// The number after that of the tail.
    end: u64,
    is_first: bool,
}

impl<'a> MapRuns<'a> {
    pub(super) fn new(map: &'a [u8], offset: u64, nr_clusters: u64) -> Self {
        Self {
            rest: map,
            offset,
            size: len_u64(map.len()),
            position: 0,
            end: nr_clusters.saturating_add(1),
            is_first: true,
        }
    }

    fn run(&mut self) -> Result<MapRun> {
        let damaged = |field, found, expected| Error::Corrupt {
            structure: Structure::Summary,
            offset: self
                .offset
                .saturating_add(self.size.saturating_sub(len_u64(self.rest.len()))),
            field,
            found,
            expected,
        };
        let left = len_u64(self.rest.len());
        if self.position == self.end {
            return Err(damaged("what follows the tail in the map", left, "nothing"));
        }
        let number = |bytes| {
            take_varint(bytes).ok_or_else(|| {
                let expected = "enough for a number of at most 64 bits";
                damaged("what is left of the map", left, expected)
            })
        };
        let (gap, rest) = number(self.rest)?;
        let (count, rest) = number(rest)?;
        let gap = unzigzag(gap);
        if gap == 0 && !self.is_first {
            return Err(damaged("a gap in the map", 0, "a jump"));
        }
        let start = self.position.checked_add_signed(gap);
        let end = start.and_then(|start| start.checked_add(count));
        match (start, end) {
            (Some(start), Some(end)) if count > 0 && end <= self.end => {
                self.rest = rest;
                self.position = end;
                self.is_first = false;
                Ok(MapRun {
                    gap,
                    start: Lcn(start),
                    count,
                })
            }
            _ => {
                let expected = "at least 1, and within the volume";
                Err(damaged("a run's clusters in the map", count, expected))
            }
        }
    }
}

impl Iterator for MapRuns<'_> {
    type Item = Result<MapRun>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let run = self.run();
        if run.is_err() {
            self.rest = &[];
        }
        Some(run)
    }
}

fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ value.wrapping_shr(63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg()
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        match value {
            0 => return bytes.push(low & 0x7F),
            _ => bytes.push(low | 0x80),
        }
    }
}

/// A number and what follows it.
fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut shift = 0_u32;
    for (len, &byte) in (1..=MAX_VARINT).zip(bytes) {
        let bits = u64::from(byte & 0x7F);
        let placed = bits.checked_shl(shift)?;
        if placed.checked_shr(shift) != Some(bits) {
            return None;
        }
        value |= placed;
        shift = shift.saturating_add(7);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(len..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use alloc::vec;

    #[test]
    fn numbers_round_trip() {
        let numbers = [0, 1, -1, 63, -64, 64, 1 << 40, i64::MAX, i64::MIN];
        for number in numbers {
            let mut bytes = vec![];
            put_varint(&mut bytes, zigzag(number));
            assert!(bytes.len() <= MAX_VARINT);
            let (found, rest) = take_varint(&bytes).unwrap();
            assert_eq!((unzigzag(found), rest), (number, &[][..]));
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }

    #[test]
    fn bad_numbers_are_refused() {
        let table: [&[u8]; 4] = [
            &[],
            &[0x80],
            // 65 bits, and one of 11 bytes.
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2],
            &[
                0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
            ],
        ];
        for bytes in table {
            assert_eq!(take_varint(bytes), None, "{bytes:?}");
        }
    }
}
