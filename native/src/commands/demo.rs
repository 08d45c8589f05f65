//! A tour with a small volume that comes with the program: a real one, made
//! with `mkntfs` and filled through ntfs-3g (`cargo xtask demo-volume`).

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Instant;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::plan::Plan;

use super::open_volume::Accepted;
use super::used_clusters::{Purpose, Search};
use super::{check_image, copy, open_volume, restore, used_clusters};
use crate::device;
use crate::error::{Error, Result};
use crate::options::{
    CheckTask, CopyKind, CopyTask, Direct, Existing, FileChecks, Form, Input, Mismatch, NewFields,
    Output, Progress, RestoreTask, Thin, VolumeChecks, WriteOptions,
};
use crate::report::{self, Reports};
use crate::source::Device;

static VOLUME: &[u8] = include_bytes!("../../demo/volume.ntfs.zst");

/// Bytes compared at once.
const CHUNK: usize = 1 << 20;

pub fn run() -> Result<()> {
    let reports = Reports::TO_STDOUT;
    let directory = tempfile::Builder::new().prefix("ntfsclone-demo.").tempdir();
    let directory = directory
        .map_err(|error| Error::io("create a directory in", &std::env::temp_dir(), error))?;
    let file = |name: &str| directory.path().join(name);
    let (volume, image, restored) = (
        file("volume.ntfs"),
        file("backup.img"),
        file("restored.ntfs"),
    );

    reports.line("1. A small NTFS volume that comes with the program");
    unpack(&volume)?;
    let compressed = report::size(VOLUME.len() as u64);
    reports.line(format_args!(
        "Unpacked from {compressed} to {}",
        sizes(&volume)?
    ));

    reports.empty_line();
    reports.line("2. Saved to an image: ntfsclone --save-image -o backup.img volume.ntfs");
    let checks = VolumeChecks {
        force: false,
        mismatch: Mismatch::Refuse,
        files: FileChecks::None,
        threads: None,
    };
    let task = CopyTask {
        source: volume.clone(),
        partition: None,
        kind: CopyKind {
            form: Form::Image,
            ..CopyKind::RAW
        },
        checks,
        writing: new_file(&image),
        rescue: None,
    };
    copy::run(&task, Progress::None)?;
    reports.line(format_args!("The image has {}", sizes(&image)?));

    reports.empty_line();
    reports.line("3. Checked: ntfsclone --restore-image --no-action backup.img");
    let input = Input::file(image);
    let task = CheckTask {
        image: input.clone(),
        checks,
        rescue: None,
        direct: Direct::Auto,
    };
    check_image::run(&task, Progress::None)?;

    reports.empty_line();
    reports.line("4. Restored: ntfsclone --restore-image -o restored.ntfs backup.img");
    let task = RestoreTask {
        image: input,
        checks,
        writing: new_file(&restored),
        rescue: None,
    };
    restore::run(&task, Progress::None)?;
    reports.line(format_args!("The file has {}", sizes(&restored)?));

    reports.empty_line();
    reports.line("5. Compared, cluster by cluster");
    let started = Instant::now();
    let bytes = compare(&volume, &restored)?;
    reports.line(report::done("Compared", bytes, started.elapsed()));
    reports.empty_line();
    reports.line("The restored volume equals the original.");
    Ok(())
}

fn new_file(path: &Path) -> WriteOptions {
    WriteOptions {
        output: Output::File {
            path: path.to_owned(),
            existing: Existing::Refuse,
        },
        resize: None,
        split: None,
        checksum: None,
        new_fields: NewFields::default(),
        thin: Thin::No,
        reflink: false,
        verify: false,
        direct: Direct::Auto,
        as_original: false,
    }
}

fn unpack(path: &Path) -> Result<()> {
    let failed = |error| Error::io("unpack the volume to", path, error);
    let mut file = File::create_new(path).map_err(failed)?;
    let mut decoder = zstd::Decoder::with_buffer(VOLUME).map_err(failed)?;
    io::copy(&mut decoder, &mut file).map_err(failed)?;
    Ok(())
}

/// Length of a file, and what it takes on the disk.
fn sizes(path: &Path) -> Result<String> {
    let metadata = fs::metadata(path).map_err(|error| Error::io("look at", path, error))?;
    Ok(format!(
        "{} bytes ({}), {} on the disk",
        metadata.len(),
        report::size(metadata.len()),
        report::size(device::allocated_size(&metadata))
    ))
}

/// Compares what is in use of two volumes, and returns how many bytes that is.
fn compare(original: &Path, restored: &Path) -> Result<u64> {
    let accepted = Accepted {
        dirty: false,
        mounted: false,
        unknown_use: false,
    };
    let open = |path| Device::open(path, None, Progress::None, Reports::NONE);
    let opened = open_volume::open(open(original)?, accepted, Reports::NONE)?;
    let search = Search {
        purpose: Purpose::Copy,
        mismatch: Mismatch::Refuse,
        files: FileChecks::None,
        threads: None,
        progress: Progress::None,
        reports: Reports::NONE,
    };
    let map = used_clusters::find(&opened.volume, search)?.map;
    let plan = Plan::new(*opened.volume.geometry(), opened.device.size(), map);
    let copy = open(restored)?;

    let (mut expected, mut found) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut compared = 0;
    for (mut offset, mut left) in plan.ranges() {
        while left > 0 {
            let len = left.min(CHUNK as u64) as usize;
            let (expected, found) = (&mut expected[..len], &mut found[..len]);
            opened.device.read_at(offset, expected)?;
            copy.read_at(offset, found)?;
            if expected != found {
                return Err(Error::refused(
                    restored,
                    format!("differs from the original within {len} bytes at byte {offset:#x}"),
                    "this is a defect of the program or the machine: please report it",
                ));
            }
            compared += len as u64;
            offset += len as u64;
            left -= len as u64;
        }
    }
    Ok(compared)
}
