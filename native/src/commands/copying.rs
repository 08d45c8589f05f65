//! Writing what is read of a volume: the step that copies of all its clusters
//! and of its metadata have in common.

use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::units::Geometry;

use super::open_volume::OpenVolume;
use crate::error::Result;
use crate::image_encoding::ImageEncoding;
use crate::options::{self, CopyTask, Form};
use crate::pipeline::{self, Batch, Filled, Filler, Flow};
use crate::progress::{Phase, Progress};
use crate::report::{self, Reports};
use crate::serial::SerialChange;
use crate::sink::{self, ImageSink, Needs, RawSink, Target, least_device_size};

/// What is about to be copied, and how much it is.
pub struct Copying {
    pub geometry: Geometry,
    pub header: Header,
    /// Bytes of the volume to copy.
    pub bytes: u64,
    /// Bytes of an image of it, at the most.
    pub image_size: u64,
}

impl Copying {
    pub fn describe(&self, reports: Reports) {
        reports.line(format_args!(
            "In use: {} of {} clusters, {}",
            self.header.inuse,
            self.header.nr_clusters,
            report::size(self.bytes)
        ));
    }

    /// Writes what `fill` reads, in the form and to the output of `task`.
    /// `is_direct` tells that it is read past the kernel's cache.
    pub fn write(
        &self,
        task: &CopyTask,
        opened: &OpenVolume,
        fill: impl FnOnce(&mut Filler) -> Filled + Send + 'static,
        is_direct: bool,
        how: options::Progress,
        reports: Reports,
    ) -> Result<()> {
        let needs = match task.form {
            Form::Raw => Needs {
                bytes: self.bytes,
                device_size: least_device_size(&self.geometry, opened.volume.tail_size()),
            },
            Form::Image => Needs {
                bytes: self.image_size,
                device_size: self.image_size,
            },
        };
        let mut target = Target::open(&task.output, needs, opened.device.metadata())?;
        target.bypass_cache(task.direct);
        if task.verify {
            target.verify(how)?;
        }
        let flow = Flow {
            cluster_size: self.geometry.cluster_size,
            is_direct: is_direct || target.is_direct(),
            image: match task.form {
                Form::Image => Some(ImageEncoding::new(&self.header, is_direct)),
                Form::Raw => None,
            },
        };
        let batches = pipeline::start("reads", flow, fill)?;
        let report = match task.form {
            Form::Image => {
                if task.new_serial.is_some() {
                    report::warning(
                        "an image keeps the serial number; ask for a new one in a restore",
                    );
                }
                let progress = Progress::start(how, Phase::Save, self.bytes);
                let mut sink = ImageSink::new(target);
                let written = sink::write_all(&mut sink, batches, |_| {}, progress)?;
                report::done("Saved", written.bytes, written.took)
            }
            Form::Raw => {
                let mut serial = SerialChange::new(task.new_serial)?;
                let progress = Progress::start(how, Phase::Clone, self.bytes);
                let volume_size = self.geometry.bytes(self.geometry.nr_clusters());
                let cluster_size = self.geometry.cluster_size;
                let mut sink = RawSink::new(target, volume_size, cluster_size, task.thin)?;
                let change = |batch: &mut Batch| serial.apply(batch);
                let written = sink::write_all(&mut sink, batches, change, progress)?;
                serial.check(&task.output.name())?;
                report::done_with("Cloned", written.bytes, &sink.remark(), written.took)
            }
        };
        reports.line(report);
        if task.verify {
            reports.line(report::VERIFIED);
        }
        Ok(())
    }
}
