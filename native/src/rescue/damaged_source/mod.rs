//! A source with bad sectors that answers every read: what can be read is, the
//! rest is marked.

mod reading;

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntfsclone_core::io::ReadAt;

use super::area_map::{AreaMap, Status};
use super::failure_run::FailureRun;
use super::kept::Kept;
use super::mark::write_marks;
use super::medium::{BLOCK, LEAST_SECTOR, Medium, blocks};
use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::device::DeviceGone;
use crate::report;

/// A medium, and what is known of it. Sectors that could not be read are not
/// asked for again, unless a pass means to: each try can be the last for a
/// dying disk. Those that were read are not either, as far as they are kept.
#[derive(Debug)]
pub struct DamagedSource {
    medium: Medium,
    /// Bytes of a sector of the volume: each gets a mark.
    volume_sector: AtomicU64,
    /// How often to try again a sector that is wanted at once.
    retries: u32,
    state: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    map: AreaMap,
    /// Holds what is finished in the map.
    kept: Option<Arc<Kept>>,
    /// What is read from now on is kept too.
    keeps: bool,
    /// Reads that failed since the last that did not.
    run: FailureRun,
    /// A sector that was read in this run of the program, the last one.
    last_good: Option<u64>,
    /// The device went away.
    is_gone: bool,
}

impl Known {
    /// Sectors that were read at some time, all over the device. One alone may
    /// have become bad since.
    fn once_good(&self) -> Vec<u64> {
        let finished = self.map.within(0..self.map.size(), Status::Finished);
        let some = [0, finished.len() / 2, finished.len().saturating_sub(1)];
        let some = some.iter().filter_map(|&index| finished.get(index));
        let starts = some.map(|range| range.start);
        self.last_good.into_iter().chain(starts).collect()
    }
}

impl DamagedSource {
    /// A medium of which nothing is known. Without `kept`, only bad sectors are
    /// remembered.
    pub fn new(medium: Medium, retries: u32, kept: Option<Kept>) -> Self {
        let map = AreaMap::new(medium.size());
        Self::resume(medium, retries, map, kept)
    }

    /// A medium of which an earlier run knew what `map` says, and kept what is
    /// finished.
    pub fn resume(medium: Medium, retries: u32, map: AreaMap, kept: Option<Kept>) -> Self {
        let known = Known {
            map,
            keeps: kept.is_some(),
            kept: kept.map(Arc::new),
            run: FailureRun::new(),
            last_good: None,
            is_gone: false,
        };
        Self {
            volume_sector: AtomicU64::new(LEAST_SECTOR),
            medium,
            retries,
            state: Mutex::new(known),
        }
    }

    /// Bytes that are there, read or not.
    pub fn medium_size(&self) -> u64 {
        self.medium.size()
    }

    /// Takes what follows the end of the medium, up to `size` bytes, as
    /// unreadable: the volume was longer.
    pub fn extend(&self, size: u64) {
        self.known().map.extend(size);
    }

    /// Tells the sector size of the volume, a power of two.
    pub fn set_volume_sector(&self, bytes: u32) {
        let bytes = u64::from(bytes).max(LEAST_SECTOR);
        self.volume_sector.store(bytes, Ordering::Relaxed);
    }

    fn volume_sector(&self) -> u64 {
        self.volume_sector.load(Ordering::Relaxed)
    }

    /// Bytes that are read, or lost, together: a sector of the volume, as in
    /// the original, or of the medium, whichever is larger.
    fn sector(&self) -> u64 {
        self.volume_sector().max(self.medium.sector())
    }

    /// What is known now.
    pub fn map(&self) -> AreaMap {
        self.known().map.clone()
    }

    /// What could not be read, in order: whole sectors, in bytes.
    pub fn lost(&self) -> Vec<Range<u64>> {
        let all = 0..self.size();
        self.known().map.within(all, Status::Bad)
    }

    /// The parts of ordered ranges that have a status, in order.
    pub fn within(&self, ranges: &[Range<u64>], status: Status) -> Vec<Range<u64>> {
        let known = self.known();
        let parts = ranges
            .iter()
            .flat_map(|range| known.map.within(range.clone(), status));
        parts.collect()
    }

    /// The parts of ordered ranges that were not read, in order.
    pub fn unfinished(&self, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
        let known = self.known();
        let parts = ranges
            .iter()
            .flat_map(|range| known.map.unfinished(range.clone()));
        parts.collect()
    }

    pub fn set_status(&self, range: Range<u64>, status: Status) {
        let mut known = self.known();
        let Known { map, run, .. } = &mut *known;
        run.remember(map, range.clone());
        map.set(range, status);
    }

    /// Keeps nothing more, only what there is.
    pub fn stop_keeping(&self) {
        self.known().keeps = false;
    }

