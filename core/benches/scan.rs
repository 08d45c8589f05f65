//! Which clusters are in use: how long it takes to find out.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench may panic"
)]

use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use ntfsclone_core::clusters::metadata::LogFile;
use ntfsclone_core::clusters::{audit, select_metadata, select_used};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::runlist::Runs;
use ntfsclone_core::units::Vcn;

const FILES: usize = 3000;

/// Small files, every other one in its record.
static SMALL_FILES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let builder = (0..FILES).fold(VolumeBuilder::new().clusters(8000), |builder, n| {
        let content = match n % 2 {
            0 => FileData::Resident(pattern(1, n % 500)),
            _ => FileData::Bytes(pattern(1, 1 + n % 12_000)),
        };
        builder.file(&format!("directory {}/file {n}", n % 40), content)
    });
    builder.build().bytes
});

/// Mapping pairs of a fragmented file, as Windows writes them.
static MAPPING_PAIRS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let pairs = (0..1000_u16).flat_map(|n| {
        let delta = n.wrapping_mul(7919).to_le_bytes();
        [
            0x21,
            n.to_le_bytes()[0] & 0x3F | 1,
            delta[0],
            delta[1] & 0x7F,
        ]
    });
    pairs.chain([0]).collect()
});

fn main() {
    LazyLock::force(&SMALL_FILES);
    divan::main();
}

#[divan::bench]
fn runlist(bencher: Bencher<'_, '_>) {
    let count = Runs::new(&MAPPING_PAIRS, Vcn(0), 0).count();
    bencher.counter(ItemsCount::new(count)).bench(|| {
        Runs::new(divan::black_box(&MAPPING_PAIRS), Vcn(0), 0)
            .map(Result::unwrap)
            .last()
    });
}

#[divan::bench]
fn used_clusters(bencher: Bencher<'_, '_>) {
    let volume = volume();
    bencher
        .counter(ItemsCount::new(volume.mft().record_count()))
        .bench(|| select_used(divan::black_box(&volume), |_| {}).unwrap());
}

#[divan::bench]
fn metadata(bencher: Bencher<'_, '_>) {
    let volume = volume();
    bencher
        .counter(ItemsCount::new(volume.mft().record_count()))
        .bench(|| select_metadata(divan::black_box(&volume), LogFile::Start, |_| {}).unwrap());
}

#[divan::bench]
fn audit_against_bitmap(bencher: Bencher<'_, '_>) {
    let volume = volume();
    let mut selection = select_used(&volume, |_| {}).unwrap();
    bencher
        .counter(BytesCount::new(volume.geometry().nr_clusters() / 8))
        .bench_local(|| audit(divan::black_box(&volume), &mut selection).unwrap());
}

fn volume() -> Volume<&'static [u8]> {
    Volume::open(SMALL_FILES.as_slice()).unwrap()
}
