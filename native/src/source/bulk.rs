//! Reads what a plan lists: once, in its order, in large pieces.

use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use ntfsclone_core::clusters::metadata::RecordKind;
use ntfsclone_core::io::IoError;
use ntfsclone_core::plan::{CopyStep, Plan};
use ntfsclone_core::wipe::{Times, Wiped};
use ntfsclone_core::write::{RecordChunk, WipeReport};

use super::image::ImageStream;
use super::resized_image::ResizedImage;
use super::volume::Device;
use crate::bulk::direct::{DirectFile, PROBES, is_mostly_cached};
use crate::bulk::pipeline::{Filled, Filler};
use crate::error::{Error, Result};
use crate::input;
use crate::options::Direct;
use crate::sink::Sharing;

/// Reads the clusters of a plan.
pub struct BulkReader {
    device: Arc<Device>,
    plan: Arc<Plan>,
    /// What is read past the cache, if anything, and where the volume begins
    /// there.
    direct: Option<(DirectFile, u64)>,
    times: Times,
    /// The image that the volume is in, if it is read from start to end.
    image: Option<ImageStream>,
    /// What the output shares with the volume already, and is not read.
    shared: Option<Sharing>,
    wiped: Arc<Mutex<WipedRecords>>,
}

/// What was wiped of the records of a volume.
#[derive(Debug, Clone, Copy, Default)]
pub struct WipedRecords {
    pub report: WipeReport,
    /// Of that, in `$MFTMirr`.
    pub mirror: Wiped,
}

/// Records on their way.
#[derive(Default)]
struct Records {
    /// Those of a chunk.
    bytes: Vec<u8>,
    wiped: WipedRecords,
}

impl BulkReader {
    pub fn new(device: Arc<Device>, plan: Arc<Plan>, direct: Direct) -> Self {
        // A rescue has its own way past the cache.
        let original = original(&device);
        let file = original.file().filter(|_| original.damaged().is_none());
        let wanted = |(file, part): &(&File, Range<u64>)| match direct {
            Direct::Always => true,
            Direct::Never => false,
            Direct::Auto => {
                let places = probes(plan.bytes(), plan.ranges()).into_iter();
                let places = places.filter_map(|place| match device.relocated() {
                    Some(relocated) => relocated.part_at(place).0,
                    None => Some(place),
                });
                !is_mostly_cached(file, places.map(|place| part.start + place))
            }
        };
        let direct = file
            .filter(wanted)
            .and_then(|(file, part)| Some((DirectFile::to_read(file)?, part.start)));
        Self {
            device,
            plan,
            direct,
            times: Times::Reset,
            image: None,
            shared: None,
            wiped: Arc::default(),
        }
    }

    /// Resets times in records, or keeps them.
    pub fn with_times(self, times: Times) -> Self {
        Self { times, ..self }
    }

    /// Leaves out what is shared.
    pub fn without(self, shared: Sharing) -> Self {
        Self {
            shared: Some(shared),
            ..self
        }
    }

    /// What was wiped, once the last batch is filled.
    pub fn wiped(&self) -> Arc<Mutex<WipedRecords>> {
        Arc::clone(&self.wiped)
    }

    /// Reads the image that the volume is in from start to end, if that is faster. For a volume
    /// that gets another size.
    pub fn through_image(mut self, direct: Direct) -> Result<Self> {
        if self.device.is_streamed_image() {
            let opened = input::open_again(self.device.input().clone(), None)?;
            let mut stream = ImageStream::new(opened)?;
            stream.bypass_cache(direct);
            self.image = Some(stream);
        }
        Ok(self)
    }

    /// Whether the kernel's cache is passed by.
    pub fn is_direct(&self) -> bool {
        self.direct.is_some() || self.image.as_ref().is_some_and(ImageStream::is_direct)
    }

    /// Reads what the plan says, in its order.
    pub fn fill(mut self) -> impl FnOnce(&mut Filler<'_>) -> Filled {
        move |filler| {
            let read = match (self.image.take(), self.device.relocated()) {
                (Some(image), Some(relocated)) => {
                    let resized = ResizedImage::new(relocated, &self.plan);
                    resized.fill(image, filler, |offset, bytes| self.read_at(offset, bytes))?
                }
                _ => self.read_all(filler)?,
            };
            // A change explains an error, too.
            let read = self.device.check_unchanged().and(read);
            let read = read.and_then(|()| self.device.confirm_failures());
            // An error here comes before a file gets its name.
            Ok(read.and_then(|()| self.device.compare_sums()))
        }
    }

