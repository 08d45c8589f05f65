//! Replays the inputs of the fuzz targets: the seeds, and what once crashed.
//!
//! An input that crashed belongs in `core/fuzz/regressions/TARGET`, named after
//! what it found.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use core::time::Duration;
use std::fs;
use std::path::Path;
use std::time::Instant;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a library of its own for cargo-fuzz")]
mod targets;

const TARGETS: [&str; 22] = [
    "attribute_list",
    "boot_sector",
    "content",
    "decompress",
    "disk_files",
    "image_decoder",
    "image_reader",
    "lznt1",
    "mft_record",
    "partclone",
    "qcow2",
    "relocate",
    "runlist",
    "seekable",
    "side_index",
    "tree",
    "vdi",
    "vhd",
    "vhdx",
    "vmdk",
    "volume_scan",
    "wof",
];

/// No input of these sizes may take longer, even without optimisation.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs the inputs in `folder` and returns how many there were.
fn replay(folder: &Path, target: &str) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let mut count = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        let input = fs::read(&path).unwrap();
        let started = Instant::now();
        targets::run(target, &input);
        assert!(started.elapsed() < LONGEST, "{} is slow", path.display());
        count += 1;
    }
    count
}

#[test]
fn seeds_and_regressions_are_harmless() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for target in TARGETS {
        replay(&fuzz.join("regressions").join(target), target);
        let seeds = replay(&fuzz.join("seeds").join(target), target);
        assert!(seeds > 0, "{target} has no seeds");
    }
}

#[test]
fn short_inputs_are_harmless() {
    for target in TARGETS {
        for byte in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
            for len in [0, 1, 3, 4, 8, 42, 255, 256, 511, 512, 1024, 4096] {
                targets::run(target, &vec![byte; len]);
            }
        }
    }
}
