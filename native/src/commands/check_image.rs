//! Reading an image, or a volume, and writing nothing.

use std::sync::Arc;
use std::time::Instant;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::plan::Plan;

use super::open_volume::Accepted;
use super::restore::describe;
use super::used_clusters::{Purpose, Search};
use super::{lost_data, open_volume, restore_rescue, used_clusters};
use crate::bulk::pipeline::{self, Flow};
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::input::{self, OpenInput};
use crate::options::{self, CheckTask};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::source::{BulkReader, Device, ImageStream};

pub fn run(task: &CheckTask, how: options::Progress) -> Result<()> {
    let reports = Reports::TO_STDOUT.as_original();
    let rescue = task.rescue.as_ref();
    lost_data::check_report(rescue, None)?;
    let started = Instant::now();
    let opened = input::open_compared(&task.image, rescue)?;
    if opened.is_plain_volume() {
        return check_volume(task, opened, how);
    }
    if let Some(rescue) = rescue {
        return restore_rescue::check(task, rescue, opened, how);
    }
    let mut image = ImageStream::new(opened)?;
    image.bypass_cache(task.direct);
    describe(image.input(), image.header(), reports);
    Copied::Restored.begins(reports);
    let progress = Progress::start(how, Phase::Check, image.expected_bytes());
    let bytes = image.check(progress)?;
    reports.line(report::done("Checked", bytes, started.elapsed()));
    Ok(())
}

/// Reads what a copy of the volume would hold.
fn check_volume(task: &CheckTask, opened: OpenInput, how: options::Progress) -> Result<()> {
    let reports = Reports::TO_STDOUT.as_original();
    let started = Instant::now();
    if task.rescue.is_some() {
        return Err(Error::refused(
            &opened.input.name,
            "is a volume, not an image; what of it is lost is told when it is copied",
            "copy it with --rescue, or leave out --rescue to check it",
        ));
    }
    let device = Device::of(opened, how.without_percent(), reports)?;
    let checks = task.checks;
    let accepted = Accepted {
        dirty: checks.force,
        mounted: false,
        unknown_use: checks.force,
    };
    let opened = open_volume::open(device, accepted, reports)?;
    let search = Search {
        purpose: Purpose::Copy,
        mismatch: checks.mismatch,
        files: checks.files,
        threads: checks.threads,
        progress: how,
        reports,
    };
    let map = used_clusters::find(&opened.volume, search)?.map;
    let plan = Arc::new(Plan::new(
        *opened.volume.geometry(),
        opened.device.size(),
        map,
    ));
    let bytes = plan.bytes();
    let mut progress = Progress::start(how, Phase::Check, bytes);
    let cluster_size = plan.geometry().cluster_size;
    let reader = BulkReader::new(Arc::clone(&opened.device), plan, task.direct);
    let flow = Flow {
        cluster_size,
        is_direct: reader.is_direct(),
        encoding: None,
    };
    let mut done = 0;
    pipeline::start("reads", flow, reader.fill())?.for_each(|batch| {
        done += batch.volume_bytes();
        progress.advance_to(done);
        Ok(())
    })?;
    progress.finish();
    reports.line(report::done("Checked", bytes, started.elapsed()));
    Ok(())
}
