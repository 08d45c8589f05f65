//! The passes of a rescue: what is easy to read first, what may kill the disk
//! last. They are those of GNU ddrescue, so that its map files mean the same:
//!
//! 1. copying: large blocks; after a bad one a growing distance is skipped.
//!    Forwards, backwards, and once more without skipping;
//! 2. trimming: of blocks that failed, sectors from both ends up to bad ones;
//! 3. scraping: what is left between, sector by sector;
//! 4. retrying: bad sectors again, in turns backwards and forwards.
//!
//! In each, the metadata comes before the rest.

mod course;
mod pass;

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

pub use self::course::Course;
use self::pass::{Direction, Pass};
use super::area_map::Status;
use super::checkpoint::Checkpoint;
use super::damaged_source::DamagedSource;
use crate::error::{Error, Result};
use crate::host::progress::Phase;
use crate::options;

/// A rescue of ranges of a source that is kept in the output.
pub struct Passes<'a> {
    pub source: &'a DamagedSource,
    /// What to call it in messages.
    pub name: &'a Path,
    /// What to save, in order, and before it what matters most. All are whole
    /// sectors.
    pub first: &'a [Range<u64>],
    pub all: &'a [Range<u64>],
    pub retries: u32,
    pub checkpoint: Option<&'a Checkpoint>,
    pub how: options::Progress,
}

impl Passes<'_> {
    /// Reads all that can be read. The map of the source says what was; what is
    /// returned is to be finished when that is done with.
    ///
    /// # Errors
    ///
    /// The source is gone: what failed since is not bad then. It fails in other
    /// ways than with bad sectors; what is kept cannot be written.
    pub fn run(&self) -> Result<Course> {
        use Direction::{Backwards, Forwards};
        let course = RefCell::new(Course::start(self));
        for (direction, skips) in [(Forwards, true), (Backwards, true), (Forwards, false)] {
            self.each_range(&course, Status::NonTried, Phase::Rescue, |pass, todo| {
                pass.copy(todo, direction, skips)
            })?;
        }
        self.each_range(&course, Status::NonTrimmed, Phase::Trim, |pass, todo| {
            pass.trim(todo)
        })?;
        self.each_range(&course, Status::NonScraped, Phase::Scrape, |pass, todo| {
            pass.sectors(todo, Forwards)
        })?;
        for number in 0..self.retries {
            let direction = match number % 2 {
                0 => Backwards,
                _ => Forwards,
            };
            self.each_range(&course, Status::Bad, Phase::Retry, |pass, todo| {
                pass.sectors(todo, direction)
            })?;
        }
        let confirmed = self.source.confirm_failures();
        confirmed.map_err(|error| Error::io("rescue", self.name, error))?;
        Ok(course.into_inner())
    }

    /// Does one pass over what has a status: first over what matters most.
    fn each_range(
        &self,
        course: &RefCell<Course>,
        status: Status,
        phase: Phase,
        mut run: impl FnMut(&mut Pass<'_>, &[Range<u64>]) -> Result<()>,
    ) -> Result<()> {
        let before = self.source.within(self.all, status);
        let total = before.iter().map(|range| range.end - range.start).sum();
        if total == 0 {
            return Ok(());
        }
        let mut pass = Pass::start(self, course, phase, total);
        let first = self.source.within(self.first, status);
        run(&mut pass, &first)?;
        let rest = without(self.source.within(self.all, status), self.first);
        run(&mut pass, &rest)?;
        pass.finish();
        Ok(())
    }
}

/// What of ordered ranges lies in none of others.
fn without(ranges: Vec<Range<u64>>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut left = Vec::new();
    for range in ranges {
        let mut start = range.start;
        let first = others.partition_point(|other| other.end <= range.start);
        for other in others[first..]
            .iter()
            .take_while(|other| other.start < range.end)
        {
            if start < other.start {
                left.push(start..other.start);
            }
            start = other.end;
        }
        if start < range.end {
            left.push(start..range.end);
        }
    }
    left
}

