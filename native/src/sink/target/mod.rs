//! Where bytes are written to, and how that ends.
//!
//! A regular file is written beside its final name and renamed when it is
//! complete and on the disk, so that under that name there is never a part. A
//! device and a file overwritten in place cannot have that; what a failure
//! leaves there is said.

mod destination;
mod split;

pub use destination::{Destination, Readers};

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use self::destination::{being_written, open_block_device};
use super::asides::Asides;
use super::atomic_file::{AtomicFile, Replacing};
use super::checksum::{Checksum, Sidecar};
use super::file_writer::FileWriter;
use super::outdated;
use super::pieces::Pieces;
use super::place::Place;
use super::read_back::Differs;
use crate::device::{self, Mode};
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::signals;
use crate::options::{self, Algorithm, Direct};

/// What is written to, open.
pub struct Target {
    kind: Kind,
    /// What to call it in messages.
    name: PathBuf,
    /// None when it is finished.
    writer: Option<FileWriter>,
    /// Of a file, if one is wanted.
    checksum: Option<Checksum>,
    /// How progress is shown, if what is written is to be read back.
    verify: Option<options::Progress>,
    /// If it is written in pieces; what is open is the last of them.
    pieces: Option<Pieces>,
    /// How many they were in the end.
    pieces_written: Option<usize>,
    /// Whether writes go past the kernel's cache.
    direct: Direct,
}

enum Kind {
    /// A file that does not have its final name yet.
    Beside(AtomicFile),
    /// A block device, or a file overwritten in place.
    InPlace {
        file: File,
        /// Of a device, or a file that cannot grow.
        size: Option<u64>,
        /// The length of a file does not get below this one.
        least_len: u64,
    },
    /// As `InPlace`; what is saved stays, for a later run to go on.
    Continued { file: File, size: Option<u64> },
    /// A pipe, a character device, standard output.
    Stream(File),
    /// Closed, and complete.
    Finished,
}

/// What a target must have room for.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// Bytes that will be written.
    pub bytes: u64,
    /// The least size of a device.
    pub device_size: u64,
}

impl Target {
    /// Opens a file or device that several runs fill. What an interruption
    /// leaves behind is for the caller to tell [`signals`].
    pub fn open_to_continue(path: &Path, place: Place, needed: u64) -> Result<Self> {
        let failed = |error| Error::io("open", path, error);
        let (file, size) = match place {
            Place::BlockDevice => {
                let (file, size) = open_block_device(path, needed)?;
                (file, Some(size))
            }
            Place::NewFile => {
                outdated::refuse(path)?;
                let file = device::create_new(path, Mode::OWNER);
                (file.map_err(failed)?, None)
            }
            Place::ExistingFile | Place::InPlace(_) => {
                let file = device::open_to_write(path);
                (file.map_err(failed)?, None)
            }
            Place::Stdout | Place::Stream => {
                return Err(Error::refused(
                    path,
                    "is a stream, and cannot be gone back in",
                    "with --mapfile, write to a file or device",
                ));
            }
        };
        if !device::lock(&file) {
            return Err(being_written(path));
        }
        Self::new(Kind::Continued { file, size }, path.to_owned())
    }

    fn new(kind: Kind, name: PathBuf) -> Result<Self> {
        let file = match &kind {
            Kind::Beside(file) => file.file().try_clone(),
            Kind::InPlace { file, .. } | Kind::Continued { file, .. } | Kind::Stream(file) => {
                file.try_clone()
            }
            Kind::Finished => Err(io::ErrorKind::NotFound.into()),
        };
        let file = file.map_err(|error| Error::io("open", &name, error))?;
        let writer = match kind {
            Kind::Stream(_) => FileWriter::stream(file),
            _ => FileWriter::new(file),
        };
        Ok(Self {
            kind,
            name,
            writer: Some(writer),
            checksum: None,
            verify: None,
            pieces: None,
            pieces_written: None,
            direct: Direct::Never,
        })
    }

    /// From now on makes a checksum of what is written, to stand beside the
    /// file. For files that are written from their start to their end; the
    /// place was checked.
    pub fn make_checksum(&mut self, algorithm: Algorithm) {
        self.checksum = Some(Checksum::new(algorithm, &self.name));
    }

    /// From now on writes past the kernel's cache what can be written so.
    pub fn bypass_cache(&mut self, when: Direct) {
        self.direct = when;
        if let Some(writer) = self.writer.as_mut()
            && when != Direct::Never
        {
            writer.bypass_cache();
        }
    }

    /// From now on notes what is written, for [`Target::read_back`].
    pub fn verify(&mut self, how: options::Progress) -> Result<()> {
        if self.is_stream() {
            return Err(Error::refused(
                &self.name,
                "is a stream, and cannot be read back",
                "leave out --verify",
            ));
        }
        if let Some(writer) = &mut self.writer {
            writer.note_written();
            self.verify = Some(how);
        }
        Ok(())
    }

