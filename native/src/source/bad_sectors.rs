//! Reading from a device that fails: what can be read is, the rest is marked.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use positioned_io::ReadAt;
use rustix::io::Errno;

/// What an unreadable sector begins with in the copy, as in the original.
const MARK: &[u8] = b"BadSectoR\0";
/// What the rest of it is filled with.
const FILL: u8 = b'?';

/// The least that a device gives.
const LEAST_SECTOR: u64 = 512;

/// What the kernel reads at once of a device: around a bad sector, all of it
/// fails.
const PAGE: u64 = 4096;

/// The sectors of a device that could not be read. They are not asked for
/// again: each try can be the last for a dying disk.
#[derive(Debug)]
pub struct BadSectors {
    sector_size: AtomicU64,
    /// How often to try a sector again.
    retries: u32,
    /// Bytes of the device; its last sector may be cut.
    size: u64,
    /// In order, not touching.
    lost: Mutex<Vec<Range<u64>>>,
}

impl BadSectors {
    /// Sectors are those of the device until [`BadSectors::set_sector_size`]
    /// tells more.
    pub fn new(retries: u32, size: u64) -> Self {
        Self {
            sector_size: AtomicU64::new(LEAST_SECTOR),
            retries,
            size,
            lost: Mutex::new(Vec::new()),
        }
    }

    /// Tells the sector size of the volume, a power of two.
    pub fn set_sector_size(&self, bytes: u32) {
        let bytes = u64::from(bytes).max(LEAST_SECTOR);
        self.sector_size.store(bytes, Ordering::Relaxed);
    }

    fn sector_size(&self) -> u64 {
        self.sector_size.load(Ordering::Relaxed)
    }

    /// What could not be read, in order: whole sectors, in bytes.
    pub fn lost(&self) -> Vec<Range<u64>> {
        self.lock().clone()
    }

    /// Fills `buf` from `offset` on; sectors that cannot be read are marked.
    ///
    /// # Errors
    ///
    /// Any error but EIO, and the end of the device.
    pub fn read(&self, device: &impl ReadAt, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < buf.len() {
            let position = offset + done as u64;
            let rest = &mut buf[done..];
            let lost = self.next_lost(position);
            let before_lost = usize::try_from(lost.start.saturating_sub(position));
            let readable = before_lost.unwrap_or(usize::MAX).min(rest.len());
            done += match readable {
                0 => self.mark(position, lost.end, rest),
                _ => self.read_some(device, position, &mut rest[..readable])?,
            };
        }
        Ok(())
    }

