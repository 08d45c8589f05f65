//! The bytes of a disk of which only some are known; all others are zeros.

use std::ops::Range;

use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::ranges::{merged, overlapping};

/// Known bytes of a disk.
#[derive(Debug, Clone, Default)]
pub struct KnownBytes {
    /// Bytes of the disk.
    size: u64,
    /// Offset and bytes; later ones replace earlier ones.
    pieces: Vec<(u64, Vec<u8>)>,
}

impl KnownBytes {
    pub fn put(&mut self, offset: u64, bytes: Vec<u8>) {
        self.size = self.size.max(end_of(offset, &bytes));
        self.pieces.push((offset, bytes));
    }

    /// Makes the disk so long, if that is longer.
    pub fn extend_to(&mut self, size: u64) {
        self.size = self.size.max(size);
    }

    /// What is known of `area`, in order.
    pub fn known_in(&self, area: &Range<u64>) -> Vec<Range<u64>> {
        let pieces = self.pieces.iter();
        let known = pieces.map(|(offset, bytes)| *offset..end_of(*offset, bytes));
        overlapping(&merged(known.collect()), area).collect()
    }
}

fn end_of(offset: u64, bytes: &[u8]) -> u64 {
    offset.saturating_add(bytes.len() as u64)
}

impl ReadAt for KnownBytes {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.saturating_add(buf.len() as u64);
        if end > self.size {
            return Err(IoError::end_of_input());
        }
        buf.fill(0);
        for (start, bytes) in &self.pieces {
            let from = offset.max(*start);
            let to = end.min(end_of(*start, bytes));
            if from < to {
                let source = &bytes[(from - start) as usize..(to - start) as usize];
                buf[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_pieces_replace_earlier_ones() {
        let mut known = KnownBytes::default();
        known.put(2, vec![1; 4]);
        known.put(4, vec![2; 1]);
        known.put(8, vec![3; 1]);
        known.extend_to(10);
        let mut read = [9; 10];
        known.read_exact_at(0, &mut read).unwrap();
        assert_eq!(read, [0, 0, 1, 1, 2, 1, 0, 0, 3, 0]);
        assert_eq!(known.known_in(&(3..9)), [3..6, 8..9]);
        assert!(known.read_exact_at(5, &mut read).is_err());
    }
}
