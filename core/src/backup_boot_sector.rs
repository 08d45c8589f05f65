//! The backup boot sector of a volume whose image does not have it: of partclone, which copies
//! clusters only, while the backup lies after the last one.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use crate::error::Result;
use crate::image::ntfsclone::Event;
use crate::image::partclone::{self, FileSystems, Header};
use crate::io::{ByteExtent, IoError, ReadAt};
use crate::ntfs::BootSector;
use crate::units::{len_u64, len_usize};

/// Bytes at the start of a volume that contain its boot sector, whatever its sector size.
pub const START_BYTES: usize = 4096;

/// A copy of the boot sector, and where on the volume it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupBootSector {
    /// In bytes from the start of the volume.
    pub offset: u64,
    /// The first sector of the volume.
    pub bytes: Vec<u8>,
}

impl BackupBootSector {
    /// Copies the boot sector at the `start` of a volume that is restored to `size` bytes. `None`
    /// if it is not a boot sector of NTFS, or its backup lies past the end.
    pub fn new(start: &[u8], size: u64) -> Option<Self> {
        let geometry = BootSector::parse(start.first_chunk()?, 0).ok()?.geometry;
        let offset = geometry.backup_boot_sector();
        let bytes = start.get(..len_usize(geometry.sector_size.into()))?;
        let end = offset.checked_add(len_u64(bytes.len()))?;
        (end <= size).then(|| Self {
            offset,
            bytes: bytes.to_vec(),
        })
    }

    fn range(&self) -> Range<u64> {
        let end = self.offset.saturating_add(len_u64(self.bytes.len()));
        self.offset..end
    }
}

/// A volume with the backup boot sector that its source lacks.
#[derive(Debug, Clone)]
pub struct WithBackup<S> {
    volume: S,
    backup: Option<BackupBootSector>,
}

impl<S: ReadAt> WithBackup<S> {
    /// Reads the boot sector of `volume`. Without one there is no backup, either.
    ///
    /// # Errors
    ///
    /// As [`ReadAt::read_exact_at`].
    pub fn new(volume: S) -> Result<Self, IoError> {
        let mut start = [0; START_BYTES];
        let len = start.len().min(len_usize(volume.size()));
        let (there, _) = start.split_at_mut(len);
        volume.read_exact_at(0, there)?;
        let backup = BackupBootSector::new(there, volume.size());
        Ok(Self { volume, backup })
    }

    /// The volume as its source has it.
    pub fn volume(&self) -> &S {
        &self.volume
    }

    /// What is added to it.
    pub fn backup(&self) -> Option<&BackupBootSector> {
        self.backup.as_ref()
    }
}

/// Decodes an image of partclone that comes in pieces. Its blocks are followed by what is left of
/// the device, at most a block, with the backup boot sector in it.
#[derive(Debug, Clone)]
pub struct DecoderWithBackup {
    decoder: partclone::Decoder,
    header: Option<Header>,
    /// The first bytes of the volume.
    start: Vec<u8>,
    /// What follows the blocks, once it was made.
    tail: Option<Vec<u8>>,
    /// The tail was returned, and [`Event::End`] is next.
    is_at_end: bool,
}

impl DecoderWithBackup {
    /// A decoder at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self::of(FileSystems::Ntfs)
    }

    /// A decoder at the start of an image of one of these file systems. What is left of the device
    /// is zeros, unless it is NTFS.
    pub fn of(accepted: FileSystems) -> Self {
        Self {
            decoder: partclone::Decoder::of(accepted),
            header: None,
            start: Vec::new(),
            tail: None,
            is_at_end: false,
        }
    }

    /// Takes bytes from the start of `input` until there is an event. Data is at most a block.
    ///
    /// # Errors
    ///
    /// Those of [`partclone::Decoder::next`].
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Event<'a, Header>> {
        if mem::take(&mut self.is_at_end) {
            return Ok(Event::End);
        }
        let event = self.decoder.next(input)?;
        match (&event, self.header) {
            (Event::Header(header), _) => self.header = Some(*header),
            (Event::Data { offset, bytes }, _) => {
                let missing = START_BYTES.saturating_sub(self.start.len());
                if *offset == len_u64(self.start.len()) {
                    self.start.extend(bytes.iter().take(missing));
                }
            }
            (Event::End, Some(header)) if self.tail.is_none() => {
                let offset = header.volume_size();
                let tail = self.tail.insert(tail(&header, &self.start));
                if !tail.is_empty() {
                    self.is_at_end = true;
                    return Ok(Event::Data {
                        offset,
                        bytes: tail,
                    });
                }
            }
            _ => {}
        }
        Ok(event)
    }

    /// To be called when there is no more input.
    ///
    /// # Errors
    ///
    /// Those of [`partclone::Decoder::end_of_input`].
    pub fn end_of_input(&mut self) -> Result<()> {
        self.decoder.end_of_input()
    }

    /// The decoder of the blocks, when nothing more is decoded.
    pub(crate) fn into_decoder(self) -> partclone::Decoder {
        self.decoder
    }

    /// The decoder of the blocks.
    pub fn decoder(&self) -> &partclone::Decoder {
        &self.decoder
    }

    /// The first [`START_BYTES`] of the volume, as far as they have come.
    pub fn start(&self) -> &[u8] {
        &self.start
    }
}

/// What is left of the device after the blocks.
fn tail(header: &Header, start: &[u8]) -> Vec<u8> {
    let (volume, size) = (header.volume_size(), header.restored_size());
    let mut tail = alloc::vec![0; len_usize(size.saturating_sub(volume))];
    if let Some(backup) = BackupBootSector::new(start, size) {
        let at = len_usize(backup.offset.saturating_sub(volume));
        let place = tail.get_mut(at..).unwrap_or_default();
        for (byte, of_backup) in place.iter_mut().zip(&backup.bytes) {
            *byte = *of_backup;
        }
    }
    tail
}

impl<S: ReadAt> ReadAt for WithBackup<S> {
    fn size(&self) -> u64 {
        self.volume.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.volume.read_exact_at(offset, buf)?;
        let Some(backup) = &self.backup else {
            return Ok(());
        };
        let range = backup.range();
        let from = range.start.max(offset);
        let skipped = len_usize(from.saturating_sub(offset));
        let target = buf.get_mut(skipped..).unwrap_or_default();
        let copied = len_usize(from.saturating_sub(range.start));
        let source = backup.bytes.get(copied..).unwrap_or_default();
        for (byte, of_backup) in target.iter_mut().zip(source) {
            *byte = *of_backup;
        }
        Ok(())
    }

    fn stored_at(&self, offset: u64) -> Option<u64> {
        self.volume.stored_at(offset)
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let backup = self.backup.as_ref().map(BackupBootSector::range);
        let Some(backup) = backup.filter(|backup| offset < backup.end) else {
            return self.volume.extent_at(offset);
        };
        let Some(before @ 1..) = backup.start.checked_sub(offset) else {
            let len = backup.end.saturating_sub(offset);
            return Ok(ByteExtent::Data { len });
        };
        Ok(match self.volume.extent_at(offset)? {
            ByteExtent::Data { len } => ByteExtent::Data {
                len: len.min(before),
            },
            ByteExtent::Absent { len } => ByteExtent::Absent {
                len: len.min(before),
            },
        })
    }
}
