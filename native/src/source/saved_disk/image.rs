//! The image of a partition: of partclone, of ntfsclone, or its bytes as they are.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::Result as CoreResult;
use ntfsclone_core::backup_boot_sector::DecoderWithBackup;
use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header, MAGIC};
use ntfsclone_core::image::partclone;
use ntfsclone_core::image::partclone::FileSystems;
use ntfsclone_core::stream::Compression;
use ntfsclone_core::units::{Extent, Lcn};

use crate::bulk::pipeline::{Filled, Filler};
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::input::{Files, FilesReader, decompressed, pieces_of, read_error, read_up_to};
use crate::options;
use crate::source::disk_parts::{BLOCK_BYTES, PartContent};
use crate::source::volume_decoder::VolumeDecoder;

/// Bytes of an image that are decoded in one piece.
const CHUNK_BYTES: usize = 1 << 20;

/// An image of a partition, and what is in it.
pub struct PartitionImage {
    files: ImageFiles,
    kind: ImageKind,
    /// Bytes of the partition.
    size: u64,
    /// What is stored of it; `None` if all of its bytes are.
    stored: Option<Stored>,
}

/// The files of an image.
struct ImageFiles {
    /// The first.
    path: PathBuf,
    files: Arc<Files>,
    compression: Option<Compression>,
}

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    Ntfsclone,
    Partclone,
    /// The bytes of the partition.
    Raw,
}

/// What is stored of a partition.
struct Stored {
    block_size: u64,
    blocks: ClusterMap,
    /// Bytes that follow the blocks, with the backup boot sector of NTFS.
    tail: Range<u64>,
}

impl PartitionImage {
    /// Opens the image whose first file is `path`, of a partition of `size` bytes, and reads which
    /// blocks are in it: of an image of ntfsclone, that takes all of it.
    pub fn open(path: &Path, size: u64, progress: options::Progress) -> Result<Self> {
        let files = ImageFiles::open(path)?;
        let (kind, mut stored) = files.look(progress)?;
        if let Some(stored) = &mut stored {
            let extents = stored.blocks.extents();
            let end = extents.last().map_or(0, |extent| extent.end().0);
            let needed = end.saturating_mul(stored.block_size);
            if needed > size {
                return Err(Error::refused(
                    path,
                    format!("holds a volume of {needed} bytes, and its partition has {size}"),
                    "is it an image of this disk?",
                ));
            }
            // Version 1 of partclone does not record where the partition ends.
            stored.tail = stored.tail.start.min(size)..stored.tail.end.min(size);
        }
        Ok(Self {
            files,
            kind,
            size,
            stored,
        })
    }

    pub fn kind(&self) -> ImageKind {
        self.kind
    }
}

impl ImageFiles {
    fn open(path: &Path) -> Result<Self> {
        let files = Arc::new(Files::open(&pieces_of(path)?)?);
        let mut start = [0; 512];
        let read = read_up_to(&mut FilesReader::new(Arc::clone(&files)), &mut start);
        let len = read.map_err(|error| read_error(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            files,
            compression: Compression::of(&start[..len]),
        })
    }

    /// The image from its start, decompressed.
    fn reader(&self) -> Result<Box<dyn Read + Send>> {
        match self.compression {
            Some(compression) => decompressed(&self.path, &self.files, compression),
            None => Ok(Box::new(FilesReader::new(Arc::clone(&self.files)))),
        }
    }

    /// What the image is, and what is stored of its partition; `None` if all of its bytes are.
    fn look(&self, progress: options::Progress) -> Result<(ImageKind, Option<Stored>)> {
        let mut start = [0; MAGIC.len()];
        let read = read_up_to(&mut self.reader()?, &mut start);
        read.map_err(|error| read_error(&self.path, error))?;
        if start == *MAGIC {
            return Ok((ImageKind::Ntfsclone, Some(self.clusters(progress)?)));
        }
        if start.starts_with(partclone::MAGIC) {
            return Ok((ImageKind::Partclone, Some(self.blocks()?)));
        }
        Ok((ImageKind::Raw, None))
    }

