//! An output that is open, and nothing is written to yet.
//!
//! It is opened before a volume is scanned or an image checked, which may take
//! hours: so that what can be wrong with it is known before.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Kind, Needs, Target};
use crate::device::{self, Mode};
use crate::error::{Error, Result};
use crate::host::signals::{self, Unfinished};
use crate::options::{Existing, Output};
use crate::report;
use crate::sink::atomic_file::{AtomicFile, Replacing, directory_of};
use crate::sink::leftovers;
use crate::sink::outdated;
use crate::sink::place::{InPlace, Place};

/// Who may read a new file, unless the umask takes that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner: of a volume or an image of one, which hold all files of the
    /// volume, whatever their permissions.
    Owner,
    /// Everybody: of lists of clusters.
    All,
}

/// An output that may be written to, open.
pub struct Destination {
    open: Open,
    /// What to call it in messages.
    name: PathBuf,
    /// That there is too little space was said.
    has_warned: bool,
}

enum Open {
    Stream(File),
    /// A new file, and whether it takes the place of another.
    Beside {
        file: AtomicFile,
        replaces: bool,
    },
    FileInPlace {
        file: File,
        why: InPlace,
    },
    Device {
        file: File,
        size: u64,
    },
}

impl Destination {
    /// Opens the output, if it may be written to. `sources` are the files that
    /// are read, and so must not be written.
    pub fn open(output: &Output, readers: Readers, sources: &[fs::Metadata]) -> Result<Self> {
        let place = Place::of(output, sources)?;
        let (path, existing) = match output {
            Output::Stdout => return Self::stdout(),
            Output::File { path, existing } => (path, *existing),
        };
        let open = match place {
            Place::Stdout | Place::Stream => {
                let file = OpenOptions::new().write(true).open(path);
                Open::Stream(file.map_err(|error| Error::io("open", path, error))?)
            }
            Place::NewFile => create(path, path, existing, readers)?,
            Place::ExistingFile => {
                // What a link names is replaced, not the link.
                let real = fs::canonicalize(path);
                let real = real.map_err(|error| Error::io("follow", path, error))?;
                create(path, &real, existing, readers)?
            }
            Place::InPlace(why) => Open::FileInPlace {
                file: open_in_place(path, why, sources)?,
                why,
            },
            Place::BlockDevice => {
                let (file, size) = open_block_device(path, 0)?;
                Open::Device { file, size }
            }
        };
        Ok(Self {
            open,
            name: path.clone(),
            has_warned: false,
        })
    }

    fn stdout() -> Result<Self> {
        // Not through the line buffer that is made for text.
        let name = PathBuf::from("standard output");
        let stdout = device::stdout().map_err(|error| Error::io("open", &name, error))?;
        Ok(Self {
            open: Open::Stream(stdout),
            name,
            has_warned: false,
        })
    }

    /// True if a failure would leave something half written.
    pub fn is_in_place(&self) -> bool {
        matches!(self.open, Open::Device { .. } | Open::FileInPlace { .. })
    }

    /// Bytes of a device, or of a file that is written over; `None` for new files and streams.
    pub fn size(&self) -> Option<u64> {
        match &self.open {
            Open::Device { size, .. } => Some(*size),
            Open::FileInPlace { file, .. } => file.metadata().ok().map(|found| found.len()),
            Open::Beside { .. } | Open::Stream(_) => None,
        }
    }

    /// Bytes that a file may take here; `None` for devices and streams.
    pub fn free_space(&self) -> Option<u64> {
        let free = match &self.open {
            Open::Beside { file, .. } => device::free_space(directory_of(file.part())).ok()?,
            Open::FileInPlace { file, .. } => {
                let freed = device::allocated_size(&file.metadata().ok()?);
                let free = device::free_space(directory_of(&self.name)).ok()?;
                free.saturating_add(freed)
            }
            Open::Device { .. } | Open::Stream(_) => return None,
        };
        Some(free)
    }

