//! What stands under the name of an output, and whether it may be written to.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use super::atomic_file::directory_of;
use super::checksum;
use super::device_folder::refuse_file_in;
use super::overwritten::judge_overwritten;
use crate::device::{self, FileKind};
use crate::error::{Error, Result};
use crate::options::{Existing, Output, Thin, WriteOptions};

/// What stands under the name of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Stdout,
    NewFile,
    /// A file that a new one replaces, or that a later run of a rescue fills.
    ExistingFile,
    /// A file that is written over.
    InPlace(InPlace),
    BlockDevice,
    /// A pipe or a character device.
    Stream,
}

/// Why a file is written over, instead of being replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InPlace {
    /// It was asked for.
    Requested,
    /// Something is mounted on the file, which keeps its name.
    MountPoint,
    /// A new file under its name would not be what others go on with.
    OpenElsewhere,
    /// The directory lets nobody else take the name from it.
    Protected,
}

impl InPlace {
    /// What is said of it, unless it was asked for.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Requested => None,
            Self::MountPoint => Some("is a mount point"),
            Self::OpenElsewhere => Some("is in use, by a loop device or another program"),
            Self::Protected => Some("belongs to somebody else, in a directory like /tmp"),
        }
    }
}

impl Place {
    /// Looks at the output, without changing anything.
    ///
    /// # Errors
    ///
    /// It must not be written to.
    pub fn of(output: &Output, sources: &[fs::Metadata]) -> Result<Self> {
        let Output::File { path, existing } = output else {
            return stdout(sources);
        };
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_file_in(path)?;
                return Ok(Self::NewFile);
            }
            Err(error) => return Err(Error::io("look at", path, error)),
            Ok(_) if *existing == Existing::Refuse => {
                return Err(Error::refused(
                    path,
                    "exists already",
                    "--output never overwrites; give another name, or use --overwrite",
                ));
            }
            Ok(_) => fs::metadata(path).map_err(|error| Error::io("follow", path, error))?,
        };
        Self::of_existing(path, &metadata, *existing, sources)
    }

    /// Looks at the output of a volume, before the time that reading takes.
    ///
    /// # Errors
    ///
    /// What is asked for cannot be done there; a whole disk would be written over,
    /// without `force`. What an earlier run `has_begun` was checked by that.
    pub fn of_volume(
        writing: &WriteOptions,
        sources: &[fs::Metadata],
        force: bool,
        has_begun: bool,
    ) -> Result<Self> {
        let output = &writing.output;
        let place = Self::of(output, sources)?;
        place.check(writing.thin)?;
        if !has_begun {
            judge_overwritten(output, place, force, writing.reports())?;
        }
        checksum::check(writing.checksum, output, place, sources)?;
        Ok(place)
    }

    /// Looks at what is there under the name of an output, by its `metadata`.
    pub fn of_existing(
        path: &Path,
        metadata: &fs::Metadata,
        existing: Existing,
        sources: &[fs::Metadata],
    ) -> Result<Self> {
        refuse_source(path, metadata, sources)?;
        let kind = device::file_kind(metadata);
        if kind == FileKind::Directory {
            let remedy = "name a file in it";
            return Err(Error::refused(path, "is a directory", remedy));
        }
        if device::is_terminal(metadata) {
            return Err(Error::refused(
                path,
                "is a terminal, which can do nothing with the data",
                "name a file, a device or a pipe",
            ));
        }
        if !kind.is_file_or_disk() {
            return Ok(Self::Stream);
        }
        refuse_mounted(path, metadata, existing)?;
        if kind == FileKind::BlockDevice {
            return match existing {
                Existing::Continue => Err(Error::refused(
                    path,
                    "is a device, which loses what is on it",
                    "if that is meant, write to it with --overwrite",
                )),
                _ => Ok(Self::BlockDevice),
            };
        }
        refuse_file_in(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))?;
        // Also a file that is replaced: its directory alone must not decide that.
        device::open_to_write(path).map_err(|error| not_writable(path, error))?;
        Ok(match existing {
            Existing::Overwrite => Self::InPlace(InPlace::Requested),
            Existing::Replace => match why_in_place(path, metadata) {
                Some(why) => Self::InPlace(why),
                None => Self::ExistingFile,
            },
            Existing::Refuse | Existing::Continue => Self::ExistingFile,
        })
    }

    /// True for what can have holes.
    pub fn is_file(self) -> bool {
        matches!(self, Self::NewFile | Self::ExistingFile | Self::InPlace(_))
    }

    /// True if bytes can only be written one after the other.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Stdout | Self::Stream)
    }

    /// Refuses what has no meaning here of the ways to keep a copy thin.
    fn check(self, thin: Thin) -> Result<()> {
        let message = match (thin, self) {
            (Thin::Holes, Self::BlockDevice) => {
                "--sparse goes with a file; a block device has no holes, and gets every cluster \
                 in use"
            }
            (Thin::Holes | Thin::Discard, Self::Stdout | Self::Stream) => {
                "a stream takes every byte; --sparse and --discard have no meaning there"
            }
            (Thin::Discard, Self::NewFile | Self::ExistingFile | Self::InPlace(_)) => {
                "--discard goes with a block device; in a file what is free is a hole anyway"
            }
            _ => return Ok(()),
        };
        Err(Error::Usage {
            message: message.to_owned(),
        })
    }
}

