//! Progress: a bar for people or JSON lines for programs on standard error, and
//! percent beside the report as the original prints them.

use std::io::Write;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::bar::{Bar, RescueFigures};
use super::percent::PercentLine;
use crate::options;

/// The least time between two lines, and between two pictures of a bar.
pub const INTERVAL: Duration = Duration::from_millis(200);

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Walking over the MFT; counts records.
    Scan,
    Save,
    Clone,
    Convert,
    /// Writing files out of an image or volume.
    Extract,
    /// The passes of a rescue.
    Rescue,
    Trim,
    Scrape,
    Retry,
    Restore,
    Check,
    /// Reading back what was written.
    Verify,
    /// Reading two volumes.
    Compare,
    /// Making the index of a compressed file.
    Index,
}

/// A phase under way.
#[derive(Debug)]
pub struct Progress {
    display: Display,
    percent: Option<PercentLine>,
    phase: Phase,
    done: u64,
    total: u64,
    started: Instant,
    shown: Option<Instant>,
}

#[derive(Debug)]
enum Display {
    Bar(Bar),
    Json,
    None,
}

/// One line of `--progress=json`.
#[derive(Serialize)]
struct Line {
    phase: Phase,
    /// Bytes, or records in the scan.
    done: u64,
    total: u64,
    /// Bytes or records per second.
    rate: u64,
    /// Seconds left; null until it can be told.
    eta: Option<u64>,
}

impl Progress {
    pub fn start(how: options::Progress, phase: Phase, total: u64) -> Self {
        Self::start_pass(how, phase, total, RescueFigures::new())
    }

    /// Like [`Progress::start`], for a pass of a rescue in which so much happened
    /// before.
    pub fn start_pass(
        how: options::Progress,
        phase: Phase,
        total: u64,
        figures: RescueFigures,
    ) -> Self {
        let display = match how {
            options::Progress::Json => Display::Json,
            _ if how.has_bar() => Display::Bar(Bar::start(phase, total, figures)),
            _ => Display::None,
        };
        let percent = match how {
            options::Progress::Percent(percent) => Some(PercentLine::new(percent)),
            _ => None,
        };
        Self {
            display,
            percent,
            phase,
            done: 0,
            total,
            started: Instant::now(),
            shown: None,
        }
    }

    pub fn done(&self) -> u64 {
        self.done
    }

    pub fn advance_to(&mut self, done: u64) {
        self.done = done;
        if let Some(percent) = &mut self.percent {
            percent.advance(done, self.total);
        }
        match &mut self.display {
            Display::None => {}
            Display::Bar(bar) => bar.advance_to(done),
            Display::Json => {
                if self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL) {
                    self.print_line();
                }
            }
        }
    }

    /// Shows these figures with the bar of a rescue.
    pub fn show_rescue(&mut self, figures: RescueFigures) {
        if let Display::Bar(bar) = &mut self.display {
            bar.show_rescue(figures);
        }
    }

    /// All is read and written, and need only be made permanent.
    pub fn end_percent(&mut self) {
        if let Some(percent) = self.percent.take() {
            percent.finish();
        }
    }

    /// Makes room for the bar of another phase.
    pub fn clear(&mut self) {
        if let Display::Bar(_) = self.display {
            self.display = Display::None;
        }
    }

    /// The phase is over, and was a success.
    pub fn finish(mut self) -> Duration {
        let took = self.started.elapsed();
        self.end_percent();
        if let Display::Json = self.display {
            self.total = self.done;
            self.print_line();
        }
        took
    }

    fn print_line(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 {
            self.done as f64 / seconds
        } else {
            0.0
        };
        let left = self.total.saturating_sub(self.done) as f64;
        let line = Line {
            phase: self.phase,
            done: self.done,
            total: self.total,
            rate: rate as u64,
            eta: (rate > 0.0).then(|| (left / rate).ceil() as u64),
        };
        print_json(&line);
        self.shown = Some(Instant::now());
    }
}

/// A line of `--progress=json` with something else than progress.
pub fn document(how: options::Progress, document: &impl Serialize) {
    if how == options::Progress::Json {
        print_json(document);
    }
}

fn print_json(line: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(line) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}
