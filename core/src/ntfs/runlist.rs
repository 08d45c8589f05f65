//! Runlists: which clusters hold a non-resident attribute.
//!
//! On disk a run is a mapping pair: one byte whose halves give the sizes of
//! the two numbers that follow, the run's length and the difference of its LCN
//! to that of the run before. No LCN at all is a hole. A zero byte ends.

use alloc::vec::Vec;

use crate::error::{Error, Result, Structure};
use crate::units::{Extent, Lcn, Vcn};

/// Consecutive clusters of an attribute that are also consecutive on the
/// volume, or a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where the run begins in the attribute.
    pub vcn: Vcn,
    /// Where it begins on the volume; nowhere if it is a hole.
    pub lcn: Option<Lcn>,
    /// How many clusters, at least one.
    pub len: u64,
}

impl Run {
    /// The clusters of the run, if it is no hole.
    pub fn extent(&self) -> Option<Extent> {
        self.lcn.map(|lcn| Extent::new(lcn, self.len))
    }

    /// The cluster of the attribute after the last one of the run.
    pub fn end(&self) -> Vcn {
        self.vcn.plus(self.len)
    }
}

/// Decodes mapping pairs. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    rest: &'a [u8],
    vcn: Vcn,
    lcn: i64,
    offset: u64,
    ended: bool,
}

impl<'a> Runs<'a> {
    /// Runs from `mapping_pairs`, the first beginning at `lowest_vcn`.
    /// `offset` is where the pairs lie on the volume, for errors.
    pub fn new(mapping_pairs: &'a [u8], lowest_vcn: Vcn, offset: u64) -> Self {
        Self {
            rest: mapping_pairs,
            vcn: lowest_vcn,
            lcn: 0,
            offset,
            ended: false,
        }
    }

