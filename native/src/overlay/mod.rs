//! A file that takes what is written to a volume which itself is never written to.
//!
//! The file is sparse: blocks that were written, at their positions, and two maps of which
//! these are; `docs/overlay.md` describes it. What was written is read from it, and all
//! else from the volume.
//!
//! What is promised: after [`Overlay::flush`], all that was written before survives whatever
//! happens to this program and to the system. What was written since survives the end of
//! the program, by whatever signal; if the system ends, each block of it is as it was at the
//! last flush, or as it was written.

mod block_map;
mod file;
mod header;
mod identity;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ntfsclone_core::io::Allocation;

use self::block_map::BlockMap;
use self::file::OverlayFile;
use self::header::BLOCK_BYTES;
pub use self::identity::Identity;
use crate::error::Result;
use crate::source::{Content, Part};

/// Zeros that are written in one call.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A volume with what was written to it.
pub struct Overlay {
    base: Arc<dyn Content>,
    file: OverlayFile,
    /// Which blocks were written. Held for reading while their bytes are read or written in
    /// place, for writing while others become theirs.
    map: RwLock<BlockMap>,
    /// Held by a flush; why an earlier one failed.
    flushing: Mutex<Option<io::ErrorKind>>,
}

impl Overlay {
    /// Opens the overlay `path` of the volume `base`, which `identity` tells from others;
    /// creates it if there is no such file.
    ///
    /// # Errors
    ///
    /// The file is something else, or the overlay of another volume; another program has
    /// it open.
    pub fn open(path: &Path, base: Arc<dyn Content>, identity: &Identity) -> Result<Self> {
        let (file, map) = OverlayFile::open(path, identity)?;
        Ok(Self {
            base,
            file,
            map: RwLock::new(map),
            flushing: Mutex::new(None),
        })
    }

    /// Bytes of blocks that were written.
    pub fn written_bytes(&self) -> u64 {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.count().saturating_mul(BLOCK_BYTES)
    }

