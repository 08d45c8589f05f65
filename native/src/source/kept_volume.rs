//! The part of a volume that is kept while its bytes come by, once: enough to
//! look at its file system when they have.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ntfsclone_core::image::Index;
use ntfsclone_core::image::partclone;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt, Source};
use ntfsclone_core::open::Inside;
use ntfsclone_core::units::Lcn;
use positioned_io::{ReadAt as _, WriteAt};
use rangemap::{RangeMap, RangeSet};

/// So many bytes are kept, whatever they are: all of a small volume, and of
/// another one what is at its start.
const ANY_BYTES: u64 = 256 << 20;

/// So many bytes are kept of what looks like metadata, and may be a file's.
const MOST_BYTES: u64 = 4 << 30;

/// Records of `$MFT` and blocks of directories are looked for where pieces of
/// this size begin. It also is the least that is asked for.
const BLOCK_BYTES: u64 = 4096;

/// What records and blocks begin with.
const MAGICS: [&[u8; 4]; 2] = [b"FILE", b"INDX"];

/// Keeps parts of a volume that comes by.
pub struct Keeper {
    /// Without a name; gone when it is closed.
    file: File,
    file_size: u64,
    /// Where in the file parts of the volume are.
    kept: RangeMap<u64, Location>,
    wanted: Wanted,
}

/// Where a byte of the volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Location {
    /// In the file, so much further on, wrapping around.
    File { distance: u64 },
    /// Nowhere: an image does not have it, and it is restored as zero.
    Zeros,
}

enum Wanted {
    /// What may be metadata; the block that the last bytes were in.
    Metadata {
        block: Option<(u64, bool)>,
    },
    Ranges(RangeSet<u64>),
}

impl Keeper {
    /// # Errors
    ///
    /// There is no room for a temporary file.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile()?,
            file_size: 0,
            kept: RangeMap::new(),
            wanted: Wanted::Metadata { block: None },
        })
    }

    /// Takes the bytes of the volume from `offset` on. They come in the order
    /// of the volume.
    ///
    /// # Errors
    ///
    /// There is no room for what is kept.
    pub fn take(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let range = offset..offset + bytes.len() as u64;
        let parts: Vec<Range<u64>> = match &mut self.wanted {
            Wanted::Metadata { block } => match self.file_size {
                ..ANY_BYTES => vec![range],
                MOST_BYTES.. => Vec::new(),
                _ => metadata_in(block, offset, bytes),
            },
            Wanted::Ranges(wanted) => wanted
                .overlapping(&range)
                .map(|part| part.start.max(range.start)..part.end.min(range.end))
                .collect(),
        };
        for part in parts {
            let start = (part.start - offset) as usize;
            let end = (part.end - offset) as usize;
            self.file.write_all_at(self.file_size, &bytes[start..end])?;
            let distance = self.file_size.wrapping_sub(part.start);
            self.file_size += part.end - part.start;
            self.kept.insert(part, Location::File { distance });
        }
        Ok(())
    }

    /// What was kept of an image with this index.
    pub fn into_image(mut self, index: Index) -> KeptVolume {
        let size = index.restored_size();
        let header = index.header();
        let cluster_size = u64::from(header.cluster_size);
        let at = |lcn: Lcn| lcn.0.saturating_mul(cluster_size).min(size);
        let mut position = 0;
        for extent in index.extents() {
            self.insert_zeros(position..at(extent.start));
            position = at(extent.end());
        }
        // A tail follows the clusters.
        self.insert_zeros(position..at(Lcn(header.nr_clusters)));
        KeptVolume::new(self, size, Origin::Image(Arc::new(index)))
    }

    /// What was kept of an image of partclone with this index.
    pub fn into_partclone(mut self, index: partclone::Index) -> KeptVolume {
        let (header, blocks) = (index.header(), index.blocks());
        let size = header.restored_size();
        let at = |block: u64| block.saturating_mul(header.block_size.into());
        let mut block = 0;
        while block < header.nr_blocks {
            let stored = blocks.next(block, true, u64::MAX);
            self.insert_zeros(at(block)..at(stored));
            block = blocks.next(stored, false, u64::MAX);
        }
        KeptVolume::new(self, size, Origin::Partclone(index))
    }

    /// What was kept of a raw volume of `size` bytes.
    pub fn into_volume(self, size: u64) -> KeptVolume {
        KeptVolume::new(self, size, Origin::Volume)
    }

    fn insert_zeros(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.kept.insert(range, Location::Zeros);
        }
    }
}