    fn decode_next(&mut self) -> Result<Option<Run>> {
        let corrupt = |field, found, expected| Error::Corrupt {
            structure: Structure::Runlist,
            offset: self.offset,
            field,
            found,
            expected,
        };
        let Some((&sizes, rest)) = self.rest.split_first() else {
            return Err(corrupt("its end", 0, "a zero byte within the attribute"));
        };
        if sizes == 0 {
            return Ok(None);
        }
        let (length_size, delta_size) = (usize::from(sizes & 0x0F), usize::from(sizes >> 4));
        let parts = rest
            .split_at_checked(length_size)
            .and_then(|(length, rest)| {
                let (delta, rest) = rest.split_at_checked(delta_size)?;
                Some((signed(length)?, signed(delta)?, rest))
            });
        let Some((length, delta, rest)) = parts else {
            let expected = "two numbers of at most 8 bytes within the attribute";
            return Err(corrupt("a pair's sizes", sizes.into(), expected));
        };

        let len = u64::try_from(length).unwrap_or(0);
        let end = self.vcn.0.checked_add(len);
        if len == 0 || end.is_none_or(|end| i64::try_from(end).is_err()) {
            let found = length.cast_unsigned();
            return Err(corrupt("a run's length", found, "a positive number"));
        }
        // NTFS 1.x wrote holes as runs at LCN -1; the next run's difference
        // then counts from there.
        let lcn = self.lcn.checked_add(delta).filter(|&lcn| lcn >= -1);
        let Some(lcn) = lcn else {
            let found = delta.cast_unsigned();
            return Err(corrupt(
                "a run's LCN difference",
                found,
                "an LCN of 0 or more",
            ));
        };
        let run = Run {
            vcn: self.vcn,
            lcn: match delta_size {
                0 => None,
                _ => u64::try_from(lcn).ok().map(Lcn),
            },
            len,
        };
        self.lcn = lcn;
        self.vcn = run.end();
        self.rest = rest;
        Ok(Some(run))
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<Run>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.decode_next();
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// A little-endian number of up to 8 bytes with its sign.
fn signed(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > size_of::<i64>() {
        return None;
    }
    let sign = match bytes.last() {
        Some(0x80..) => -1,
        _ => 0,
    };
    // Most have one to three bytes: cheaper than to copy them.
    let number = bytes.iter().rev();
    Some(number.fold(sign, |number, &byte| (number << 8) | i64::from(byte)))
}

/// Mapping pairs of runs that follow each other, as short as they can be: what is
/// consecutive on the volume, too, becomes one run.
pub(crate) fn mapping_pairs(runs: &[Run]) -> Vec<u8> {
    let mut pairs = Vec::new();
    let mut previous = 0;
    let mut rest = runs.iter().peekable();
    while let Some(first) = rest.next() {
        let mut run = *first;
        while let Some(next) = rest.next_if(|next| continues(&run, next)) {
            run.len = run.len.saturating_add(next.len);
        }
        let (length, length_size) = least_bytes(run.len.cast_signed());
        let (delta, delta_size) = match run.lcn {
            None => ([0; 8], 0),
            Some(lcn) => {
                let lcn = lcn.0.cast_signed();
                let delta = least_bytes(lcn.wrapping_sub(previous));
                previous = lcn;
                delta
            }
        };
        // Both sizes are at most 8.
        pairs.push(delta_size << 4 | length_size);
        pairs.extend(length.iter().take(length_size.into()));
        pairs.extend(delta.iter().take(delta_size.into()));
    }
    pairs.push(0);
    pairs
}

/// Whether the clusters of `next` follow those of `run`; or both are holes.
fn continues(run: &Run, next: &Run) -> bool {
    match (run.lcn, next.lcn) {
        (Some(lcn), Some(next)) => lcn.plus(run.len) == next,
        (None, None) => true,
        _ => false,
    }
}

/// A number, little-endian, and how many of its bytes tell it and its sign.
fn least_bytes(number: i64) -> ([u8; 8], u8) {
    let is_enough = |size: &u8| {
        let bits = u32::from(*size).saturating_mul(8).saturating_sub(1);
        let rest = number.checked_shr(bits).unwrap_or(0);
        rest == 0 || rest == -1
    };
    let size = (1..8).find(is_enough).unwrap_or(8);
    (number.to_le_bytes(), size)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn run(vcn: u64, lcn: Option<u64>, len: u64) -> Run {
        Run {
            vcn: Vcn(vcn),
            lcn: lcn.map(Lcn),
            len,
        }
    }

    #[test]
    fn decodes() {
        let table: [(&[u8], Vec<Run>); 6] = [
            (&[0], vec![]),
            (&[0x11, 3, 5, 0], vec![run(0, Some(5), 3)]),
            (
                &[0x11, 3, 5, 0x11, 1, 0xFE, 0],
                vec![run(0, Some(5), 3), run(3, Some(3), 1)],
            ),
            // a hole keeps the base of the next difference
            (
                &[0x11, 3, 5, 0x01, 9, 0x11, 1, 1, 0],
                vec![run(0, Some(5), 3), run(3, None, 9), run(12, Some(6), 1)],
            ),
            // NTFS 1.x: a hole at LCN -1
            (&[0x11, 2, 0xFF, 0], vec![run(0, None, 2)]),
            (&[0x21, 1, 0x00, 0x80, 0], vec![]),
        ];
        for (pairs, expected) in table {
            let found: Vec<Run> = Runs::new(pairs, Vcn(0), 0).map_while(Result::ok).collect();
            assert_eq!(found, expected, "{pairs:x?}");
        }
    }

    #[test]
    fn mapping_pairs_are_read_back() {
        let table: [(&[Run], &[u8]); 6] = [
            (&[], &[0]),
            (&[run(0, Some(0), 2)], &[0x11, 2, 0, 0]),
            (&[run(0, Some(127), 127)], &[0x11, 127, 127, 0]),
            (&[run(0, Some(128), 128)], &[0x22, 0x80, 0, 0x80, 0, 0]),
            (
                &[run(0, Some(5), 3), run(3, None, 9), run(12, Some(4), 1)],
                &[0x11, 3, 5, 0x01, 9, 0x11, 1, 0xFF, 0],
            ),
            // What follows is joined.
            (
                &[
                    run(0, Some(5), 3),
                    run(3, Some(8), 2),
                    run(5, None, 1),
                    run(6, None, 1),
                ],
                &[0x11, 5, 5, 0x01, 2, 0],
            ),
        ];
        for (runs, expected) in table {
            assert_eq!(mapping_pairs(runs), expected, "{runs:?}");
        }
        let far = [run(0, Some(1 << 40), 1 << 33), run(1 << 33, Some(7), 1)];
        let pairs = mapping_pairs(&far);
        let found: Vec<Run> = Runs::new(&pairs, Vcn(0), 0).map_while(Result::ok).collect();
        assert_eq!(found, far);
    }

    #[test]
    fn refuses() {
        let table: [&[u8]; 7] = [
            &[],                                              // no end
            &[0x11, 3, 5],                                    // no end after a run
            &[0x10, 5, 0],                                    // no length
            &[0x11, 0, 5, 0],                                 // empty
            &[0x11, 0x80, 5, 0],                              // negative length
            &[0x19, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],         // nine bytes
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 0x7F], // no end, huge
        ];
        for pairs in table {
            let last = Runs::new(pairs, Vcn(0), 0).last();
            assert!(matches!(last, Some(Err(_))), "{pairs:x?}");
        }
    }
}
