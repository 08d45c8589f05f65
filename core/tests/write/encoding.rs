//! Encoding volumes that are made here.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{FileData, Run, VolumeBuilder, pattern};
use ntfsclone_core::clusters::{ClusterMap, select_used};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::write::{
    DiskLayout, DiskSupport, Out, Partitioning, QCOW2, Shape, VDI, VHD, VHD_FIXED, VHDX, VMDK,
    Writer,
};

/// All virtual disks.
pub(crate) const DISKS: [&Writer; 6] = [&QCOW2, &VDI, &VHD, &VHD_FIXED, &VHDX, &VMDK];

/// Volumes of many sizes of clusters and sectors, and of all kinds of tails.
pub(crate) fn volumes() -> Vec<(&'static str, build::Volume)> {
    let files = VolumeBuilder::new()
        .fill_free(0xE5)
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .file("b", FileData::Runs(vec![Run::at(400, 3), Run::at(390, 2)]));
    let files = || files.clone();
    vec![
        ("usual", files().build()),
        (
            "clusters of 512",
            files().cluster_size(512).clusters(8192).build(),
        ),
        (
            "clusters of 64 KiB",
            files().cluster_size(65_536).clusters(512).build(),
        ),
        (
            "clusters of 2 MiB",
            VolumeBuilder::new()
                .file("a", FileData::Bytes(pattern(1, 100_000)))
                .cluster_size(2 << 20)
                .clusters(24)
                .build(),
        ),
        ("sectors of 4096", files().bytes_per_sector(4096).build()),
        ("sectors of 256", files().bytes_per_sector(256).build()),
        (
            "sectors after the last cluster",
            files().extra_sectors(5).build(),
        ),
        ("no backup boot sector", files().device_tail(0).build()),
        ("a large tail", files().device_tail(4096).build()),
        ("a longer device", files().device_tail(1 << 20).build()),
    ]
}

pub(crate) fn plan(built: &build::Volume) -> Plan {
    let source = built.bytes.as_slice();
    let volume = Volume::open(source).unwrap();
    let map: ClusterMap = select_used(&volume, |_| {}).unwrap().map;
    Plan::new(*volume.geometry(), source.len() as u64, map)
}

pub(crate) fn layout(plan: &Plan, writer: &Writer, partitioning: Partitioning) -> DiskLayout {
    let has_large_sectors = writer.disk == DiskSupport::DiskWithLargeSectors;
    DiskLayout::new(partitioning, plan, 0x1234_5678_9ABC, has_large_sectors).unwrap()
}

/// The output of `writer`, which gets at most `at_once` bytes in one call.
pub(crate) fn encode(
    writer: &Writer,
    built: &build::Volume,
    partitioning: Partitioning,
    at_once: usize,
) -> Vec<u8> {
    let mut output = Vec::new();
    let size = encode_into(&mut output, writer, built, partitioning, at_once);
    if let Some(size) = size {
        assert_eq!(output.len() as u64, size, "{}", writer.id);
    }
    output
}

/// Returns what the size was expected to be.
pub(crate) fn encode_into(
    output: &mut dyn Out,
    writer: &Writer,
    built: &build::Volume,
    partitioning: Partitioning,
    at_once: usize,
) -> Option<u64> {
    let plan = plan(built);
    let layout = layout(&plan, writer, partitioning);
    let shape = Shape::Volume {
        plan: &plan,
        disk: Some(&layout),
    };
    let mut encoder = writer.encoder(&shape).unwrap().unwrap();
    let at_once = at_once.max(built.geometry.cluster_size as usize);
    for (offset, len) in plan.ranges() {
        let bytes = &built.bytes[offset as usize..(offset + len) as usize];
        for (index, piece) in bytes.chunks(at_once).enumerate() {
            let offset = offset + (index * at_once) as u64;
            encoder.data(offset, piece, output).unwrap();
        }
    }
    encoder.finish(output).unwrap();
    writer.size(&shape)
}

/// The volume as it is expected on the disk: zeros where it is free, `hidden` bytes before it,
/// with a backup boot sector as the last sector if it is in a partition.
pub(crate) fn expected(built: &build::Volume, hidden: u64) -> Vec<u8> {
    let plan = plan(built);
    let (last, tail) = plan.ranges().last().unwrap();
    let mut volume = vec![0; (last + tail) as usize];
    for (offset, len) in plan.ranges() {
        let range = offset as usize..(offset + len) as usize;
        volume[range.clone()].copy_from_slice(&built.bytes[range]);
    }
    if hidden == 0 {
        return volume;
    }
    let sector = u64::from(built.geometry.bytes_per_sector);
    let backup = (built.geometry.total_sectors() * sector) as usize;
    let has_backup = volume.len() >= backup + sector as usize;
    volume.resize(backup + sector as usize, 0);
    if !has_backup {
        volume.copy_within(..sector as usize, backup);
    }
    let hidden = ((hidden / sector) as u32).to_le_bytes();
    for start in [0, backup] {
        volume[start + 0x1C..start + 0x20].copy_from_slice(&hidden);
    }
    volume
}
