//! The error type of the program.

use std::io;
use std::path::{Path, PathBuf};

use ntfsclone_core as core;

/// Shorthand for results of this program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the program cannot go on. Displayed with its causes, once, by `main`,
/// and followed by [`Error::remedy`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{message}")]
    Usage { message: String },

    #[error("{option} is not part of this version yet")]
    NotYet { option: &'static str },

    /// An operation on a file failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },

    /// A volume or image could not be read.
    #[error("{}", path.display())]
    Read { path: PathBuf, source: core::Error },

    /// Nothing that is known stands where a volume should begin.
    #[error("{} is no NTFS volume", path.display())]
    NotNtfs { path: PathBuf, source: core::Error },

    /// Something is not as it must be, and was left alone.
    #[error("{}: {found}", path.display())]
    Refused {
        path: PathBuf,
        found: String,
        remedy: String,
    },

    /// The run failed after a target was written to.
    #[error("{what}")]
    HalfWritten { what: String, source: Box<Error> },

    #[error("the thread that {0} ended unexpectedly")]
    Thread(&'static str),
}

impl Error {
    pub fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            operation,
            path: path.to_owned(),
            source,
        }
    }

    pub fn read(path: &Path, source: core::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub fn refused(path: &Path, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Refused {
            path: path.to_owned(),
            found: found.into(),
            remedy: remedy.into(),
        }
    }

    /// See the exit status in `--help`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::NotYet { .. } => 2,
            _ => 1,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Usage { .. } => Some("try ntfsclone --help".to_owned()),
            Self::Refused { remedy, .. } => Some(remedy.clone()),
            Self::NotNtfs { .. } => Some("is it the right device?".to_owned()),
            Self::HalfWritten { source, .. } => source.remedy(),
            Self::Read { source, .. } => remedy_for_read(source),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some("make room, or write elsewhere".to_owned()),
                io::ErrorKind::PermissionDenied => Some("run it as root?".to_owned()),
                _ => None,
            },
            _ => None,
        }
    }
}

fn remedy_for_read(error: &core::Error) -> Option<String> {
    match error {
        core::Error::Io { source, .. } => source
            .downcast_ref::<io::Error>()
            .filter(|error| error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()))
            .map(|_| {
                "the device has unreadable places; copy it with a rescue tool first \
                 (GNU ddrescue), then use the copy"
                    .to_owned()
            }),
        _ => None,
    }
}
