//! What is mounted, and what else a block device is used for.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use procfs::process::{MountInfo, Process};
use rustix::fs::OFlags;

use super::{DeviceId, device_id, holders_of, parse_block_id, partitions_of, related};

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
    let found = listed()?.into_iter().filter(|listed| {
        // FUSE mounts a file, or a device, by name alone. Other names, such as
        // "tmpfs", are not of files, though a file here may be called so.
        let by_name = || {
            let source = listed.source.as_ref().filter(|source| source.is_absolute());
            let metadata = source.and_then(|source| fs::metadata(source).ok());
            metadata.is_some_and(|metadata| related.contains(&device_id(&metadata)))
        };
        listed.device.is_some_and(|id| related.contains(&id)) || by_name()
    });
    Ok(found.map(|listed| listed.mount).collect())
}

/// What else uses the block device, or one that lies upon the device or file:
/// the kernel then refuses to open it exclusively. Nothing is changed by that.
pub fn other_use(metadata: &Metadata) -> Option<OtherUse> {
    let related = related(device_id(metadata));
    let mounted: BTreeSet<DeviceId> = listed()
        .into_iter()
        .flatten()
        .filter_map(|listed| listed.device)
        .collect();
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
        match is_by_others {
            true => None,
            false => explain_claim(id),
        }
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
    for process in procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten()
    {
        let namespace = fs::read_link(format!("/proc/{}/ns/mnt", process.pid));
        if namespace.is_ok_and(|namespace| !namespaces.insert(namespace)) {
            continue;
        }
        let table = process.mountinfo().into_iter().flatten();
        let mounts = table.map(Listed::from_info);
        let mounts = mounts.filter(|listed| listed.device == Some(id));
        found.extend(mounts.map(|listed| (process.pid, listed.mount)));
    }
    found
}

fn is_swap(id: DeviceId) -> bool {
    let text = fs::read("/proc/swaps").unwrap_or_default();
    let mut names = text.split(|&byte| byte == b'\n').skip(1);
    names.any(|line| {
        let name = line.split(|&byte| byte == b' ' || byte == b'\t').next();
        let metadata = name.and_then(|name| fs::metadata(unescape(name)).ok());
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

/// A line of a list of mounts.
struct Listed {
    /// `None` where that is not listed.
    device: Option<DeviceId>,
    source: Option<PathBuf>,
    mount: Mount,
}

impl Listed {
    fn from_info(info: MountInfo) -> Self {
        let source = info.mount_source.as_deref();
        Self {
            device: parse_block_id(&info.majmin),
            source: source.map(|source| unescape(source.as_bytes())),
            mount: Mount {
                point: unescape(info.mount_point.as_os_str().as_bytes()),
                read_only: info.super_options.contains_key("ro"),
            },
        }
    }

    /// A line of `fstab(5)`'s form.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ' || byte == b'\t');
        let (source, point) = (unescape(fields.next()?), unescape(fields.next()?));
        let (_, options) = (fields.next()?, fields.next()?);
        let metadata = fs::metadata(&source).ok();
        let id = metadata.map(|metadata| device_id(&metadata));
        Some(Self {
            device: id.filter(|id| matches!(id, DeviceId::Block(..))),
            source: Some(source),
            mount: Mount {
                point,
                read_only: options
                    .split(|&byte| byte == b',')
                    .any(|option| option == b"ro"),
            },
        })
    }
}

/// All that is mounted where this process is.
///
/// # Errors
///
/// No list is there. An initramfs may lack /proc, and have an empty /etc/mtab.
fn listed() -> io::Result<Vec<Listed>> {
    let process = Process::myself();
    let failed = match process.and_then(|process| process.mountinfo()) {
        Ok(table) => return Ok(table.into_iter().map(Listed::from_info).collect()),
        Err(error) => io::Error::other(error),
    };
    for path in ["/proc/mounts", "/etc/mtab"] {
        let text = fs::read(path).unwrap_or_default();
        let lines = text.split(|&byte| byte == b'\n');
        let table: Vec<Listed> = lines.filter_map(Listed::parse).collect();
        // Of a running system the root is in it.
        if !table.is_empty() {
            return Ok(table);
        }
    }
    Err(failed)
}

/// Undoes the octal escapes of lists of mounts (`\040` is a space).
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        match (first, octal) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let table = [
            ("/mnt/a", "/mnt/a"),
            ("/mnt/a\\040b", "/mnt/a b"),
            ("/mnt/\\134", "/mnt/\\"),
            ("/mnt/\\9", "/mnt/\\9"),
        ];
        for (escaped, expected) in table {
            assert_eq!(
                unescape(escaped.as_bytes()),
                Path::new(expected),
                "{escaped}"
            );
        }
    }

    #[test]
    fn lines_of_mtab() {
        let table = [
            (
                "/dev/sda1 /mnt/a\\040b ntfs rw,relatime 0 0",
                Some(("/mnt/a b", false)),
            ),
            ("x /y fuseblk nosuid,ro,x=y 0 0", Some(("/y", true))),
            ("x /y fuseblk errors=remount-ro 0 0", Some(("/y", false))),
            ("x /y", None),
            ("", None),
        ];
        for (line, expected) in table {
            let found = Listed::parse(line.as_bytes()).map(|listed| listed.mount);
            let expected = expected.map(|(point, read_only)| Mount {
                point: point.into(),
                read_only,
            });
            assert_eq!(found, expected, "{line}");
        }
    }
}