    /// Checks that there is space for what is `needed`.
    pub fn check(&mut self, needed: Needs) -> Result<()> {
        if let Open::Device { size, .. } = self.open {
            return check_device_size(&self.name, size, needed.device_size);
        }
        let Some(free) = self.free_space().filter(|free| *free < needed.bytes) else {
            return Ok(());
        };
        let (needed, free) = (report::size(needed.bytes), report::size(free));
        match &self.open {
            Open::Beside { replaces: true, .. } => Err(Error::refused(
                &self.name,
                format!("{needed} is needed, {free} is free there"),
                "the existing file stays until the new one is complete, so there must be room for \
                 both; make room, or give up the existing file at once with --in-place",
            )),
            Open::FileInPlace { .. } => Err(Error::refused(
                &self.name,
                format!("{needed} is needed, {free} is there without the existing file"),
                "make room, or write elsewhere",
            )),
            // Not refused: a file system that compresses may well hold it.
            _ if self.has_warned => Ok(()),
            _ => {
                self.has_warned = true;
                report::warning(format!(
                    "{}: {needed} is needed, {free} is free there",
                    self.name.display()
                ));
                Ok(())
            }
        }
    }

    /// Like [`Destination::check`], of a volume that can be written in another size, and needs
    /// `least` bytes then; `None` if that is not known.
    pub fn check_volume(
        &mut self,
        needed: Needs,
        least: impl FnOnce() -> Option<u64>,
    ) -> Result<()> {
        let Open::Device { size, .. } = self.open else {
            return self.check(needed);
        };
        if size >= needed.device_size {
            return Ok(());
        }
        Err(Error::refused(
            &self.name,
            too_small(size, needed.device_size),
            match least() {
                None => "--size=fill makes the volume as large as the device, if its files fit"
                    .to_owned(),
                Some(least) if least <= size => format!(
                    "its files need {least} bytes: --size=fill makes the volume as large as the \
                     device"
                ),
                Some(least) => format!(
                    "its files need {least} bytes: use a device of at least that size, with \
                     --size=fill"
                ),
            },
        ))
    }

    /// Begins to write, if there is space for what is `needed`.
    pub fn begin(mut self, needed: Needs) -> Result<Target> {
        self.check(needed)?;
        let name = self.name;
        match self.open {
            Open::Stream(file) => {
                signals::begin(|| Ok(((), Unfinished::HalfWritten(name.clone()))))?;
                Target::new(Kind::Stream(file), name)
            }
            Open::Beside { file, .. } => {
                signals::begin(|| Ok(((), Unfinished::Beside)))?;
                Target::new(Kind::Beside(file), name)
            }
            Open::FileInPlace { file, why } => {
                let found = file.metadata();
                let found = found.map_err(|error| Error::io("look at", &name, error))?;
                let least_len = match why {
                    // A loop device does not get shorter with its file, and
                    // could not read what is missing.
                    InPlace::OpenElsewhere => found.len(),
                    InPlace::Requested | InPlace::MountPoint | InPlace::Protected => 0,
                };
                let size = clear(&file, &name, found.len(), needed)?;
                outdated::remove(&name).map_err(|error| Error::half_written(&name, error))?;
                let kind = Kind::InPlace {
                    file,
                    size,
                    least_len,
                };
                Target::new(kind, name)
            }
            Open::Device { file, size } => {
                signals::begin(|| Ok(((), Unfinished::HalfWritten(name.clone()))))?;
                let kind = Kind::InPlace {
                    file,
                    size: Some(size),
                    least_len: 0,
                };
                Target::new(kind, name)
            }
        }
    }
}

/// Creates the file that is to have the name `path`; in messages it is called
/// `name`.
fn create(name: &Path, path: &Path, existing: Existing, readers: Readers) -> Result<Open> {
    leftovers::warn(path);
    if existing == Existing::Refuse {
        outdated::refuse(name)?;
    }
    let old = fs::metadata(path).ok();
    let (replacing, mode) = match (existing, &old, readers) {
        (Existing::Refuse, _, Readers::All) => (Replacing::Never, Mode::BY_UMASK),
        (Existing::Refuse, _, Readers::Owner) => (Replacing::Never, Mode::OWNER),
        (_, None, Readers::All) => (Replacing::Existing, Mode::BY_UMASK),
        // Who may read the old one may read the new one when it is complete.
        _ => (Replacing::Existing, Mode::OWNER),
    };
    let file = AtomicFile::create(path, replacing, mode)
        .map_err(|error| Error::io("create a file beside", name, error))?;
    if let Some(old) = &old {
        device::take_over_access(file.file(), old);
    }
    let replaces = old.is_some();
    Ok(Open::Beside { file, replaces })
}

