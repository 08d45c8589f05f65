//! A device or file that holds a volume.

use std::fs::{self, File, Metadata};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::io::{IoError, ReadAt};

use super::input::{self, FileSums, Files};
use crate::device::{self, FileKind};
use crate::error::{Error, Result};
use crate::rescue::DamagedSource;

/// A device or file, or its pieces, or a partition in it; open for reading
/// only.
#[derive(Debug)]
pub struct Device {
    files: Arc<Files>,
    path: PathBuf,
    metadata: Vec<Metadata>,
    /// In a rescue, what answers in its place: read errors do not stop it.
    damaged: Option<Arc<DamagedSource>>,
    /// The checksums beside it, if it is compared with them while it is read.
    sums: Option<Arc<FileSums>>,
}

impl Device {
    pub fn open(path: &Path, partition: Option<u32>) -> Result<Self> {
        let failed = |error| Error::io("open", path, error);
        let paths = input::pieces_of(path)?;
        // Not of the open file: to open a pipe waits for its other end.
        let metadata = fs::metadata(&paths[0]).map_err(failed)?;
        let kind = device::file_kind(&metadata);
        if kind == FileKind::Directory {
            return Err(Error::refused(
                path,
                "is a directory",
                "name the device that is mounted there, or a file that holds a volume",
            ));
        }
        if kind == FileKind::Pipe {
            return Err(Error::refused(
                path,
                "is a pipe",
                "a volume is read here and there; only images can come from a pipe",
            ));
        }
        let files = Files::open(&paths)?;
        let files = match partition {
            None => files,
            Some(number) => input::select_partition(path, files, number)?,
        };
        Ok(Self::new(path, Arc::new(files)))
    }

    /// What is open already.
    pub fn new(name: &Path, files: Arc<Files>) -> Self {
        Self {
            path: name.to_owned(),
            metadata: files.metadata(),
            files,
            damaged: None,
            sums: None,
        }
    }

    /// The same, to be compared with `sums`.
    pub fn compared_with(mut self, sums: Option<Arc<FileSums>>) -> Self {
        self.sums = sums;
        self
    }

    /// Compares all of it with the checksums beside it, if that was asked for
    /// and is not done yet.
    pub fn compare_sums(&self) -> Result<()> {
        match &self.sums {
            Some(sums) => sums.finish(&self.path),
            None => Ok(()),
        }
    }

    /// The same, to be read through `damaged`.
    pub fn rescued_by(mut self, damaged: Arc<DamagedSource>) -> Self {
        self.damaged = Some(damaged);
        self
    }

    /// What knows of read errors, in a rescue.
    pub fn damaged(&self) -> Option<&Arc<DamagedSource>> {
        self.damaged.as_ref()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file it is in, and which bytes of that; None if it is in pieces.
    pub fn file(&self) -> Option<(&File, Range<u64>)> {
        self.files.as_file()
    }

    /// What is read, without what knows of read errors.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Fills `buf` with the content of the volume from `offset` on, to be
    /// copied: what cannot be read is marked in a rescue.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let read = match &self.damaged {
            None => self.read_exact_at(offset, buf),
            Some(damaged) => damaged.read(offset, buf).map_err(IoError::new),
        };
        read.map_err(|error| self.read_error(offset, buf.len(), error))
    }

    /// In a rescue, checks that what could not be read up to now was bad, and
    /// the device is not gone. To be called when all was read.
    pub fn confirm_failures(&self) -> Result<()> {
        let confirmed = self
            .damaged
            .as_ref()
            .map(|damaged| damaged.confirm_failures());
        confirmed
            .unwrap_or(Ok(()))
            .map_err(|error| Error::io("rescue", &self.path, error))
    }

    /// What a read of the volume's content failed with.
    pub fn read_error(&self, offset: u64, len: usize, source: IoError) -> Error {
        let error = CoreError::Io {
            structure: Structure::Volume,
            offset,
            len: len as u64,
            source,
        };
        Error::read(&self.path, error)
    }

    /// See [`Files::check_unchanged`].
    pub fn check_unchanged(&self) -> Result<()> {
        self.files.check_unchanged()
    }

    /// What tells the files that are read from others.
    pub fn metadata(&self) -> &[Metadata] {
        &self.metadata
    }
}

/// For the structures of the volume: in a rescue, bits that cannot be read are
/// set, as [`Volume::salvage`](ntfsclone_core::ntfs::Volume::salvage) asks for.
impl ReadAt for Device {
    fn size(&self) -> u64 {
        match &self.damaged {
            None => self.files.size(),
            Some(damaged) => damaged.size(),
        }
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match &self.damaged {
            None => self.files.read_exact_at(offset, buf),
            Some(damaged) => damaged.read_with_ones(offset, buf).map_err(IoError::new),
        }
    }
}
