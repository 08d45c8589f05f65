//! Where the bytes that were read are kept, so that no bad disk is asked for
//! them again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use positioned_io::{ReadAt, WriteAt};

/// A file or device with each byte where it was on the source.
#[derive(Debug)]
pub struct Kept {
    /// Positioned writes want it for themselves. All writes and syncs go through
    /// one opening of the file: the kernel reports a lost write to each opening
    /// once, and not to one that is made later.
    file: Mutex<File>,
    /// What to call it in messages; none for a temporary file.
    output: Option<PathBuf>,
    /// Bytes past this one are not kept: the output ends there.
    limit: u64,
}

impl Kept {
    /// A file without a name that goes away with the program. It lies in
    /// `folder`, or where temporary files do.
    pub fn temporary(folder: Option<&Path>) -> io::Result<Self> {
        let file = match folder {
            Some(folder) => tempfile::tempfile_in(folder)?,
            None => tempfile::tempfile()?,
        };
        Ok(Self {
            file: Mutex::new(file),
            output: None,
            limit: u64::MAX,
        })
    }

    /// The output itself, open for reading and writing; `size` is that of a
    /// device, or of a file when it is complete, if that is known.
    pub fn output(file: File, name: &Path, size: Option<u64>) -> Self {
        Self {
            file: Mutex::new(file),
            output: Some(name.to_owned()),
            limit: size.unwrap_or(u64::MAX),
        }
    }

    pub fn is_temporary(&self) -> bool {
        self.output.is_none()
    }

    /// Writes as many of the bytes as there is room for, and tells the place
    /// after the last.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<u64> {
        let room = self.limit.saturating_sub(offset);
        let len = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        let written = self.file().write_all_at(offset, &bytes[..len]);
        written.map_err(|error| self.explain("write to", error))?;
        Ok(offset + len as u64)
    }

    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let read = self.file().read_exact_at(offset, buf);
        read.map_err(|error| self.explain("read", error))
    }

    /// Makes permanent what was written.
    ///
    /// # Errors
    ///
    /// Nothing is known of what was written since the last sync: it is lost, or
    /// not, and the next sync would not report it again.
    pub fn sync(&self) -> io::Result<()> {
        let synced = self.file().sync_data();
        synced.map_err(|error| self.explain("sync", error))
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn explain(&self, operation: &'static str, source: io::Error) -> io::Error {
        let name = self.output.clone();
        let name = name.unwrap_or_else(|| PathBuf::from("a temporary file"));
        io::Error::new(
            source.kind(),
            KeepError {
                operation,
                name,
                source,
            },
        )
    }
}

/// An error on this side of a rescue, not that of the failing device.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", name.display())]
struct KeepError {
    operation: &'static str,
    name: PathBuf,
    source: io::Error,
}