/// Refuses what a piece could not replace by its name.
pub(super) fn refuse_link_as_piece(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(Error::refused(
            path,
            "is not a regular file, and a piece would take its place",
            "remove it, or give another name",
        )),
        _ => Ok(()),
    }
}

/// Creates a later piece of an output, like the first.
pub(super) fn begin_piece(path: &Path, replacing: Replacing, mode: Mode) -> Result<AtomicFile> {
    leftovers::warn(path);
    let found = path.symlink_metadata().ok();
    refuse_link_as_piece(path)?;
    if replacing == Replacing::Never && found.is_some() {
        return Err(Error::refused(
            path,
            "exists already",
            "--output never overwrites; give another name, or use --overwrite",
        ));
    }
    let file = AtomicFile::create(path, replacing, mode);
    file.map_err(|error| Error::io("create a file beside", path, error))
}

/// Opens an existing file, to be written over.
fn open_in_place(path: &Path, why: InPlace, sources: &[fs::Metadata]) -> Result<File> {
    let failed = |error| Error::io("open", path, error);
    let file = device::open_to_write(path).map_err(failed)?;
    // Somebody may have put something else there meanwhile.
    let metadata = file.metadata().map_err(failed)?;
    let place = Place::of_existing(path, &metadata, Existing::Overwrite, sources)?;
    if !matches!(place, Place::InPlace(_)) {
        return Err(Error::refused(
            path,
            "is not a regular file any more",
            "look at what happens to it, and try again",
        ));
    }
    if !device::lock(&file) {
        return Err(being_written(path));
    }
    if let Some(reason) = why.reason() {
        report::warning(format!(
            "{}: {reason}, so it is written over in place: if this run fails, it is half written",
            path.display()
        ));
    }
    Ok(file)
}

/// Takes from a file of `len` bytes what was there. Returns its size, if that
/// cannot be changed.
fn clear(file: &File, name: &Path, len: u64, needed: Needs) -> Result<Option<u64>> {
    let failed = |error| Error::io("set the length of", name, error);
    signals::begin(|| {
        // What was there must not show through the holes.
        match file.set_len(0) {
            Ok(()) => Ok((None, Unfinished::Emptied(name.to_owned()))),
            // As a device: all that is used is written.
            Err(error) if device::cannot_change_length(&error) => {
                check_device_size(name, len, needed.device_size)?;
                Ok((Some(len), Unfinished::HalfWritten(name.to_owned())))
            }
            Err(error) => Err(failed(error)),
        }
    })
}

/// Opens a device that has at least `needed` bytes, and returns its size.
pub(super) fn open_block_device(path: &Path, needed: u64) -> Result<(File, u64)> {
    let mut file = device::open_exclusively(path).map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => Error::refused(
            path,
            "is in use (mounted, swap, part of another device, or written by another run)",
            "unmount it, or wait for the other run to end",
        ),
        _ => Error::io("open", path, error),
    })?;
    if device::is_read_only(&file) {
        return Err(Error::refused(
            path,
            "is read-only",
            "is it write-protected? blockdev --setrw may help",
        ));
    }
    let size = io::Seek::seek(&mut file, io::SeekFrom::End(0));
    let size = size.map_err(|error| Error::io("tell the size of", path, error))?;
    check_device_size(path, size, needed)?;
    Ok((file, size))
}

fn check_device_size(path: &Path, size: u64, needed: u64) -> Result<()> {
    if size < needed {
        return Err(Error::refused(
            path,
            too_small(size, needed),
            "use a larger device",
        ));
    }
    Ok(())
}

fn too_small(size: u64, needed: u64) -> String {
    format!("has {size} bytes, {needed} are needed")
}

pub(super) fn being_written(path: &Path) -> Error {
    Error::refused(
        path,
        "is being written by another run",
        "wait for it to end, or end it",
    )
}