fn not_writable(path: &Path, error: io::Error) -> Error {
    if !device::is_immutable(&error) {
        return Error::io("open", path, error);
    }
    Error::refused(
        path,
        format!("cannot be opened to write: {error}"),
        "is it immutable, or for appending only? lsattr shows that, and chattr -i -a ends it",
    )
}

/// Why an existing file cannot give its name to a new one, if so.
fn why_in_place(path: &Path, metadata: &fs::Metadata) -> Option<InPlace> {
    // What a link names is replaced, not the link.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if device::is_mount_point(&real) {
        return Some(InPlace::MountPoint);
    }
    if device::is_open_for_writing(&real) || device::is_behind_loop_device(metadata) {
        return Some(InPlace::OpenElsewhere);
    }
    device::is_protected_by_directory(directory_of(&real), metadata).then_some(InPlace::Protected)
}

fn refuse_source(path: &Path, target: &fs::Metadata, sources: &[fs::Metadata]) -> Result<()> {
    match sources.iter().any(|source| device::overlap(source, target)) {
        false => Ok(()),
        true => Err(Error::refused(
            path,
            "is what is being read, or lies on it",
            "write somewhere else",
        )),
    }
}

fn refuse_mounted(path: &Path, metadata: &fs::Metadata, existing: Existing) -> Result<()> {
    let mounts = match device::mounts(metadata) {
        Ok(mounts) => mounts,
        // The kernel refuses to open a device that is mounted, when that is done.
        Err(_) if device::file_kind(metadata) == FileKind::BlockDevice => return Ok(()),
        // What is mounted keeps the file that it has.
        Err(_) if existing == Existing::Replace => return Ok(()),
        Err(error) => {
            return Err(Error::refused(
                path,
                format!("cannot tell whether it is mounted: {error}"),
                format!("{}, or give another name", device::MOUNTS_REMEDY),
            ));
        }
    };
    let Some(mount) = mounts.first() else {
        return Ok(());
    };
    let point = mount.point.display();
    let found = format!("is mounted on {point}");
    Err(Error::refused(path, found, format!("umount {point} first")))
}

/// A shell may have made of standard output any file or device.
fn stdout(sources: &[fs::Metadata]) -> Result<Place> {
    let name = Path::new("standard output");
    let refused = |found| {
        let remedy = "redirect it to a file or a program: ntfsclone ... | zstd > FILE";
        Err(Error::refused(name, found, remedy))
    };
    let metadata = device::stdout().and_then(|stdout| stdout.metadata());
    let metadata = metadata.map_err(|error| Error::io("look at", name, error))?;
    if device::file_kind(&metadata).is_file_or_disk() {
        refuse_source(name, &metadata, sources)?;
        refuse_mounted(name, &metadata, Existing::Overwrite)?;
    }
    if device::is_stdout_closed() {
        return refused("is closed");
    }
    if io::stdout().is_terminal() {
        return refused("is a terminal, which can do nothing with the data");
    }
    Ok(Place::Stdout)
}
