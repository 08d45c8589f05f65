//! Opening a volume, with all that is to be said against it.

use std::fs::Metadata;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::volume_info::DIRTY;
use ntfsclone_core::ntfs::{BootSector, Damage, Journal, OpenedFrom, Unclean, Volume, VolumeInfo};
use ntfsclone_core::open::{Content, NotOpened};
use ntfsclone_core::units::Geometry;

use crate::device::{self, Mount, OtherUse};
use crate::error::{Error, Result};
use crate::input::{self, Format};
use crate::original_report;
use crate::report::{self, Reports};
use crate::rescue::DamagedSource;
use crate::source::Device;

pub const CHKDSK: &str = "run chkdsk /f on it in Windows";

/// A volume that may be copied.
pub struct OpenVolume {
    pub device: Arc<Device>,
    pub volume: Volume<Arc<Device>>,
    /// `None` where it could not be read.
    pub label: Option<String>,
    /// Of NTFS, major and minor; `None` where it could not be read.
    pub version: Option<(u8, u8)>,
}

/// What is no reason to refuse a volume, but for a warning.
#[derive(Debug, Clone, Copy)]
pub struct Accepted {
    pub dirty: bool,
    /// It is mounted read-write.
    pub mounted: bool,
    /// It is in use, or may be, and it is not known by what.
    pub unknown_use: bool,
}

impl Accepted {
    /// For other programs to read, which see that it is dirty. `force` accepts one that may change.
    pub fn to_serve(force: bool) -> Self {
        Self {
            dirty: true,
            mounted: force,
            unknown_use: force,
        }
    }
}

/// Opens the volume on `device`, with all that is to be said of it.
pub fn open(device: Device, accepted: Accepted, reports: Reports) -> Result<OpenVolume> {
    let device = Arc::new(device);
    let path = device.path();
    judge_use(path, device.metadata(), accepted)?;

    let opened = match device.damaged() {
        None => Volume::open(Arc::clone(&device)).map(|volume| (volume, Vec::new())),
        Some(damaged) => salvage(&device, damaged),
    };
    let (volume, damages) = opened.map_err(|error| explain(&device, error))?;
    for damage in &damages {
        report::warning(format!(
            "{}: {}",
            path.display(),
            report::with_causes(damage)
        ));
    }
    if let OpenedFrom::Backup { offset } = volume.opened_from() {
        report::warning(format!(
            "{}: the first boot sector is damaged; using the backup at byte {offset:#x}. The \
             copy has the damaged one too: repair it there (chkdsk, testdisk)",
            path.display()
        ));
    }
    if let Some(damaged) = device.damaged() {
        damaged.set_volume_sector(volume.geometry().sector_size);
    }
    if let Err(error) = volume.mft().check_mirror(&device, volume.boot()) {
        let error = explain(&device, error);
        match device.damaged() {
            None => return Err(error),
            Some(_) => report::warning(report::with_causes(&error)),
        }
    }
    let info = match VolumeInfo::read(&volume).map_err(|error| explain(&device, error)) {
        Ok(info) => Some(info),
        Err(error) if device.damaged().is_some() => {
            report::warning(report::with_causes(&error));
            None
        }
        Err(error) => return Err(error),
    };
    // What is warned of above may be the device that went away.
    device.confirm_failures()?;
    describe(&volume, info.as_ref(), reports);
    if info.as_ref().is_some_and(VolumeInfo::is_dirty) {
        if !accepted.dirty {
            return Err(Error::refused(
                path,
                DIRTY,
                format!("{CHKDSK}; or copy it as it is with --force"),
            ));
        }
        report::warning(format!("{} is marked dirty", path.display()));
    }
    match volume.is_hibernated() {
        Ok(false) => {}
        Ok(true) => report::warning(format!(
            "{}: Windows is hibernated on this volume (or was shut down with fast startup); it is \
             safe to read, but files that Windows had open may be older in the copy than it knows",
            path.display()
        )),
        Err(error) => report::warning(format!(
            "{}: cannot tell whether Windows is hibernated: {}",
            path.display(),
            report::with_causes(&error)
        )),
    }
    warn_of_unclean(&volume, info.as_ref());
    let opened = OpenVolume {
        device,
        volume,
        version: info
            .as_ref()
            .map(|info| (info.major_version, info.minor_version)),
        label: info.map(|info| info.label),
    };
    original_report::volume(&opened, reports);
    Ok(opened)
}