    /// Writes `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// The overlay cannot be written to; the rest of a block cannot be read. Some of the
    /// bytes may be written.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let range = self.checked(offset, bytes.len() as u64)?;
        if range.is_empty() {
            return Ok(());
        }
        let blocks = blocks_of(&range);
        {
            let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
            if map.contains_all(&blocks) {
                return self.file.write_data(offset, bytes);
            }
        }
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let before = block_start(blocks.start)..range.start;
        let after = range.end..block_start(blocks.end).min(self.base.size());
        // Both are read before anything is written: that may fail.
        let before = self.rest_of_block(&map, blocks.start, before)?;
        let after = self.rest_of_block(&map, blocks.end - 1, after)?;
        for (offset, bytes) in [before, after].into_iter().flatten() {
            self.file.write_data(offset, &bytes)?;
        }
        self.file.write_data(offset, bytes)?;
        self.mark(&mut map, blocks)
    }

    /// The bytes of the volume around those that are written, if the block becomes one of
    /// the overlay.
    fn rest_of_block(
        &self,
        map: &BlockMap,
        block: u64,
        rest: Range<u64>,
    ) -> io::Result<Option<(u64, Vec<u8>)>> {
        if rest.is_empty() || map.contains_all(&(block..block + 1)) {
            return Ok(None);
        }
        let mut bytes = vec![0; (rest.end - rest.start) as usize];
        self.base.read_exact_at(rest.start, &mut bytes)?;
        Ok(Some((rest.start, bytes)))
    }

    /// Records blocks whose bytes are all written.
    fn mark(&self, map: &mut BlockMap, blocks: Range<u64>) -> io::Result<()> {
        for page in map.insert(blocks) {
            self.file.write_map_page(page, map.page(page))?;
        }
        Ok(())
    }

    /// Writes zeros, which take space.
    ///
    /// # Errors
    ///
    /// As [`Overlay::write_at`].
    pub fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        let range = self.checked(offset, len)?;
        let mut position = range.start;
        while position < range.end {
            let len = (range.end - position).min(ZEROS.len() as u64);
            self.write_at(position, &ZEROS[..len as usize])?;
            position += len;
        }
        Ok(())
    }

    /// Makes zeros of a range; they take no space, if the file system can do that.
    ///
    /// # Errors
    ///
    /// As [`Overlay::write_at`].
    pub fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let range = self.checked(offset, len)?;
        let whole = self.whole_blocks(&range);
        if whole.is_empty() {
            return self.write_zeros(offset, len);
        }
        let start = block_start(whole.start);
        let end = block_start(whole.end).min(range.end);
        self.write_zeros(range.start, start - range.start)?;
        self.punch_blocks(whole)?;
        self.write_zeros(end, range.end - end)
    }

    /// Makes zeros of the blocks that lie in a range that is not needed any more; leaves the
    /// rest as it is.
    ///
    /// # Errors
    ///
    /// As [`Overlay::write_at`].
    pub fn discard(&self, offset: u64, len: u64) -> io::Result<()> {
        let range = self.checked(offset, len)?;
        let whole = self.whole_blocks(&range);
        if whole.is_empty() {
            return Ok(());
        }
        self.punch_blocks(whole)
    }

    fn punch_blocks(&self, blocks: Range<u64>) -> io::Result<()> {
        let range = block_start(blocks.start)..block_start(blocks.end);
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        match self.file.punch_data(range.clone()) {
            Ok(()) => self.mark(&mut map, blocks),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                drop(map);
                let len = range.end.min(self.base.size()) - range.start;
                self.write_zeros(range.start, len)
            }
            Err(error) => Err(error),
        }
    }

    /// The blocks that lie in a range; the last block of the volume may be a part.
    fn whole_blocks(&self, range: &Range<u64>) -> Range<u64> {
        let end = match range.end == self.base.size() {
            true => range.end.div_ceil(BLOCK_BYTES),
            false => range.end / BLOCK_BYTES,
        };
        range.start.div_ceil(BLOCK_BYTES)..end
    }

    /// Puts all that was written on the disk.
    ///
    /// # Errors
    ///
    /// The disk failed, now or in an earlier call: what was written since the last flush
    /// that succeeded may be lost, and no further one can succeed.
    pub fn flush(&self) -> io::Result<()> {
        let mut failed = lock(&self.flushing);
        if let Some(kind) = *failed {
            return Err(kind.into());
        }
        let flushed = self.flush_once();
        if let Err(error) = &flushed {
            *failed = Some(error.kind());
        }
        flushed
    }

    fn flush_once(&self) -> io::Result<()> {
        // Blocks that are marked by now are written by now.
        let changed = {
            let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
            map.take_changed()
        };
        self.file.sync()?;
        if changed.is_empty() {
            return Ok(());
        }
        for (page, bits) in changed {
            self.file.write_flushed_page(page, &bits)?;
        }
        self.file.sync()
    }

    fn checked(&self, offset: u64, len: u64) -> io::Result<Range<u64>> {
        match offset.checked_add(len) {
            Some(end) if end <= self.base.size() => Ok(offset..end),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }
}

impl Content for Overlay {
    fn size(&self) -> u64 {
        self.base.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buf.len() as u64) > Some(self.size()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let (mut position, mut left) = (offset, buf);
        while !left.is_empty() {
            let (is_written, end) = map.run_at(position / BLOCK_BYTES);
            let len = block_start(end).saturating_sub(position);
            let len = len.min(left.len() as u64) as usize;
            let (piece, rest) = left.split_at_mut(len);
            match is_written {
                true => self.file.read_data(position, piece)?,
                false => self.base.read_exact_at(position, piece)?,
            }
            position += len as u64;
            left = rest;
        }
        Ok(())
    }

    fn part_at(&self, offset: u64) -> io::Result<Part> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let (is_written, end) = map.run_at(offset / BLOCK_BYTES);
        let end = block_start(end).min(self.size());
        let limit = end.saturating_sub(offset);
        let part = match is_written {
            false => self.base.part_at(offset)?,
            true => match self.file.allocation_of_data(offset..end) {
                Allocation::Hole { len } => Part::Zeros { len },
                Allocation::Stored { len } => Part::Data { len },
            },
        };
        Ok(part.up_to(limit))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The blocks that a range touches.
fn blocks_of(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES)
}

