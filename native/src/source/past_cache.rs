//! A file from some place to its end, past the kernel's cache.

use std::fs::File;
use std::io::{self, Read};

use positioned_io::ReadAt;

use crate::direct::DirectFile;

pub struct PastCache {
    direct: DirectFile,
    /// For what does not begin or end as direct reads must: the last bytes.
    cached: File,
    position: u64,
}

impl PastCache {
    /// None where it cannot be done.
    pub fn new(file: &File, position: u64) -> Option<Self> {
        Some(Self {
            direct: DirectFile::to_read(file)?,
            cached: file.try_clone().ok()?,
            position,
        })
    }
}

impl Read for PastCache {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match self.direct.read_at(self.position, buf)? {
            Some(read) => read,
            None => self.cached.read_at(self.position, buf)?,
        };
        self.position += read as u64;
        Ok(read)
    }
}