    /// Keeps everything in `to` from now on, also what is kept already, as far
    /// as there is space for it.
    pub fn keep_in(&self, to: Kept) -> io::Result<()> {
        let (kept, map) = {
            let known = self.known();
            (known.kept.clone(), known.map.clone())
        };
        let mut buffer = vec![0; BLOCK as usize];
        for range in map.within(0..self.size(), Status::Finished) {
            for piece in blocks(range) {
                let bytes = &mut buffer[..(piece.end - piece.start) as usize];
                if let Some(kept) = &kept {
                    kept.read(piece.start, bytes)?;
                }
                let end = to.write(piece.start, bytes)?;
                self.set_status(end..piece.end, Status::NonTried);
            }
        }
        let mut known = self.known();
        known.kept = Some(Arc::new(to));
        known.keeps = true;
        Ok(())
    }

    /// Makes permanent what is kept, and tells what that was. Bad in the map is
    /// only what failed while the device answered.
    pub fn sync(&self) -> io::Result<AreaMap> {
        // The map of before: what is written meanwhile may not be on the disk.
        let (mut map, kept) = {
            let known = self.known();
            let mut map = known.map.clone();
            known.run.revert(&mut map);
            (map, known.kept.clone())
        };
        // Never tried: a later run may find a source that is whole again.
        map.set(self.medium.size()..map.size(), Status::NonTried);
        kept.map_or(Ok(()), |kept| kept.sync())?;
        Ok(map)
    }

    /// Writes marks where `range` could not be read, to what is kept.
    pub fn mark_kept(&self, range: Range<u64>) -> io::Result<()> {
        let kept = self.known().kept.clone();
        let Some(kept) = kept else {
            return Ok(());
        };
        let mut buffer = vec![0; BLOCK as usize];
        for piece in blocks(range) {
            let bytes = &mut buffer[..(piece.end - piece.start) as usize];
            write_marks(self.volume_sector(), piece.start, bytes);
            kept.write(piece.start, bytes)?;
        }
        Ok(())
    }

    /// Checks that what failed to be read up to now was bad: to be called when
    /// all was tried, and before that is said of it.
    ///
    /// # Errors
    ///
    /// [`DeviceGone`], as the cause.
    pub fn confirm_failures(&self) -> io::Result<()> {
        let places = {
            let known = self.known();
            if known.is_gone {
                return Err(DeviceGone.into());
            }
            if known.run.is_empty() {
                return Ok(());
            }
            known.once_good()
        };
        // Where nothing could ever be read, nothing can be told either.
        let answers = |&place: &u64| self.medium.answers_at(self.sector_at(place).start);
        let answers = places.is_empty() || places.iter().any(answers);
        let mut known = self.known();
        if !answers {
            known.is_gone = true;
            return Err(DeviceGone.into());
        }
        known.run.confirm();
        Ok(())
    }

    /// Notes how a read went.
    fn note_read(&self, start: u64, has_read: bool) -> io::Result<()> {
        let must_confirm = {
            let mut known = self.known();
            if has_read {
                known.run.end();
                known.last_good = Some(start);
            }
            !has_read && known.run.add()
        };
        if must_confirm {
            self.confirm_failures()?;
        }
        Ok(())
    }

    /// Reads a range of whole sectors, at most a block, with one read, and
    /// keeps it. Returns the place up to which it could be read; the status of
    /// the rest is for the caller to decide.
    ///
    /// # Errors
    ///
    /// [`DeviceGone`], as the cause, from when that was found on; any other
    /// error that is not a bad sector's.
    pub fn attempt(&self, range: &Range<u64>, buffer: &mut AlignedBuffer) -> io::Result<u64> {
        if self.known().is_gone {
            return Err(DeviceGone.into());
        }
        let there = range.end.min(self.medium.size());
        let Some(len) = there.checked_sub(range.start).filter(|&len| len > 0) else {
            return Ok(range.start);
        };
        let len = len as usize;
        let read = self.medium.read(range.start, len, buffer)?;
        // Of a sector that is cut nothing is known, unless the medium ends.
        let whole = if read == len {
            len
        } else {
            read - read % self.sector() as usize
        };
        self.note_read(range.start, whole > 0)?;
        self.keep(range.start, &buffer[..whole])?;
        Ok(range.start + whole as u64)
    }

    fn keep(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let kept = {
            let known = self.known();
            known.kept.clone().filter(|_| known.keeps)
        };
        let Some(kept) = kept.filter(|_| !bytes.is_empty()) else {
            return Ok(());
        };
        match kept.write(offset, bytes) {
            Ok(end) => self.set_status(offset..end, Status::Finished),
            Err(error) if kept.is_temporary() => {
                report::warning(format!(
                    "{}; what was read will be read again",
                    report::with_causes(&error)
                ));
                self.forget();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives up what is kept.
    fn forget(&self) {
        let mut known = self.known();
        known.kept = None;
        known.keeps = false;
        let all = 0..known.map.size();
        for range in known.map.within(all, Status::Finished) {
            known.map.set(range, Status::NonTried);
        }
    }

    /// The sector with the byte at a position. The last one may be cut, and
    /// where the medium ends within one, its two parts are sectors.
    pub fn sector_at(&self, position: u64) -> Range<u64> {
        let sector = self.sector();
        let start = position - position % sector;
        let end = (start + sector).min(self.size());
        let medium_end = self.medium.size();
        if medium_end <= position {
            start.max(medium_end)..end
        } else {
            start..end.min(medium_end)
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