fn block_start(block: u64) -> u64 {
    block.saturating_mul(BLOCK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::header::Header;
    use super::*;
    use crate::device;
    use crate::error::Error;

    /// Not a multiple of a block.
    const SIZE: usize = 40 * BLOCK_BYTES as usize + 512;

    struct Base(Vec<u8>);

    impl Content for Base {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
            let start = offset as usize;
            let bytes = self.0.get(start..start + buf.len());
            buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }

        fn part_at(&self, offset: u64) -> io::Result<Part> {
            let len = self.size() - offset;
            Ok(Part::Data { len })
        }
    }

    fn base() -> Vec<u8> {
        (0..SIZE).map(|at| (at / 7 % 251) as u8).collect()
    }

    fn identity() -> Identity {
        Identity {
            size: SIZE as u64,
            serial: 1,
            fingerprint: [2; 32],
        }
    }

    fn open(path: &Path) -> Overlay {
        Overlay::open(path, Arc::new(Base(base())), &identity()).unwrap()
    }

    fn all_of(overlay: &Overlay) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        overlay.read_exact_at(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn content_is_that_of_a_file_that_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overlay");
        let mut expected = base();
        let mut seed = 1_u64;
        let mut random = |limit: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % limit
        };
        for round in 0..8 {
            let overlay = open(&path);
            assert!(all_of(&overlay) == expected, "{round}");
            for _ in 0..25 {
                let start = random(SIZE);
                let len = random(20_000).min(SIZE - start);
                let (offset, range) = (start as u64, start..start + len);
                match random(5) {
                    0 => {
                        overlay.punch(offset, len as u64).unwrap();
                        expected[range].fill(0);
                    }
                    1 => {
                        overlay.write_zeros(offset, len as u64).unwrap();
                        expected[range].fill(0);
                    }
                    2 => {
                        overlay.discard(offset, len as u64).unwrap();
                        let block = BLOCK_BYTES as usize;
                        let end = match range.end == SIZE {
                            true => SIZE,
                            false => range.end / block * block,
                        };
                        let first = start.next_multiple_of(block);
                        if first < end {
                            expected[first..end].fill(0);
                        }
                    }
                    3 => overlay.flush().unwrap(),
                    _ => {
                        let bytes: Vec<u8> = (0..len).map(|_| random(256) as u8).collect();
                        overlay.write_at(offset, &bytes).unwrap();
                        expected[range].copy_from_slice(&bytes);
                    }
                }
                assert!(all_of(&overlay) == expected);
            }
        }
    }

    #[test]
    fn parts_cover_the_volume_and_zeros_are_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let overlay = open(&folder.path().join("overlay"));
        overlay.punch(5_000, 60_000).unwrap();
        let bytes = all_of(&overlay);
        let mut position = 0;
        let mut zeros = 0;
        while position < SIZE as u64 {
            let part = overlay.part_at(position).unwrap();
            let end = position + part.len();
            if let Part::Zeros { len } = part {
                assert!(
                    bytes[position as usize..end as usize]
                        .iter()
                        .all(|&byte| byte == 0)
                );
                zeros += len;
            }
            position = end;
        }
        assert_eq!(position, SIZE as u64);
        assert!(zeros >= 48 << 10, "{zeros}");
    }

    #[test]
    fn after_the_end_of_the_system_what_was_flushed_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overlay");
        let overlay = open(&path);
        overlay.write_at(10, &[1; 100]).unwrap();
        overlay.flush().unwrap();
        overlay.write_at(100_000, &[2; 100]).unwrap();
        drop(overlay);
        // The start of the kernel in which the second write was made is over.
        let other = Header {
            identity: identity(),
            boot_id: 1,
        };
        let file = device::open_to_write(&path).unwrap();
        device::write_all_at(&file, 0, &other.to_bytes()).unwrap();
        drop(file);

        let mut expected = base();
        expected[10..110].fill(1);
        assert!(all_of(&open(&path)) == expected);
        // And so it stays.
        assert!(all_of(&open(&path)) == expected);
    }

    #[test]
    fn writes_beyond_the_volume_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let overlay = open(&folder.path().join("overlay"));
        for offset in [SIZE as u64, SIZE as u64 - 1, u64::MAX] {
            assert!(overlay.write_at(offset, &[0; 2]).is_err());
            assert!(overlay.punch(offset, 2).is_err());
            assert!(overlay.discard(offset, 2).is_err());
        }
        assert_eq!(overlay.written_bytes(), 0);
    }

    #[test]
    fn overlay_of_another_volume_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overlay");
        drop(open(&path));
        let others = [
            Identity {
                size: SIZE as u64 - 1,
                ..identity()
            },
            Identity {
                serial: 2,
                ..identity()
            },
            Identity {
                fingerprint: [3; 32],
                ..identity()
            },
        ];
        for other in others {
            let opened = Overlay::open(&path, Arc::new(Base(base())), &other);
            assert!(matches!(opened, Err(Error::Refused { .. })));
        }
    }
}
