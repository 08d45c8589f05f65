//! Converts a volume, or what holds it, to another format.

use ntfsclone_core::write::{DiskSupport, Writer};

use super::copy::{self, CopyOrder};
use super::{saved_disk, whole_disk};
use crate::cli::convertible;
use crate::error::Result;
use crate::input;
use crate::options::{self, ConvertTask, Origin};
use crate::report::{self, Reports};
use crate::source::{Device, Disk};

pub fn run(task: &ConvertTask, how: options::Progress) -> Result<()> {
    if task.source.partition.is_none() {
        let reports = task.writing.reports();
        if let Some(disk) = saved_disk::find(task)? {
            return saved_disk::convert(task, &disk, how);
        }
        if let Some(disk) = Disk::open(&task.source, reports)? {
            return whole_disk::convert(task, disk, how);
        }
    }
    let order = CopyOrder {
        kind: &task.kind,
        checks: task.checks,
        writing: &task.writing,
        rescue: None,
    };
    match &task.source.origin {
        Origin::File(path) => copy::copy_from(order, path, task.source.partition, how),
        Origin::Stdin => {
            let opened = input::open_compared(&task.source, None)?;
            let reports = task.writing.reports();
            let device = Device::of(opened, how, reports)?;
            copy::copy_device(order, device, None, how)
        }
    }
}

/// Prints the formats that can be written.
pub fn list_formats() -> Result<()> {
    for writer in convertible() {
        let extensions: Vec<String> = writer
            .extensions
            .iter()
            .map(|extension| format!(".{extension}"))
            .collect();
        Reports::TO_STDOUT.line(format_args!(
            "{:<10} {:<27} {}",
            writer.id,
            extensions.join(" "),
            description(writer)
        ));
    }
    report::check_written()
}

fn description(writer: &Writer) -> &'static str {
    match (writer.id, writer.disk) {
        ("raw", _) => "the volume or disk as it is, with holes; --disk puts a volume into a disk",
        ("ntfsclone", _) => "image of the original ntfsclone; small, for restores",
        ("partclone", _) => "image of partclone, as Clonezilla has them",
        ("qcow2", _) => "disk of QEMU, KVM, Proxmox",
        ("vdi", _) => "disk of VirtualBox",
        ("vhd", _) => "disk of old Hyper-V and Virtual PC, up to 2040 GiB",
        ("vhd-fixed", _) => "disk of Azure: all bytes, also the free ones",
        ("vhdx", _) => "disk of Hyper-V; Windows mounts it with a double click",
        ("vmdk", _) => "disk of VMware, compressed: to be imported (streamOptimized)",
        (_, DiskSupport::None) => "image",
        _ => "virtual disk",
    }
}
