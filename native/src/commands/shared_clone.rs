//! Cloning a volume in a file to a file that shares its room on the disk: a
//! matter of moments, whatever the size.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ntfsclone_core::plan::Plan;

use super::copy::CopyOrder;
use super::open_volume::OpenVolume;
use super::transfer::Transfer;
use crate::boot_sectors::BootSectorChange;
use crate::bulk::pipeline::{self, Flow};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::options::{self, Direct, Output, Thin, WriteOptions};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::sink::{
    Destination, Needs, Place, RawSink, Sharing, Sink, directory_of, least_device_size,
};
use crate::source::BulkReader;

/// None where that cannot be done, or is not wanted.
pub fn try_sharing(order: CopyOrder<'_>, place: Place, opened: &OpenVolume) -> Option<Sharing> {
    let is_file = place.is_file();
    // Blocks are shared at the place where they are.
    let (source, _) = opened.device.file().filter(|(_, part)| part.start == 0)?;
    match &order.writing.output {
        Output::File { path, .. } if order.writing.reflink && order.kind.is_plain() && is_file => {
            // A file that is replaced may be named by a link.
            let real = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
            Sharing::try_in(directory_of(&real), source)
        }
        _ => None,
    }
}

/// Shares what can be, and copies the rest.
pub fn run(
    writing: &WriteOptions,
    destination: Destination,
    opened: &OpenVolume,
    plan: Arc<Plan>,
    mut sharing: Sharing,
    how: options::Progress,
    reports: Reports,
) -> Result<()> {
    // What is shared is not read for the copy.
    opened.device.compare_sums()?;
    let geometry = *plan.geometry();
    let needs = Needs {
        // What is shared needs none.
        bytes: 0,
        device_size: least_device_size(&geometry, opened.volume.tail_size()),
    };
    let mut target = destination.begin(needs)?;
    if writing.verify {
        target.verify(how.without_percent())?;
    }
    let mut boot_sectors = BootSectorChange::new(writing.new_fields, reports)?;
    let transfer = Transfer {
        writing,
        new_fields: writing.new_fields,
        phase: Phase::Clone,
        done: "Cloned",
        copied: Copied::Cloned(opened),
        bytes: plan.bytes(),
        how,
    };
    transfer.copied.begins(reports);
    let mut progress = Progress::start(how, transfer.phase, transfer.bytes);
    let volume_size = geometry.bytes(geometry.nr_clusters());
    let mut sink = RawSink::new(target, volume_size, geometry.cluster_size, Thin::No)?;

    let mut shared = 0;
    if let (Ok(file), Some((source, _))) = (sink.target().handle(), opened.device.file()) {
        let clusters = plan.ranges().map(|(offset, len)| offset..offset + len);
        let clusters = clusters.filter(|range| range.start < volume_size);
        sharing.share(source, &file, clusters, |bytes| {
            shared += bytes;
            progress.advance_to(shared);
        });
    }
    let rest = BulkReader::new(Arc::clone(&opened.device), plan, Direct::Never).without(sharing);
    let flow = Flow {
        cluster_size: geometry.cluster_size,
        is_direct: false,
        encoding: None,
    };
    let batches = pipeline::start("reads", flow, rest.fill())?;
    let written = transfer.write(&mut sink, batches, &mut boot_sectors, progress)?;
    let remark = match shared {
        0 => String::new(),
        _ => format!(", {} of it shared with the source,", report::size(shared)),
    };
    transfer.report(&written, &remark);
    Ok(())
}