/// The parts of `bytes` that may be metadata. `block` is the one that the bytes
/// before them ended in, and whether it may be.
fn metadata_in(block: &mut Option<(u64, bool)>, offset: u64, bytes: &[u8]) -> Vec<Range<u64>> {
    let end = offset + bytes.len() as u64;
    let mut parts: Vec<Range<u64>> = Vec::new();
    let mut position = offset;
    while position < end {
        let number = position / BLOCK_BYTES;
        let next = end.min((number + 1) * BLOCK_BYTES);
        let start = &bytes[(position - offset) as usize..(next - offset) as usize];
        let is_metadata = match *block {
            Some((last, is_metadata)) if last == number => is_metadata,
            // What is cut off within it may be.
            _ => start.len() < 4 || MAGICS.iter().any(|magic| start.starts_with(*magic)),
        };
        *block = Some((number, is_metadata));
        if is_metadata {
            match parts.last_mut() {
                Some(part) if part.end == position => part.end = next,
                _ => parts.push(position..next),
            }
        }
        position = next;
    }
    parts
}

/// A volume of which parts were kept. The rest reads as zeros, and is noted.
pub struct KeptVolume {
    keeper: Keeper,
    size: u64,
    origin: Origin,
    missed: Mutex<RangeSet<u64>>,
}

/// What a volume was kept from, and where its clusters are there.
enum Origin {
    Volume,
    Image(Arc<Index>),
    Partclone(partclone::Index),
}

impl KeptVolume {
    fn new(keeper: Keeper, size: u64, origin: Origin) -> Self {
        Self {
            keeper,
            size,
            origin,
            missed: Mutex::default(),
        }
    }

    /// Where the clusters are in the image, if it is one.
    pub fn index(&self) -> Option<&Index> {
        match &self.origin {
            Origin::Image(index) => Some(index),
            Origin::Volume | Origin::Partclone(_) => None,
        }
    }

    /// The volume, as far as it was kept.
    pub fn inside(self: &Arc<Self>) -> Inside {
        let source = Arc::clone(self) as Source;
        match &self.origin {
            Origin::Image(index) => Inside::of_restored(source, Arc::clone(index)),
            Origin::Volume | Origin::Partclone(_) => Inside::of_volume(source),
        }
    }

    /// Bytes that were read and had not been kept: with any of them, what was
    /// read is not what is in the volume.
    pub fn missed_bytes(&self) -> u64 {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.iter().map(|range| range.end - range.start).sum()
    }

    /// To keep what was missed when the volume comes by again.
    pub fn want_missed(&mut self) -> &mut Keeper {
        let missed = self
            .missed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        self.keeper.wanted = Wanted::Ranges(std::mem::take(missed));
        &mut self.keeper
    }

    fn miss(&self, range: Range<u64>) {
        let start = range.start / BLOCK_BYTES * BLOCK_BYTES;
        let end = range.end.next_multiple_of(BLOCK_BYTES).min(self.size);
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        // Of the blocks around it, parts may have been kept.
        for range in self.keeper.kept.gaps(&(start..end)) {
            missed.insert(range);
        }
    }
}