    /// True if what was written is to be read back.
    pub fn is_read_back(&self) -> bool {
        self.verify.is_some()
    }

    /// Reads back all that was written since [`Target::verify`], if that is
    /// wanted: to be called when all is written, and before it is finished.
    pub fn read_back(&mut self) -> Result<()> {
        let (Some(how), Some(writer)) = (self.verify.take(), &mut self.writer) else {
            return Ok(());
        };
        let Some(written) = writer.take_written() else {
            return Ok(());
        };
        let mut progress = Progress::start(how, Phase::Verify, written.bytes());
        let file = self.handle()?;
        written
            .check(&file, |done| progress.advance_to(done))
            .map_err(|error| self.not_verified(error))?;
        progress.finish();
        Ok(())
    }

    fn not_verified(&self, error: io::Error) -> Error {
        let differs = error.get_ref().is_some_and(|error| error.is::<Differs>());
        match differs {
            true => Error::refused(
                &self.name,
                error.to_string(),
                "do not trust that disk, its cable, or the memory of this machine; write elsewhere",
            ),
            false => Error::io("verify", &self.name, error),
        }
    }

    /// What to call it in messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// True if bytes can only be written one after the other.
    pub fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream(_))
    }

    /// The size of the target, if it is a device.
    pub fn device_size(&self) -> Option<u64> {
        match self.kind {
            Kind::InPlace { size, .. } | Kind::Continued { size, .. } => size,
            _ => None,
        }
    }

    /// True for a regular file that has the length it has, as a device.
    pub fn is_file_of_fixed_size(&self) -> bool {
        match &self.kind {
            Kind::InPlace {
                file,
                size: Some(_),
                ..
            } => file.metadata().is_ok_and(|metadata| metadata.is_file()),
            _ => false,
        }
    }

    /// The file that does not have its final name yet, if it is one.
    pub fn part(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Beside(file) => Some(file.part()),
            _ => None,
        }
    }

    /// What becomes of a file that has the name already.
    fn replacing(&self) -> Replacing {
        match &self.kind {
            Kind::Beside(file) => file.replacing(),
            _ => Replacing::Existing,
        }
    }

    /// Leaves what is written to a later run if this one is interrupted, with
    /// the file `note` that says what that is.
    pub fn keep_if_interrupted(&mut self, note: &Path) {
        match &mut self.kind {
            Kind::Beside(file) => file.keep_if_interrupted(note),
            _ => signals::with_parts(|parts| {
                parts.retain(|path| *path != self.name && path != note);
            }),
        }
    }

    /// Ends without finishing: what is written stays, under the name it has.
    pub fn leave(&mut self) {
        if let Kind::Beside(mut file) = std::mem::replace(&mut self.kind, Kind::Finished) {
            file.keep();
        }
    }

    /// Bytes that are there, of a file or device.
    pub fn len(&self) -> Result<u64> {
        let len = match self.device_size() {
            Some(size) => Ok(size),
            None => self.handle()?.metadata().map(|metadata| metadata.len()),
        };
        len.map_err(|error| Error::io("look at", &self.name, error))
    }

    /// Who may read and write the file.
    fn mode(&self) -> Result<Mode> {
        let metadata = self.handle()?.metadata();
        let metadata = metadata.map_err(|error| Error::io("look at", &self.name, error))?;
        Ok(Mode::of(&metadata))
    }

    /// Another handle of a file or device, to read and write.
    pub fn handle(&self) -> Result<File> {
        let handle = match &self.kind {
            Kind::Beside(file) => file.file().try_clone(),
            Kind::InPlace { file, .. } | Kind::Continued { file, .. } => file.try_clone(),
            Kind::Stream(_) | Kind::Finished => Err(io::ErrorKind::NotSeekable.into()),
        };
        handle.map_err(|error| Error::io("open", &self.name, error))
    }

    /// Whether any writes go past the kernel's cache.
    pub fn is_direct(&self) -> bool {
        self.writer.as_ref().is_some_and(FileWriter::is_direct)
    }

    /// Writes at a position. For files and devices only.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if let Some(checksum) = &mut self.checksum {
            checksum.take(offset, bytes)?;
        }
        self.with_writer(|writer| writer.write_at(offset, bytes))
    }

    fn write_here(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((checksum, writer)) = self.checksum.as_mut().zip(self.writer.as_ref()) {
            checksum.take(writer.position(), bytes)?;
        }
        self.with_writer(|writer| writer.write(bytes))
    }

    fn with_writer(&mut self, write: impl FnOnce(&mut FileWriter) -> io::Result<()>) -> Result<()> {
        match &mut self.writer {
            Some(writer) => write(writer),
            None => Err(io::ErrorKind::NotSeekable.into()),
        }
        .map_err(|error| Error::io("write to", &self.name, error))
    }

    /// Makes a regular file `len` bytes long; a device is as long as it is.
    pub fn set_len(&mut self, len: u64) -> Result<()> {
        let set = match &self.kind {
            Kind::Beside(file) => file.file().set_len(len),
            Kind::InPlace {
                file,
                size: None,
                least_len,
            } => file.set_len(len.max(*least_len)),
            // A program that copies whole devices may have begun it.
            Kind::Continued { file, size: None } => match file.metadata() {
                Ok(metadata) if metadata.len() < len => file.set_len(len),
                metadata => metadata.map(|_| ()),
            },
            _ => Ok(()),
        };
        set.map_err(|error| Error::io("set the length of", &self.name, error))
    }

    /// True if it is closed and complete, or was tried to be given its name.
    pub fn is_finished(&self) -> bool {
        matches!(self.kind, Kind::Finished)
    }

    /// Makes what was written permanent, and gives it its name. If it cannot be
    /// made permanent, nothing is known of what was written: the sync is not to
    /// be tried again, since the next would succeed.
    pub fn finish(&mut self) -> Result<()> {
        if let Some(pieces) = self.pieces.take() {
            self.pieces_written = Some(pieces.count());
            self.writer = None;
            pieces.sync()?;
            self.sync()?;
            let last = self.end_piece()?;
            return signals::finish(|| pieces.put(last));
        }
        // Before the file gets its name: there may be no space for it.
        let sidecar = match self.checksum.take() {
            Some(checksum) => Some(checksum.finish(self.len()?, self.replacing(), self.mode()?)?),
            None => None,
        };
        self.writer = None;
        if let Kind::Continued { size: None, .. } = self.kind {
            outdated::remove_older(&self.name)?;
        }
        self.sync()?;
        match std::mem::replace(&mut self.kind, Kind::Finished) {
            Kind::Stream(_) | Kind::Continued { .. } => signals::finish(|| Ok(())),
            Kind::InPlace { .. } => signals::finish(|| match sidecar {
                Some(sidecar) => sidecar.put(),
                None => Ok(()),
            }),
            Kind::Beside(mut file) => signals::finish(|| {
                let older = set_aside_outdated(&mut file, &self.name, sidecar.as_ref())?;
                let put = |file: &mut AtomicFile| put(file, &self.name);
                match sidecar {
                    Some(sidecar) => sidecar.put_with(&mut file, older, put)?,
                    None => match put(&mut file) {
                        Ok(()) => older.remove(),
                        Err(error) => {
                            older.put_back();
                            return Err(error);
                        }
                    },
                }
                file.sync_name().map_err(|error| {
                    Error::refused(
                        &self.name,
                        format!("is complete, but its name may not be permanent: {error}"),
                        "copy it to another disk: this one fails",
                    )
                })
            }),
            Kind::Finished => Ok(()),
        }
    }

    /// What the kernel could not write to the disk is told by a sync, or never.
    fn sync(&self) -> Result<()> {
        let synced = match &self.kind {
            // A pipe or terminal cannot be synced; a file that the shell opened
            // can.
            Kind::Stream(stream) => match stream.sync_all() {
                Err(error) if device::cannot_sync(&error) => Ok(()),
                synced => synced,
            },
            Kind::Beside(file) => file.file().sync_all(),
            Kind::InPlace { file, .. } | Kind::Continued { file, .. } => file.sync_all(),
            Kind::Finished => Ok(()),
        };
        synced.map_err(|error| Error::io("finish", &self.name, error))
    }

    /// Says of an error what it leaves behind.
    pub fn explain(&self, error: Error) -> Error {
        match &self.kind {
            Kind::InPlace { .. } => Error::half_written(&self.name, error),
            _ => error,
        }
    }
}

