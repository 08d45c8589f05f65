//! Space on the disk that is kept for the map of a rescue: the disk may be full
//! when it is needed most.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use crate::device;

/// Bytes of the smallest one: a map of some thousand areas.
const LEAST_BYTES: u64 = 256 << 10;

/// A file without a name; it goes away with the program.
#[derive(Debug)]
pub struct Reserve {
    folder: PathBuf,
    /// `None` when it was given up.
    file: Option<File>,
    bytes: u64,
}

impl Reserve {
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        let mut reserve = Self {
            folder,
            file: None,
            bytes: 0,
        };
        reserve.ensure(LEAST_BYTES)?;
        Ok(reserve)
    }

    /// Makes it `bytes` long at least, if it is not.
    pub fn ensure(&mut self, bytes: u64) -> io::Result<()> {
        if self.bytes >= bytes {
            return Ok(());
        }
        let bytes = bytes.next_multiple_of(LEAST_BYTES);
        let mut file = tempfile::tempfile_in(&self.folder)?;
        device::allocate(&mut file, bytes)?;
        (self.file, self.bytes) = (Some(file), bytes);
        Ok(())
    }

    /// Writes a file with `write`. If the disk is full, once more with this
    /// space given up.
    pub fn write(&mut self, write: impl Fn() -> io::Result<()>) -> io::Result<()> {
        match write() {
            Err(error) if is_full(&error) && self.give_up() => write(),
            written => written,
        }
    }

    /// True if there was something to give up.
    fn give_up(&mut self) -> bool {
        self.bytes = 0;
        // Truncated, it is free at once.
        self.file.take().is_some_and(|file| file.set_len(0).is_ok())
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_given_up_once_for_a_full_disk_only() {
        let full = || Err(io::ErrorKind::StorageFull.into());
        let other = || Err(io::ErrorKind::PermissionDenied.into());
        let folder = tempfile::tempdir().expect("there is room");
        let mut reserve = Reserve::new(folder.path().to_owned()).expect("there is room");
        assert_eq!(reserve.bytes, LEAST_BYTES);
        assert!(reserve.write(|| Ok(())).is_ok());
        assert!(reserve.write(other).is_err());
        assert_eq!(reserve.bytes, LEAST_BYTES);

        let tries = std::cell::Cell::new(0);
        let written = reserve.write(|| {
            tries.set(tries.get() + 1);
            if tries.get() == 1 { full() } else { Ok(()) }
        });
        assert!(written.is_ok());
        assert_eq!((tries.get(), reserve.bytes), (2, 0));
        assert!(reserve.write(full).is_err());
        assert!(reserve.ensure(LEAST_BYTES + 1).is_ok());
        assert_eq!(reserve.bytes, 2 * LEAST_BYTES);
    }
}
