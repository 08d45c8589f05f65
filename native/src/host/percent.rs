//! Percent in the form of the original, `%6.2f percent completed`, each ended by a
//! carriage return and the last one by a line feed. Programs that drive ntfsclone
//! make their bars of these.

use std::time::Instant;

use super::progress::INTERVAL;
use crate::report::Reports;

/// Where percent are printed, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    pub reports: Reports,
    /// A bar on standard error besides: that is a terminal.
    pub has_bar: bool,
    pub part: Part,
}

/// Which part of 100 percent a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    All,
    FirstHalf,
    SecondHalf,
}

/// The percent of a phase under way.
#[derive(Debug)]
pub struct PercentLine {
    percent: Percent,
    shown: Option<Instant>,
}

impl PercentLine {
    pub fn new(percent: Percent) -> Self {
        Self {
            percent,
            shown: None,
        }
    }

    pub fn advance(&mut self, done: u64, total: u64) {
        let percent = match self.shown {
            // The first shows that the phase has begun, however short it is.
            None => 0.0,
            Some(shown) if shown.elapsed() < INTERVAL => return,
            // Only the end of the phase is its end.
            Some(_) => (done as f64 / total.max(1) as f64 * 100.0).min(99.99),
        };
        self.shown = Some(Instant::now());
        self.print(percent, '\r');
    }

    /// The phase is done.
    pub fn finish(self) {
        match self.percent.part {
            Part::FirstHalf => self.print(100.0, '\r'),
            Part::All | Part::SecondHalf => self.print(100.0, '\n'),
        }
    }

    /// Prints percent of the phase as those of all.
    fn print(&self, percent: f64, end: char) {
        let percent = match self.percent.part {
            Part::All => percent,
            Part::FirstHalf => percent / 2.0,
            Part::SecondHalf => 50.0 + percent / 2.0,
        };
        let text = format_args!("{percent:6.2} percent completed{end}");
        self.percent.reports.unfinished(text);
    }
}