    /// Reads at least one byte. Where one call gives less than asked for, a
    /// bad sector follows: it is looked for at once, without asking for all
    /// the rest once more.
    fn read_some(&self, device: &impl ReadAt, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            match device.read_at(offset, buf) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_eio(&error) => break 0,
                Err(error) => return Err(error),
            }
        };
        if read == buf.len() {
            return Ok(read);
        }
        let sectors = self.read_sectors(device, offset + read as u64, &mut buf[read..])?;
        Ok(read + sectors)
    }

    /// Reads sector by sector, to the end of a page, or as long as they are
    /// bad. Returns how many bytes of `buf` are filled.
    fn read_sectors(&self, device: &impl ReadAt, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut sector = vec![0; self.sector_size() as usize];
        let mut done = 0;
        while done < buf.len() {
            let position = offset + done as u64;
            let start = position - position % self.sector_size();
            let end = self.end_of(start);
            let rest = &mut buf[done..];
            let sector = &mut sector[..(end - start) as usize];
            match self.read_sector(device, start, sector) {
                Ok(()) => {
                    let found = &sector[(position - start) as usize..];
                    let len = found.len().min(rest.len());
                    rest[..len].copy_from_slice(&found[..len]);
                    done += len;
                    if end.is_multiple_of(PAGE) {
                        break;
                    }
                }
                Err(error) if is_eio(&error) => {
                    self.lose(start);
                    done += self.mark(position, end, rest);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Marks bytes from `position` up to `end`, as far as there is room.
    fn mark(&self, position: u64, end: u64, buf: &mut [u8]) -> usize {
        let len = usize::try_from(end - position).unwrap_or(usize::MAX);
        let len = len.min(buf.len());
        for (position, byte) in (position..).zip(&mut buf[..len]) {
            let within = (position % self.sector_size()) as usize;
            *byte = MARK.get(within).copied().unwrap_or(FILL);
        }
        len
    }

    fn read_sector(&self, device: &impl ReadAt, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut result = device.read_exact_at(offset, buf);
        for _ in 0..self.retries {
            match &result {
                Err(error) if is_eio(error) => result = device.read_exact_at(offset, buf),
                _ => break,
            }
        }
        result
    }

    /// What is lost at `position` or, if nothing is, next after it.
    fn next_lost(&self, position: u64) -> Range<u64> {
        let lost = self.lock();
        let next = lost.partition_point(|lost| lost.end <= position);
        lost.get(next).cloned().unwrap_or(u64::MAX..u64::MAX)
    }

    fn lose(&self, start: u64) {
        let mut lost = self.lock();
        let mut sector = start..self.end_of(start);
        // All that it touches or covers becomes one with it: sectors may have
        // been smaller when others were lost.
        let first = lost.partition_point(|lost| lost.end < sector.start);
        let after = lost.partition_point(|lost| lost.start <= sector.end);
        for known in &lost[first..after] {
            sector = sector.start.min(known.start)..sector.end.max(known.end);
        }
        lost.splice(first..after, [sector]);
    }

    /// Where the sector ends that begins at `start`.
    fn end_of(&self, start: u64) -> u64 {
        (start + self.sector_size()).min(self.size)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Range<u64>>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_eio(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTOR: usize = 512;

    /// A device of sectors that each hold their number, some of them bad; pages
    /// fail as a whole where more than a sector is asked for.
    struct Dying {
        sectors: usize,
        bad: Vec<usize>,
        /// How often a bad sector was asked for.
        tries: Mutex<usize>,
    }

    impl ReadAt for Dying {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            let first = offset as usize / SECTOR;
            let count = buf.len().div_ceil(SECTOR).min(self.sectors - first);
            let fails = |sector: &usize| self.bad.contains(sector);
            let good = match (first..first + count).find(fails) {
                None => count,
                Some(bad) => {
                    *self.tries.lock().expect("no panic") += 1;
                    match count {
                        1 => 0,
                        _ => (bad - bad % 8).saturating_sub(first),
                    }
                }
            };
            if good == 0 && count > 0 {
                return Err(Errno::IO.into());
            }
            let len = (good * SECTOR).min(buf.len());
            for (at, byte) in buf[..len].iter_mut().enumerate() {
                *byte = ((offset as usize + at) / SECTOR) as u8;
            }
            Ok(len)
        }
    }

    fn check(bad: &[usize], retries: u32, tries: usize) {
        let device = Dying {
            sectors: 64,
            bad: bad.to_vec(),
            tries: Mutex::new(0),
        };
        let sectors = BadSectors::new(retries, 64 * SECTOR as u64);
        // Twice: what is known to be bad is not asked for again.
        for _ in 0..2 {
            let mut buf = vec![0xEE; 64 * SECTOR];
            sectors.read(&device, 0, &mut buf).expect("it goes on");
            for (number, sector) in buf.chunks(SECTOR).enumerate() {
                match bad.contains(&number) {
                    true => {
                        assert_eq!(&sector[..10], b"BadSectoR\0", "{bad:?} {number}");
                        assert!(sector[10..].iter().all(|&byte| byte == b'?'));
                    }
                    false => assert!(
                        sector.iter().all(|&byte| byte == number as u8),
                        "{bad:?} {number}"
                    ),
                }
            }
        }
        let lost: u64 = sectors
            .lost()
            .iter()
            .map(|lost| lost.end - lost.start)
            .sum();
        assert_eq!(lost, (bad.len() * SECTOR) as u64);
        assert_eq!(*device.tries.lock().expect("no panic"), tries, "{bad:?}");
    }

    #[test]
    fn reads_around_bad_sectors() {
        // One large read each that fails, and one for each bad sector.
        check(&[], 0, 0);
        check(&[0], 0, 2);
        check(&[13], 0, 2);
        check(&[63], 0, 2);
        check(&[8, 9, 10], 0, 4);
        check(&[14, 15, 16, 17], 0, 5);
        check(&[3, 40], 0, 4);
        check(&[5], 3, 5);
    }

    #[test]
    fn other_errors_stop() {
        struct Gone;
        impl ReadAt for Gone {
            fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
                Err(Errno::NODEV.into())
            }
        }
        let mut buf = [0; 1024];
        assert!(BadSectors::new(0, 1024).read(&Gone, 0, &mut buf).is_err());
    }
}
