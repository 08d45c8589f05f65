//! One of the passes of a rescue.

use std::cell::RefCell;
use std::ops::Range;

use ntfsclone_core::io::ReadAt;

use super::super::area_map::Status;
use super::super::damaged_source::DamagedSource;
use super::super::mapfile::RunStatus;
use super::super::medium::{BLOCK, blocks};
use super::Passes;
use super::course::Course;
use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};

/// The distance skipped after the first bad block; it doubles with each that
/// follows.
const LEAST_SKIP: u64 = BLOCK;

/// The longest distance skipped, as a part of the source.
const LONGEST_SKIP_PART: u64 = 100;

/// In which order a pass reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forwards,
    Backwards,
}

/// One of the passes, under way.
pub struct Pass<'a> {
    passes: &'a Passes<'a>,
    course: &'a RefCell<Course>,
    phase: Phase,
    progress: Progress,
    done: u64,
    buffer: AlignedBuffer,
}

impl<'a> Pass<'a> {
    /// Begins a pass over `total` bytes.
    pub fn start(
        passes: &'a Passes<'a>,
        course: &'a RefCell<Course>,
        phase: Phase,
        total: u64,
    ) -> Self {
        // Percent are those of all passes.
        let how = passes.how.without_percent();
        Self {
            passes,
            course,
            phase,
            progress: Progress::start_pass(how, phase, total, course.borrow().figures(passes)),
            done: 0,
            buffer: AlignedBuffer::new(BLOCK as usize),
        }
    }

    pub fn finish(self) {
        self.progress.finish();
    }

    /// Reads block by block. One that fails is left for trimming; after it,
    /// more is skipped, and left as it is.
    pub fn copy(&mut self, todo: &[Range<u64>], direction: Direction, skips: bool) -> Result<()> {
        let longest = (self.source().size() / LONGEST_SKIP_PART).max(LEAST_SKIP);
        let blocks = todo.iter().cloned().flat_map(blocks);
        let mut skipped = 0;
        // Where reading goes on, seen in its direction.
        let (mut from, mut up_to) = (0, u64::MAX);
        let mut one = |pass: &mut Self, block: Range<u64>| {
            let block = block.start.max(from)..block.end.min(up_to);
            if block.start >= block.end {
                return Ok(());
            }
            let block = pass.whole_sectors(&block);
            if pass.attempt(&block)? {
                skipped = 0;
            } else {
                pass.leave(&block, Status::NonTrimmed);
                if skips {
                    skipped = (skipped * 2).clamp(LEAST_SKIP, longest);
                    match direction {
                        Direction::Forwards => from = block.end + skipped,
                        Direction::Backwards => up_to = block.start.saturating_sub(skipped),
                    }
                }
            }
            Ok(())
        };
        match direction {
            Direction::Forwards => {
                let mut blocks = blocks;
                blocks.try_for_each(|block| one(self, block))
            }
            Direction::Backwards => {
                let blocks: Vec<_> = blocks.collect();
                let mut blocks = blocks.into_iter().rev();
                blocks.try_for_each(|block| one(self, block))
            }
        }
    }

    /// Reads sectors from both ends of each range, up to a bad one.
    pub fn trim(&mut self, todo: &[Range<u64>]) -> Result<()> {
        for range in todo {
            let mut left = range.clone();
            while left.start < left.end {
                let sector = self.source().sector_at(left.start);
                left.start = sector.end;
                if !self.attempt_sector(&sector)? {
                    break;
                }
            }
            while left.start < left.end {
                let sector = self.source().sector_at(left.end - 1);
                left.end = sector.start;
                if !self.attempt_sector(&sector)? {
                    break;
                }
            }
            if left.start < left.end {
                self.leave(&left, Status::NonScraped);
            }
        }
        Ok(())
    }

    /// Reads each sector once.
    pub fn sectors(&mut self, todo: &[Range<u64>], direction: Direction) -> Result<()> {
        let one = |pass: &mut Self, range: &Range<u64>| {
            let mut left = range.clone();
            while left.start < left.end {
                let sector = match direction {
                    Direction::Forwards => pass.source().sector_at(left.start),
                    Direction::Backwards => pass.source().sector_at(left.end - 1),
                };
                match direction {
                    Direction::Forwards => left.start = sector.end,
                    Direction::Backwards => left.end = sector.start,
                }
                pass.attempt_sector(&sector)?;
            }
            Ok(())
        };
        match direction {
            Direction::Forwards => todo.iter().try_for_each(|range| one(self, range)),
            Direction::Backwards => todo.iter().rev().try_for_each(|range| one(self, range)),
        }
    }

    fn attempt_sector(&mut self, sector: &Range<u64>) -> Result<bool> {
        let read = self.attempt(sector)?;
        if !read {
            self.leave(sector, Status::Bad);
        }
        Ok(read)
    }

    /// Reads a range, as far as it goes; true if that is all of it.
    fn attempt(&mut self, range: &Range<u64>) -> Result<bool> {
        let failed = |error| Error::io("rescue", self.passes.name, error);
        let source = self.source();
        let up_to = source.attempt(range, &mut self.buffer).map_err(failed)?;
        self.done += range.end - range.start;
        let mut course = self.course.borrow_mut();
        course.note_read(up_to - range.start, up_to == range.end);
        if let Some(figures) = course.new_figures(self.passes) {
            self.progress.show_rescue(figures);
        }
        self.progress.advance_to(self.done);
        if let Some(checkpoint) = self.passes.checkpoint {
            let state = match self.phase {
                Phase::Trim => RunStatus::Trimming,
                Phase::Scrape => RunStatus::Scraping,
                Phase::Retry => RunStatus::Retrying,
                _ => RunStatus::Copying,
            };
            checkpoint.pass_by(state, range.start)?;
        }
        Ok(up_to == range.end)
    }

    /// Gives a status to what of a range is not read.
    fn leave(&self, range: &Range<u64>, status: Status) {
        let source = self.source();
        let ranges = std::slice::from_ref(range);
        for old in [Status::NonTried, Status::NonTrimmed, Status::NonScraped] {
            for part in source.within(ranges, old) {
                source.set_status(part, status);
            }
        }
    }

    fn whole_sectors(&self, range: &Range<u64>) -> Range<u64> {
        let source = self.source();
        source.sector_at(range.start).start..source.sector_at(range.end - 1).end
    }

    fn source(&self) -> &'a DamagedSource {
        self.passes.source
    }
}
