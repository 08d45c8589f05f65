//! A volume on its way to the disk that it is written into: with the partition table around it,
//! and the position of the partition in both of its boot sectors.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::layout::DiskLayout;
use crate::units::{len_u64, len_usize};
use crate::write::{Encode, Out, Stopped};

/// Encodes a disk: takes bytes of the volume, and gives bytes of the disk to `content`.
pub(crate) struct OnDisk {
    layout: DiskLayout,
    content: Box<dyn Encode + Send>,
    has_begun: bool,
    /// The boot sector, as it was written, until its backup is.
    boot_sector: Vec<u8>,
}

impl OnDisk {
    /// An encoder of a disk with that layout, whose bytes `content` encodes.
    pub(crate) fn new(layout: DiskLayout, content: Box<dyn Encode + Send>) -> Self {
        Self {
            layout,
            content,
            has_begun: false,
            boot_sector: Vec::new(),
        }
    }

    fn begin(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        put(&mut *self.content, 0, self.layout.start(), out)
    }

    /// Writes a boot sector of the volume.
    fn put_boot_sector(
        &mut self,
        offset: u64,
        bytes: &[u8],
        out: &mut dyn Out,
    ) -> Result<(), Stopped> {
        let mut sector = bytes.to_vec();
        self.layout.set_hidden_sectors(&mut sector);
        let on_disk = self.layout.on_disk(offset);
        put(&mut *self.content, on_disk, &sector, out)?;
        self.boot_sector = match offset {
            0 => sector,
            _ => Vec::new(),
        };
        Ok(())
    }
}

impl Encode for OnDisk {
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        let left = self.layout.volume_len().saturating_sub(offset);
        let bytes = bytes.get(..len_usize(left)).unwrap_or(bytes);
        if !self.layout.is_partitioned() {
            return put(&mut *self.content, offset, bytes, out);
        }
        let backup = self.layout.backup().start;
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let is_boot_sector = offset == 0 || offset == backup;
            let len = match is_boot_sector {
                true => self.layout.boot_sector_len(),
                false if offset < backup => len_usize(backup.saturating_sub(offset)),
                false => rest.len(),
            };
            let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            if is_boot_sector {
                self.put_boot_sector(offset, piece, out)?;
            } else {
                put(&mut *self.content, self.layout.on_disk(offset), piece, out)?;
            }
            offset = offset.saturating_add(len_u64(piece.len()));
            rest = after;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        if self.layout.is_partitioned() {
            // Still there if the device ended before the backup.
            let offset = self.layout.on_disk(self.layout.backup().start);
            put(&mut *self.content, offset, &self.boot_sector, out)?;
        }
        let (offset, end) = self.layout.end();
        put(&mut *self.content, offset, end, out)?;
        self.content.finish(out)
    }
}

fn put(
    content: &mut (dyn Encode + Send),
    offset: u64,
    bytes: &[u8],
    out: &mut dyn Out,
) -> Result<(), Stopped> {
    if bytes.is_empty() {
        return Ok(());
    }
    content.data(offset, bytes, out)
}