/// Takes the names from what describes the file that `file` replaces, called `name`, and
/// from the checksum that `sidecar` replaces.
fn set_aside_outdated(
    file: &mut AtomicFile,
    name: &Path,
    sidecar: Option<&Sidecar>,
) -> Result<Asides> {
    let mut older = Asides::default();
    if file.replacing() == Replacing::Never {
        return Ok(older);
    }
    let mut outdated: Vec<PathBuf> = sidecar
        .map(|sidecar| sidecar.path().to_owned())
        .into_iter()
        .collect();
    outdated.extend(outdated::beside(name));
    for path in outdated {
        if let Err(error) = older.add(path.clone(), &path) {
            older.put_back();
            // Hours of work are not thrown away for a name.
            file.keep();
            return Err(Error::refused(
                &path,
                format!(
                    "describes the file that was to be replaced, and cannot be removed: {error}"
                ),
                format!("the complete file is kept as {}", file.part().display()),
            ));
        }
    }
    Ok(older)
}

/// Gives a complete file its name.
fn put(file: &mut AtomicFile, name: &Path) -> Result<()> {
    file.put().map_err(|error| {
        // Hours of work are not thrown away for a name.
        file.keep();
        Error::refused(
            name,
            format!("cannot be given its name: {error}"),
            format!("the complete file is kept as {}", file.part().display()),
        )
    })
}
