//! All records of `$MFT`, whether they are in use or not.

use alloc::vec::Vec;

use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::mft_record::MAGIC;
use crate::units::{RecordNumber, len_usize};

/// Bytes of records that are read in one call.
const READ_BYTES: u64 = 512 << 10;

/// Calls `visit` with each record that reads as one, as it is on disk, its fixup not undone. Records in a lost part of
/// an image are passed over, and those whose place is not known, since the runs of `$MFT` end before.
///
/// # Errors
///
/// [`crate::Error::Io`]; those of `visit`.
pub(super) fn each_record<R: ReadAt>(
    volume: &Volume<R>,
    visit: &mut dyn FnMut(RecordNumber, &mut [u8]) -> Result<()>,
) -> Result<()> {
    let (mft, source) = (volume.mft(), volume.source());
    let record_size = u64::from(volume.geometry().mft_record_size);
    let step = READ_BYTES.checked_div(record_size).unwrap_or(1).max(1);
    let record_len = len_usize(record_size);
    let end = mft.record_count();
    let mut buffer = Vec::new();
    for first in (0..end).step_by(len_usize(step)) {
        let count = step.min(end.saturating_sub(first));
        buffer.resize(len_usize(count.saturating_mul(record_size)), 0);
        match mft.read_records(source, RecordNumber(first), &mut buffer) {
            // A part of them may be there.
            Err(error) if error.is_damage() => {
                for (number, bytes) in (first..).zip(buffer.chunks_exact_mut(record_len)) {
                    match mft.read_records(source, RecordNumber(number), bytes) {
                        Err(error) if error.is_damage() => bytes.fill(0),
                        read => read?,
                    }
                }
            }
            read => read?,
        }
        for (number, bytes) in (first..).zip(buffer.chunks_exact_mut(record_len)) {
            if bytes.starts_with(MAGIC) {
                visit(RecordNumber(number), bytes)?;
            }
        }
    }
    Ok(())
}
