//! A device or file that holds a volume.

use std::fs::{self, File, Metadata};
use std::io::{Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::plan::Plan;

use super::bad_sectors::BadSectors;
use crate::error::{Error, Result};
use crate::pipeline::{Filled, Filler};

/// A device or file, open for reading only.
#[derive(Debug)]
pub struct Device {
    file: File,
    path: PathBuf,
    metadata: Metadata,
    size: u64,
    /// Set in a rescue: read errors do not stop it.
    bad_sectors: Option<BadSectors>,
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
            bad_sectors: None,
        })
    }

    /// As [`Device::open`], to be read in spite of bad sectors.
    pub fn open_for_rescue(path: &Path, retries: u32) -> Result<Self> {
        let mut device = Self::open(path)?;
        device.bad_sectors = Some(BadSectors::new(retries, device.size));
        Ok(device)
    }

    /// True if read errors do not stop it.
    pub fn is_rescue(&self) -> bool {
        self.bad_sectors.is_some()
    }

    /// What could not be read so far, in bytes, in order.
    pub fn lost(&self) -> Vec<Range<u64>> {
        self.bad_sectors
            .as_ref()
            .map_or_else(Vec::new, BadSectors::lost)
    }

    /// Tells a rescue the sector size of the volume.
    pub fn set_sector_size(&self, sector_size: u32) {
        if let Some(bad_sectors) = &self.bad_sectors {
            bad_sectors.set_sector_size(sector_size);
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `buf` with the content of the volume from `offset` on.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.read_exact_at(offset, buf).map_err(|source| {
            let error = CoreError::Io {
                structure: Structure::Volume,
                offset,
                len: buf.len() as u64,
                source,
            };
            Error::read(&self.path, error)
        })
    }

    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl ReadAt for Device {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let read = match &self.bad_sectors {
            None => positioned_io::ReadAt::read_exact_at(&self.file, offset, buf),
            Some(bad_sectors) => bad_sectors.read(&self.file, offset, buf),
        };
        read.map_err(IoError::new)
    }
}

/// Reads what `plan` says, in its order.
pub fn copy_steps(device: Arc<Device>, plan: Arc<Plan>) -> impl FnOnce(&mut Filler) -> Filled {
    move |filler| {
        let cluster_size = plan.geometry().cluster_size;
        for step in plan.steps() {
            let (offset, len) = plan.bytes_of(step);
            let read = filler.fill(offset, len, cluster_size, |offset, bytes| {
                device.read_at(offset, bytes)
            })?;
            if let Err(error) = read {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}
