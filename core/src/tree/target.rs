//! Where a link leads.

use alloc::string::String;

use super::entry::{TAG_LX_SYMLINK, TAG_MOUNT_POINT, TAG_SYMLINK};
use super::name::Name;
use crate::ntfs::record::{u16_at, u32_at};

/// What the data of a reparse point begins with, after tag and length.
const DATA: usize = 8;
/// In the flags of a symbolic link: relative to the directory of the link.
const RELATIVE: u32 = 1;
/// Before paths of the object manager of Windows.
const NT_PREFIX: &str = "\\??\\";

/// Where a symbolic link or junction leads ([MS-FSCC] 2.1.2.4 and 2.1.2.5). Untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The path as the link has it, such as `C:\Users` or `..\file`; of a link of Linux with `/`.
    pub path: String,
    /// Whether it is relative to the directory that the link is in.
    pub is_relative: bool,
}

impl Target {
    /// From the value of a reparse point; `None` if it is not a link, or is damaged.
    pub(super) fn of(point: &[u8]) -> Option<Self> {
        let (buffer, is_relative) = match u32_at(point, 0)? {
            TAG_MOUNT_POINT => (16, false),
            TAG_SYMLINK => (20, u32_at(point, 16)? & RELATIVE != 0),
            TAG_LX_SYMLINK => {
                // A version, then the path in UTF-8.
                let len = usize::from(u16_at(point, 4)?);
                let path = point.get(DATA..)?.get(4..len)?;
                let path = String::from_utf8_lossy(path).into_owned();
                let is_relative = !path.starts_with('/');
                return Some(Self { path, is_relative });
            }
            _ => return None,
        };
        let name = |field: usize| {
            let offset = usize::from(u16_at(point, field)?);
            let len = usize::from(u16_at(point, field.saturating_add(2))?);
            let bytes = point.get(buffer..)?.get(offset..)?.get(..len)?;
            Some(alloc::format!("{}", Name::from_utf16(bytes)))
        };
        // The name to display is first choice: that of the object manager is its long form.
        let printed = name(12).filter(|printed| !printed.is_empty());
        let substitute = || {
            let path = name(DATA)?;
            Some(String::from(path.strip_prefix(NT_PREFIX).unwrap_or(&path)))
        };
        Some(Self {
            path: printed.or_else(substitute)?,
            is_relative,
        })
    }
}
