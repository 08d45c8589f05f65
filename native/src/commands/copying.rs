//! Writing what is read of a volume, in the form of the order.

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core as core;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::write::{
    Content, DiskLayout, Facts, METADATA, NTFSCLONE, RAW, Shape, VHD, VHD_FIXED, VHDX, Writer,
};

use super::copy::CopyOrder;
use super::open_volume::OpenVolume;
use super::transfer::Transfer;
use crate::bulk::encoding::Encoding;
use crate::bulk::pipeline::Flow;
use crate::compression::{Capacity, Compressor};
use crate::error::{Error, Result};
use crate::facts::add_time_and_host;
use crate::host::progress::Phase;
use crate::options::{self, Compress, CopyKind, CopyScope, Form, NewFields, Thin};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::sink::{
    CompressedSink, Destination, ImageSink, MAX_MAP_SIZE, Needs, RawSink, Target, check_length,
    least_device_size,
};
use crate::source::BulkReader;

/// Virtual disks that Windows opens.
const WINDOWS_DISKS: [&Writer; 3] = [&VHD, &VHD_FIXED, &VHDX];

/// A copy that is planned.
pub struct Copying<'a> {
    pub order: CopyOrder<'a>,
    pub opened: &'a OpenVolume,
    pub plan: Arc<Plan>,
    pub how: options::Progress,
}

