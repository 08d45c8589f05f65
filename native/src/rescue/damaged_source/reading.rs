//! Reading what is needed now, in order: what cannot be read is filled.

use std::io;
use std::ops::Range;

use ntfsclone_core::io::{ByteExtent, IoError, ReadAt};

use super::super::area_map::Status;
use super::super::mark::write_marks;
use super::super::medium::{BLOCK, blocks};
use super::DamagedSource;
use crate::bulk::aligned_buffer::AlignedBuffer;

impl DamagedSource {
    /// Fills `buf` from `offset` on; sectors that cannot be read are marked.
    ///
    /// # Errors
    ///
    /// Any error that is not a bad sector's, and the end of the medium.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_filling(offset, buf, |position, bytes| {
            write_marks(self.volume_sector(), position, bytes);
        })
    }

    /// As [`DamagedSource::read`], but what cannot be read is all ones.
    pub fn read_with_ones(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.read_filling(offset, buf, |_, bytes| bytes.fill(0xFF))
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
        for range in blocks(sectors) {
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
}

/// What could not be read up to now is absent, and reads as marks.
impl ReadAt for DamagedSource {
    fn size(&self) -> u64 {
        self.known().map.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.read(offset, buf).map_err(IoError::new)
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let area = self.known().map.area_at(offset);
        let len = area.range.end.saturating_sub(offset);
        Ok(match area.status {
            Status::Bad => ByteExtent::Absent { len },
            _ => ByteExtent::Data { len },
        })
    }
}

#[cfg(test)]
// Lists of areas, of which there may be one.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::super::super::area_map::AreaMap;
    use super::super::super::kept::Kept;
    use super::super::super::medium::Medium;
    use super::super::super::simulated::{self, FOREVER, SECTOR};
    use super::*;
    use crate::device::DeviceGone;

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
                if bad.contains(&number) {
                    assert_eq!(&sector[..10], b"BadSectoR\0", "{bad:?} {number}");
                    assert!(sector[10..].iter().all(|&byte| byte == b'?'));
                } else {
                    assert_eq!(sector, simulated::content(number), "{bad:?} {number}");
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
