//! How a rescue goes, over all of its passes: what is shown of it.

use std::time::Instant;

use super::super::area_map::Status;
use super::Passes;
use crate::host::bar::RescueFigures;
use crate::host::percent::PercentLine;
use crate::host::progress::INTERVAL;
use crate::options::Progress;

pub struct Course {
    percent: Option<PercentLine>,
    /// Bytes saved, by earlier runs too, and all that there are.
    saved: u64,
    total: u64,
    /// Reads that failed.
    errors: u64,
    last_good: Instant,
    /// When figures were shown last.
    shown: Option<Instant>,
}

impl Course {
    pub fn start(passes: &Passes<'_>) -> Self {
        let bytes_with = |status| -> u64 {
            let ranges = passes.source.within(passes.all, status);
            ranges.iter().map(|range| range.end - range.start).sum()
        };
        Self {
            percent: match passes.how {
                Progress::Percent(percent) => Some(PercentLine::new(percent)),
                _ => None,
            },
            saved: bytes_with(Status::Finished),
            total: passes.all.iter().map(|range| range.end - range.start).sum(),
            errors: 0,
            last_good: Instant::now(),
            shown: None,
        }
    }

    /// Notes a read that got so many bytes.
    pub fn note_read(&mut self, bytes: u64, is_whole: bool) {
        if bytes > 0 {
            self.last_good = Instant::now();
        }
        if !is_whole {
            self.errors += 1;
        }
        self.saved += bytes;
        if let Some(percent) = &mut self.percent {
            percent.advance(self.saved, self.total);
        }
    }

    /// What to show beside a bar, now and then.
    pub fn new_figures(&mut self, passes: &Passes<'_>) -> Option<RescueFigures> {
        let is_time = self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL);
        if !passes.how.has_bar() || !is_time {
            return None;
        }
        self.shown = Some(Instant::now());
        Some(self.figures(passes))
    }

    /// What is shown beside a bar.
    pub fn figures(&self, passes: &Passes<'_>) -> RescueFigures {
        let failed = [Status::NonTrimmed, Status::NonScraped, Status::Bad];
        let mut areas: Vec<_> = failed
            .into_iter()
            .flat_map(|status| passes.source.within(passes.all, status))
            .collect();
        areas.sort_by_key(|area| area.start);
        // Parts of one area may have failed in different passes.
        let bad_areas = areas.chunk_by(|a, b| a.end == b.start).count();
        RescueFigures {
            bad_areas,
            errors: self.errors,
            last_good: self.last_good,
        }
    }

    /// All passes are done.
    pub fn finish(self) {
        if let Some(percent) = self.percent {
            percent.finish();
        }
    }
}
