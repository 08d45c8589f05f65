//! Writing what is read of a volume, in the form of the task.

use std::sync::Arc;

use ntfsclone_core::plan::Plan;
use ntfsclone_core::write::{Content, Facts, METADATA, NTFSCLONE, RAW, Writer};

use super::open_volume::OpenVolume;
use super::writing::Writing;
use crate::bulk::encoding::Encoding;
use crate::bulk::pipeline::Flow;
use crate::compression::{Capacity, Compressor};
use crate::error::{Error, Result};
use crate::facts::add_time_and_host;
use crate::host::progress::Phase;
use crate::options::{self, Compress, CopyTask, Form};
use crate::report::{self, Reports};
use crate::sink::{
    CompressedSink, Destination, ImageSink, MAX_MAP_SIZE, Needs, RawSink, check_length,
    least_device_size,
};
use crate::source::BulkReader;

/// A copy that is planned.
pub struct Copying<'a> {
    pub task: &'a CopyTask,
    pub opened: &'a OpenVolume,
    pub plan: Arc<Plan>,
    pub how: options::Progress,
    pub reports: Reports,
}

impl Copying<'_> {
    pub fn describe(&self) {
        let header = self.plan.header();
        self.reports.line(format_args!(
            "In use: {} of {} clusters, {}",
            header.inuse,
            header.nr_clusters,
            report::size(self.plan.bytes())
        ));
    }

    /// Writes what `reader` reads to `destination`.
    pub fn write(&self, destination: Destination, reader: BulkReader) -> Result<()> {
        let (task, plan) = (self.task, &self.plan);
        let writer = writer(task);
        let size = (writer.size)(plan);
        if task.compress.is_some() {
            check_length(&task.output.name(), size)?;
        }
        let (phase, done) = match task.form {
            Form::Image => (Phase::Save, "Saved"),
            Form::Raw => (Phase::Clone, "Cloned"),
        };
        let writing = Writing {
            checksum: task.checksum,
            verify: task.verify,
            direct: task.direct,
            new_serial: task.new_serial.filter(|_| task.form == Form::Raw),
            phase,
            done,
            bytes: plan.bytes(),
            how: self.how,
            reports: self.reports,
        };
        let target = writing.begin(destination, self.needs(size))?;
        if target.is_file_of_fixed_size() && !task.is_plain() {
            return Err(Error::refused(
                target.name(),
                "is a file whose length cannot be changed, and an image ends where its file does",
                "write it to another file",
            ));
        }
        if task.form == Form::Image && task.new_serial.is_some() {
            report::warning("an image keeps the serial number; ask for a new one in a restore");
        }
        let header = plan.header();
        let flow = Flow {
            cluster_size: header.cluster_size,
            is_direct: reader.is_direct() || target.is_direct(),
            encoding: Encoding::new(writer, &header, reader.is_direct()),
        };
        let volume_size = header.volume_size();
        match (&task.compress, task.form) {
            (None, Form::Image) => writing.run(ImageSink::new(target), flow, reader.fill()),
            (None, Form::Raw) => {
                let sink = RawSink::new(target, volume_size, header.cluster_size, task.thin)?;
                writing.run(sink, flow, reader.fill())
            }
            (Some(compress), form) => {
                let capacity = Capacity::new(compress.level, task.threads)?;
                let compressor = Compressor::start(compress.level, capacity.threads)?;
                let content = Content::new(writer, &header, plan.extents(), MAX_MAP_SIZE);
                let least_size = match form {
                    Form::Raw => volume_size,
                    Form::Image => 0,
                };
                let about = (content, self.facts(compress));
                let frames = capacity.frames;
                let sink = CompressedSink::new(target, about, least_size, compressor, frames);
                writing.run(sink, flow, reader.fill())
            }
        }
    }

    /// `size` is that of the output before compression.
    fn needs(&self, size: u64) -> Needs {
        match (&self.task.compress, self.task.form) {
            // How much it is turns out in the end.
            (Some(_), _) => Needs {
                bytes: 0,
                device_size: 0,
            },
            (None, Form::Raw) => {
                let tail = self.opened.volume.tail_size();
                Needs {
                    bytes: self.plan.bytes(),
                    device_size: least_device_size(self.plan.geometry(), tail),
                }
            }
            (None, Form::Image) => Needs {
                bytes: size,
                device_size: size,
            },
        }
    }

    fn facts(&self, compress: &Compress) -> Facts {
        let source = self.task.source.to_string_lossy().into_owned();
        let mut facts = Facts::new(source, compress.level);
        add_time_and_host(&mut facts);
        let serial_number = self.opened.volume.boot().serial_number;
        facts.set_volume(self.opened.label.clone(), serial_number);
        if matches!(self.task.content, options::Content::Metadata { .. }) {
            facts.set_metadata();
        }
        facts.note.clone_from(&compress.note);
        facts
    }
}

fn writer(task: &CopyTask) -> &'static Writer {
    match (task.form, task.content) {
        (Form::Raw, _) => &RAW,
        (Form::Image, options::Content::Used) => &NTFSCLONE,
        (Form::Image, options::Content::Metadata { .. }) => &METADATA,
    }
}
