//! A device that fails, for tests: sectors that each hold their number.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use positioned_io::ReadAt;

use super::medium::Medium;
use crate::device;

pub const SECTOR: u64 = 512;

/// What reads were made of it.
#[derive(Debug, Default)]
pub struct Log {
    /// The first sector of each that failed, and how many sectors.
    pub failed: Vec<(u64, u64)>,
    pub reads: usize,
}

pub struct Dying {
    pub sectors: u64,
    /// How often each fails, before it can be read.
    pub bad: Mutex<BTreeMap<u64, usize>>,
    pub log: Arc<Mutex<Log>>,
    /// Reads after which it is gone: all fail from then on.
    pub lives: usize,
}

pub const FOREVER: usize = usize::MAX;

/// A medium of which these sectors are bad, and what is asked of it.
pub fn medium(
    sectors: u64,
    bad: impl IntoIterator<Item = (u64, usize)>,
) -> (Medium, Arc<Mutex<Log>>) {
    medium_that_goes(sectors, bad, usize::MAX)
}

/// The same, which goes away after so many reads.
pub fn medium_that_goes(
    sectors: u64,
    bad: impl IntoIterator<Item = (u64, usize)>,
    lives: usize,
) -> (Medium, Arc<Mutex<Log>>) {
    let log = Arc::new(Mutex::new(Log::default()));
    let dying = Dying {
        sectors,
        bad: Mutex::new(bad.into_iter().collect()),
        log: Arc::clone(&log),
        lives,
    };
    (Medium::of_reader(dying, sectors * SECTOR), log)
}

/// What stands in a sector.
pub fn content(sector: u64) -> [u8; SECTOR as usize] {
    let mut bytes = [sector as u8; SECTOR as usize];
    bytes[..8].copy_from_slice(&sector.to_le_bytes());
    bytes
}

impl ReadAt for Dying {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        assert!(offset.is_multiple_of(SECTOR) && (buf.len() as u64).is_multiple_of(SECTOR));
        let first = offset / SECTOR;
        let count = (buf.len() as u64 / SECTOR).min(self.sectors - first);
        let mut log = self.log.lock().expect("no panic");
        log.reads += 1;
        if log.reads > self.lives {
            log.failed.push((first, count));
            return Err(device::gone_silent());
        }
        let mut bad = self.bad.lock().expect("no panic");
        // As a device: all of it, or nothing.
        if let Some((_, left)) = bad
            .range_mut(first..first + count)
            .find(|(_, left)| **left > 0)
        {
            *left -= usize::from(*left != FOREVER);
            log.failed.push((first, count));
            return Err(device::bad_sector());
        }
        for (sector, bytes) in (first..first + count).zip(buf.chunks_mut(SECTOR as usize)) {
            bytes.copy_from_slice(&content(sector)[..bytes.len()]);
        }
        Ok((count * SECTOR) as usize)
    }
}
