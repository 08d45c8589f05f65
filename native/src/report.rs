//! What the program says. Reports go to standard output, or to standard error
//! where that is taken by data; warnings and errors to standard error. Nobody
//! listening is no reason to fail.
//!
//! Every message goes through [`Visible`] here: it may have names in it that
//! others chose.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use ntfsclone_core::error::with_causes;

use crate::device;
use crate::error::Error;
use crate::options::Output;
use crate::visible::{Visible, visible_json};

/// Where reports go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    ToStdout,
    ToStderr,
    None,
}

impl Reports {
    /// Where reports go beside this output: data on standard output leaves no
    /// room for them there.
    pub fn beside(output: &Output) -> Self {
        match output {
            Output::Stdout => Self::ToStderr,
            // A shell may have opened the same, for standard output.
            Output::File { path, .. } if is_stdout(path) => Self::ToStderr,
            Output::File { .. } => Self::ToStdout,
        }
    }

    pub fn line(self, text: impl Display) {
        self.write_line(Visible(text));
    }

    /// A line, or several, of JSON.
    pub fn json(self, text: &str) {
        self.write_line(visible_json(text));
    }

    pub fn empty_line(self) {
        self.write_line("");
    }

    fn write_line(self, text: impl Display) {
        let _ = match self {
            Self::ToStdout => writeln!(io::stdout(), "{text}"),
            Self::ToStderr => writeln!(io::stderr(), "{text}"),
            Self::None => Ok(()),
        };
    }
}

fn is_stdout(path: &Path) -> bool {
    let (Ok(output), Ok(stdout)) = (fs::metadata(path), device::metadata_of(io::stdout())) else {
        return false;
    };
    // Both may be /dev/null, or a terminal.
    !stdout.file_type().is_char_device()
        && (output.dev(), output.ino()) == (stdout.dev(), stdout.ino())
}

/// Goes before each item of a list within a message. What is listed must be
/// [`Visible`]: this alone remains a line's end.
pub const NEXT_ITEM: &str = "\n    ";

fn visible_lines(text: impl Display) -> String {
    let text = text.to_string();
    let lines: Vec<String> = text
        .split(NEXT_ITEM)
        .map(|line| Visible(line).to_string())
        .collect();
    lines.join(NEXT_ITEM)
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

/// What a run with `--verify` ends with.
pub const VERIFIED: &str = "Verified: read back from the disk, and what was meant to be written";

/// A size for people: `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// How much was done, and how fast.
pub fn done(what: &str, bytes: u64, took: Duration) -> String {
    done_with(what, bytes, "", took)
}

/// As [`done`], with a remark on the bytes.
pub fn done_with(what: &str, bytes: u64, remark: &str, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let rate = match seconds > 0.0 {
        true => bytes as f64 / seconds,
        false => 0.0,
    };
    format!(
        "{what} {}{remark} in {seconds:.2} s ({}/s)",
        size(bytes),
        size(rate as u64)
    )
}