#[cfg(test)]
// Lists of areas, of which there may be one.
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::kept::Kept;
    use super::super::medium::BLOCK;
    use super::super::simulated::{self, FOREVER, SECTOR};
    use super::*;

    const SECTORS: u64 = 4096;

    fn bytes(sectors: Range<u64>) -> Range<u64> {
        sectors.start * SECTOR..sectors.end * SECTOR
    }

    fn sectors(bytes: Vec<Range<u64>>) -> Vec<u64> {
        let sectors = bytes
            .into_iter()
            .flat_map(|range| range.start / SECTOR..range.end / SECTOR);
        sectors.collect()
    }

    struct Outcome {
        source: DamagedSource,
        /// The first sector of each read that failed, and how many sectors.
        failed: Vec<(u64, u64)>,
        reads: usize,
    }

    fn rescue(
        bad: &BTreeMap<u64, usize>,
        first: &[Range<u64>],
        all: &[Range<u64>],
        retries: u32,
    ) -> Outcome {
        let (medium, log) = simulated::medium(SECTORS, bad.clone());
        let kept = Kept::temporary(None).expect("there is room");
        let source = DamagedSource::new(medium, 0, Some(kept));
        let passes = Passes {
            source: &source,
            name: "simulated".as_ref(),
            first: &first.iter().cloned().map(bytes).collect::<Vec<_>>(),
            all: &all.iter().cloned().map(bytes).collect::<Vec<_>>(),
            retries,
            checkpoint: None,
            how: options::Progress::None,
        };
        passes.run().expect("bad sectors do not stop it");
        let log = log.lock().expect("no panic");
        Outcome {
            failed: log.failed.clone(),
            reads: log.reads,
            source,
        }
    }

    fn forever(bad: impl IntoIterator<Item = u64>) -> BTreeMap<u64, usize> {
        bad.into_iter().map(|sector| (sector, FOREVER)).collect()
    }

    proptest! {
        #[test]
        fn all_that_can_be_read_is(
            bad in prop::collection::btree_set(0..SECTORS, 0..30),
            areas in prop::collection::btree_set(0..SECTORS, 2..20),
            len in 1_u64..100,
            has_first in any::<bool>(),
        ) {
            let starts: Vec<u64> = areas.into_iter().collect();
            let ends = starts.iter().skip(1).chain([&SECTORS]);
            let all: Vec<Range<u64>> =
                starts.iter().zip(ends).map(|(&start, &end)| start..end.min(start + len)).collect();
            let first = if has_first { &all[1..2] } else { &[] };
            let outcome = rescue(&forever(bad.iter().copied()), first, &all, 0);
            let map = outcome.source.map();
            let wanted: Vec<u64> = all.into_iter().flatten().collect();
            for &sector in &wanted {
                let expected = if bad.contains(&sector) { Status::Bad } else { Status::Finished };
                prop_assert_eq!(map.status_at(sector * SECTOR), Some(expected));
                let mut found = [0; SECTOR as usize];
                outcome.source.read(sector * SECTOR, &mut found).expect("it is known");
                if expected == Status::Finished {
                    prop_assert_eq!(found, simulated::content(sector));
                }
            }
            // A bad sector is tried with its block and alone, if it is wanted.
            for sector in &bad {
                let is_tried = |(start, count): &&(u64, u64)| (*start..start + count).contains(sector);
                let tries = outcome.failed.iter().filter(is_tried).count();
                let expected = if wanted.contains(sector) { 2 } else { 0 };
                prop_assert_eq!(tries, expected);
            }
        }
    }

    #[test]
    fn a_good_device_is_read_once_in_blocks() {
        let outcome = rescue(
            &BTreeMap::new(),
            &[],
            &[Range {
                start: 0,
                end: SECTORS,
            }],
            3,
        );
        assert_eq!(outcome.reads as u64, SECTORS * SECTOR / BLOCK);
        assert!(outcome.failed.is_empty());
    }

    proptest! {
        #[test]
        fn device_that_goes_away_has_no_bad_sectors(
            bad in prop::collection::btree_set(0..SECTORS, 0..30),
            lives in 1_usize..80,
        ) {
            let whole = [bytes(0..SECTORS)];
            let run = |source: &DamagedSource| {
                let passes = Passes {
                    source,
                    name: "simulated".as_ref(),
                    first: &[],
                    all: &whole,
                    retries: 0,
                    checkpoint: None,
                    how: options::Progress::None,
                };
                passes.run()
            };
            let bad = forever(bad);
            let (medium, log) = simulated::medium_that_goes(SECTORS, bad.clone(), lives);
            let kept = Kept::temporary(None).expect("there is room");
            let source = DamagedSource::new(medium, 0, Some(kept));
            let outcome = run(&source);
            let map = source.sync().expect("a temporary file can be synced");
            // One that never gave a sector cannot be told from a bad one.
            prop_assume!(!map.within(0..map.size(), Status::Finished).is_empty());
            for sector in sectors(map.within(0..map.size(), Status::Bad)) {
                prop_assert!(bad.contains_key(&sector), "{} is not bad", sector);
            }
            let reads = log.lock().expect("no panic").reads;
            prop_assert_eq!(outcome.is_err(), reads > lives);

            // It is back.
            let (medium, _) = simulated::medium(SECTORS, bad.clone());
            let kept = Kept::temporary(None).expect("there is room");
            for range in map.within(0..map.size(), Status::Finished) {
                let mut saved = vec![0; (range.end - range.start) as usize];
                source.read(range.start, &mut saved).expect("it is kept");
                kept.write(range.start, &saved).expect("there is room");
            }
            let source = DamagedSource::resume(medium, 0, map, Some(kept));
            run(&source).expect("it answers");
            let lost = sectors(source.lost());
            prop_assert!(lost.iter().eq(bad.keys()), "{:?}", lost);
        }
    }

    #[test]
    fn what_matters_most_is_read_first() {
        // Everything fails: the order of the tries is that of the reads.
        let all = Range {
            start: 0,
            end: 1024,
        };
        let outcome = rescue(&forever(0..1024), &[800..808], &[all], 0);
        assert_eq!(outcome.failed[0], (800, 8));
        let scraped = outcome.failed.iter().filter(|(_, count)| *count == 1);
        let firsts: Vec<u64> = scraped.map(|(sector, _)| *sector).take(3).collect();
        assert_eq!(firsts, [800, 807, 0]);
    }

    #[test]
    fn bad_areas_are_left_for_later() {
        // Of a long bad area the first pass tries few blocks.
        let outcome = rescue(
            &forever(256..3000),
            &[],
            &[Range {
                start: 0,
                end: SECTORS,
            }],
            0,
        );
        let good_end = outcome
            .failed
            .iter()
            .take_while(|(sector, _)| *sector < 3000);
        let block = BLOCK / SECTOR;
        let first_pass: Vec<_> = good_end.take_while(|(_, count)| *count == block).collect();
        assert_eq!(first_pass[0], &(256, 256));
        // The second one is behind a skipped block.
        assert_eq!(first_pass[1], &(768, 256));
    }

    #[test]
    fn retries_go_backwards_and_forwards() {
        // 10 and 20 fail with their block and alone, then twice more, or once.
        let bad = BTreeMap::from([(10, 4), (20, 3), (30, FOREVER)]);
        let outcome = rescue(&bad, &[], &[Range { start: 0, end: 256 }], 3);
        let lost = outcome.source.lost();
        assert_eq!(lost, [bytes(30..31)]);
        let singles: Vec<u64> = outcome
            .failed
            .iter()
            .filter(|(_, count)| *count == 1)
            .map(|(sector, _)| *sector)
            .collect();
        assert!(
            singles
                .windows(2)
                .any(|two| two == [30, 20] || two == [30, 10]),
            "{singles:?}"
        );
    }
}
