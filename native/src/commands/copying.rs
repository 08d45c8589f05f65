//! Writing what is read of a volume: the step that copies of all its clusters
//! and of its metadata have in common.

use std::sync::mpsc;

use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::seekable::MapBuilder;
use ntfsclone_core::units::Geometry;

use super::copy::CopyOrder;
use super::open_volume::OpenVolume;
use crate::bulk::pipeline::{self, Filled, Filler, Flow};
use crate::compression::{Capacity, Compressor};
use crate::error::{Error, Result};
use crate::facts::{Facts, Origin};
use crate::host::progress::{Phase, Progress};
use crate::image_encoding::ImageEncoding;
use crate::options::{self, Compress, CopyScope, Form};
use crate::report::{self, Reports};
use crate::serial::SerialChange;
use crate::sink::{
    self, CompressedForm, CompressedSink, Destination, ImageSink, MAX_MAP_SIZE, Needs, RawSink,
    check_length, least_device_size,
};

/// What is about to be copied, and how much it is.
pub struct Copying<'a> {
    pub order: CopyOrder<'a>,
    pub opened: &'a OpenVolume,
    pub geometry: Geometry,
    pub header: Header,
    /// Bytes of the volume to copy.
    pub bytes: u64,
    /// Bytes of an image of it, at the most.
    pub image_size: u64,
}

impl Copying<'_> {
    pub fn describe(&self, reports: Reports) {
        reports.line(format_args!(
            "In use: {} of {} clusters, {}",
            self.header.inuse,
            self.header.nr_clusters,
            report::size(self.bytes)
        ));
    }

    /// Writes what `fill` reads to `destination`, in the form of the order.
    /// `is_direct` tells that it is read past the kernel's cache.
    pub fn write(
        &self,
        destination: Destination,
        fill: impl FnOnce(&mut Filler<'_>) -> Filled + Send + 'static,
        is_direct: bool,
        how: options::Progress,
        reports: Reports,
    ) -> Result<()> {
        let CopyOrder { kind, writing, .. } = self.order;
        let opened = self.opened;
        let image_or_raw = match kind.form {
            Form::Raw => Needs {
                bytes: self.bytes,
                device_size: least_device_size(&self.geometry, opened.volume.tail_size()),
            },
            Form::Image => Needs {
                bytes: self.image_size,
                device_size: self.image_size,
            },
        };
        let needs = match kind.compress {
            None => image_or_raw,
            // How much it is turns out in the end.
            Some(_) => Needs {
                bytes: 0,
                device_size: 0,
            },
        };
        if kind.compress.is_some() {
            let len = match kind.form {
                Form::Raw => self.header.device_size,
                Form::Image => self.image_size,
            };
            check_length(&writing.output.name(), len)?;
        }
        let mut target = destination.begin(needs)?;
        if target.is_file_of_fixed_size() && !kind.is_plain() {
            return Err(Error::refused(
                target.name(),
                "is a file whose length cannot be changed, and an image ends where its file does",
                "write it to another file",
            ));
        }
        target.bypass_cache(writing.direct);
        if writing.verify {
            target.verify(how)?;
        }
        if let Some(algorithm) = writing.checksum {
            target.make_checksum(algorithm);
        }
        let (map_sender, map) = mpsc::channel();
        let image = || {
            let encoding = ImageEncoding::new(&self.header, is_direct);
            match kind.compress {
                Some(_) => encoding.with_map(MapBuilder::new(MAX_MAP_SIZE), map_sender),
                None => encoding,
            }
        };
        let flow = Flow {
            cluster_size: self.geometry.cluster_size,
            is_direct: is_direct || target.is_direct(),
            image: (kind.form == Form::Image).then(image),
        };
        let (phase, done) = match kind.form {
            Form::Image => (Phase::Save, "Saved"),
            Form::Raw => (Phase::Clone, "Cloned"),
        };
        let mut serial = SerialChange::new(match kind.form {
            Form::Raw => writing.new_serial,
            Form::Image => None,
        })?;
        if kind.form == Form::Image && writing.new_serial.is_some() {
            report::warning("an image keeps the serial number; ask for a new one in a restore");
        }
        let progress = Progress::start(how, phase, self.bytes);
        let (written, remark) = match (&kind.compress, kind.form) {
            (None, Form::Image) => {
                let batches = pipeline::start("reads", flow, fill)?;
                let mut sink = ImageSink::new(target);
                let written = sink::write_all(&mut sink, batches, &mut serial, progress)?;
                (written, String::new())
            }
            (None, Form::Raw) => {
                let batches = pipeline::start("reads", flow, fill)?;
                let volume_size = self.geometry.bytes(self.geometry.nr_clusters());
                let cluster_size = self.geometry.cluster_size;
                let mut sink = RawSink::new(target, volume_size, cluster_size, writing.thin)?;
                let written = sink::write_all(&mut sink, batches, &mut serial, progress)?;
                (written, sink.remark())
            }
            (Some(compress), form) => {
                let form = match form {
                    Form::Image => CompressedForm::Image(map),
                    Form::Raw => CompressedForm::Raw(MapBuilder::new(MAX_MAP_SIZE)),
                };
                let facts = self.facts(compress);
                let capacity = Capacity::new(compress.level, self.order.checks.threads)?;
                let compressor = Compressor::start(compress.level, capacity.threads)?;
                let frames = capacity.frames;
                let mut sink =
                    CompressedSink::new(target, form, self.header, facts, compressor, frames);
                let batches = pipeline::start("reads", flow, fill)?;
                let written = sink::write_all(&mut sink, batches, &mut serial, progress)?;
                (written, sink.remark())
            }
        };
        let (bytes, took) = (written.bytes, written.took);
        reports.line(report::done_with(done, bytes, &remark, took));
        if writing.verify {
            reports.line(report::VERIFIED);
        }
        Ok(())
    }

    fn facts(&self, compress: &Compress) -> Facts {
        let origin = Origin {
            source: self.opened.device.path(),
            label: self.opened.label.as_deref(),
            serial: self.opened.volume.boot().serial_number,
            is_metadata: matches!(self.order.kind.scope, CopyScope::Metadata { .. }),
        };
        Facts::new(&origin, compress.level, compress.note.as_deref())
    }
}
