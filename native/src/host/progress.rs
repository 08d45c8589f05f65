//! Progress on standard error: a bar for people, JSON lines for programs.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::options;

/// The least time between two lines, and between two pictures of a bar.
const INTERVAL: Duration = Duration::from_millis(200);

const BYTES_TEMPLATE: &str = "{msg:9} {wide_bar} {percent:>3}% {binary_bytes:>10} of \
                              {binary_total_bytes} {binary_bytes_per_sec:>12} {eta:>4} left";
const RECORDS_TEMPLATE: &str = "{msg:9} {wide_bar} {percent:>3}% {human_pos} of {human_len} \
                                records";

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Walking over the MFT; counts records.
    Scan,
    Save,
    Clone,
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
}

/// A phase under way.
#[derive(Debug)]
pub struct Progress {
    display: Display,
    phase: Phase,
    done: u64,
    total: u64,
    started: Instant,
    shown: Option<Instant>,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
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
    /// A second.
    rate: u64,
    /// Seconds left; null until it can be told.
    eta: Option<u64>,
}

impl Progress {
    pub fn start(how: options::Progress, phase: Phase, total: u64) -> Self {
        let display = match how {
            options::Progress::None => Display::None,
            options::Progress::Json => Display::Json,
            options::Progress::Bar => Display::Bar(bar(phase, total)),
        };
        Self {
            display,
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
        match &self.display {
            Display::None => {}
            Display::Bar(bar) => bar.set_position(done),
            Display::Json => {
                if self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL) {
                    self.print_line();
                }
            }
        }
    }

    /// The phase is over, and was a success.
    pub fn finish(mut self) -> Duration {
        let took = self.started.elapsed();
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
        if let Ok(text) = serde_json::to_string(&line) {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        self.shown = Some(Instant::now());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

fn bar(phase: Phase, total: u64) -> ProgressBar {
    let (text, template) = match phase {
        Phase::Scan => ("scanning", RECORDS_TEMPLATE),
        Phase::Save => ("saving", BYTES_TEMPLATE),
        Phase::Clone => ("cloning", BYTES_TEMPLATE),
        Phase::Rescue => ("rescuing", BYTES_TEMPLATE),
        Phase::Trim => ("trimming", BYTES_TEMPLATE),
        Phase::Scrape => ("scraping", BYTES_TEMPLATE),
        Phase::Retry => ("retrying", BYTES_TEMPLATE),
        Phase::Restore => ("restoring", BYTES_TEMPLATE),
        Phase::Check => ("checking", BYTES_TEMPLATE),
        Phase::Verify => ("verifying", BYTES_TEMPLATE),
        Phase::Compare => ("comparing", BYTES_TEMPLATE),
    };
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(text);
    bar
}
