//! The volumes of the builder, judged by the tools of ntfs-3g.

mod features;
mod geometries;
mod oracle;
mod sabotage;

use ntfs_volume_builder::{Volume, VolumeBuilder};
use oracle::{VolumeFile, check_mounted, fix_complaints, saved_clusters};

/// A sound volume: the reference saves exactly its used clusters, finds nothing to fix, and reads every file.
fn check_sound(name: &str, builder: &VolumeBuilder) {
    check_volume(name, &builder.build(), &[]);
}

fn check_volume(name: &str, volume: &Volume, options: &[&str]) {
    let file = VolumeFile::new(volume);
    check_saved(name, volume, &file, options);
    if let Some(mut complaints) = fix_complaints(&file) {
        if !finds_backup_boot_sector(volume) {
            complaints.retain(|line| {
                !line.contains("alternate boot sector") && !line.contains("exit status: 1")
            });
        }
        assert!(complaints.is_empty(), "{name}: ntfsfix: {complaints:#?}");
    }
    if let Some(Err(error)) = saved_clusters(&file, &["-m"]) {
        panic!("{name}: ntfsclone -m: {error}");
    }
    check_mounted(name, volume, &file);
}

/// ntfsfix looks for the backup boot sector in the last sector of the device, and with sectors of 256 bytes it rejects
/// even what mkntfs makes.
fn finds_backup_boot_sector(volume: &Volume) -> bool {
    let sector = u64::from(volume.geometry.bytes_per_sector);
    let last = volume.geometry.device_size() - sector;
    sector >= 512 && volume.geometry.backup_boot_sector_offset() == Some(last)
}

fn check_saved(name: &str, volume: &Volume, file: &VolumeFile, options: &[&str]) {
    let Some(saved) = saved_clusters(file, options) else {
        return;
    };
    let saved = saved.unwrap_or_else(|error| panic!("{name}: ntfsclone: {error}"));
    let numbers: Vec<u64> = saved.iter().map(|(lcn, _)| *lcn).collect();
    let expected: Vec<u64> = volume
        .used_clusters()
        .chain([volume.geometry.clusters])
        .collect();
    assert_eq!(numbers, expected, "{name}: used clusters");
    for (lcn, bytes) in &saved[..saved.len() - 1] {
        assert!(bytes == volume.cluster(*lcn), "{name}: cluster {lcn}");
    }
    let (_, tail) = saved.last().expect("the tail");
    assert!(
        volume.bytes[volume.geometry.volume_size() as usize..].starts_with(tail),
        "{name}: tail"
    );
}
