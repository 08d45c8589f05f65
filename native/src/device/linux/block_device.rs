//! Block devices: which of them share their bytes, and what the kernel says of
//! them in `/sys`.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::listing::Listing;

/// What two names of one device or file have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceId {
    /// Major and minor number of a block device.
    Block(u32, u32),
    /// Device and inode of a file.
    File(u64, u64),
}

pub fn device_id(metadata: &Metadata) -> DeviceId {
    if metadata.file_type().is_block_device() {
        let number = metadata.rdev();
        return DeviceId::Block(rustix::fs::major(number), rustix::fs::minor(number));
    }
    DeviceId::File(metadata.dev(), metadata.ino())
}

/// Whether writing to one changes the other: they are the same, or one lies
/// upon the other.
pub fn overlap(a: &Metadata, b: &Metadata) -> bool {
    let (a, b) = (device_id(a), device_id(b));
    related(a).contains(&b) || related(b).contains(&a)
}

/// True if a loop device shows the file, or a part of it.
pub fn is_behind_loop_device(metadata: &Metadata) -> bool {
    let id = device_id(metadata);
    loop_devices().iter().any(|device| device.backing == id)
}

/// Whether they are two names of one device or file.
pub fn is_same(a: &Metadata, b: &Metadata) -> bool {
    device_id(a) == device_id(b)
}

/// True if a block device was taken away after it was opened.
pub fn is_gone(metadata: &Metadata) -> bool {
    match device_id(metadata) {
        // Where /sys is not mounted, that is not known.
        DeviceId::Block(major, minor) => {
            let folder = Path::new("/sys/dev/block");
            folder.exists() && !folder.join(format!("{major}:{minor}")).exists()
        }
        DeviceId::File(..) => false,
    }
}

/// The device of the partition with this number of a disk, if that is a device
/// and the kernel knows its partitions.
pub fn partition_node(disk: &Metadata, number: u32) -> Option<PathBuf> {
    let DeviceId::Block(major, minor) = device_id(disk) else {
        return None;
    };
    let folder = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    let entries = fs::read_dir(folder).ok()?.flatten();
    let partition = entries.map(|entry| entry.path()).find(|path| {
        let text = fs::read_to_string(path.join("partition"));
        text.is_ok_and(|text| text.trim() == number.to_string())
    })?;
    let node = Path::new("/dev").join(partition.file_name()?);
    node.exists().then_some(node)
}

/// Bytes of the disk before a partition; `None` if it is no partition that the kernel
/// knows.
pub fn partition_start(partition: &Metadata) -> Option<u64> {
    let DeviceId::Block(major, minor) = device_id(partition) else {
        return None;
    };
    let start = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/start")).ok()?;
    // Always in units of 512 bytes.
    start.trim().parse::<u64>().ok()?.checked_mul(512)
}

/// Opens a block device for reading and writing, if nobody else uses it: the kernel
/// refuses one that is mounted, swapped to, or part of another device.
pub fn open_exclusively(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::EXCL.bits().cast_signed())
        .open(path)
}

/// True if the kernel refuses every write to the block device, which it does
/// not say when it is opened.
pub fn is_read_only(device: &File) -> bool {
    let Ok(DeviceId::Block(major, minor)) = device.metadata().map(|data| device_id(&data)) else {
        return false;
    };
    let text = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/ro"));
    text.is_ok_and(|text| text.trim() == "1")
}

/// The device itself and all that shares its bytes.
pub fn related(id: DeviceId) -> BTreeSet<DeviceId> {
    let loops = loop_devices();
    let mut found = BTreeSet::new();
    let mut left = vec![id];
    // The file below a loop device that shows all of it.
    let below = loops
        .iter()
        .find(|device| device.id == id && device.is_whole);
    left.extend(below.map(|device| device.backing));
    while let Some(id) = left.pop() {
        if !found.insert(id) {
            continue;
        }
        left.extend(
            loops
                .iter()
                .filter(|device| device.backing == id)
                .map(|device| device.id),
        );
        left.extend(holders_of(id));
        left.extend(partitions_of(id));
    }
    found
}

struct LoopDevice {
    id: DeviceId,
    backing: DeviceId,
    /// The device shows its file from the first byte to the last.
    is_whole: bool,
}

fn loop_devices() -> Arc<Vec<LoopDevice>> {
    static LISTING: Listing<Vec<LoopDevice>> = Listing::new();
    let Ok(devices) = LISTING.get(|| Ok::<_, Infallible>(read_loop_devices()));
    devices
}

fn read_loop_devices() -> Vec<LoopDevice> {
    let folders = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let devices = folders.filter_map(|folder| {
        let folder = folder.path();
        let text = |name: &str| fs::read_to_string(folder.join("loop").join(name)).ok();
        let backing = text("backing_file")?;
        let backing = fs::metadata(backing.trim_end_matches('\n')).ok()?;
        let is_zero = |name| text(name).is_none_or(|text| text.trim() == "0");
        Some(LoopDevice {
            id: block_id_of(&folder)?,
            backing: device_id(&backing),
            is_whole: is_zero("offset") && is_zero("sizelimit"),
        })
    });
    devices.collect()
}

/// Devices that are made of this one, such as those of device-mapper.
pub fn holders_of(id: DeviceId) -> Vec<DeviceId> {
    let holders = entries_of(id, "holders");
    holders
        .iter()
        .filter_map(|path| block_id_of(path))
        .collect()
}

pub fn partitions_of(id: DeviceId) -> Vec<DeviceId> {
    let entries = entries_of(id, "");
    let partitions = entries
        .iter()
        .filter(|path| path.join("partition").exists());
    partitions.filter_map(|path| block_id_of(path)).collect()
}

/// What the kernel lists in a folder of a block device.
fn entries_of(id: DeviceId, folder: &str) -> Vec<PathBuf> {
    let DeviceId::Block(major, minor) = id else {
        return Vec::new();
    };
    let folder = format!("/sys/dev/block/{major}:{minor}/{folder}");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn block_id_of(folder: &Path) -> Option<DeviceId> {
    parse_block_id(&fs::read_to_string(folder.join("dev")).ok()?)
}

/// `8:1`.
pub fn parse_block_id(text: &str) -> Option<DeviceId> {
    let (major, minor) = text.trim().split_once(':')?;
    Some(DeviceId::Block(major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ids() {
        assert_eq!(parse_block_id("8:17\n"), Some(DeviceId::Block(8, 17)));
        assert_eq!(parse_block_id("8"), None);
    }
}
