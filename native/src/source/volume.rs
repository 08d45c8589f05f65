//! A device or file that holds a volume.

use std::fs::{self, File, Metadata};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::io::{IoError, ReadAt};

use crate::error::{Error, Result};
use crate::rescue::DamagedSource;

/// A device or file, open for reading only.
#[derive(Debug)]
pub struct Device {
    file: File,
    path: PathBuf,
    metadata: Metadata,
    size: u64,
    /// In a rescue, what answers in its place: read errors do not stop it.
    damaged: Option<Arc<DamagedSource>>,
}

impl Device {
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| Error::io("open", path, error);
        // Not of the open file: to open a pipe waits for its other end.
        let metadata = fs::metadata(path).map_err(failed)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err(Error::refused(
                path,
                "is a directory",
                "name the device that is mounted there, or a file that holds a volume",
            ));
        }
        if kind.is_fifo() || kind.is_socket() {
            return Err(Error::refused(
                path,
                "is a pipe",
                "a volume is read here and there; only images can come from a pipe",
            ));
        }
        let mut file = File::open(path).map_err(failed)?;
        let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            metadata,
            size,
            damaged: None,
        })
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

    pub fn file(&self) -> &File {
        &self.file
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

    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// For the structures of the volume: in a rescue, bits that cannot be read are
/// set, as [`Volume::salvage`](ntfsclone_core::ntfs::Volume::salvage) asks for.
impl ReadAt for Device {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let read = match &self.damaged {
            None => positioned_io::ReadAt::read_exact_at(&self.file, offset, buf),
            Some(damaged) => damaged.read_with_ones(offset, buf),
        };
        read.map_err(IoError::new)
    }
}
