//! A source with bad sectors that answers every read: what can be read is, the
//! rest is marked.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::area_map::{AreaMap, Status};
use super::failure_run::FailureRun;
use super::kept::Kept;
use super::medium::{BLOCK, LEAST_SECTOR, Medium};
use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::device::DeviceGone;
use crate::report;

/// What an unreadable sector begins with in the copy, as in the original.
pub const MARK: &[u8] = b"BadSectoR\0";
/// What the rest of it is filled with.
const FILL: u8 = b'?';

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

    /// Bytes of the source: of the medium, or more, if it was cut short.
    pub fn size(&self) -> u64 {
        self.known().map.size()
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

    /// What of `range` could not be read, in order.
    pub fn lost_in(&self, range: Range<u64>) -> Vec<Range<u64>> {
        self.known().map.within(range, Status::Bad)
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
            for piece in pieces(range) {
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

    /// Fills `buf` from `offset` on; sectors that cannot be read are marked.
    ///
    /// # Errors
    ///
    /// Any error that is not a bad sector's, and the end of the medium.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_filling(offset, buf, |position, bytes| self.mark(position, bytes))
    }

    /// As [`DamagedSource::read`], but what cannot be read is all ones.
    pub fn read_with_ones(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_filling(offset, buf, |_, bytes| bytes.fill(0xFF))
    }

    /// Writes marks where `range` could not be read, to what is kept.
    pub fn mark_kept(&self, range: Range<u64>) -> io::Result<()> {
        let kept = self.known().kept.clone();
        let Some(kept) = kept else {
            return Ok(());
        };
        let mut buffer = vec![0; BLOCK as usize];
        for piece in pieces(range) {
            let bytes = &mut buffer[..(piece.end - piece.start) as usize];
            self.mark(piece.start, bytes);
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
        match must_confirm {
            true => self.confirm_failures(),
            false => Ok(()),
        }
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
        let whole = match read == len {
            true => len,
            false => read - read % self.sector() as usize,
        };
        self.note_read(range.start, whole > 0)?;
        self.keep(range.start, &buffer[..whole])?;
        Ok(range.start + whole as u64)
    }

    fn read_filling(
        &self,
        offset: u64,
        buf: &mut [u8],
        fill: impl Fn(u64, &mut [u8]),
    ) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64);
        let end = end.filter(|&end| end <= self.size());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut position = offset;
        let mut rest = buf;
        while position < end {
            let (area, kept) = {
                let known = self.known();
                (known.map.area_at(position), known.kept.clone())
            };
            let area_end = area.range.end.min(end);
            let (piece, after) = rest.split_at_mut((area_end - position) as usize);
            match (area.status, kept) {
                (Status::Finished, Some(kept)) => kept.read(position, piece)?,
                (Status::Bad, _) => fill(position, piece),
                _ => self.read_wanted(position, piece, &fill)?,
            }
            position = area_end;
            rest = after;
        }
        Ok(())
    }

    /// Reads what is wanted at once: block by block and, of a block that fails,
    /// sector by sector.
    fn read_wanted(
        &self,
        offset: u64,
        buf: &mut [u8],
        fill: &impl Fn(u64, &mut [u8]),
    ) -> io::Result<()> {
        let there = self.medium.size().saturating_sub(offset);
        let there = there.min(buf.len() as u64) as usize;
        let (buf, missing) = buf.split_at_mut(there);
        let end = offset + buf.len() as u64;
        if !missing.is_empty() {
            let last = end + missing.len() as u64 - 1;
            let sectors = self.sector_at(end).start..self.sector_at(last).end;
            self.set_status(sectors, Status::Bad);
            fill(end, missing);
        }
        if buf.is_empty() {
            return Ok(());
        }
        let sectors = self.sector_at(offset).start..self.sector_at(end - 1).end;
        let block = BLOCK.min(sectors.end - sectors.start);
        // The last sector may be cut; read is all of it.
        let block = block.next_multiple_of(self.medium.sector());
        let mut buffer = AlignedBuffer::new(block as usize);
        for range in pieces(sectors) {
            let mut copy = |from: u64, bytes: &[u8]| {
                let (first, last) = (from.max(offset), end.min(from + bytes.len() as u64));
                if first < last {
                    let target = &mut buf[(first - offset) as usize..(last - offset) as usize];
                    target.copy_from_slice(&bytes[(first - from) as usize..(last - from) as usize]);
                }
            };
            let mut position = self.attempt(&range, &mut buffer)?;
            copy(range.start, &buffer[..(position - range.start) as usize]);
            while position < range.end {
                let sector = self.sector_at(position);
                let bytes = (sector.end - sector.start) as usize;
                if !self.attempt_again(&sector, &mut buffer)? {
                    self.set_status(sector.clone(), Status::Bad);
                    fill(sector.start, &mut buffer[..bytes]);
                }
                copy(sector.start, &buffer[..bytes]);
                position = sector.end;
            }
        }
        Ok(())
    }

    /// Reads one sector, as often as it may be tried; false if it is bad.
    fn attempt_again(&self, sector: &Range<u64>, buffer: &mut AlignedBuffer) -> io::Result<bool> {
        for _ in 0..=self.retries {
            if self.attempt(sector, buffer)? == sector.end {
                return Ok(true);
            }
        }
        Ok(false)
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

    fn mark(&self, position: u64, bytes: &mut [u8]) {
        write_marks(self.volume_sector(), position, bytes);
    }

    /// The sector with the byte at a position. The last one may be cut, and
    /// where the medium ends within one, its two parts are sectors.
    pub fn sector_at(&self, position: u64) -> Range<u64> {
        let sector = self.sector();
        let start = position - position % sector;
        let end = (start + sector).min(self.size());
        let medium_end = self.medium.size();
        match medium_end <= position {
            true => start.max(medium_end)..end,
            false => start..end.min(medium_end),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills the bytes at a position with the marks of sectors of a size.
pub fn write_marks(sector: u64, position: u64, bytes: &mut [u8]) {
    for (position, byte) in (position..).zip(bytes) {
        let within = (position % sector) as usize;
        *byte = MARK.get(within).copied().unwrap_or(FILL);
    }
}

/// A range in pieces of at most a block; all but the first begin at one.
pub fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let end = (start - start % BLOCK + BLOCK).min(range.end);
        let piece = start..end;
        start = end;
        (piece.start < piece.end).then_some(piece)
    })
}

#[cfg(test)]
// Lists of areas, of which there may be one.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::super::simulated::{self, FOREVER, SECTOR};
    use super::*;

    const SECTORS: u64 = 1024;

    fn read_all(source: &DamagedSource) -> Vec<u8> {
        let mut buf = vec![0xEE; source.size() as usize];
        source.read(0, &mut buf).expect("it goes on");
        buf
    }

    fn check(bad: &[u64], retries: u32, failed_reads: usize) {
        let (medium, log) = simulated::medium(SECTORS, bad.iter().map(|&sector| (sector, FOREVER)));
        let kept = Kept::temporary(None).expect("there is room");
        let source = DamagedSource::new(medium, retries, Some(kept));
        // Twice: neither what is bad is asked for again, nor what was read.
        for _ in 0..2 {
            let found = read_all(&source);
            for (number, sector) in (0..).zip(found.chunks(SECTOR as usize)) {
                match bad.contains(&number) {
                    true => {
                        assert_eq!(&sector[..10], b"BadSectoR\0", "{bad:?} {number}");
                        assert!(sector[10..].iter().all(|&byte| byte == b'?'));
                    }
                    false => assert_eq!(sector, simulated::content(number), "{bad:?} {number}"),
                }
            }
            let log = log.lock().expect("no panic");
            assert_eq!(log.failed.len(), failed_reads, "{bad:?}");
        }
        let reads = log.lock().expect("no panic").reads;
        read_all(&source);
        assert_eq!(log.lock().expect("no panic").reads, reads, "{bad:?}");
        let lost: u64 = source.lost().iter().map(|lost| lost.end - lost.start).sum();
        assert_eq!(lost, bad.len() as u64 * SECTOR);
    }

    #[test]
    fn reads_around_bad_sectors() {
        // One read of a block that fails, and one for each bad sector.
        check(&[], 0, 0);
        check(&[0], 0, 2);
        check(&[13], 0, 2);
        check(&[1023], 0, 2);
        check(&[8, 9, 10], 0, 4);
        check(&[3, 40], 0, 3);
        check(&[3, 400], 0, 4);
        check(&[5], 3, 5);
    }

    #[test]
    fn parts_of_sectors_and_blocks() {
        let (medium, _) = simulated::medium(SECTORS, [(300, FOREVER)]);
        let source = DamagedSource::new(medium, 0, None);
        let whole = read_all(&source);
        for (start, len) in [
            (0, 1),
            (511, 2),
            (153_500, 700),
            (131_000, 300_000),
            (524_287, 1),
        ] {
            let mut buf = vec![0xEE; len];
            source.read(start, &mut buf).expect("it goes on");
            assert!(buf == whole[start as usize..][..len], "{start} {len}");
        }
        let mut buf = [0; 2];
        let past = source.read(524_287, &mut buf).expect_err("it ends there");
        assert_eq!(past.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_sector_that_can_be_read_at_last_is_not_lost() {
        let (medium, _) = simulated::medium(SECTORS, [(7, 3)]);
        let source = DamagedSource::new(medium, 2, None);
        // One try with its block, and three of its own.
        assert_eq!(read_all(&source)[7 * 512..][..512], simulated::content(7));
        assert!(source.lost().is_empty());
    }

    #[test]
    fn larger_sectors_of_the_volume_are_lost_whole() {
        let (medium, _) = simulated::medium(SECTORS, [(9, FOREVER)]);
        let source = DamagedSource::new(medium, 0, None);
        source.set_volume_sector(4096);
        let found = read_all(&source);
        assert_eq!(source.lost(), [4096..8192]);
        let marks = found.windows(10).filter(|bytes| bytes == b"BadSectoR\0");
        assert_eq!(marks.count(), 1);
    }

    #[test]
    fn ones_stand_for_what_is_unknown() {
        let (medium, _) = simulated::medium(SECTORS, [(2, FOREVER)]);
        let source = DamagedSource::new(medium, 0, None);
        let mut buf = vec![0; 3 * 512];
        source.read_with_ones(512, &mut buf).expect("it goes on");
        assert_eq!(buf[..512], simulated::content(1));
        assert_eq!(buf[512..1024], [0xFF; 512]);
    }

    #[test]
    fn a_good_sector_that_became_bad_is_no_device_gone() {
        // Of what an earlier run read, only the last area can still be read.
        let bad = (0..600).map(|sector| (sector, FOREVER));
        let (medium, _) = simulated::medium(SECTORS, bad);
        let mut map = AreaMap::new(SECTORS * SECTOR);
        for sector in [0, 2, 1000] {
            map.set(sector * SECTOR..(sector + 1) * SECTOR, Status::Finished);
        }
        let kept = Kept::temporary(None).expect("there is room");
        let source = DamagedSource::resume(medium, 0, map, Some(kept));
        let mut buffer = AlignedBuffer::new(SECTOR as usize);
        for sector in 3..600 {
            let range = sector * SECTOR..(sector + 1) * SECTOR;
            let end = source.attempt(&range, &mut buffer).expect("it answers");
            assert_eq!(end, range.start);
        }
    }

    #[test]
    fn a_device_that_is_gone_is_not_asked_again() {
        let (medium, log) = simulated::medium_that_goes(SECTORS, [], 1);
        let source = DamagedSource::new(medium, 0, None);
        let mut buf = vec![0; (SECTORS * SECTOR) as usize];
        for _ in 0..2 {
            let error = source.read(0, &mut buf).expect_err("it is gone");
            assert!(DeviceGone::is_cause_of(&error), "{error}");
            // One that is good, four that fail, and the good one again.
            assert_eq!(log.lock().expect("no panic").reads, 6);
        }
    }

    #[test]
    fn other_errors_stop() {
        struct Gone;
        impl positioned_io::ReadAt for Gone {
            fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::NotFound.into())
            }
        }
        let source = DamagedSource::new(Medium::of_reader(Gone, 1024), 0, None);
        assert!(source.read(0, &mut [0; 1024]).is_err());
    }
}