/// Warns of a journal whose changes are not in place, and of what Windows has yet to do.
fn warn_of_unclean(volume: &Volume<Arc<Device>>, info: Option<&VolumeInfo>) {
    let path = volume.source().path().display();
    let journal = match volume.journal() {
        Ok(journal) => journal,
        Err(error) => {
            report::warning(format!(
                "{path}: cannot tell whether the journal is clean: {}",
                report::with_causes(&error)
            ));
            Journal::Clean
        }
    };
    for reason in info.iter().flat_map(|info| Unclean::reasons(info, journal)) {
        report::warning(format!(
            "{path}: not clean: {}; {}",
            reason.what(),
            reason.consequence()
        ));
    }
}

/// Opens a damaged volume; where it is longer than its device, what is missing
/// is unreadable.
fn salvage(
    device: &Arc<Device>,
    damaged: &DamagedSource,
) -> Result<(Volume<Arc<Device>>, Vec<Damage>), CoreError> {
    match Volume::salvage(Arc::clone(device)) {
        Err(CoreError::VolumeCutShort { .. }) => {}
        opened => return opened,
    }
    let (boot, _) = BootSector::read(device)?;
    let geometry = boot.geometry;
    let size = geometry.backup_boot_sector() + u64::from(geometry.sector_size);
    report::warning(format!(
        "{}: was cut short: its volume needs {size} bytes, and it has only {}; the rest is taken \
         as unreadable",
        device.path().display(),
        device.size()
    ));
    damaged.extend(size);
    Volume::salvage(Arc::clone(device))
}

fn describe(volume: &Volume<Arc<Device>>, info: Option<&VolumeInfo>, reports: Reports) {
    let geometry = volume.geometry();
    let device = volume.source();
    let (name, remark) = (device.path().display(), device.input().remark());
    match device.header() {
        _ if device.input().format == Format::Partclone => {
            reports.line(format_args!("Image: {name}{remark}"));
        }
        Some(header) => reports.line(format_args!(
            "Image: {name}, version {}{remark}",
            header.version
        )),
        None if device.input().is_compressed() => {
            reports.line(format_args!("Source: {name}{remark}"));
        }
        None => {}
    }
    let serial = volume.boot().serial_number;
    match info {
        None => reports.line(format_args!("Volume: NTFS, serial {serial:016X}")),
        Some(info) => {
            let label = match info.label.as_str() {
                "" => "no label".to_owned(),
                label => format!("label {label:?}"),
            };
            reports.line(format_args!(
                "Volume: NTFS {}.{}, {label}, serial {serial:016X}",
                info.major_version, info.minor_version
            ));
        }
    }
    // Programs look for these words, and have the original's lines with them.
    if reports.has_original() {
        describe_for_programs(device, geometry, reports);
        return;
    }
    reports.line(format_args!(
        "Cluster size: {} bytes, sector size: {} bytes",
        geometry.cluster_size, geometry.sector_size
    ));
    let volume_size = geometry.total_sectors * u64::from(geometry.sector_size);
    reports.line(format_args!(
        "Volume size: {volume_size} bytes ({})",
        report::size(volume_size)
    ));
    let device_size = device.device_size();
    let pieces = match device.files().count() {
        1 => String::new(),
        count => format!(" in {count} pieces"),
    };
    reports.line(format_args!(
        "Device size: {device_size} bytes ({}){pieces}",
        report::size(device_size)
    ));
}

/// What the lines of the original do not tell.
fn describe_for_programs(device: &Device, geometry: &Geometry, reports: Reports) {
    reports.line(format_args!("Sectors: {} bytes", geometry.sector_size));
    if let count @ 2.. = device.files().count() {
        reports.line(format_args!(
            "Source: {} in {count} pieces",
            device.path().display()
        ));
    }
}

/// Refuses a volume or disk that may change while it is read. `files` are what it is read from.
pub fn judge_use(path: &Path, files: &[Metadata], accepted: Accepted) -> Result<()> {
    let mut mounts = Vec::new();
    for metadata in files {
        match device::mounts(metadata) {
            Ok(found) => mounts.extend(found),
            Err(error) if accepted.unknown_use => report::warning(format!(
                "{}: cannot tell whether it is mounted: {error}",
                path.display()
            )),
            Err(error) => {
                return Err(Error::refused(
                    path,
                    format!("cannot tell whether it is mounted: {error}"),
                    format!(
                        "{}; or, if it is not mounted, go on with --force",
                        device::MOUNTS_REMEDY
                    ),
                ));
            }
        }
    }
    if let Some(mount) = mounts.iter().find(|mount| !mount.read_only) {
        return judge_mounted(path, mount, accepted);
    }
    let mut uses = files.iter().filter_map(device::other_use);
    uses.try_for_each(|other| judge_other_use(path, &other, accepted))
}

