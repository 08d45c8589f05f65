//! What the program says. Reports go to standard output, or to standard error
//! where that is taken by data; warnings and errors to standard error. Nobody
//! listening is no reason to fail.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use ntfsclone_core::error::with_causes;

use crate::error::{Error, Result};
use crate::options::Output;

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
            Output::File { .. } => Self::ToStdout,
        }
    }

    pub fn line(self, text: impl Display) {
        let written = match self {
            Self::ToStdout => writeln!(io::stdout(), "{text}"),
            Self::ToStderr => writeln!(io::stderr(), "{text}"),
            Self::None => Ok(()),
        };
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
            unwritten.get_or_insert(error);
        }
    }
}

/// Why a line of a report could not be written; not that nobody reads it.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// For commands whose report is all that they make.
///
/// # Errors
///
/// A part of it could not be written, as to a full disk.
pub fn check_written() -> Result<()> {
    let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    match unwritten.take() {
        Some(error) => Err(Error::io("write to", "standard output".as_ref(), error)),
        None => Ok(()),
    }
}

/// A line that ends a run, on a line of its own after `^C` or a bar.
pub fn interrupted(text: impl Display) {
    let _ = writeln!(io::stderr(), "\nntfsclone: interrupted; {text}");
}

pub fn warning(text: impl Display) {
    let _ = writeln!(io::stderr(), "ntfsclone: warning: {text}");
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
    let mut text = format!("ntfsclone: {}", with_causes(error));
    if let Some(remedy) = error.remedy() {
        text.push_str(&format!("\n  {remedy}"));
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
