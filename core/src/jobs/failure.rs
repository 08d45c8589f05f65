//! Why a job cannot be done.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use crate::error::Error;
use crate::open::NotOpened;
use crate::stream::StreamError;
use crate::stream::seek::OtherContent;

crate::error::debug_as_display!(Failure);

/// Why a job cannot be done.
#[derive(thiserror::Error)]
pub enum Failure {
    /// Something could not be read, or is damaged.
    #[error(transparent)]
    Error(Error),

    /// What was found is sound, or could be, and is not what is needed.
    #[error("it {found}; {remedy}")]
    Refused {
        /// Which kind of thing it is.
        kind: Refusal,
        /// `is ...`
        found: String,
        /// What to do about it.
        remedy: String,
    },

    /// It cannot be decompressed.
    #[error("{}; {}", .0, remedy_for_stream(*.0))]
    Decompress(#[from] StreamError),

    /// What is read by an index differs from what it was when that was made.
    #[error(
        "{0}; the compressed file changed or is damaged, or the index is not its own: open it without that index"
    )]
    OtherContent(OtherContent),

    /// There is no way to an image or volume in it.
    #[error("it {0}; {remedy}", remedy = .0.remedy())]
    NotOpened(#[from] NotOpened),

    /// It is in a partition of a disk that is converted as a whole.
    #[error("partition {number}: {source}")]
    InPartition {
        /// The number of the partition.
        number: u32,
        /// Why; positions are those of the partition.
        source: Box<Failure>,
    },
}

/// Why something is not done that could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is neither an image nor a volume of NTFS.
    NotNtfs,
    /// It has no partition table.
    NotDisk,
    /// A copy of it would not be whole.
    Inconsistent,
    /// That cannot be made.
    Target,
    /// There is no such file.
    NoFile,
    /// The file has no such stream.
    NoStream,
    /// It is a directory, which has no content.
    Directory,
    /// It is not a directory, which has no entries.
    NotDirectory,
    /// It is a link to something else, and has no content of its own.
    Link,
    /// The content is encrypted.
    Encrypted,
    /// The content is to be read as an encrypted file, and is not encrypted.
    NotEncrypted,
    /// The content is kept where only a driver finds it.
    Elsewhere,
    /// The image does not hold the content.
    NotStored,
}

impl From<Error> for Failure {
    /// Damage that was met while something else was read is what is wrong, whatever was read.
    fn from(error: Error) -> Self {
        let Error::Io {
            structure,
            offset,
            len,
            source,
        } = error
        else {
            return Self::Error(error);
        };
        let is_damage = |inner: &Error| !matches!(inner, Error::Io { .. });
        let source = match source.downcast_ref().is_some_and(is_damage) {
            true => match source.downcast() {
                Ok(inner) => return Self::Error(inner),
                Err(source) => source,
            },
            false => source,
        };
        Self::Error(Error::Io {
            structure,
            offset,
            len,
            source,
        })
    }
}

impl Failure {
    pub(super) fn refused(kind: Refusal, found: impl ToString, remedy: impl ToString) -> Self {
        Self::Refused {
            kind,
            found: found.to_string(),
            remedy: remedy.to_string(),
        }
    }

    /// What was found where an image or volume should be is unknown.
    pub(super) fn unknown() -> Self {
        Self::refused(
            Refusal::NotNtfs,
            "is neither an image of ntfsclone nor an NTFS volume",
            "if it was one, its start is lost: look for another copy",
        )
    }

    /// The same failure, of the volume in the partition with that number.
    pub(super) fn in_partition(self, number: u32) -> Self {
        Self::InPartition {
            number,
            source: Box::new(self),
        }
    }

    /// A short name of the kind, that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Error(Error::Io { .. }) => "read",
            Self::Error(
                Error::Corrupt { .. }
                | Error::Lost { .. }
                | Error::BlockChecksum { .. }
                | Error::BlockBeyondEnd { .. }
                | Error::Truncated { .. },
            ) => "corrupt",
            Self::Error(error) if error.needed_file().is_some() => "needs-file",
            Self::Error(
                Error::Unsupported { .. }
                | Error::DiskNotRead { .. }
                | Error::FileNeeded { .. }
                | Error::OtherParent { .. }
                | Error::InNeighbour { .. },
            ) => "unsupported",
            Self::Error(
                Error::Limit { .. }
                | Error::VolumeCutShort { .. }
                | Error::DiskTooLarge { .. }
                | Error::HoldsOneVolume { .. },
            ) => "limit",
            Self::Error(Error::Compressed { .. }) => "compressed-data",
            Self::Error(Error::Memory { .. }) => "memory",
            Self::Decompress(StreamError::NoDecoder { .. }) => "not-seekable",
            Self::Decompress(StreamError::Limit { .. }) => "limit",
            Self::Decompress(StreamError::NoMemory { .. }) => "memory",
            Self::Decompress(_) | Self::OtherContent(_) => "compressed-data",
            Self::NotOpened(error) => match error {
                NotOpened::Format(_) => "not-ntfs",
                NotOpened::Disk(_) => "disk",
                NotOpened::NoTable | NotOpened::NoPartition(..) => "no-partition",
                NotOpened::Compressions(_) | NotOpened::Containers | NotOpened::DiskInStream(_) => {
                    "not-seekable"
                }
            },
            Self::Error(Error::OtherFileSystem { .. } | Error::OtherFormat { .. }) => "not-ntfs",
            Self::Refused { kind, .. } => match kind {
                Refusal::NotNtfs => "not-ntfs",
                Refusal::Inconsistent => "inconsistent",
                Refusal::Target => "target",
                Refusal::NoFile => "no-file",
                Refusal::NoStream => "no-stream",
                Refusal::Directory => "directory",
                Refusal::NotDirectory => "not-directory",
                Refusal::Link => "link",
                Refusal::Encrypted => "encrypted",
                Refusal::NotEncrypted => "not-encrypted",
                Refusal::Elsewhere => "elsewhere",
                Refusal::NotStored => "not-stored",
                Refusal::NotDisk => "no-partition",
            },
            Self::InPartition { source, .. } => source.code(),
            Self::Error(Error::NotStored { .. } | Error::Wiped { .. }) => "not-stored",
        }
    }

    /// Where it is, in bytes, if that is known.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Error(error) => error.offset(),
            Self::Decompress(error) => Some(error.position()),
            _ => None,
        }
    }
}

fn remedy_for_stream(error: StreamError) -> String {
    match error {
        StreamError::CutShort { .. } => "was it copied completely?".to_owned(),
        StreamError::Damaged { .. } => "look for another copy".to_owned(),
        StreamError::TrailingBytes { .. } => "was something else written into the file?".to_owned(),
        StreamError::Limit { compression, .. }
        | StreamError::NoMemory { compression, .. }
        | StreamError::NoDecoder { compression } => {
            format!("decompress it first: {}", compression.command())
        }
    }
}