fn judge_mounted(path: &Path, mount: &Mount, accepted: Accepted) -> Result<()> {
    let point = mount.point.display();
    let found = format!("is mounted read-write on {point}");
    if accepted.mounted {
        warn_of_changes(path, &found);
        return Ok(());
    }
    Err(Error::refused(
        path,
        found,
        format!(
            "a volume that changes while it is read gives a broken copy; umount {point} first, or \
             mount -o remount,ro {point}"
        ),
    ))
}

fn judge_other_use(path: &Path, other: &OtherUse, accepted: Accepted) -> Result<()> {
    let (found, remedy, is_accepted) = match other {
        OtherUse::Mounted { point, process } => {
            let point = point.display();
            (
                format!(
                    "is mounted read-write on {point} in the mount namespace of process {process}"
                ),
                format!(
                    "a volume that changes while it is read gives a broken copy; nsenter --target \
                     {process} --mount umount {point}, or end the container that it belongs to"
                ),
                accepted.mounted,
            )
        }
        OtherUse::Swap => (
            "is in use as swap space".to_owned(),
            "is it the right device?".to_owned(),
            false,
        ),
        OtherUse::Unknown { device } => (
            match device == path {
                true => "is in use, by something that is not known".to_owned(),
                false => format!(
                    "{}, on the same bytes, is in use, by something that is not known",
                    device.display()
                ),
            },
            "it may be mounted in a container, be part of another device, or be written to: lsblk \
             and fuser -vm may tell; if it does not change, go on with --force"
                .to_owned(),
            accepted.unknown_use,
        ),
    };
    if is_accepted {
        warn_of_changes(path, &found);
        return Ok(());
    }
    Err(Error::refused(path, found, remedy))
}

fn warn_of_changes(path: &Path, found: &str) {
    report::warning(format!(
        "{}: {found}; what is read is out of date as soon as something is written there",
        path.display()
    ));
}

/// What an error in opening means, and what to do about it.
fn explain(device: &Device, error: CoreError) -> Error {
    let path = device.path();
    match error {
        CoreError::Corrupt {
            structure: Structure::BootSector,
            ..
        } => explain_start(device, error),
        CoreError::VolumeCutShort { size, needed } => Error::refused(
            path,
            format!("holds a volume of {needed} bytes, but has only {size}"),
            with_rescue(
                device,
                "was it cut short? Take the whole partition, or grow it to the size it had",
                "copy what is there",
            ),
        ),
        CoreError::Corrupt {
            structure: Structure::MftMirror,
            found: record,
            ..
        } => Error::refused(
            path,
            format!("$MFTMirr does not match $MFT (record {record})"),
            with_rescue(device, CHKDSK, "copy it as it is"),
        ),
        CoreError::Unsupported {
            structure: Structure::VolumeInformation,
            found,
            ..
        } => Error::refused(
            path,
            format!(
                "has NTFS version {}.{}; 1.x to 3.1 are known",
                found >> 8,
                found & 0xFF
            ),
            with_rescue(
                device,
                "is there a newer version of this program?",
                "copy it as it is",
            ),
        ),
        error @ (CoreError::Corrupt { .. } | CoreError::Limit { .. }) => Error::refused(
            path,
            report::with_causes(&error),
            with_rescue(device, CHKDSK, "copy what can be found"),
        ),
        error => Error::read(path, error),
    }
}

/// The remedy, and that --rescue is one too, where it was not given.
fn with_rescue(device: &Device, remedy: &str, what: &str) -> String {
    match device.damaged() {
        Some(_) => remedy.to_owned(),
        None if remedy.ends_with('?') => format!("{remedy} Or {what} with --rescue"),
        None => format!("{remedy}; or {what} with --rescue"),
    }
}

/// What has no sound boot sector.
fn explain_start(device: &Device, error: CoreError) -> Error {
    let path = device.path();
    if let Ok(Content::Refused(format)) = device.content() {
        return input::refuse(path, &NotOpened::Format(format));
    }
    Error::NotNtfs {
        path: path.to_owned(),
        source: error,
    }
}
