//! `$Bitmap`: one bit a cluster, set if it is in use.

use alloc::vec;

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::mft::RECORD_BITMAP;
use super::value::Value;
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Lcn, len_u64, len_usize};

/// Bits read at once. 8 MiB of bits hold the state of 256 GiB of 4 KiB
/// clusters; 1 MiB is where larger reads stop to pay.
const CHUNK_BYTES: u64 = 1 << 20;

/// Calls `visit` with the bits of all clusters of the volume, in order, in
/// whole 64-bit words: bit 0 of the first word is the cluster given. Bits past
/// the last cluster are zero.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Corrupt`]: `$Bitmap` is damaged or too short.
pub fn for_each_chunk<R: ReadAt>(
    volume: &Volume<R>,
    mut visit: impl FnMut(Lcn, &[u64]),
) -> Result<()> {
    let file = FileRecord::read(volume, RECORD_BITMAP)?;
    let value = file.value(AttributeType::DATA, &[])?;
    let clusters = volume.geometry().nr_clusters();
    let bytes = clusters.div_ceil(8);
    let Some(value) = value.filter(|value| value.size() >= bytes) else {
        return Err(Error::Corrupt {
            structure: Structure::Bitmap,
            offset: file.base()?.offset(),
            field: "its size in bytes",
            found: 0,
            expected: "one bit for every cluster",
        });
    };
    let mut position = 0_u64;
    while position < bytes {
        let len = bytes.saturating_sub(position).min(CHUNK_BYTES);
        let words = read_words(volume, &value, position, len, clusters)?;
        visit(Lcn(position.saturating_mul(8)), &words);
        position = position.saturating_add(len);
    }
    Ok(())
}

fn read_words<R: ReadAt>(
    volume: &Volume<R>,
    value: &Value,
    position: u64,
    len: u64,
    clusters: u64,
) -> Result<alloc::vec::Vec<u64>> {
    // Whole words; the bytes after the last of $Bitmap stay zero.
    let mut bytes = vec![0_u8; len_usize(len.next_multiple_of(8))];
    if let Some(read) = bytes.get_mut(..len_usize(len)) {
        value.read_exact_at(volume.source(), volume.geometry(), position, read)?;
    }
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut words: alloc::vec::Vec<u64> = chunks
        .iter()
        .map(|chunk| u64::from_le_bytes(*chunk))
        .collect();

    let first = position.saturating_mul(8);
    let past = len_u64(words.len())
        .saturating_mul(64)
        .saturating_add(first)
        .saturating_sub(clusters);
    // Less than a word: the chunk was cut to the bytes of real clusters.
    if let Some(last) = words.last_mut() {
        let unused = u32::try_from(past).unwrap_or(0);
        *last &= u64::MAX.checked_shr(unused).unwrap_or(0);
    }
    Ok(words)
}
