//! The error type of the program.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use indicatif::BinaryBytes;
use ntfsclone_core as core;
use ntfsclone_core::disk::Absence;
use ntfsclone_core::error::Structure;
use ntfsclone_core::open::PartitionTable;
use ntfsclone_core::stream::StreamError;
use ntfsclone_core::stream::seek::OtherContent;

use crate::device::{self, DeviceGone};
use crate::report::count;
use crate::visible::Visible;

/// Shorthand for results of this program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the program cannot go on. Displayed with its causes, once, by `main`,
/// and followed by [`Error::remedy`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{message}")]
    Usage { message: String },

    /// The same, of a command.
    #[error("{message}")]
    CommandUsage { command: String, message: String },

    /// An operation on a file failed.
    #[error("cannot {operation} {}", Visible(path.display()))]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },

    /// A volume or image could not be read.
    #[error("{}", Visible(path.display()))]
    Read { path: PathBuf, source: core::Error },

    /// A compressed image or volume could not be decompressed.
    #[error("{}", Visible(path.display()))]
    Compressed {
        path: PathBuf,
        source: Box<dyn StdError + Send + Sync>,
        remedy: String,
    },

    /// Nothing that is known stands where a volume should begin.
    #[error("{} is no NTFS volume", Visible(path.display()))]
    NotNtfs { path: PathBuf, source: core::Error },

    /// A file is not what the checksum beside it is of.
    #[error(
        "{}: its checksum is {found}, {} says {expected}",
        Visible(path.display()), Visible(sidecar.display())
    )]
    Checksum {
        path: PathBuf,
        sidecar: PathBuf,
        found: String,
        expected: String,
        /// The sidecar was written before the file.
        is_older: bool,
    },

    /// Something is not as it must be, and was left alone.
    #[error("{}: {found}", Visible(path.display()))]
    Refused {
        path: PathBuf,
        found: String,
        remedy: String,
    },

    /// The run failed after a target was written to.
    #[error("{what}")]
    HalfWritten { what: String, source: Box<Error> },

    /// A rescue ended before all was tried; a later run goes on.
    #[error("{saved}")]
    RescueStopped { saved: String, source: Box<Error> },

    /// All was done that could be, but for what could not be read.
    #[error(
        "{}: {} could not be read; they are marked with BadSectoR",
        Visible(path.display()), count(*bytes, "byte", "bytes")
    )]
    DataLost { path: PathBuf, bytes: u64 },

    /// All was done that could be, and it is not certain that nothing is wrong.
    #[error("{}: {found}", path.display())]
    MayBeDamaged { path: PathBuf, found: String },

    /// A copy lacks data that is in use.
    #[error("{}: {found}", Visible(path.display()))]
    Incomplete { path: PathBuf, found: String },

    /// A map was made in spite of what could not be read.
    #[error(
        "{}: {} of metadata could not be read; what they would tell is taken as used",
        Visible(path.display()), count(*bytes, "byte", "bytes")
    )]
    MapIncomplete { path: PathBuf, bytes: u64 },

    /// A check found what is told in its report.
    #[error("{}: not sound; {}", Visible(path.display()), count(*errors, "error", "errors"))]
    NotSound { path: PathBuf, errors: u64 },

    /// What is read of pieces ends too early.
    #[error("{found} pieces were found, the next would be {}", Visible(next.display()))]
    PieceMissing {
        source: Box<Error>,
        found: usize,
        /// The name that the next piece would have.
        next: PathBuf,
    },

    /// A whole disk, where a volume or image is to be read.
    #[error("{}: {found}", Visible(path.display()))]
    WholeDisk {
        path: PathBuf,
        found: String,
        remedy: String,
        table: PartitionTable,
        /// Whether it was looked for NTFS in the partitions.
        is_searched: bool,
    },

    #[error("out of memory: {} more are needed", BinaryBytes(*bytes))]
    Memory { bytes: u64 },

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

    fn io_cause(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Read {
                source: core::Error::Io { source, .. },
                ..
            } => source.downcast_ref(),
            _ => None,
        }
    }

    fn is_full_disk(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        let kind = self.io_cause().map(io::Error::kind);
        matches!(kind, Some(StorageFull | QuotaExceeded))
    }

    fn is_device_gone(&self) -> bool {
        self.io_cause().is_some_and(DeviceGone::is_cause_of)
    }

    /// Tells of `error` that it leaves the target `path` half written, unless it
    /// does so already.
    pub fn half_written(path: &Path, error: Self) -> Self {
        match error {
            Self::HalfWritten { .. } => error,
            _ => Self::HalfWritten {
                what: format!("{} is half written and not usable", path.display()),
                source: Box::new(error),
            },
        }
    }

    /// Whether what is read ends too early.
    pub fn is_truncation(&self) -> bool {
        match self {
            Self::Read { source, .. } => matches!(source, core::Error::Truncated { .. }),
            Self::Compressed { source, .. } => {
                let source = source.downcast_ref::<StreamError>();
                matches!(source, Some(StreamError::CutShort { .. }))
            }
            _ => false,
        }
    }

    /// See the exit status in `--help`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::CommandUsage { .. } => 2,
            Self::DataLost { .. }
            | Self::MayBeDamaged { .. }
            | Self::Incomplete { .. }
            | Self::MapIncomplete { .. } => 3,
            _ => 1,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Usage { .. } => Some("try ntfsclone --help".to_owned()),
            Self::CommandUsage { command, .. } => Some(format!("try ntfsclone {command} --help")),
            Self::Refused { remedy, .. }
            | Self::Compressed { remedy, .. }
            | Self::WholeDisk { remedy, .. } => Some(remedy.clone()),
            Self::Checksum {
                sidecar,
                is_older: true,
                ..
            } => Some(format!(
                "{} is older than the file: if it is of an earlier file of this name, remove it; \
                 else take another copy of the file",
                sidecar.display()
            )),
            Self::Checksum { sidecar, .. } => Some(format!(
                "some of its bytes are not those it was made of: take another copy of it; or, if \
                 it was changed on purpose since, remove {}",
                sidecar.display()
            )),
            Self::NotNtfs { .. } => Some("is it the right device?".to_owned()),
            Self::HalfWritten { source, .. } | Self::PieceMissing { source, .. } => source.remedy(),
            Self::RescueStopped { source, .. } => match &**source {
                error if error.is_full_disk() => {
                    Some("make room first; what is saved stays, and is not read again".to_owned())
                }
                error if error.is_device_gone() => Some("check its cable and power".to_owned()),
                error => error.remedy(),
            },
            error if error.is_device_gone() => Some(
                "check its cable and power; a raw copy with --rescue and --mapfile goes on where \
                 it ended"
                    .to_owned(),
            ),
            Self::Read { source, .. } => remedy_for_read(source),
            Self::Io {
                operation: "read",
                source,
                ..
            } if device::is_bad_sector(source) => Some(BAD_SECTORS.to_owned()),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some("make room, or write elsewhere".to_owned()),
                io::ErrorKind::OutOfMemory => Some(MORE_MEMORY.to_owned()),
                io::ErrorKind::PermissionDenied if device::is_root() => Some(
                    "not even root may: is it on a network, encrypted, or kept by a container?"
                        .to_owned(),
                ),
                io::ErrorKind::PermissionDenied => Some("run it as root?".to_owned()),
                _ => None,
            },
            Self::Memory { .. } => Some(MORE_MEMORY.to_owned()),
            _ => None,
        }
    }
}

