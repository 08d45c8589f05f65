//! Finding what need not be written to a file: zeros.

use ntfsclone_core::zeros::is_zero;

use crate::error::Result;

/// What a hole is at the least: the blocks of most file systems.
const LEAST_HOLE: usize = 4096;

/// Leaves out blocks that hold only zeros.
pub struct Holes {
    /// Bytes of a block; blocks lie at multiples of that.
    block: usize,
    /// Bytes left out so far.
    left_out: u64,
}

impl Holes {
    pub fn new(cluster_size: u32) -> Self {
        Self {
            block: LEAST_HOLE.max(cluster_size as usize),
            left_out: 0,
        }
    }

    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Calls `write` with what of the bytes at `offset` must be written, in
    /// pieces as long as can be.
    pub fn write_data(
        &mut self,
        offset: u64,
        bytes: &[u8],
        mut write: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let block = self.block;
        let first_end = block - (offset % block as u64) as usize;
        // What is collected to be written, as positions in `bytes`.
        let mut data = 0..0;
        let mut end = first_end.min(bytes.len());
        while data.end < bytes.len() {
            match is_zero(&bytes[data.end..end]) {
                false => data.end = end,
                true => {
                    if !data.is_empty() {
                        write(offset + data.start as u64, &bytes[data.clone()])?;
                    }
                    self.left_out += (end - data.end) as u64;
                    data = end..end;
                }
            }
            end = (end + block).min(bytes.len());
        }
        match data.is_empty() {
            true => Ok(()),
            false => write(offset + data.start as u64, &bytes[data]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written of `bytes` at `offset`, and how much is left out.
    fn written(cluster_size: u32, offset: u64, bytes: &[u8]) -> (Vec<(u64, usize)>, u64) {
        let mut holes = Holes::new(cluster_size);
        let mut pieces = Vec::new();
        let done = holes.write_data(offset, bytes, |at, piece| {
            let start = (at - offset) as usize;
            assert!(piece == &bytes[start..start + piece.len()], "other bytes");
            pieces.push((at, piece.len()));
            Ok(())
        });
        assert!(done.is_ok());
        (pieces, holes.left_out())
    }

    /// Bytes of a cluster, offset and length of what is to be written, what of
    /// that is not zero, and the pieces that are written; all but the first in
    /// kilobytes.
    type Case<'a> = (u32, u64, usize, &'a [usize], &'a [(u64, usize)]);

    #[test]
    fn zeros_are_left_out() {
        const K: usize = 1024;
        let table: [Case<'_>; 9] = [
            (4096, 0, 16, &[], &[]),
            (4096, 0, 16, &[0], &[(0, 4)]),
            (4096, 0, 16, &[3, 4], &[(0, 8)]),
            (4096, 8, 16, &[0, 15], &[(8, 4), (20, 4)]),
            // Blocks lie where those of the file system do.
            (512, 3, 8, &[0], &[(3, 1)]),
            (512, 3, 8, &[4], &[(4, 4)]),
            (1024, 3, 7, &[6], &[(8, 2)]),
            (8192, 4, 12, &[11], &[(8, 8)]),
            (8192, 4, 13, &[12], &[(16, 1)]),
        ];
        for (cluster, offset, len, data, expected) in table {
            let mut bytes = vec![0; len * K];
            for &at in data {
                bytes[at * K + 1023] = 1;
            }
            let expected: Vec<_> = expected
                .iter()
                .map(|&(at, len)| (at * 1024, len * K))
                .collect();
            let (pieces, left_out) = written(cluster, offset * 1024, &bytes);
            assert_eq!(pieces, expected, "{cluster}, {offset}, {len}, {data:?}");
            let kept: usize = pieces.iter().map(|(_, len)| len).sum();
            assert_eq!(left_out as usize, bytes.len() - kept);
        }
    }
}
