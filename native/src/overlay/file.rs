//! The file of an overlay.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ntfsclone_core::io::Allocation;
use positioned_io::ReadAt;

use super::block_map::{BlockMap, PAGE_BYTES, Page};
use super::header::{HEADER_BYTES, Header, NotHeader, Places};
use super::identity::Identity;
use crate::device::{self, FileKind, Mode};
use crate::error::{Error, Result};

/// An open overlay, which no other program has open.
pub(super) struct OverlayFile {
    path: PathBuf,
    file: File,
    places: Places,
}

impl OverlayFile {
    /// Opens or creates the overlay; returns which blocks are in it.
    pub(super) fn open(path: &Path, identity: &Identity) -> Result<(Self, BlockMap)> {
        let places = Places::of(identity.size).ok_or_else(|| {
            Error::refused(
                path,
                "no file can be as long as the overlay of this volume",
                "is the volume what it should be? See ntfsclone info",
            )
        })?;
        let file = Self {
            path: path.to_owned(),
            file: open_file(path)?,
            places,
        };
        if !device::lock(&file.file) {
            return Err(Error::refused(
                path,
                "is in use by another program",
                "an overlay is written to by one program at a time; end the other one first",
            ));
        }
        let len = file
            .file
            .metadata()
            .map_err(|error| file.failed("open", error))?;
        if len.len() == 0 {
            file.begin(identity)?;
            return Ok((file, BlockMap::default()));
        }
        let map = file.resume(identity)?;
        Ok((file, map))
    }

    /// Makes an overlay of an empty file. Its header comes last, when all else is there.
    fn begin(&self, identity: &Identity) -> Result<()> {
        let begun = self.file.set_len(self.places.end());
        let begun = begun.and_then(|()| self.write_header(identity));
        begun.map_err(|error| {
            // It becomes an overlay the next time.
            let _ = self.file.set_len(0);
            self.failed("write to", error)
        })?;
        let folder = self.path.parent().filter(|path| *path != Path::new(""));
        let synced = device::sync_directory(folder.unwrap_or(Path::new(".")));
        synced.map_err(|error| self.failed("sync the folder of", error))
    }

    /// Which blocks an overlay has that was made before.
    fn resume(&self, identity: &Identity) -> Result<BlockMap> {
        let header = self.read_header()?;
        if header.identity != *identity {
            return Err(self.of_other_volume(&header.identity, identity));
        }
        let read = |error| self.failed("read", error);
        let len = self.file.metadata().map_err(read)?.len();
        if len != self.places.end() {
            return Err(Error::refused(
                &self.path,
                format!(
                    "is not a whole overlay: it has {len} bytes, and should have {}",
                    self.places.end()
                ),
                "was it copied completely?",
            ));
        }
        let flushed = self.read_map(self.places.flushed_map()).map_err(read)?;
        let written = self.read_map(self.places.written_map()).map_err(read)?;
        // The kernel still has, or has on the disk, whatever a program wrote that was killed.
        if header.boot_id != 0 && Some(header.boot_id) == device::boot_id() {
            let mut map = written;
            // Not all of it may be on the disk.
            map.mark_all_changed();
            return Ok(map);
        }
        self.forget_unflushed(&flushed, &written)
            .and_then(|()| self.write_header(identity))
            .map_err(|error| self.failed("write to", error))?;
        Ok(flushed)
    }

    /// Takes blocks from the map of written ones that are not in that of flushed ones: of
    /// their bytes, some may never have come to the disk.
    fn forget_unflushed(&self, flushed: &BlockMap, written: &BlockMap) -> io::Result<()> {
        for page in written.pages().chain(flushed.pages()) {
            if written.page(page) != flushed.page(page) {
                self.write_map_page(page, flushed.page(page))?;
            }
        }
        self.sync()
    }