const MORE_MEMORY: &str =
    "make memory free; or allow more to this program (ulimit -v, the limit of its container)";

const BAD_SECTORS: &str = "the device has bad sectors; go on in spite of them with --rescue";

/// What to do about a damaged image or stream.
pub const TAKE_ANOTHER: &str = "was it written or fetched completely? Take another copy of it, or restore what there is \
     with --restore-image --rescue";

/// What to do if an index is not of what it was found with.
const OTHER_CONTENT: &str = "ntfsclone verify finds out whether the file is sound; if it is, remove its index: FILE.index, or in \
     ~/.cache/ntfsclone";

fn remedy_for_read(error: &core::Error) -> Option<String> {
    let remedy = match error {
        core::Error::Io { source, .. } if source.downcast_ref::<OtherContent>().is_some() => {
            OTHER_CONTENT
        }
        core::Error::Io { source, .. } => {
            let error = source.downcast_ref::<io::Error>();
            if !error.is_some_and(device::is_bad_sector) {
                return None;
            }
            BAD_SECTORS
        }
        core::Error::Corrupt {
            structure:
                Structure::ImageHeader
                | Structure::ImageCommand
                | Structure::BlockBitmap
                | Structure::ImageBlock
                | Structure::CompressedFrame
                | Structure::DiskHeader
                | Structure::DiskTable
                | Structure::DiskBlock
                | Structure::DiskLog,
            ..
        }
        | core::Error::BlockBeyondEnd { .. }
        | core::Error::Compressed { .. }
        | core::Error::BlockChecksum { .. }
        | core::Error::Truncated { .. } => TAKE_ANOTHER,
        core::Error::DiskNotRead { .. } => {
            "make a raw file of it: qemu-img convert -O raw FILE raw.img"
        }
        core::Error::FileNeeded { absence, .. } => remedy_for_absence(*absence),
        core::Error::OtherParent { .. } => {
            "put the parent beside the disk as it was when the disk was made of it: what is a \
             difference to a disk cannot be read once that was written to"
        }
        core::Error::InNeighbour { source, .. } => return remedy_for_read(source),
        core::Error::OtherFileSystem { .. } => "restore it with partclone, or with Clonezilla",
        core::Error::Unsupported { .. } => "is there a newer version of this program?",
        _ => return None,
    };
    Some(remedy.to_owned())
}

fn remedy_for_absence(absence: Absence) -> &'static str {
    match absence {
        Absence::Missing => "put it in the folder of the disk, under this name",
        Absence::Outside => {
            "if it is yours, put it in the folder of the disk, under this name (a hard link will \
             do): no file elsewhere is opened because an image names it"
        }
        Absence::NotRegular => "put a file in its place",
        Absence::NotGiven | Absence::NotAmongGiven => {
            "name the file of the disk, in the folder with the others"
        }
    }
}