    fn read_all(&self, filler: &mut Filler<'_>) -> Filled {
        let mut records = Records::default();
        let mut has_mft = false;
        for step in self.plan.steps() {
            let read = match step {
                CopyStep::Bytes { offset, len } => {
                    self.read_unshared(offset..offset + len, filler)?
                }
                CopyStep::Records(kind, stream) => {
                    let before = records.wiped.report.wiped;
                    let chunks = RecordChunk::all(self.plan.geometry(), kind, stream);
                    let read = self.read_records(chunks, &mut records, filler)?;
                    // Files come in the order of their records: $MFT, then its mirror.
                    if kind == RecordKind::Mft {
                        if has_mft {
                            records.wiped.mirror = records.wiped.report.wiped.since(&before);
                        }
                        has_mft = true;
                    }
                    read
                }
            };
            if let Err(error) = read {
                return Ok(Err(error));
            }
        }
        if let Ok(mut wiped) = self.wiped.lock() {
            *wiped = records.wiped;
        }
        Ok(Ok(()))
    }

    /// Reads a range but for what is shared.
    fn read_unshared(&self, range: Range<u64>, filler: &mut Filler<'_>) -> Filled {
        let Some(shared) = self.shared else {
            return self.read_range(range, filler);
        };
        for rest in shared.rest_of(range) {
            if let Err(error) = self.read_range(rest, filler)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    fn read_range(&self, range: Range<u64>, filler: &mut Filler<'_>) -> Filled {
        let cluster_size = self.plan.geometry().cluster_size;
        let len = range.end - range.start;
        filler.fill(range.start, len, cluster_size, |offset, bytes| {
            self.read_at(offset, bytes)
        })
    }

    fn read_records<'a>(
        &self,
        chunks: impl Iterator<Item = RecordChunk<'a>>,
        records: &mut Records,
        filler: &mut Filler<'_>,
    ) -> Filled {
        let Records { bytes, wiped } = records;
        let cluster_size = self.plan.geometry().cluster_size;
        for chunk in chunks {
            let read = chunk.read_wiped(bytes, self.times, &mut wiped.report, |offset, bytes| {
                self.read_at(offset, bytes)
            });
            if let Err(error) = read {
                return Ok(Err(error));
            }
            for (offset, mut left) in chunk.pieces(bytes) {
                let len = left.len() as u64;
                let copied = filler.fill(offset, len, cluster_size, |_, bytes| {
                    let (now, later) = left.split_at(bytes.len());
                    bytes.copy_from_slice(now);
                    left = later;
                    Ok(())
                })?;
                if let Err(error) = copied {
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(()))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let Some(relocated) = self.device.relocated() else {
            return self.read_original(offset, bytes);
        };
        let read = relocated.read_by(offset, bytes, |offset, bytes| {
            self.read_original(offset, bytes).map_err(IoError::new)
        });
        read.map_err(|error| match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => self.device.read_error(offset, bytes.len(), error),
        })
    }

    /// Reads the volume as it is in the file.
    fn read_original(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        if let Some((direct, start)) = &self.direct {
            match direct.read_exact_at(start + offset, bytes) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => {}
                Err(error) => {
                    let error = IoError::new(error);
                    return Err(original(&self.device).read_error(offset, bytes.len(), error));
                }
            }
        }
        original(&self.device).read_at(offset, bytes)
    }
}

/// What has the volume as it is, if it gets another size.
fn original(device: &Device) -> &Device {
    device
        .relocated()
        .map_or(device, |relocated| relocated.source())
}

/// Places all over the `bytes` that are copied, to be looked at.
pub(super) fn probes(bytes: u64, ranges: impl Iterator<Item = (u64, u64)>) -> Vec<u64> {
    let distance = bytes.div_ceil(PROBES).max(1);
    let (mut done, mut next) = (0, 0);
    let mut places = Vec::new();
    for (offset, len) in ranges {
        while next < done + len {
            places.push(offset + next - done);
            next += distance;
        }
        done += len;
    }
    places
}