    fn read_header(&self) -> Result<Header> {
        let mut bytes = [0; HEADER_BYTES];
        let is_short = match self.file.read_exact_at(0, &mut bytes) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => true,
            read => read
                .map(|()| false)
                .map_err(|error| self.failed("read", error))?,
        };
        let header = match is_short {
            true => Err(NotHeader::OtherFile),
            false => Header::parse(&bytes),
        };
        header.map_err(|why| {
            let (found, remedy) = match why {
                NotHeader::OtherFile => (
                    "exists already, and is not an overlay".to_owned(),
                    "give the overlay another name",
                ),
                NotHeader::OtherVersion(version) => (
                    format!("is an overlay of version {version}; version 1 is known"),
                    "is there a newer version of this program?",
                ),
                NotHeader::Damaged => (
                    "is an overlay whose header is damaged".to_owned(),
                    "take another copy of it, or give a new overlay another name",
                ),
            };
            Error::refused(&self.path, found, remedy)
        })
    }

    fn of_other_volume(&self, found: &Identity, expected: &Identity) -> Error {
        let difference = if found.size != expected.size {
            format!("its volume has {} bytes, not {}", found.size, expected.size)
        } else if found.serial != expected.serial {
            format!(
                "its volume has the serial number {:016X}, not {:016X}",
                found.serial, expected.serial
            )
        } else {
            "the volume was written to since, or is of another time".to_owned()
        };
        Error::refused(
            &self.path,
            format!("is the overlay of another volume: {difference}"),
            "name the image that it was made for; or give a new overlay another name",
        )
    }

    fn write_header(&self, identity: &Identity) -> io::Result<()> {
        let header = Header {
            identity: identity.clone(),
            boot_id: device::boot_id().unwrap_or(0),
        };
        device::write_all_at(&self.file, 0, &header.to_bytes())?;
        self.file.sync_all()
    }

    fn read_map(&self, range: Range<u64>) -> io::Result<BlockMap> {
        let mut map = BlockMap::default();
        let mut position = range.start;
        while position < range.end {
            let len = match device::allocation_at(&self.file, position, range.end) {
                // The pages of it that are not whole are read.
                Allocation::Hole { len } if len >= PAGE_BYTES as u64 => {
                    len - len % PAGE_BYTES as u64
                }
                Allocation::Hole { .. } | Allocation::Stored { .. } => {
                    let mut page: Page = [0; PAGE_BYTES];
                    self.file.read_exact_at(position, &mut page)?;
                    map.set_page((position - range.start) / PAGE_BYTES as u64, &page);
                    PAGE_BYTES as u64
                }
            };
            position += len;
        }
        Ok(map)
    }

    /// Records which blocks are written, as long as the system runs.
    pub(super) fn write_map_page(&self, number: u64, bits: &Page) -> io::Result<()> {
        let start = self.places.written_map().start;
        device::write_all_at(&self.file, start + number * PAGE_BYTES as u64, bits)
    }

    /// Records which blocks are on the disk.
    pub(super) fn write_flushed_page(&self, number: u64, bits: &Page) -> io::Result<()> {
        let start = self.places.flushed_map().start;
        device::write_all_at(&self.file, start + number * PAGE_BYTES as u64, bits)
    }

    pub(super) fn read_data(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(self.places.data() + offset, buf)
    }

    pub(super) fn write_data(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        device::write_all_at(&self.file, self.places.data() + offset, bytes)
    }

    pub(super) fn punch_data(&self, range: Range<u64>) -> io::Result<()> {
        let data = self.places.data();
        device::punch(&self.file, data + range.start..data + range.end)
    }

    pub(super) fn allocation_of_data(&self, range: Range<u64>) -> Allocation {
        let data = self.places.data();
        device::allocation_at(&self.file, data + range.start, data + range.end)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn failed(&self, operation: &'static str, error: io::Error) -> Error {
        Error::io(operation, &self.path, error)
    }
}

/// Opens a regular file for reading and writing; creates it if there is none.
fn open_file(path: &Path) -> Result<File> {
    let failed = |operation| move |error| Error::io(operation, path, error);
    match device::create_new(path, Mode::BY_UMASK) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => return created.map_err(failed("create")),
    }
    // To open some devices is enough to have an effect.
    let metadata = std::fs::metadata(path).map_err(failed("open"))?;
    if device::file_kind(&metadata) != FileKind::File {
        return Err(Error::refused(
            path,
            "is not a regular file",
            "an overlay is a sparse file; give it another name",
        ));
    }
    device::open_to_write(path).map_err(failed("open"))
}
