//! Reads that failed one after another. A device that went away fails like one
//! with bad sectors: what such reads found counts once the device answers again.

use std::ops::Range;

use super::area_map::{Area, AreaMap};

/// Failed reads in a row after which the device is checked. It doubles with each
/// check that finds the device there, so that a long bad area is not left at
/// every sector for a good one.
const FIRST_LIMIT: usize = 4;

/// The most failed reads between two checks.
const LAST_LIMIT: usize = 64;

/// Failed reads since the device last answered.
#[derive(Debug)]
pub struct FailureRun {
    failures: usize,
    limit: usize,
    /// What was known of areas before these failures, oldest first.
    before: Vec<Area>,
}

impl FailureRun {
    pub fn new() -> Self {
        Self {
            failures: 0,
            limit: FIRST_LIMIT,
            before: Vec::new(),
        }
    }

    /// Records a failed read; true if the device must be checked now.
    pub fn add(&mut self) -> bool {
        self.failures += 1;
        self.failures >= self.limit
    }

    pub fn is_empty(&self) -> bool {
        self.failures == 0
    }

    /// Remembers what `map` says of `range`, which is about to change.
    pub fn remember(&mut self, map: &AreaMap, range: Range<u64>) {
        if !self.is_empty() {
            let areas = map.areas_in(range);
            self.before.extend(areas);
        }
    }

    /// Ends with a read that succeeded.
    pub fn end(&mut self) {
        *self = Self::new();
    }

    /// The device was checked, and is there: the failures are bad sectors.
    pub fn confirm(&mut self) {
        self.failures = 0;
        self.before.clear();
        self.limit = (self.limit * 2).min(LAST_LIMIT);
    }

    /// Takes back in `map` what the failures changed.
    pub fn revert(&self, map: &mut AreaMap) {
        for area in self.before.iter().rev() {
            map.set(area.range.clone(), area.status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::area_map::Status;
    use super::*;

    #[test]
    fn checks_become_rarer_until_a_read_succeeds() {
        let mut run = FailureRun::new();
        let mut failures_to_check = || {
            let failures = (1..).find(|_| run.add());
            run.confirm();
            failures
        };
        let found: Vec<_> = (0..7).filter_map(|_| failures_to_check()).collect();
        assert_eq!(found, [4, 8, 16, 32, 64, 64, 64]);
        run.end();
        assert_eq!((1..).find(|_| run.add()), Some(4));
    }

    #[test]
    fn unconfirmed_changes_are_reverted() {
        let mut map = AreaMap::new(4096);
        map.set(0..512, Status::Finished);
        map.set(1024..2048, Status::NonTrimmed);
        let known = map.clone();
        let mut run = FailureRun::new();
        for (range, status) in [
            (512..2048, Status::NonTrimmed),
            (512..1024, Status::Bad),
            (1024..3072, Status::NonScraped),
            (2048..4096, Status::Bad),
        ] {
            run.add();
            run.remember(&map, range.clone());
            map.set(range, status);
        }
        let mut reverted = map.clone();
        run.revert(&mut reverted);
        assert_eq!(reverted, known);

        run.confirm();
        let mut confirmed = map.clone();
        run.revert(&mut confirmed);
        assert_eq!(confirmed, map);
    }
}
