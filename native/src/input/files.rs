//! A file or device, or the pieces of one, read as one from end to end.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::io::{Allocation, IoError, ReadAt};

use super::piece_names;
use crate::device::{self, FileKind};
use crate::error::{Error, Result};

/// Files that are open for reading, as one; or a part of that.
#[derive(Debug)]
pub struct Files {
    /// In order, at least one.
    files: Vec<OneFile>,
    /// Which bytes of all are meant.
    start: u64,
    size: u64,
}

#[derive(Debug)]
struct OneFile {
    file: File,
    /// `None` for standard input, whatever it is.
    path: Option<PathBuf>,
    metadata: Metadata,
    /// Where it begins among all.
    start: u64,
    size: u64,
}

impl Files {
    /// Opens files that are to be read one after the other.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        device::allow_open_files(paths.len());
        let mut files = Vec::new();
        let mut start: u64 = 0;
        for path in paths {
            let failed = |error| Error::io("open", path, error);
            let opened = match paths.len() {
                1 => File::open(path),
                _ => device::open_regular(path),
            };
            let file = match opened {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    return Err(Error::refused(
                        path,
                        "is no file, as the pieces of a file are",
                        "all pieces must be in one folder, under the names they were given",
                    ));
                }
                opened => opened.map_err(failed)?,
            };
            let one = OneFile::new(file, path, start).map_err(failed)?;
            // Of files that exist; their sizes would have to be made up.
            start = start.saturating_add(one.size);
            files.push(one);
        }
        Ok(Self {
            files,
            start: 0,
            size: start,
        })
    }

    /// Opens a file, if it is a regular one.
    ///
    /// # Errors
    ///
    /// Of kind [`io::ErrorKind::InvalidInput`]: it is not.
    pub fn open_regular(path: &Path) -> io::Result<Self> {
        let one = OneFile::new(device::open_regular(path)?, path, 0)?;
        Ok(Self {
            size: one.size,
            files: vec![one],
            start: 0,
        })
    }

    /// An open file, from where it stands to its end.
    pub fn from_here(mut file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let start = file.stream_position()?;
        let size = file.seek(SeekFrom::End(0))?;
        // Others that have it open share the place in it.
        file.seek(SeekFrom::Start(start))?;
        Ok(Self {
            files: vec![OneFile {
                file,
                path: None,
                metadata,
                start: 0,
                size,
            }],
            start,
            size: size.saturating_sub(start),
        })
    }

    /// The part of `size` bytes from `start` on; less, where it ends before.
    pub fn part(self, start: u64, size: u64) -> Self {
        let start = start.min(self.size);
        Self {
            start: self.start + start,
            size: size.min(self.size - start),
            files: self.files,
        }
    }

    /// How many files it is.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// What tells the files from others.
    pub fn metadata(&self) -> Vec<Metadata> {
        let files = self.files.iter();
        files.map(|file| file.metadata.clone()).collect()
    }

    /// Compares the regular files with what they were when they were opened. To
    /// be called when all is read, before the result is given out.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], if one was written to meanwhile.
    pub fn check_unchanged(&self) -> Result<()> {
        for one in self.files.iter().filter(|one| one.metadata.is_file()) {
            let now = one.file.metadata();
            let name = one.path.as_deref().unwrap_or("standard input".as_ref());
            let now = now.map_err(|error| Error::io("look at", name, error))?;
            if let Some(change) = change_between(&one.metadata, &now) {
                return Err(Error::refused(
                    name,
                    format!("changed while it was read: {change}"),
                    "what was read of it is a mixture; end what writes to it, and start again",
                ));
            }
        }
        Ok(())
    }

    /// The file that it is, and which bytes of that; None if it is several.
    pub fn as_file(&self) -> Option<(&File, Range<u64>)> {
        match &self.files[..] {
            [one] => Some((&one.file, self.start..self.start + self.size)),
            _ => None,
        }
    }

    /// The path of the file, all of which it is; `None` if it is several, a
    /// part, or standard input.
    pub fn whole_path(&self) -> Option<&Path> {
        match &self.files[..] {
            [one] if self.start == 0 && self.size == one.size => one.path.as_deref(),
            _ => None,
        }
    }

    /// The paths of the files, all of which it is, and their sizes; `None` if it is a
    /// part, or standard input.
    pub fn whole_paths(&self) -> Option<Vec<(&Path, u64)>> {
        let files = self.files.iter();
        let size: u64 = files.clone().map(|one| one.size).sum();
        let is_whole = self.start == 0 && self.size == size;
        let paths = files.map(|one| Some((one.path.as_deref()?, one.size)));
        paths.collect::<Option<_>>().filter(|_| is_whole)
    }

    /// The name of the piece after the last; `None` if it is one file.
    pub fn next_piece(&self) -> Option<PathBuf> {
        let paths = self.files.iter().map(|one| one.path.clone());
        piece_names::after(&paths.collect::<Option<Vec<_>>>()?)
    }

    pub fn is_block_device(&self) -> bool {
        let is_device = |one: &OneFile| device::file_kind(&one.metadata) == FileKind::BlockDevice;
        self.files.iter().any(is_device)
    }

    /// The file that has the byte at `offset`, the offset in it, and how many bytes of it follow.
    /// `None` at the end.
    fn locate(&self, offset: u64) -> Option<(&OneFile, u64, u64)> {
        let left = self.size.saturating_sub(offset);
        let offset = self.start + offset.min(self.size);
        // Empty ones are passed over.
        let next = self
            .files
            .partition_point(|one| one.start + one.size <= offset);
        let one = self.files.get(next)?;
        let offset = offset - one.start;
        Some((one, offset, left.min(one.size - offset)))
    }

    /// Reads what there is in one piece from `offset` on; nothing at the end.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Some((one, offset, left)) = self.locate(offset) else {
            return Ok(0);
        };
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        positioned_io::ReadAt::read_at(&one.file, offset, &mut buf[..len])
    }
}

