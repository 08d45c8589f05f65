//! Copying a volume: raw, or as an image.

use std::sync::Arc;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::plan::Plan;

use super::{open_volume, used_clusters};
use crate::error::Result;
use crate::options::{self, CopyTask, Form, Output};
use crate::pipeline;
use crate::progress::{Phase, Progress};
use crate::report::{self, Reports};
use crate::serial;
use crate::sink::{self, ImageSink, Needs, Place, RawSink, Target, least_device_size};
use crate::source::copy_steps;

pub fn run(task: &CopyTask, how: options::Progress) -> Result<()> {
    let reports = reports_for(&task.output);
    let opened = open_volume::open(&task.source, task.force, reports)?;
    let (device, volume) = (opened.device, opened.volume);
    let sources = [device.metadata().clone()];
    // Before the time that a scan takes.
    Place::of(&task.output, &sources)?;

    let map = used_clusters::find(&volume, task.strict, how)?;
    let plan = Arc::new(Plan::new(*volume.geometry(), device.size(), map));
    reports.line(format_args!(
        "In use: {} of {} clusters, {}",
        plan.header().inuse,
        plan.geometry().nr_clusters(),
        report::size(plan.bytes())
    ));

    let geometry = plan.geometry();
    let volume_size = geometry.bytes(geometry.nr_clusters());
    let needs = match task.form {
        Form::Raw => Needs {
            bytes: plan.bytes(),
            device_size: least_device_size(geometry, volume.tail_size()),
        },
        Form::Image => Needs {
            bytes: plan.image_size(),
            device_size: plan.image_size(),
        },
    };
    let target = Target::open(&task.output, needs, &sources)?;
    let batches = pipeline::start("reads", copy_steps(device, Arc::clone(&plan)))?;
    let (done, written) = match task.form {
        Form::Image => {
            if task.new_serial.is_some() {
                report::warning("an image keeps the serial number; ask for a new one in a restore");
            }
            let progress = Progress::start(how, Phase::Save, plan.bytes());
            let sink = ImageSink::new(target, &plan);
            ("Saved", sink::write_all(sink, batches, |_| {}, progress)?)
        }
        Form::Raw => {
            let change = serial::change(task.new_serial)?;
            let progress = Progress::start(how, Phase::Clone, plan.bytes());
            let sink = RawSink::new(target, volume_size);
            ("Cloned", sink::write_all(sink, batches, change, progress)?)
        }
    };
    reports.line(report::done(done, written.bytes, written.took));
    Ok(())
}

/// Data on standard output leaves no room for reports there.
pub(super) fn reports_for(output: &Output) -> Reports {
    match output {
        Output::Stdout => Reports::ToStderr,
        Output::File { .. } => Reports::ToStdout,
    }
}
