//! What the program says. Reports go to standard output, or to standard error
//! where that is taken by data; warnings and errors to standard error. Nobody
//! listening is no reason to fail.
//!
//! Every message goes through [`Visible`] here: it may have names in it that
//! others chose.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ntfsclone_core::check::{Finding, Place, Severity};
pub use ntfsclone_core::error::with_causes;

use crate::device;
use crate::error::{Error, Result};
use crate::options::Output;
use crate::visible::{Visible, visible_json};

/// Where reports go, and whether the lines of the original are among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports {
    stream: Stream,
    as_original: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
    None,
}

impl Reports {
    pub const TO_STDOUT: Self = Self::to(Stream::Stdout);
    pub const TO_STDERR: Self = Self::to(Stream::Stderr);
    pub const NONE: Self = Self::to(Stream::None);

    const fn to(stream: Stream) -> Self {
        Self {
            stream,
            as_original: false,
        }
    }

    /// Where reports go beside this output: data on standard output leaves no
    /// room for them there.
    pub fn beside(output: &Output) -> Self {
        match output {
            Output::Stdout => Self::TO_STDERR,
            // A shell may have opened the same, for standard output.
            Output::File { path, .. } if device::is_stdout(path) => Self::TO_STDERR,
            Output::File { .. } => Self::TO_STDOUT,
        }
    }

    /// The same, of something that the original does as well.
    pub fn as_original(self) -> Self {
        Self {
            as_original: true,
            ..self
        }
    }

    pub fn line(self, text: impl Display) {
        let text = Visible(text).to_string();
        match self.is_terminal() {
            true => self.write_line(text),
            false => self.write_line(without_last_word(&text)),
        }
    }

    /// A line of the original's report, for a program that reads it; a terminal gets
    /// ours alone.
    pub fn original(self, text: impl Display) {
        if self.has_original() {
            self.write_line(text);
        }
    }

    /// Whether the lines of the original are printed.
    pub fn has_original(self) -> bool {
        self.as_original && !self.is_terminal()
    }

    /// Text without the end of a line, which is there at once.
    pub fn unfinished(self, text: impl Display) {
        self.write(text);
    }

    /// True if people read them, as they come.
    pub fn is_terminal(self) -> bool {
        match self.stream {
            Stream::Stdout => io::stdout().is_terminal(),
            Stream::Stderr => io::stderr().is_terminal(),
            Stream::None => false,
        }
    }

    /// A line, or several, of JSON.
    pub fn json(self, text: &str) {
        self.write_line(visible_json(text));
    }

    pub fn empty_line(self) {
        self.write_line("");
    }

    fn write_line(self, text: impl Display) {
        self.write(format_args!("{text}\n"));
    }

    /// Writes in one call, so that nothing comes between.
    fn write(self, text: impl Display) {
        let text = text.to_string();
        match self.stream {
            Stream::Stdout => {
                let mut stdout = io::stdout();
                let written = stdout.write_all(text.as_bytes());
                let written = written.and_then(|()| stdout.flush());
                if let Err(error) = written {
                    let mut failed = STDOUT_FAILED.lock().unwrap_or_else(PoisonError::into_inner);
                    failed.get_or_insert(error);
                }
            }
            Stream::Stderr => {
                let _ = io::stderr().write_all(text.as_bytes());
            }
            Stream::None => {}
        }
    }
}

/// Why a line could not be written to standard output.
static STDOUT_FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// To be asked after a report that is all that a run is for.
///
/// # Errors
///
/// Some of it could not be written to standard output; a reader that is gone has
/// all it wants.
pub fn check_written() -> Result<()> {
    let mut failed = STDOUT_FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    let written = failed.take().map_or(Ok(()), Err);
    written_to_stdout(written.and_then(|()| io::stdout().flush()))
}

/// The result of a write to standard output, for the user.
///
/// # Errors
///
/// As [`check_written`].
pub fn written_to_stdout(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("write to", "standard output".as_ref(), error))
        }
        _ => Ok(()),
    }
}

/// Goes before each item of a list within a message. What is listed must be
/// [`Visible`]: this alone remains a line's end.
pub const NEXT_ITEM: &str = "\n    ";

fn visible_lines(text: impl Display) -> String {
    let text = without_numbers_of_errors(text.to_string());
    let lines: Vec<String> = text
        .split(NEXT_ITEM)
        .map(|line| Visible(line).to_string())
        .collect();
    let text = lines.join(NEXT_ITEM);
    match io::stderr().is_terminal() {
        true => text,
        false => without_last_word(&text),
    }
}

