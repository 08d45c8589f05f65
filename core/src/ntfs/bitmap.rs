//! `$Bitmap`: one bit a cluster, set if it is in use.

use alloc::vec;
use alloc::vec::Vec;

use zerocopy::IntoBytes;

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::mft::RECORD_BITMAP;
use super::value::Value;
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// Bits read at once. 8 MiB of bits hold the state of 256 GiB of 4 KiB
/// clusters; 1 MiB is where larger reads stop to pay.
/// Whole pages of [`crate::clusters::ClusterMap`].
const CHUNK_BYTES: u64 = 1 << 20;

/// Bits of one page of [`crate::clusters::ClusterMap`].
const PAGE_BYTES: u64 = 4096;

/// Clusters of which `$Bitmap` says nothing, as it is damaged: from the first
/// of them on, all.
#[derive(Debug, thiserror::Error)]
#[error("$Bitmap does not say whether they are in use: {extent}")]
pub struct Unknown {
    /// The clusters.
    pub extent: Extent,
    /// What is wrong with `$Bitmap`.
    pub source: Error,
}

/// The bits of the clusters of a volume, in order, a chunk at a time.
#[derive(Debug)]
pub struct Chunks {
    value: Option<Value>,
    clusters: u64,
    /// Bytes that are there, of those that tell of all clusters.
    known: u64,
    position: u64,
    buffer: Vec<u64>,
    /// Why it is not all of them.
    error: Option<Error>,
}

impl Chunks {
    /// Finds `$Bitmap`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn new<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let clusters = volume.geometry().nr_clusters();
        let value = match find(volume) {
            Ok(value) => value,
            Err(error) if error.is_damage() => {
                return Ok(Self {
                    value: None,
                    clusters,
                    known: 0,
                    position: 0,
                    buffer: Vec::new(),
                    error: Some(error),
                });
            }
            Err(error) => return Err(error),
        };
        let bytes = clusters.div_ceil(8);
        let reach = value.reach(volume.geometry());
        let known = match reach < bytes {
            // Whole words: what is left of the last one says too little.
            true => reach.saturating_sub(reach % 8),
            false => bytes,
        };
        let too_short = (known < bytes).then(|| Error::Corrupt {
            structure: Structure::Bitmap,
            offset: volume.mft().record_offset(RECORD_BITMAP).unwrap_or(0),
            field: "the number of its bytes that are there",
            found: reach,
            expected: "one bit for every cluster",
        });
        Ok(Self {
            value: Some(value),
            clusters,
            known,
            position: 0,
            buffer: vec![0_u64; len_usize(known.min(CHUNK_BYTES).div_ceil(8))],
            error: too_short,
        })
    }

    /// The next bits, in whole 64-bit words: bit 0 of the first word is the
    /// cluster given. Bits past the last cluster are zero. None at the end. After
    /// an error, the same can be asked for again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn next<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<Option<(Lcn, &[u64])>> {
        let position = self.position;
        let mut len = self.known.saturating_sub(position).min(CHUNK_BYTES);
        let (Some(value), 1..) = (&self.value, len) else {
            return Ok(None);
        };
        loop {
            let words = self.buffer.get_mut(..len_usize(len.div_ceil(8)));
            match read_words(volume, value, position, len, words.unwrap_or_default()) {
                Ok(()) => break,
                // Up to the damaged place, in whole pages.
                Err(error) if error.is_loss() && len > PAGE_BYTES => {
                    let half = len / 2;
                    len = half.saturating_sub(half % PAGE_BYTES).max(PAGE_BYTES);
                }
                Err(error) if error.is_loss() => {
                    self.known = position;
                    self.error = Some(error);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        self.position = position.saturating_add(len);
        let words = self.buffer.get(..len_usize(len.div_ceil(8)));
        Ok(Some((
            Lcn(position.saturating_mul(8)),
            words.unwrap_or_default(),
        )))
    }

    /// Of which clusters `$Bitmap` says nothing.
    pub fn unknown(self) -> Option<Unknown> {
        let first = self.known.saturating_mul(8);
        self.error.map(|source| Unknown {
            extent: Extent::new(Lcn(first), self.clusters.saturating_sub(first)),
            source,
        })
    }
}

/// The value of `$Bitmap`.
fn find<R: ReadAt>(volume: &Volume<R>) -> Result<Value> {
    let file = FileRecord::salvage(volume, RECORD_BITMAP)?;
    let value = file.value(AttributeType::DATA, &[])?;
    value.ok_or(Error::Corrupt {
        structure: Structure::Bitmap,
        offset: file.base()?.offset(),
        field: "the number of its data attributes",
        found: 0,
        expected: "1",
    })
}

/// Fills `words` with `len` bytes of `$Bitmap` from `position` on; what is left
/// of the last word is zero.
fn read_words<R: ReadAt>(
    volume: &Volume<R>,
    value: &Value,
    position: u64,
    len: u64,
    words: &mut [u64],
) -> Result<()> {
    if let Some(last) = words.last_mut() {
        *last = 0;
    }
    let bytes = words.as_mut_bytes();
    if let Some(bytes) = bytes.get_mut(..len_usize(len)) {
        value.read_exact_at(volume.source(), volume.geometry(), position, bytes)?;
    }
    for word in &mut *words {
        *word = u64::from_le(*word);
    }

    let first = position.saturating_mul(8);
    let past = len_u64(words.len())
        .saturating_mul(64)
        .saturating_add(first)
        .saturating_sub(volume.geometry().nr_clusters());
    // Less than a word: the chunk was cut to the bytes of real clusters.
    if let Some(last) = words.last_mut() {
        let unused = u32::try_from(past).unwrap_or(0);
        *last &= u64::MAX.checked_shr(unused).unwrap_or(0);
    }
    Ok(())
}
