//! Writing to an open file, device or stream: past the kernel's cache where
//! that is wanted, else so that the disk is kept at work.

use std::fs::File;
use std::io::{self, IoSlice, Write};

use positioned_io::WriteAt;

use crate::aligned_buffer::AlignedBuffer;
use crate::device;
use crate::direct::DirectFile;
use crate::pipeline::BATCH_BYTES;

/// Slices that the kernel takes at once: IOV_MAX of Linux.
const MAX_SLICES: usize = 1024;

/// Bytes after which the kernel is told to write them to the disk: as much as
/// one takes in some tenths of a second.
const WRITEBACK_BYTES: usize = 32 << 20;

pub struct FileWriter {
    file: File,
    is_stream: bool,
    /// Where [`FileWriter::write_vectored`] goes on.
    position: u64,
    direct: Option<Direct>,
    /// Bytes in the cache that it was not told yet to write to the disk.
    unwritten: usize,
}

/// A way past the kernel's cache, which takes whole pages only.
struct Direct {
    file: DirectFile,
    /// What was given to be written where the last call ended, up to `len`.
    waiting: AlignedBuffer,
    len: usize,
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
        self.direct = DirectFile::to_write(&self.file).map(|file| Direct {
            file,
            waiting: AlignedBuffer::new(BATCH_BYTES),
            len: 0,
        });
    }

    /// Writes at a position; not to a stream.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(direct) = &mut self.direct
            && let Some(()) = direct.file.write_all_at(offset, bytes)?
        {
            return Ok(());
        }
        if self.is_stream {
            return Err(io::ErrorKind::NotSeekable.into());
        }
        self.file.write_all_at(offset, bytes)?;
        self.begin_writeback(bytes.len());
        Ok(())
    }

    /// Writes, from several places, where the last call ended.
    pub fn write_vectored(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        if self.direct.is_some() {
            return slices.iter().try_for_each(|slice| self.collect(slice));
        }
        let mut left = slices;
        // Empty ones at the start would look like a write of nothing.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let some = &left[..left.len().min(MAX_SLICES)];
            let written = match self.is_stream {
                true => self.file.write_vectored(some),
                false => rustix::io::pwritev(&self.file, some, self.position).map_err(From::from),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut left, written);
                    self.position += written as u64;
                    self.begin_writeback(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes what waits to become a whole page.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(mut direct) = self.direct.take() else {
            return Ok(());
        };
        let bytes = &direct.waiting[..direct.len];
        if direct.file.write_all_at(self.position, bytes)?.is_none() {
            self.write_at(self.position, bytes)?;
        }
        self.position += bytes.len() as u64;
        direct.len = 0;
        self.direct = Some(direct);
        Ok(())
    }

    fn collect(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        while let Some(direct) = &mut self.direct
            && !left.is_empty()
        {
            let room = &mut direct.waiting[direct.len..];
            let (now, later) = left.split_at(left.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            direct.len += now.len();
            left = later;
            if direct.len == direct.waiting.len() {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Keeps the disk at work: whatever waits for the sync at the end is
    /// waited for then.
    fn begin_writeback(&mut self, written: usize) {
        self.unwritten += written;
        if self.unwritten >= WRITEBACK_BYTES {
            self.unwritten = 0;
            device::begin_writeback(&self.file);
        }
    }
}
