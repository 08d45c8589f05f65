//! What is mounted, and what else a block device is used for.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use super::block_device::{DeviceId, device_id, holders_of, partitions_of, related};
use super::mount_table::{self, Entry, fields, unescape};

/// What to do where there is no list of what is mounted.
pub const MOUNTS_REMEDY: &str = "mount /proc first";

/// How often, and how long apart, a device is tried that seems to be in use:
/// programs that look what is on a new device have it for a moment.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(40);

/// Where a device, or something that lies on it, is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub point: PathBuf,
    pub read_only: bool,
}

impl Mount {
    fn of(entry: &Entry) -> Self {
        Self {
            point: entry.point.clone(),
            read_only: entry.has_option("ro"),
        }
    }
}

/// A use of a device that the mounts of this process do not show.
#[derive(Debug)]
pub enum OtherUse {
    /// It is mounted read-write where this process, one of a container, sees it.
    Mounted { point: PathBuf, process: i32 },
    /// Memory is swapped out to it.
    Swap,
    /// Something has it for itself alone; the kernel does not say what.
    Unknown { device: PathBuf },
}

/// Where the device or file is mounted: itself, its partitions, loop devices
/// and device-mapper volumes upon it, and the file below a loop device.
///
/// # Errors
///
/// There is no list of what is mounted, as where /proc is not mounted.
pub fn mounts(metadata: &Metadata) -> io::Result<Vec<Mount>> {
    let related = related(device_id(metadata));
    let table = mount_table::own()?;
    let found = table.iter().filter(|entry| {
        // FUSE mounts a file, or a device, by name alone. Other names, such as
        // "tmpfs", are not of files, though a file here may be called so.
        let by_name = || {
            let source = Some(&entry.source).filter(|source| source.is_absolute());
            let metadata = source.and_then(|source| fs::metadata(source).ok());
            metadata.is_some_and(|metadata| related.contains(&device_id(&metadata)))
        };
        entry.device.is_some_and(|id| related.contains(&id)) || by_name()
    });
    Ok(found.map(Mount::of).collect())
}

/// What else uses the block device, or one that lies upon the device or file:
/// the kernel then refuses to open it exclusively. Nothing is changed by that.
pub fn other_use(metadata: &Metadata) -> Option<OtherUse> {
    let related = related(device_id(metadata));
    let table = mount_table::own().unwrap_or_default();
    let mounted: BTreeSet<DeviceId> = table.iter().filter_map(|entry| entry.device).collect();
    let mut claimed = BTreeSet::new();
    for &id in &related {
        // Mounts that are seen are known from `mounts`.
        if !mounted.contains(&id)
            && let Some(node) = node_of(id)
            && is_claimed(&node)
        {
            claimed.insert(id);
        }
    }
    claimed.iter().find_map(|&id| {
        let (holders, partitions) = (holders_of(id), partitions_of(id));
        // Those upon it have it, and are among the others; a disk is claimed
        // with any of its partitions.
        let is_by_others = holders.iter().any(|id| related.contains(id))
            || partitions
                .iter()
                .any(|id| claimed.contains(id) || mounted.contains(id));
        if is_by_others {
            return None;
        }
        explain_claim(id)
    })
}

fn explain_claim(id: DeviceId) -> Option<OtherUse> {
    let node = node_of(id)?;
    if is_swap(id) {
        return Some(OtherUse::Swap);
    }
    let elsewhere = mounts_elsewhere(id);
    if elsewhere.is_empty() {
        return Some(OtherUse::Unknown { device: node });
    }
    let writable = elsewhere.into_iter().find(|(_, mount)| !mount.read_only);
    let (process, mount) = writable?;
    Some(OtherUse::Mounted {
        point: mount.point,
        process,
    })
}

/// Mounts of the device in other namespaces, each with a process that sees it.
fn mounts_elsewhere(id: DeviceId) -> Vec<(i32, Mount)> {
    let mut namespaces = BTreeSet::new();
    let mut found = Vec::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for process in processes {
        let namespace = fs::read_link(format!("/proc/{process}/ns/mnt"));
        if namespace.is_ok_and(|namespace| !namespaces.insert(namespace)) {
            continue;
        }
        let table = mount_table::of_process(process);
        let mounts = table.iter().filter(|entry| entry.device == Some(id));
        found.extend(mounts.map(|entry| (process, Mount::of(entry))));
    }
    found
}

fn is_swap(id: DeviceId) -> bool {
    let table = fs::read("/proc/swaps").unwrap_or_default();
    let mut lines = table.split(|&byte| byte == b'\n').skip(1);
    lines.any(|line| {
        let name = fields(line).next().map(unescape);
        let metadata = name.and_then(|name| fs::metadata(name).ok());
        metadata.is_some_and(|metadata| device_id(&metadata) == id)
    })
}

/// True if the kernel refuses to give the device to one alone: somebody has it
/// already. Where that cannot be tried, it is not known.
fn is_claimed(node: &Path) -> bool {
    let is_busy = || {
        let opened: io::Result<File> = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::EXCL.bits().cast_signed())
            .open(node);
        opened.is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
    };
    (0..TRIES).all(|count| {
        if count > 0 {
            thread::sleep(BETWEEN_TRIES);
        }
        is_busy()
    })
}

/// The node of a block device.
fn node_of(id: DeviceId) -> Option<PathBuf> {
    let DeviceId::Block(major, minor) = id else {
        return None;
    };
    let event = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent")).ok()?;
    let name = event
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    let node = Path::new("/dev").join(name);
    let metadata = fs::metadata(&node).ok()?;
    (device_id(&metadata) == id).then_some(node)
}
