//! Writing to an open file, device or stream: past the kernel's cache where
//! that is wanted, else so that the disk is kept at work.

use std::fs::File;
use std::io::{self, Write};

use positioned_io::WriteAt;

use super::read_back::ReadBack;
use crate::bulk::direct::DirectFile;
use crate::device;

/// Bytes after which the kernel is told to write them to the disk: as much as
/// one takes in some tenths of a second.
const WRITEBACK_BYTES: usize = 32 << 20;

pub struct FileWriter {
    file: File,
    is_stream: bool,
    /// Where [`FileWriter::write`] goes on.
    position: u64,
    direct: Option<DirectFile>,
    /// Bytes in the cache that it was not told yet to write to the disk.
    unwritten: usize,
    /// What was written, if that is to be read back.
    written: Option<ReadBack>,
}

impl FileWriter {
    /// For a file or device.
    pub fn new(file: File) -> Self {
        Self {
            file,
            is_stream: false,
            position: 0,
            direct: None,
            unwritten: 0,
            written: None,
        }
    }

    /// For what bytes can only be written to one after the other.
    pub fn stream(file: File) -> Self {
        Self {
            is_stream: true,
            ..Self::new(file)
        }
    }

    /// From now on writes past the cache what can be written so. Nothing
    /// changes where the file system does not offer it: as those do not that
    /// compress, or check what they store.
    pub fn bypass_cache(&mut self) {
        if self.is_stream {
            return;
        }
        self.direct = DirectFile::to_write(&self.file);
    }

    /// From now on notes what is written.
    pub fn note_written(&mut self) {
        self.written = Some(ReadBack::default());
    }

    /// What was written since [`FileWriter::note_written`].
    pub fn take_written(&mut self) -> Option<ReadBack> {
        self.written.take()
    }

    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// Writes at a position; not to a stream.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(written) = &mut self.written {
            written.note(&self.file, offset, bytes)?;
        }
        if let Some(direct) = &mut self.direct {
            let pages = direct.whole_pages(offset, bytes.len());
            let start = offset + pages.start as u64;
            if let Some(()) = direct.write_all_at(start, &bytes[pages.clone()])? {
                self.write_cached(offset, &bytes[..pages.start])?;
                return self.write_cached(offset + pages.end as u64, &bytes[pages.end..]);
            }
        }
        if self.is_stream {
            return Err(io::ErrorKind::NotSeekable.into());
        }
        self.write_cached(offset, bytes)
    }

    fn write_cached(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file.write_all_at(offset, bytes)?;
        self.begin_writeback(bytes.len())
    }

    /// Where [`FileWriter::write`] goes on.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Writes where the last call ended.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.is_stream {
            true => {
                self.file.write_all(bytes)?;
                self.begin_writeback(bytes.len())?;
            }
            false => self.write_at(self.position, bytes)?,
        }
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Keeps the disk at work: whatever waits for the sync at the end is
    /// waited for then.
    fn begin_writeback(&mut self, written: usize) -> io::Result<()> {
        self.unwritten += written;
        if self.unwritten < WRITEBACK_BYTES {
            return Ok(());
        }
        self.unwritten = 0;
        device::begin_writeback(&self.file)
    }
}
