//! A whole volume.

use ntfsclone_core::check::check_volume;
use ntfsclone_core::clusters::metadata::{LogFile, select_metadata};
use ntfsclone_core::clusters::{Finding, LostRecords, audit, owners, select_used};
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::ntfs::{Volume, VolumeInfo};
use ntfsclone_core::open::{Content, Probe};
use ntfsclone_core::plan::Plan;
use ntfsclone_core::units::{Extent, Lcn, RecordNumber};
use ntfsclone_core::write::{NTFSCLONE, Shape};

/// All that a program asks of a volume before it copies anything, opened as it
/// should be and salvaged.
pub fn volume_scan(data: &[u8]) {
    let probe = Probe::new(&data).expect("all of it can be read");
    if let Content::Disk(table) = probe.content() {
        let len = data.len() as u64;
        assert!(
            table
                .partitions
                .iter()
                .all(|partition| partition.offset < len)
        );
        let outside = table.areas_outside(&data);
        assert!(
            outside
                .iter()
                .all(|area| area.start < area.end && area.end <= len)
        );
    }
    let opened = Volume::open(data);
    match Volume::salvage(data) {
        Ok((volume, damage)) if opened.is_err() || !damage.is_empty() => {
            let is_scanned = scan(&volume);
            assert!(is_scanned, "the records of a salvaged volume are all there");
        }
        salvaged => assert!(salvaged.is_ok() || opened.is_err()),
    }
    if let Ok(volume) = opened {
        scan(&volume);
    }
}

/// False if `$MFT` cannot be read to its end.
fn scan(volume: &Volume<&[u8]>) -> bool {
    let data = *volume.source();
    let _ = VolumeInfo::read(volume);
    let _ = volume.is_hibernated();
    let _ = volume.mft().check_mirror(&data, volume.boot());

    for log_file in [LogFile::Start, LogFile::Whole] {
        let _ = select_metadata(volume, log_file, |_| {});
    }
    let Ok(mut selection) = select_used(volume, |_| {}) else {
        return false;
    };
    let checked = select_used(volume, |_| {}).and_then(|used| check_volume(volume, used, None));
    assert!(checked.is_ok(), "what is damaged is a finding: {checked:?}");
    let audited = audit(volume, &mut selection).expect("a slice can be read");
    if let Some(unknown) = &audited.unknown {
        let last = unknown.extent.end().0 - 1;
        assert_eq!(last + 1, volume.geometry().nr_clusters());
        for lcn in [unknown.extent.start, Lcn(last)] {
            assert!(selection.map.contains(lcn), "unknown, and not taken");
        }
    }
    let listed = selection.findings.listed();
    let mut disputed: Vec<Extent> = listed.iter().filter_map(extent_of).collect();
    disputed.extend(&audited.only_in_bitmap.first);
    disputed.truncate(8);
    let owners = owners(volume, &disputed).unwrap_or_default();
    for number in owners.list.iter().map(|owner| owner.record).take(8) {
        path_of(volume, number);
    }
    let records = vec![0..64, 60..volume.mft().record_count().min(80)];
    if let Ok(mut lost) = LostRecords::find(volume, records) {
        let _ = lost.search_unowned(volume);
        for number in lost.in_use().take(8) {
            lost.path_of(volume, number);
        }
    }
    for number in 0..32 {
        path_of(volume, RecordNumber(number));
    }

    for extent in &selection.bad {
        selection.map.remove(*extent);
    }
    let plan = Plan::new(*volume.geometry(), data.len() as u64, selection.map);
    check_plan(&plan, data);
    true
}

fn extent_of(finding: &Finding) -> Option<Extent> {
    match finding {
        Finding::PastEnd { extent, .. }
        | Finding::ClaimedTwice { extent, .. }
        | Finding::NotInBitmap { extent } => Some(*extent),
        _ => None,
    }
}

/// All that is planned is there, in order, and adds up.
fn check_plan(plan: &Plan, data: &[u8]) {
    let mut bytes = 0;
    let mut position = 0;
    for (offset, len) in plan.ranges() {
        assert!(offset >= position && offset + len <= data.len() as u64);
        bytes += len;
        position = offset + len;
    }
    assert_eq!(bytes, plan.bytes());
    assert!(NTFSCLONE.size(&Shape::of_volume(plan)) >= Some(bytes));
}
