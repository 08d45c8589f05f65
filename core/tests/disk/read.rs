//! Disks in memory, opened and read.

use std::sync::Arc;

use ntfsclone_core::Result;
use ntfsclone_core::disk::{DiskFormat, NoNeighbours};
use ntfsclone_core::io::{Allocation, IoError, ReadAt, Source};
use ntfsclone_core::open::Container;

/// Opens a format.
pub(crate) type Open = fn(&Source) -> Result<Source>;

pub(crate) const QCOW2: Open = |source| open(DiskFormat::Qcow2, source);
pub(crate) const VDI: Open = |source| open(DiskFormat::Vdi, source);
pub(crate) const VHD: Open = |source| open(DiskFormat::Vhd, source);
pub(crate) const VHDX: Open = |source| open(DiskFormat::Vhdx, source);
pub(crate) const VMDK: Open = |source| open(DiskFormat::Vmdk, source);

/// Opens a disk that is in one file.
fn open(format: DiskFormat, source: &Source) -> Result<Source> {
    let opened = Container::Disk(format).open(source, &NoNeighbours)?;
    assert!(opened.files.is_empty());
    Ok(opened.source)
}

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.as_slice().read_exact_at(offset, buf)
    }
}

pub(crate) fn source(bytes: Vec<u8>) -> Source {
    Arc::new(Bytes(bytes))
}

pub(crate) fn read(disk: &Source, offset: u64, len: u64) -> Result<Vec<u8>, IoError> {
    let mut bytes = vec![0xEE; len as usize];
    disk.read_exact_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// The whole disk in one read.
pub(crate) fn whole(disk: &Source) -> Vec<u8> {
    read(disk, 0, disk.size()).unwrap()
}

/// Checks that the disk is `expected`, and that reads of all kinds agree.
#[track_caller]
pub(crate) fn check(disk: &Source, expected: &[u8], name: &str) {
    assert_eq!(disk.size(), expected.len() as u64, "{name}");
    let found = whole(disk);
    let differs = found.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{name}: the first byte that differs");
    // At odd offsets, of odd lengths.
    let (mut offset, mut len) = (0, 1);
    while offset < expected.len() {
        let end = expected.len().min(offset + len);
        let part = read(disk, offset as u64, (end - offset) as u64).unwrap();
        assert!(part == expected[offset..end], "{name} at {offset}");
        offset = end;
        len = (len * 5 + 77) % 300_007 + 1;
    }
    // Holes are zeros, and all of the disk is stored or a hole.
    let mut position = 0;
    while position < disk.size() {
        position += match disk.allocation_at(position).unwrap() {
            Allocation::Stored { len } => len,
            Allocation::Hole { len } => {
                let hole = &expected[position as usize..(position + len) as usize];
                assert!(hole.iter().all(|&byte| byte == 0), "{name} at {position}");
                len
            }
        };
    }
    assert_eq!(position, disk.size(), "{name}");
    let end = read(disk, disk.size() - 1, 2);
    assert!(end.is_err(), "{name}: past the end");
    assert!(read(disk, u64::MAX, 1).is_err(), "{name}: past all ends");
}