/// Programs take the word of the original's last line for the end, wherever it
/// stands: in a label or path, its second letter is written as its code point.
fn without_last_word(text: &str) -> String {
    text.replace("Syncing", "S\\u{79}ncing")
}

/// Takes ` (os error 2)` from what the system says: its words are enough.
fn without_numbers_of_errors(mut text: String) -> String {
    const BEGIN: &str = " (os error ";
    while let Some(start) = text.find(BEGIN) {
        let rest = &text[start + BEGIN.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || !rest[digits..].starts_with(')') {
            break;
        }
        text.replace_range(start..start + BEGIN.len() + digits + 1, "");
    }
    text
}

/// A line that ends a run, on a line of its own after `^C` or a bar.
pub fn interrupted(text: impl Display) {
    let _ = writeln!(
        io::stderr(),
        "\nntfsclone: interrupted; {}",
        visible_lines(text)
    );
}

pub fn warning(text: impl Display) {
    let _ = writeln!(io::stderr(), "ntfsclone: warning: {}", visible_lines(&text));
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.len() < MAX_WARNINGS {
        warned.push(text.to_string());
    }
}

/// What was warned of up to now, the first of it.
pub fn warnings() -> Vec<String> {
    WARNED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// For a compressed image, which tells of it.
static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// There are as many as a damaged volume has damages.
const MAX_WARNINGS: usize = 1000;

/// Prints the error with its causes and remedy.
pub fn error(error: &Error) {
    let mut text = format!("ntfsclone: {}", visible_lines(with_causes(error)));
    if let Some(remedy) = error.remedy() {
        text.push_str(&format!("\n  {}", visible_lines(remedy)));
    }
    let _ = writeln!(io::stderr(), "{text}");
}

/// The most paths in one message.
const PATHS: usize = 5;

/// The most characters of a path in a message; paths on a volume may have 32767.
const PATH_CHARACTERS: usize = 250;

/// The paths of files in brackets, after a space, no more than a message should
/// have; nothing if there are none.
pub fn in_brackets(paths: &[String]) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let mut listed: Vec<String> = paths.iter().take(PATHS).map(|one| path(one)).collect();
    if let more @ 1.. = paths.len().saturating_sub(PATHS) {
        listed.push(format!("and {more} more"));
    }
    format!(" ({})", listed.join(", "))
}

/// A path on a volume: on one line, and without its middle if it is long.
pub fn path(path: &str) -> String {
    let characters = path.chars().count();
    if characters <= PATH_CHARACTERS {
        return path.escape_debug().to_string();
    }
    let half = PATH_CHARACTERS / 2;
    let start: String = path.chars().take(half).collect();
    let end: String = path.chars().skip(characters - half).collect();
    format!("{}[...]{}", start.escape_debug(), end.escape_debug())
}

/// What a run with `--verify` ends with.
pub const VERIFIED: &str = "Verified: read back from the disk, and what was meant to be written";

/// A number of things: `1 file`, `2 files`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

/// A finding of a check: severity, place, message and files.
pub fn finding(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let place = match (finding.place.map(position), finding.also_at.map(position)) {
        (Some(place), Some(also)) => format!("{place} ({also}): "),
        (Some(place), None) => format!("{place}: "),
        (None, _) => String::new(),
    };
    let files = in_brackets(&finding.files);
    format!("{severity}: {place}{}{files}", finding.message)
}

fn position(place: Place) -> String {
    let (offset, whole) = match place {
        Place::Image { offset } => (offset, "image"),
        Place::Disk { offset } => (offset, "disk"),
        Place::Volume { offset, .. } => (offset, "volume"),
    };
    format!("byte {offset:#x} of the {whole}")
}

/// A size for people: `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// How much was done, and how fast.
pub fn done(what: &str, bytes: u64, took: Duration) -> String {
    done_with(what, bytes, "", took)
}

/// As [`done`], with a remark on the bytes. Without one, no number with a decimal
/// point stands between blanks: programs that drive ntfsclone take it for percent.
pub fn done_with(what: &str, bytes: u64, remark: &str, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let rate = if seconds > 0.0 {
        bytes as f64 / seconds
    } else {
        0.0
    };
    format!(
        "{what} {} ({}){remark} in {seconds:.2}s ({}/s)",
        count(bytes, "byte", "bytes"),
        size(bytes),
        size(rate as u64)
    )
}
