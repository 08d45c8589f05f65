//! A raw copy of the volume.

use ntfsclone_core::units::Geometry;

use super::Sink;
use super::discard::Discard;
use super::sparse::Holes;
use super::target::Target;
use crate::bulk::pipeline::Batch;
use crate::device;
use crate::error::{Error, Result};
use crate::options::Thin;
use crate::report;

/// Zeros to fill gaps of a stream with.
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Writes each piece at its place. What lies between is a hole in a file, as
/// it was on a device, zeros in a stream.
pub struct RawSink {
    target: Target,
    /// Bytes of whole clusters; the least length of a file.
    volume_size: u64,
    /// Bytes of a device are not written past this one.
    limit: Option<u64>,
    /// The end of what was written.
    end: u64,
    /// What finds zeros, where they need not be written.
    holes: Option<Holes>,
    /// What takes the gaps of a device, where they need not be kept.
    discard: Option<Discard>,
    /// Gaps are written as zeros: the file gets no holes.
    fills_gaps: bool,
}

impl RawSink {
    pub fn new(
        mut target: Target,
        volume_size: u64,
        cluster_size: u32,
        thin: Thin,
    ) -> Result<Self> {
        // Where a file cannot be so long, that is better known now.
        target.set_len(volume_size)?;
        let limit = target.device_size();
        let discard = match thin {
            Thin::Discard => Some(Discard::new(&target)?),
            Thin::No | Thin::Holes => None,
        };
        Ok(Self {
            target,
            volume_size,
            limit,
            end: 0,
            // What was there would show through those of a file that cannot be cut.
            holes: (thin == Thin::Holes && limit.is_none()).then(|| Holes::new(cluster_size)),
            discard,
            fills_gaps: false,
        })
    }

    /// A virtual disk of Windows, whose gaps are zeros: `size` bytes, or 0 if that is known in the
    /// end. Windows does not open one that is a sparse file on NTFS, so it gets no holes there.
    pub fn of_windows_disk(
        target: Target,
        size: u64,
        cluster_size: u32,
        thin: Thin,
    ) -> Result<Self> {
        let file = target.handle();
        let fills_gaps = file.is_ok_and(|file| device::may_be_on_ntfs(&file));
        let (size, thin) = match fills_gaps {
            true => (0, Thin::No),
            false => (size, thin),
        };
        Ok(Self {
            fills_gaps,
            ..Self::new(target, size, cluster_size, thin)?
        })
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if self.target.is_stream() {
            if offset < self.end {
                return Err(Error::refused(
                    self.target.name(),
                    "is a stream, and this image of metadata jumps back and forth",
                    "restore it to a file or device",
                ));
            }
            self.fill_up_to(offset)?;
            self.target.write(bytes)?;
        } else {
            // The bytes after the volume that a smaller device has no room
            // for: its size was checked to hold all that matters.
            let room = self.limit.unwrap_or(u64::MAX).saturating_sub(offset);
            let len = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            if len < bytes.len() && offset + (len as u64) < self.volume_size {
                return Err(Error::refused(
                    self.target.name(),
                    format!("has no room for the clusters at byte {offset:#x}"),
                    "use a larger device",
                ));
            }
            self.write_thin(offset, &bytes[..len])?;
        }
        self.end = self.end.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn write_thin(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if self.fills_gaps {
            self.fill_up_to(offset)?;
        }
        self.discard_up_to(offset);
        match &mut self.holes {
            // Where an image jumps back to, there may be something already.
            Some(holes) if offset >= self.end => {
                let target = &mut self.target;
                holes.write_data(offset, bytes, |offset, data| target.write_at(offset, data))
            }
            _ => self.target.write_at(offset, bytes),
        }
    }

    /// Gives up the gap before `offset`: nothing was ever written past the end.
    /// There is none where an image jumps back.
    fn discard_up_to(&mut self, offset: u64) {
        if let Some(discard) = &mut self.discard {
            discard.discard(self.end..offset);
        }
    }

    fn fill_up_to(&mut self, offset: u64) -> Result<()> {
        while self.end < offset {
            let len = (offset - self.end).min(ZEROS.len() as u64);
            let zeros = &ZEROS[..len as usize];
            match self.target.is_stream() {
                true => self.target.write(zeros)?,
                false => self.target.write_at(self.end, zeros)?,
            }
            self.end += len;
        }
        Ok(())
    }
}

impl Sink for RawSink {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        batch
            .pieces()
            .try_for_each(|(piece, bytes)| self.write(piece.offset, bytes))
    }

    fn end(&mut self) -> Result<()> {
        let len = self.end.max(self.volume_size);
        match self.target.is_stream() {
            true => self.fill_up_to(len),
            false => {
                self.discard_up_to(self.volume_size);
                self.target.set_len(len)
            }
        }
    }

    fn target(&mut self) -> &mut Target {
        &mut self.target
    }

    /// What was done to keep it thin, as a part of a report.
    fn remark(&self) -> String {
        match (&self.holes, &self.discard) {
            (Some(holes), _) => {
                let left_out = report::size(holes.left_out());
                format!(", {left_out} of it zeros left as holes,")
            }
            (None, Some(discard)) => {
                let discarded = report::size(discard.discarded());
                format!(" and discarded {discarded} that is free,")
            }
            (None, None) => String::new(),
        }
    }
}

/// The least size of a device for a volume with `tail` bytes after its last
/// cluster: all of it, up to the backup boot sector.
pub fn least_device_size(geometry: &Geometry, tail: u64) -> u64 {
    let volume = geometry.bytes(geometry.nr_clusters());
    let backup_end = geometry.backup_boot_sector() + u64::from(geometry.sector_size);
    match backup_end <= volume + tail {
        true => backup_end.max(volume),
        false => volume,
    }
}
