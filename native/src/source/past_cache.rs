//! A part of a file, past the kernel's cache.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use positioned_io::ReadAt;

use crate::bulk::direct::DirectFile;

pub struct PastCache {
    direct: DirectFile,
    /// For what does not begin or end as direct reads must: the last bytes.
    cached: File,
    rest: Range<u64>,
}

impl PastCache {
    /// None where it cannot be done.
    pub fn new(file: &File, part: Range<u64>) -> Option<Self> {
        Some(Self {
            direct: DirectFile::to_read(file)?,
            cached: file.try_clone().ok()?,
            rest: part,
        })
    }
}

impl Read for PastCache {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        // What is past the end is read with it: direct reads are of whole
        // pages.
        let read = match self.direct.read_at(self.rest.start, buf)? {
            Some(read) => read,
            None => self.cached.read_at(self.rest.start, buf)?,
        };
        let read = read.min(left);
        self.rest.start += read as u64;
        Ok(read)
    }
}
