//! What an index recognises its stream by.

use alloc::vec;

use crate::io::{IoError, ReadAt};
use crate::units::{len_u64, len_usize};

/// Bytes at the start and at the end.
const SAMPLE_BYTES: u64 = 64 << 10;

/// The hash of the size, and of the first and last bytes.
///
/// # Errors
///
/// These cannot be read.
pub fn identity_of(compressed: &(impl ReadAt + ?Sized)) -> Result<[u8; 32], IoError> {
    let size = compressed.size();
    let mut sample = vec![0; len_usize(size.min(SAMPLE_BYTES))];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes());
    for offset in [0, size.saturating_sub(len_u64(sample.len()))] {
        compressed.read_exact_at(offset, &mut sample)?;
        hasher.update(&sample);
    }
    Ok(*hasher.finalize().as_bytes())
}