impl Copying<'_> {
    pub fn describe(&self, reports: Reports) {
        let header = self.plan.header();
        reports.line(format_args!(
            "In use: {} of {} clusters ({})",
            header.inuse,
            header.nr_clusters,
            report::size(self.plan.bytes())
        ));
    }

    /// Writes what `reader` reads to `destination`.
    pub fn write(
        &self,
        destination: Destination,
        reader: BulkReader,
        copied: Copied<'_>,
    ) -> Result<()> {
        let CopyOrder { kind, writing, .. } = self.order;
        let plan = &self.plan;
        let writer = writer(kind);
        let layout = self.layout()?;
        let shape = Shape::Volume {
            plan,
            disk: layout.as_ref(),
        };
        let size = writer.size(&shape);
        if kind.compress.is_some() {
            check_length(&writing.output.name(), size.unwrap_or(plan.bytes()))?;
        }
        let (phase, done) = match kind.form {
            Form::Image => (Phase::Save, "Saved"),
            Form::Raw => (Phase::Clone, "Cloned"),
            Form::Converted(_) => (Phase::Convert, "Converted"),
        };
        let transfer = Transfer {
            writing,
            new_fields: match kind.form {
                Form::Raw => writing.new_fields,
                Form::Image | Form::Converted(_) => NewFields::default(),
            },
            phase,
            done,
            copied,
            bytes: plan.bytes(),
            how: self.how,
        };
        let target = transfer.begin(destination, self.needs(size.unwrap_or(0)))?;
        if target.is_file_of_fixed_size() && !kind.is_plain() {
            return Err(Error::refused(
                target.name(),
                "is a file whose length cannot be changed, and an image ends where its file does",
                "write it to another file",
            ));
        }
        if kind.form == Form::Image && writing.new_fields.serial.is_some() {
            report::warning("an image keeps the serial number; ask for a new one in a restore");
        }
        copied.begins(writing.reports());
        let header = plan.header();
        let flow = Flow {
            cluster_size: header.cluster_size,
            is_direct: reader.is_direct() || target.is_direct(),
            encoding: Encoding::new(writer, &shape, header.cluster_size, reader.is_direct())
                .map_err(|error| self.not_encoded(error))?
                .map(|encoding| encoding.on_threads(self.order.checks.threads)),
        };
        let volume_size = header.volume_size();
        match (&kind.compress, kind.form) {
            (None, Form::Image) => transfer.run(ImageSink::new(target), flow, reader.fill()),
            (None, Form::Raw) => {
                let sink = RawSink::new(target, volume_size, header.cluster_size, writing.thin)?;
                transfer.run(sink, flow, reader.fill())
            }
            (None, Form::Converted(_)) => {
                let sink = disk_sink(writer, target, size, header.cluster_size, writing.thin)?;
                transfer.run(sink, flow, reader.fill())
            }
            (Some(compress), form) => {
                let capacity = Capacity::new(compress.level, self.order.checks.threads)?;
                let compressor = Compressor::start(compress.level, capacity.threads)?;
                let content = Content::new(writer, &header, plan.extents(), MAX_MAP_SIZE);
                let least_size = match form {
                    Form::Raw => volume_size,
                    Form::Image | Form::Converted(_) => 0,
                };
                let about = (content, self.facts(compress));
                let frames = capacity.frames;
                let sink = CompressedSink::new(target, about, least_size, compressor, frames);
                transfer.run(sink, flow, reader.fill())
            }
        }
    }

    /// `size` is that of the output before compression.
    fn needs(&self, size: u64) -> Needs {
        let kind = self.order.kind;
        match kind.form {
            // How much it is turns out in the end.
            _ if kind.is_compressed() => Needs {
                bytes: 0,
                device_size: 0,
            },
            // The rest of it are holes.
            Form::Converted(_) => Needs {
                bytes: self.plan.bytes(),
                device_size: size,
            },
            Form::Raw => {
                let tail = self.opened.volume.tail_size();
                Needs {
                    bytes: self.plan.bytes(),
                    device_size: least_device_size(self.plan.geometry(), tail),
                }
            }
            Form::Image => Needs {
                bytes: size,
                device_size: size,
            },
        }
    }

    /// The disk around the volume, if the format has one.
    fn layout(&self) -> Result<Option<DiskLayout>> {
        let Form::Converted(conversion) = self.order.kind.form else {
            return Ok(None);
        };
        let serial_number = self.opened.volume.boot().serial_number;
        let layout = conversion.layout(&self.plan, serial_number);
        layout.map_err(|error| self.not_encoded(error))
    }

    fn not_encoded(&self, error: core::Error) -> Error {
        not_encoded(&self.order.writing.output.name(), error)
    }

    fn facts(&self, compress: &Compress) -> Facts {
        let source = self.opened.device.path().to_string_lossy().into_owned();
        let mut facts = Facts::new(source, compress.level);
        add_time_and_host(&mut facts);
        let serial_number = self.opened.volume.boot().serial_number;
        facts.set_volume(self.opened.label.clone(), serial_number);
        if matches!(self.order.kind.scope, CopyScope::Metadata { .. }) {
            facts.set_metadata();
        }
        facts.note.clone_from(&compress.note);
        facts
    }
}

/// What an output could not be encoded for; `name` is what to call it.
pub fn not_encoded(name: &Path, error: core::Error) -> Error {
    match error {
        core::Error::DiskTooLarge { .. } => Error::refused(
            name,
            error.to_string(),
            "convert it to vhdx or qcow2, with a GPT",
        ),
        error => Error::read(name, error),
    }
}

/// A sink for a disk in the format of `writer`, of `size` bytes, or `None` if that is known in the
/// end.
pub fn disk_sink(
    writer: &Writer,
    target: Target,
    size: Option<u64>,
    cluster_size: u32,
    thin: Thin,
) -> Result<RawSink> {
    let size = size.unwrap_or(0);
    match WINDOWS_DISKS.contains(&writer) {
        true => RawSink::of_windows_disk(target, size, cluster_size, thin),
        false => RawSink::new(target, size, cluster_size, thin),
    }
}

pub fn writer(kind: &CopyKind) -> &'static Writer {
    match (kind.form, kind.scope) {
        (Form::Raw, _) => &RAW,
        (Form::Image, CopyScope::Used) => &NTFSCLONE,
        (Form::Image, CopyScope::Metadata { .. }) => &METADATA,
        (Form::Converted(conversion), _) => conversion.writer,
    }
}
