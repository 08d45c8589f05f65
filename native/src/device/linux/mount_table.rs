//! The kernel's table of mounts, by `proc_pid_mountinfo(5)`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::block_device::{DeviceId, device_id, parse_block_id};
use super::listing::Listing;

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its block device; `None` where that is not listed, as in `fstab(5)`.
    pub device: Option<DeviceId>,
    /// Which of its folders is mounted.
    pub root: PathBuf,
    pub point: PathBuf,
    pub file_system: String,
    /// What is mounted, by name; `none` and the like of what has none.
    pub source: PathBuf,
    /// Those of the file system, not of this mount.
    pub options: Vec<String>,
}

impl Entry {
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option == name)
    }

    /// A line of `mountinfo`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = fields(line);
        let device = fields.nth(2).and_then(|id| parse_block_id(&text(id)))?;
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        // Optional fields end with a hyphen.
        fields.find(|&field| field == b"-")?;
        Some(Self {
            device: Some(device),
            root,
            point,
            file_system: text(fields.next()?),
            source: unescape(fields.next()?),
            options: options(fields.next()?),
        })
    }

    /// A line of `fstab(5)`'s form.
    fn parse_fstab(line: &[u8]) -> Option<Self> {
        let mut fields = fields(line);
        let source = unescape(fields.next()?);
        let id = fs::metadata(&source).map(|metadata| device_id(&metadata));
        Some(Self {
            device: id.ok().filter(|id| matches!(id, DeviceId::Block(..))),
            source,
            root: PathBuf::from("/"),
            point: unescape(fields.next()?),
            file_system: text(fields.next()?),
            options: options(fields.next()?),
        })
    }
}

/// All that is mounted where this process is.
///
/// # Errors
///
/// No list is there. An initramfs may lack /proc, and have an empty /etc/mtab.
pub fn own() -> io::Result<Arc<Vec<Entry>>> {
    static LISTING: Listing<Vec<Entry>> = Listing::new();
    LISTING.get(read_own)
}

fn read_own() -> io::Result<Vec<Entry>> {
    let failed = match fs::read("/proc/self/mountinfo") {
        Ok(table) => return Ok(lines(&table, Entry::parse)),
        Err(error) => error,
    };
    for path in ["/proc/mounts", "/etc/mtab"] {
        let table = lines(&fs::read(path).unwrap_or_default(), Entry::parse_fstab);
        // Of a running system the root is in it.
        if !table.is_empty() {
            return Ok(table);
        }
    }
    Err(failed)
}

/// All that is mounted where another process is; nothing if that is gone.
pub fn of_process(id: i32) -> Vec<Entry> {
    let table = fs::read(format!("/proc/{id}/mountinfo"));
    lines(&table.unwrap_or_default(), Entry::parse)
}

fn lines(table: &[u8], parse: fn(&[u8]) -> Option<Entry>) -> Vec<Entry> {
    let lines = table.split(|&byte| byte == b'\n');
    lines.filter_map(parse).collect()
}

/// What spaces and tabs separate.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let fields = line.split(|&byte| byte == b' ' || byte == b'\t');
    fields.filter(|field| !field.is_empty())
}

fn options(field: &[u8]) -> Vec<String> {
    field.split(|&byte| byte == b',').map(text).collect()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// Undoes the octal escapes of lists of mounts (`\040` is a space).
pub fn unescape(text: &[u8]) -> PathBuf {
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
    use std::path::Path;

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
            let found = unescape(escaped.as_bytes());
            assert_eq!(found, Path::new(expected), "{escaped}");
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
            let found = Entry::parse_fstab(line.as_bytes());
            let found = found.map(|entry| (entry.point.clone(), entry.has_option("ro")));
            let expected = expected.map(|(point, read_only)| (point.into(), read_only));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn lines_of_mountinfo() {
        let line =
            b"36 35 98:7 /a /mnt/b\\040c rw,noatime master:1 shared:2 - ext3 /dev/root ro,x=y";
        let expected = Entry {
            device: Some(DeviceId::Block(98, 7)),
            root: "/a".into(),
            point: "/mnt/b c".into(),
            file_system: "ext3".to_owned(),
            source: "/dev/root".into(),
            options: vec!["ro".to_owned(), "x=y".to_owned()],
        };
        assert_eq!(Entry::parse(line), Some(expected));
        for (end, _) in line.iter().enumerate().filter(|(_, byte)| **byte == b' ') {
            assert_eq!(Entry::parse(&line[..end]), None, "{end}");
        }
    }
}
