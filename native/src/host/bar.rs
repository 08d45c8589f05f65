//! The bar on standard error, as wide as the terminal has room for.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::progress::{INTERVAL, Phase};
use crate::device;
use crate::report;

/// Columns where standard error is no terminal, or one of unknown width.
const USUAL_WIDTH: u16 = 80;

/// Pictures of a bar per second.
const PICTURES: u8 = 5;

/// A template, and the least columns that all it shows has room in.
type Layout = (u16, &'static str);

const SMALLEST: Layout = (0, "{percent:>3}%");

const BYTES: [Layout; 3] = [
    (
        72,
        "{msg:9} {wide_bar} {percent:>3}% {binary_bytes:>10} of {binary_total_bytes} \
         {binary_bytes_per_sec:>12} {eta:>4} left",
    ),
    (44, "{msg:9} {percent:>3}% {binary_bytes:>10} {eta:>4} left"),
    SMALLEST,
];

const RECORDS: [Layout; 3] = [
    (
        64,
        "{msg:9} {wide_bar} {percent:>3}% {human_pos} of {human_len} records",
    ),
    (16, "{msg:9} {percent:>3}%"),
    SMALLEST,
];

const RESCUE: [Layout; 4] = [
    (
        112,
        "{msg:9} {wide_bar} {percent:>3}% {binary_bytes:>10} of {binary_total_bytes}; {rescue}",
    ),
    (76, "{msg:9} {percent:>3}% {rescue}"),
    (16, "{msg:9} {percent:>3}%"),
    SMALLEST,
];

/// A bar under way. It is cleared when it is dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    phase: Phase,
    /// The columns that it was laid out for, and when that was.
    width: u16,
    looked: Instant,
    figures: Arc<Mutex<RescueFigures>>,
}

/// What is shown of a rescue beside its bar.
#[derive(Debug, Clone, Copy)]
pub struct RescueFigures {
    /// Areas of which nothing could be read yet.
    pub bad_areas: usize,
    /// Reads that failed.
    pub errors: u64,
    /// When something was read last.
    pub last_good: Instant,
}

impl Bar {
    pub fn start(phase: Phase, total: u64, figures: RescueFigures) -> Self {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(PICTURES),
            false => ProgressDrawTarget::term_like_with_hz(Box::new(NoTerminal), PICTURES),
        };
        let mut bar = Self {
            bar: ProgressBar::with_draw_target(Some(total), target),
            phase,
            width: 0,
            looked: Instant::now(),
            figures: Arc::new(Mutex::new(figures)),
        };
        bar.lay_out();
        bar.bar.set_message(name(phase));
        if is_rescue(phase) {
            // A read may take a minute, and the time since the last goes on.
            bar.bar.enable_steady_tick(Duration::from_secs(1));
        }
        bar
    }

    pub fn advance_to(&mut self, done: u64) {
        if self.looked.elapsed() >= INTERVAL {
            self.looked = Instant::now();
            self.lay_out();
        }
        self.bar.set_position(done);
    }

    pub fn show_rescue(&mut self, figures: RescueFigures) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }

    /// Takes the layout for the terminal as wide as it is now.
    fn lay_out(&mut self) {
        let width = device::terminal_width().unwrap_or(USUAL_WIDTH);
        if width == self.width {
            return;
        }
        self.width = width;
        let Ok(style) = ProgressStyle::with_template(template(self.phase, width)) else {
            return;
        };
        let figures = Arc::clone(&self.figures);
        let rescue = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let figures = *figures.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = write!(out, "{figures}");
        };
        self.bar
            .set_style(style.progress_chars("=> ").with_key("rescue", rescue));
    }
}

impl RescueFigures {
    /// Nothing was read yet, nor failed.
    pub fn new() -> Self {
        Self {
            bad_areas: 0,
            errors: 0,
            last_good: Instant::now(),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Display for RescueFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}, last good read {} s ago",
            report::count(self.bad_areas as u64, "bad area", "bad areas"),
            report::count(self.errors, "error", "errors"),
            self.last_good.elapsed().as_secs()
        )
    }
}

fn is_rescue(phase: Phase) -> bool {
    use Phase::{Rescue, Retry, Scrape, Trim};
    matches!(phase, Rescue | Trim | Scrape | Retry)
}

/// The first layout of the phase that has room in so many columns.
fn template(phase: Phase, width: u16) -> &'static str {
    let layouts = match phase {
        Phase::Scan => RECORDS.as_slice(),
        _ if is_rescue(phase) => &RESCUE,
        _ => &BYTES,
    };
    let fitting = layouts.iter().find(|(least, _)| *least <= width);
    fitting.map_or(SMALLEST.1, |(_, template)| template)
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Scan => "scanning",
        Phase::Save => "saving",
        Phase::Clone => "cloning",
        Phase::Convert => "converting",
        Phase::Extract => "unpacking",
        Phase::Rescue => "rescuing",
        Phase::Trim => "trimming",
        Phase::Scrape => "scraping",
        Phase::Retry => "retrying",
        Phase::Restore => "restoring",
        Phase::Check => "checking",
        Phase::Verify => "verifying",
        Phase::Compare => "comparing",
        Phase::Index => "indexing",
    }
}

/// Standard error where it is no terminal and a bar is asked for all the same: a
/// line that begins again and again.
#[derive(Debug)]
struct NoTerminal;

impl TermLike for NoTerminal {
    fn width(&self) -> u16 {
        USUAL_WIDTH
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        writeln!(io::stderr(), "{line}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        io::stderr().write_all(b"\r\x1B[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_has_room_in_its_columns() {
        // What stands for the longest values; a bar needs one column.
        let longest = [
            ("{msg:9}", "verifying"),
            ("{wide_bar}", "="),
            ("{percent:>3}", "100"),
            ("{binary_bytes:>10}", "1023.99 MiB"),
            ("{binary_total_bytes}", "1023.99 TiB"),
            ("{binary_bytes_per_sec:>12}", "1023.99 MiB/s"),
            ("{eta:>4}", "999d"),
            ("{human_pos}", "4,294,967,295"),
            ("{human_len}", "4,294,967,295"),
            (
                "{rescue}",
                "9999 bad areas, 99999 errors, last good read 999 s ago",
            ),
        ];
        for layouts in [BYTES.as_slice(), &RECORDS, &RESCUE] {
            for (least, template) in layouts {
                let mut text = (*template).to_owned();
                for (key, value) in longest {
                    text = text.replace(key, value);
                }
                assert!(!text.contains('{'), "{text}");
                let width = text.chars().count();
                assert!(
                    *least == 0 || width <= usize::from(*least),
                    "{width}: {text}"
                );
            }
        }
    }
}