impl OneFile {
    /// An open file, which begins at `start` among all.
    fn new(mut file: File, path: &Path, start: u64) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            path: Some(path.to_owned()),
            metadata,
            start,
            size,
        })
    }
}

/// What is different in a file, if anything. Programs that set the time of the
/// last write back cannot hide the time of the last change.
fn change_between(before: &Metadata, now: &Metadata) -> Option<String> {
    if before.len() != now.len() {
        return Some(format!(
            "it had {} bytes, and has {}",
            before.len(),
            now.len()
        ));
    }
    if before.modified().ok() != now.modified().ok() {
        return Some("it was written to".to_owned());
    }
    let changed = device::change_time(before) != device::change_time(now);
    changed.then(|| "its attributes were set".to_owned())
}

impl ReadAt for Files {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let (mut offset, mut rest) = (offset, buf);
        while !rest.is_empty() {
            match self.read_at(offset, rest) {
                Ok(0) => return Err(IoError::end_of_input()),
                Ok(len) => {
                    offset += len as u64;
                    rest = &mut rest[len..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(IoError::new(error)),
            }
        }
        Ok(())
    }

    /// Holes of regular files. Others that have standard input open share its position.
    fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
        let Some((one, offset, left)) = self.locate(offset) else {
            return Ok(Allocation::Stored { len: 0 });
        };
        if one.path.is_none() || !one.metadata.is_file() {
            return Ok(Allocation::Stored { len: left });
        }
        Ok(device::allocation_at(&one.file, offset, offset + left))
    }

    /// Of a partition. Standard input that begins further on is not on a disk.
    fn stored_at(&self, offset: u64) -> Option<u64> {
        let is_part = self.start > 0 && self.files.iter().all(|one| one.path.is_some());
        is_part.then(|| self.start + offset)
    }
}

/// Files from their start to their end.
pub struct FilesReader {
    files: Arc<Files>,
    position: u64,
}

impl FilesReader {
    pub fn new(files: Arc<Files>) -> Self {
        Self::from(files, 0)
    }

    /// From a position to the end.
    pub fn from(files: Arc<Files>, position: u64) -> Self {
        Self { files, position }
    }
}

impl Read for FilesReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.files.read_at(self.position, buf)?;
        self.position += len as u64;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..100).collect();
        let mut paths = Vec::new();
        for (name, range) in [("a", 0..30), ("b", 30..30), ("c", 30..31), ("d", 31..100)] {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes[range]).unwrap();
            paths.push(path);
        }
        let files = Files::open(&paths).unwrap();
        assert_eq!((files.size(), files.count()), (100, 4));
        let part = Files::open(&paths).unwrap().part(20, 40);
        for start in 0..100 {
            for end in start..=100 {
                let mut read = vec![0; end - start];
                files.read_exact_at(start as u64, &mut read).unwrap();
                assert_eq!(read, bytes[start..end]);
                let within = part.read_exact_at(start as u64, &mut read);
                assert_eq!(within.is_ok(), end <= 40 || start == end);
                if start < end && end <= 40 {
                    assert_eq!(read, bytes[20 + start..20 + end]);
                }
            }
        }
        let mut read = Vec::new();
        let all = FilesReader::new(Arc::new(part)).read_to_end(&mut read);
        assert_eq!(all.unwrap(), 40);
        assert_eq!(read, bytes[20..60]);
    }
}