    /// The blocks in an image of partclone, by its bitmap.
    fn blocks(&self) -> Result<Stored> {
        let mut decoder = partclone::Decoder::of(FileSystems::Any);
        let mut header = None;
        let mut reader = self.reader()?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = read_up_to(&mut reader, &mut chunk);
            let len = read.map_err(|error| read_error(&self.path, error))?;
            if len == 0 {
                // Without its end, the image has no bitmap.
                self.checked(decoder.end_of_input())?;
            }
            let mut input = &chunk[..len];
            while !input.is_empty() {
                if let Event::Header(found) = self.checked(decoder.next(&mut input))? {
                    header = Some(found);
                }
                let (Some(header), Some(blocks)) = (header, decoder.blocks()) else {
                    continue;
                };
                let mut map = new_map(header.nr_blocks)?;
                let mut position = 0;
                while position < header.nr_blocks {
                    let start = blocks.next(position, true, u64::MAX);
                    position = blocks.next(start, false, u64::MAX);
                    map.insert(Extent::new(Lcn(start), position.saturating_sub(start)));
                }
                return Ok(Stored {
                    block_size: header.block_size.into(),
                    blocks: map,
                    tail: header.volume_size()..header.restored_size(),
                });
            }
        }
    }

    /// The clusters in an image of ntfsclone: which these are is known at its end.
    fn clusters(&self, progress: options::Progress) -> Result<Stored> {
        let mut found: Option<(Header, ClusterMap, Progress)> = None;
        let mut last = 0;
        self.decode(ImageKind::Ntfsclone, |header, offset, bytes| {
            let (_, map, progress) = match &mut found {
                Some(found) => found,
                None => found.insert((
                    *header,
                    new_map(header.nr_clusters)?,
                    Progress::start(progress, Phase::Check, header.inuse),
                )),
            };
            if offset < last {
                return Err(Error::refused(
                    &self.path,
                    "is an image of metadata, which lacks the content of files",
                    "take a full image",
                ));
            }
            last = offset + bytes.len() as u64;
            if offset < header.volume_size() {
                let lcn = offset / u64::from(header.cluster_size).max(1);
                map.insert(Extent::new(Lcn(lcn), 1));
                progress.advance_to(progress.done() + 1);
            }
            Ok(())
        })??;
        let Some((header, blocks, progress)) = found else {
            return Err(Error::refused(
                &self.path,
                "has no clusters",
                "is it complete?",
            ));
        };
        progress.finish();
        Ok(Stored {
            block_size: header.cluster_size.into(),
            blocks,
            tail: header.volume_size()..last.max(header.volume_size()),
        })
    }

    /// Decodes all of the image; calls `take` with its header, and with each piece of the partition
    /// and its offset, in order. Compares the checksums in it.
    fn decode<E>(
        &self,
        kind: ImageKind,
        mut take: impl FnMut(&Header, u64, &[u8]) -> Result<(), E>,
    ) -> Result<Result<()>, E> {
        let (mut reader, mut decoder) = match (self.reader(), kind) {
            (Err(error), _) => return Ok(Err(error)),
            (Ok(reader), ImageKind::Ntfsclone) => (reader, VolumeDecoder::Image(Decoder::new())),
            (Ok(reader), _) => {
                let decoder = DecoderWithBackup::of(FileSystems::Any);
                (reader, VolumeDecoder::Partclone(Box::new(decoder)))
            }
        };
        let mut header = Header::new(1, 0, 0, 0);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let len = match read_up_to(&mut reader, &mut chunk) {
                Ok(0) => return Ok(decoder.end_of_input(&self.path)),
                Ok(len) => len,
                Err(error) => return Ok(Err(read_error(&self.path, error))),
            };
            let mut input = &chunk[..len];
            loop {
                match decoder.next(&mut input) {
                    Ok(Event::Header(found)) => header = found,
                    Ok(Event::Data { offset, bytes }) => take(&header, offset, bytes)?,
                    Ok(Event::NeedInput) => break,
                    Ok(Event::End) if input.is_empty() => break,
                    Ok(Event::End) => {}
                    Err(error) => return Ok(Err(Error::read(&self.path, error))),
                }
            }
        }
    }

    fn checked<T>(&self, result: CoreResult<T>) -> Result<T> {
        result.map_err(|error| Error::read(&self.path, error))
    }
}

fn new_map(nr_blocks: u64) -> Result<ClusterMap> {
    ClusterMap::new(nr_blocks).map_err(|_| Error::Memory {
        bytes: ClusterMap::least_memory(nr_blocks),
    })
}

impl PartContent for PartitionImage {
    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        let Some(stored) = &self.stored else {
            return Box::new(std::iter::once((0, self.size)));
        };
        let block_size = stored.block_size;
        let extents = stored.blocks.extents();
        let blocks =
            extents.map(move |extent| (extent.start.0 * block_size, extent.len * block_size));
        let tail = (stored.tail.start, stored.tail.end - stored.tail.start);
        Box::new(blocks.chain([tail]))
    }

    fn fill(self: Box<Self>, start: u64, filler: &mut Filler<'_>) -> Filled {
        let place = Place {
            start,
            size: self.size,
        };
        let filled = match self.kind {
            ImageKind::Raw => self.files.fill_raw(place, filler)?,
            kind => self.files.fill_decoded(kind, place, filler)?,
        };
        // A change explains an error, too; an error here comes before a file gets its name.
        Ok(self.files.files.check_unchanged().and(filled))
    }
}

impl ImageFiles {
    fn fill_decoded(&self, kind: ImageKind, place: Place, filler: &mut Filler<'_>) -> Filled {
        self.decode(kind, |_, offset, bytes| {
            let left = usize::try_from(place.size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let bytes = &bytes[..bytes.len().min(left)];
            // Copies of what is in memory cannot fail.
            fill_with(filler, place.start + offset, bytes).map(|_| ())
        })
    }

    /// Copies the bytes of the partition.
    fn fill_raw(&self, place: Place, filler: &mut Filler<'_>) -> Filled {
        let Place { start, size } = place;
        let mut reader = match self.reader() {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut done = 0;
        loop {
            let len = match read_up_to(&mut reader, &mut chunk) {
                Ok(0) if done == size => return Ok(Ok(())),
                Ok(0) => {
                    return Ok(Err(Error::refused(
                        &self.path,
                        format!("ends after {done} bytes, and its partition has {size}"),
                        "is it complete?",
                    )));
                }
                Ok(len) => len as u64,
                Err(error) => return Ok(Err(read_error(&self.path, error))),
            };
            if done + len > size {
                return Ok(Err(Error::refused(
                    &self.path,
                    format!("holds more bytes than its partition, which has {size}"),
                    "is it an image of this disk?",
                )));
            }
            fill_with(filler, start + done, &chunk[..len as usize])?.ok();
            done += len;
        }
    }
}

/// Where a partition is on the disk.
#[derive(Clone, Copy)]
struct Place {
    start: u64,
    size: u64,
}

/// Fills batches with `bytes`, which belong at `offset` of the disk.
pub(super) fn fill_with(filler: &mut Filler<'_>, offset: u64, bytes: &[u8]) -> Filled {
    let mut left = bytes;
    filler.fill(offset, bytes.len() as u64, BLOCK_BYTES, |_, space| {
        let (now, later) = left.split_at(space.len());
        space.copy_from_slice(now);
        left = later;
        Ok(())
    })
}
