//! Sources that have to be waited for: every page is missing until it is supplied.

use std::sync::Arc;
use std::sync::Mutex;

use ntfs_volume_builder::{VhdxChange, VhdxLogEntry, pattern, vhdx, write_vhdx_log};
use ntfsclone_core::Error;
use ntfsclone_core::io::{IoError, ReadAt, Source};

use crate::made::{disk, small};
use crate::read::{Open, VHDX, read};

const PAGE: u64 = 4096;

/// Fails the first read of each page.
struct Waiting {
    bytes: Vec<u8>,
    pages: Mutex<Vec<u64>>,
}

impl ReadAt for Waiting {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let mut pages = self.pages.lock().unwrap();
        for page in offset / PAGE..(offset + buf.len() as u64).div_ceil(PAGE) {
            if !pages.contains(&page) {
                pages.push(page);
                return Err(IoError::missing());
            }
        }
        self.bytes.as_slice().read_exact_at(offset, buf)
    }
}

#[track_caller]
fn check(name: &str, open: Open, file: Vec<u8>, expected: &[u8]) {
    let pages = file.len() as u64 / PAGE + 1;
    let source: Source = Arc::new(Waiting {
        bytes: file,
        pages: Mutex::default(),
    });
    let mut attempts = 0;
    let disk = loop {
        attempts += 1;
        match open(&source) {
            Ok(disk) => break disk,
            Err(error) => assert!(error.is_missing(), "{name}: {error:?}"),
        }
    };
    loop {
        attempts += 1;
        match read(&disk, 0, disk.size()) {
            Ok(found) => break assert!(found == expected, "{name}"),
            Err(error) => assert!(error.is_missing(), "{name}: {error:?}"),
        }
    }
    assert!(attempts <= pages + 2, "{name}: {attempts}");
}

#[test]
fn reads_are_repeated_until_all_is_there() {
    for (name, open, file, disk) in small() {
        check(name, open, file, &disk);
    }
    let disk = disk(1 << 20);
    let mut file = vhdx(&disk);
    let entry = VhdxLogEntry {
        sequence_number: 1,
        tail: 0,
        changes: vec![VhdxChange::Sector(8192, pattern(1, 4096))],
        file_sizes: [0, 0],
    };
    check("VHDX", VHDX, file.clone(), &disk);
    write_vhdx_log(&mut file, 0, &[entry]);
    check("VHDX with a log", VHDX, file, &disk);
}

/// A page that is missing is no damage: the other copy must not stand in for it.
#[test]
fn missing_copies_are_waited_for() {
    for (_, open, file, _) in small() {
        let source: Source = Arc::new(Waiting {
            bytes: file,
            pages: Mutex::default(),
        });
        let error = open(&source).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }) && error.is_missing());
    }
}
