//! A device with places that cannot be read: each failed read is told, with
//! where it failed and what the device said.

use core::fmt;
use core::ops::Range;

use ntfs_volume_builder::Volume as Built;
use ntfsclone_core::Error;
use ntfsclone_core::clusters::{Finding, audit, select_used};
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::ntfs::{Volume, VolumeInfo};
use ntfsclone_core::open::{PartitionTable, Probe};
use ntfsclone_core::units::RecordNumber;

use crate::samples::everything;

/// Fails wherever a read touches `bad`.
struct FaultyReadAt<'a> {
    bytes: &'a [u8],
    bad: Range<u64>,
}

/// What the device says.
#[derive(Debug, PartialEq, Eq)]
struct MediumError;

impl fmt::Display for MediumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the medium is scratched")
    }
}

impl core::error::Error for MediumError {}

impl ReadAt for FaultyReadAt<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset + buf.len() as u64;
        if offset < self.bad.end && self.bad.start < end {
            return Err(IoError::new(MediumError));
        }
        self.bytes.read_exact_at(offset, buf)
    }
}

/// Does all that a program does; returns the first error of each step.
fn errors_of(device: &FaultyReadAt<'_>) -> Vec<Error> {
    if let Ok(probe) = Probe::new(&device) {
        probe.content();
    }
    PartitionTable::read(device);
    let volume = match Volume::open(device) {
        Ok(volume) => volume,
        Err(error) => return vec![error],
    };
    let mut errors = Vec::new();
    errors.extend(VolumeInfo::read(&volume).err());
    errors.extend(volume.is_hibernated().err());
    errors.extend(volume.mft().check_mirror(device, volume.boot()).err());
    for number in 0..volume.mft().record_count() {
        path_of(&volume, RecordNumber(number));
    }
    match select_used(&volume, |_| {}) {
        Err(error) => errors.push(error),
        Ok(mut selection) => {
            let audited = audit(&volume, &mut selection);
            errors.extend(audited.err());
            for finding in selection.findings.listed() {
                assert!(
                    matches!(finding, Finding::ClustersUnknown { .. }),
                    "{finding}"
                );
            }
        }
    }
    errors
}

fn check(built: &Built, bad: Range<u64>) -> usize {
    let bytes = built.bytes.as_slice();
    let errors = errors_of(&FaultyReadAt {
        bytes,
        bad: bad.clone(),
    });
    for error in &errors {
        let Error::Io {
            offset,
            len,
            source,
            ..
        } = error
        else {
            panic!("{bad:x?}: {error}");
        };
        assert!(
            *offset < bad.end && bad.start < offset + len,
            "{bad:x?}: {error}"
        );
        assert_eq!(source.downcast_ref(), Some(&MediumError), "{error}");
    }
    errors.len()
}

#[test]
fn every_sector_may_fail() {
    let built = everything().build();
    let mut failed = 0;
    let sectors = built.bytes.len() as u64 / 512;
    for sector in 0..sectors {
        let bad = sector * 512..(sector + 1) * 512;
        failed += usize::from(check(&built, bad) > 0);
    }
    // All of $MFT and more, but not the files' data.
    let records = (built.mft_records * 2) as usize;
    assert!((records..records + 100).contains(&failed), "{failed}");
}

#[test]
fn all_may_fail() {
    let built = everything().build();
    assert_eq!(check(&built, 0..u64::MAX), 1);
    let mft = built.record_offset(0);
    assert_eq!(check(&built, mft..u64::MAX), 1);
}

/// The first boot sector cannot be read: the backup can.
#[test]
fn an_unreadable_boot_sector_is_like_a_damaged_one() {
    let built = everything().build();
    let device = FaultyReadAt {
        bytes: &built.bytes,
        bad: 0..512,
    };
    let volume = Volume::open(&device).unwrap();
    assert_ne!(
        volume.opened_from(),
        ntfsclone_core::ntfs::OpenedFrom::First
    );
}

/// To salvage is to do with damage, not with a device that fails.
#[test]
fn an_unreadable_record_is_not_salvaged() {
    let built = everything().build();
    for offset in [built.record_offset(0), built.mirror_record_offset(2)] {
        let device = FaultyReadAt {
            bytes: &built.bytes,
            bad: offset..offset + 512,
        };
        let error = Volume::salvage(&device).err();
        assert!(matches!(error, Some(Error::Io { .. })), "{error:?}");
    }
}

/// The first boot sector leads nowhere, and the backup to where nothing can be
/// read.
#[test]
fn an_unreadable_mft_by_the_backup() {
    let mut built = everything().build();
    built.patch(0x30, &1000_u64.to_le_bytes());
    let record = built.record_offset(0);
    let device = FaultyReadAt {
        bytes: &built.bytes,
        bad: record..record + 512,
    };
    let opened = Volume::open(&device).err();
    let salvaged = Volume::salvage(&device).err();
    for error in [opened, salvaged] {
        let is_told = matches!(error, Some(Error::Io { offset, .. }) if offset == record);
        assert!(is_told, "{error:?}");
    }
}

/// An attribute list or an extension record that cannot be read is a finding
/// about the file, with the device's words as its cause.
#[test]
fn an_unreadable_attribute_list_is_a_finding() {
    let built = everything().build();
    let number = built.record_number("list in clusters");
    let start = built.stream_offset(number, 0x20, "", 0);
    let bad = start..start + 512;
    let device = FaultyReadAt {
        bytes: &built.bytes,
        bad,
    };
    let volume = Volume::open(&device).unwrap();
    let selection = select_used(&volume, |_| {}).unwrap();
    let [Finding::ClustersUnknown { record, source }] = selection.findings.listed() else {
        panic!("{:?}", selection.findings);
    };
    assert_eq!(record.0, number);
    let Error::Io {
        offset,
        len: 1..=512,
        source,
        ..
    } = source
    else {
        panic!("{source}");
    };
    assert_eq!(*offset, start);
    assert_eq!(source.to_string(), "the medium is scratched");
}