impl ReadAt for KeptVolume {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let range = match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.size => offset..end,
            _ => return Err(IoError::end_of_input()),
        };
        if range.is_empty() {
            return Ok(());
        }
        buf.fill(0);
        for (part, place) in self.keeper.kept.overlapping(&range) {
            if let Location::File { distance } = place {
                let start = part.start.max(offset);
                let end = part.end.min(range.end);
                let buf = &mut buf[(start - offset) as usize..(end - offset) as usize];
                let file = &self.keeper.file;
                file.read_exact_at(start.wrapping_add(*distance), buf)
                    .map_err(IoError::new)?;
            }
        }
        for gap in self.keeper.kept.gaps(&range) {
            self.miss(gap);
        }
        Ok(())
    }

    fn stored_at(&self, offset: u64) -> Option<u64> {
        match &self.origin {
            Origin::Volume => None,
            Origin::Image(index) => index.stored_at(offset),
            Origin::Partclone(index) => index.stored_at(offset),
        }
    }

    /// What an image does not have is absent, whatever else was kept.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let left = offset..self.size;
        let mut zeros = self
            .keeper
            .kept
            .overlapping(&left)
            .filter(|(_, location)| **location == Location::Zeros);
        Ok(match zeros.next() {
            Some((range, _)) if range.start <= offset => ByteExtent::Absent {
                len: range.end - offset,
            },
            Some((range, _)) => ByteExtent::Data {
                len: range.start - offset,
            },
            None => ByteExtent::Data {
                len: self.size.saturating_sub(offset),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beyond what is kept of anything.
    const FAR: u64 = 1 << 40;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn what_was_missed_is_kept_the_next_time() {
        let bytes = pattern(40_000);
        let mut keeper = Keeper::new().unwrap();
        keeper.file_size = ANY_BYTES;
        keeper.take(FAR, &bytes).unwrap();
        let mut volume = keeper.into_volume(FAR + 40_000);

        let mut read = vec![1; 10_000];
        volume.read_exact_at(FAR + 20_001, &mut read).unwrap();
        assert!(read.iter().all(|&byte| byte == 0));
        assert_eq!(volume.missed_bytes(), 4 * BLOCK_BYTES);

        // In other pieces than the first time.
        let keeper = volume.want_missed();
        for (number, piece) in bytes.chunks(777).enumerate() {
            keeper.take(FAR + number as u64 * 777, piece).unwrap();
        }
        volume.read_exact_at(FAR + 20_001, &mut read).unwrap();
        assert_eq!(read, bytes[20_001..30_001]);
        assert_eq!(volume.missed_bytes(), 0);
    }

    #[test]
    fn records_are_kept_in_whatever_pieces_they_come() {
        let mut bytes = vec![b'F'; 8 * BLOCK_BYTES as usize];
        for block in [2, 5] {
            let start = block * BLOCK_BYTES as usize;
            bytes[start..start + 4].copy_from_slice(MAGICS[block % 2]);
        }
        for len in [1000, 4096, 4097, 32_768] {
            let mut keeper = Keeper::new().unwrap();
            keeper.file_size = ANY_BYTES;
            for (number, piece) in bytes.chunks(len).enumerate() {
                keeper.take(FAR + (number * len) as u64, piece).unwrap();
            }
            let volume = keeper.into_volume(FAR + bytes.len() as u64);
            for block in [2_u64, 5] {
                let mut read = vec![0; BLOCK_BYTES as usize];
                let start = block * BLOCK_BYTES;
                volume.read_exact_at(FAR + start, &mut read).unwrap();
                assert_eq!(read, bytes[start as usize..][..BLOCK_BYTES as usize]);
            }
            assert_eq!(volume.missed_bytes(), 0);
            volume.read_exact_at(FAR, &mut [0]).unwrap();
            assert_eq!(volume.missed_bytes(), BLOCK_BYTES);
        }
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let volume = Keeper::new().unwrap().into_volume(100);
        assert!(volume.read_exact_at(99, &mut [0; 2]).is_err());
        assert!(volume.read_exact_at(u64::MAX, &mut [0; 2]).is_err());
    }
}
