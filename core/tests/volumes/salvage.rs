//! Damaged volumes of which what can be found is found. Whatever is damaged,
//! no cluster is missed that was in use before.

use core::ops::Range;

use ntfs_volume_builder as build;
use ntfs_volume_builder::{MftLayout, Run, VolumeBuilder};
use ntfsclone_core::Error;
use ntfsclone_core::clusters::{Audit, Selection, audit, select_used};
use ntfsclone_core::error::Structure;
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::ntfs::{Damage, OpenedFrom, Volume, VolumeInfo};
use ntfsclone_core::units::{Extent, Lcn, RecordNumber};

use crate::place;
use crate::samples::{GEOMETRIES, everything, fragmented, of_geometry, with_many};

/// How bytes read that cannot be read.
const UNREADABLE: u8 = 0xFF;

pub(crate) fn lose(built: &mut build::Volume, range: Range<u64>) {
    built.bytes[range.start as usize..range.end as usize].fill(UNREADABLE);
}

/// The bytes of a record of `$MFT`, and those of its copy.
pub(crate) fn record(built: &build::Volume, number: u64) -> Range<u64> {
    let start = built.record_offset(number);
    start..start + u64::from(built.geometry.mft_record_size)
}

fn mirror_record(built: &build::Volume, number: u64) -> Range<u64> {
    let start = built.mirror_record_offset(number);
    start..start + u64::from(built.geometry.mft_record_size)
}

/// As `patch_record`, but the copy in `$MFTMirr` stays.
fn patch_original(built: &mut build::Volume, number: u64, change: impl FnOnce(&mut [u8])) {
    let mirror = built.read_stream(1, 0x80, "");
    built.patch_record(number, change);
    let place = built.mirror_record_offset(0);
    built.patch(place, &mirror);
}

/// What salvaging found.
pub(crate) struct Salvaged {
    /// What was damaged, without places and causes.
    pub(crate) damage: Vec<String>,
    pub(crate) record_count: u64,
    pub(crate) selection: Selection,
    pub(crate) audit: Audit,
}

/// Salvages a volume, does all that a program does with it, and checks that no
/// cluster of `used` is missed.
pub(crate) fn salvage(name: &str, bytes: &[u8], used: &[Range<u64>]) -> Salvaged {
    let (volume, damage) = Volume::salvage(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let _ = VolumeInfo::read(&volume);
    let _ = volume.is_hibernated();
    let _ = volume.mft().check_mirror(&bytes, volume.boot());
    for number in 0..32 {
        path_of(&volume, RecordNumber(number));
    }
    let mut selection = select_used(&volume, |_| {}).unwrap();
    let audit = audit(&volume, &mut selection).unwrap();
    for extent in &selection.bad {
        selection.map.remove(*extent);
    }
    for lcn in used.iter().cloned().flatten() {
        assert!(selection.map.contains(Lcn(lcn)), "{name}: cluster {lcn}");
    }
    Salvaged {
        damage: damage.iter().map(kind_of).collect(),
        record_count: volume.mft().record_count(),
        selection,
        audit,
    }
}

fn kind_of(damage: &Damage) -> String {
    match damage {
        Damage::Record { record, .. } => format!("record {record}"),
        Damage::MftEnd { known, all, .. } => format!("{known} of {all}"),
        Damage::NoMft { .. } => "no $MFT".to_owned(),
        _ => panic!("{damage}"),
    }
}

/// Salvages a volume of which nothing is lost but what `damage` tells: the
/// clusters are known as if nothing were damaged.
pub(crate) fn check_whole(name: &str, built: &build::Volume, damage: &[&str]) {
    let salvaged = salvage(name, &built.bytes, &built.used);
    assert_eq!(salvaged.damage, damage, "{name}");
    assert_eq!(salvaged.record_count, built.mft_records, "{name}");
    let findings = salvaged.selection.findings.listed();
    assert!(findings.is_empty(), "{name}: {findings:?}");
    assert!(salvaged.audit.unknown.is_none(), "{name}");
    assert_eq!(salvaged.audit.only_in_bitmap.clusters, 0, "{name}");
    let found = salvaged.selection.map.extents();
    let found: Vec<Range<u64>> = found.map(|found| found.start.0..found.end().0).collect();
    assert_eq!(found, built.used, "{name}");
}

/// Salvages a volume of which all clusters are taken as used from `unknown` on.
pub(crate) fn check_unknown(name: &str, built: &build::Volume, unknown: u64) -> Salvaged {
    let salvaged = salvage(name, &built.bytes, &built.used);
    let clusters = built.geometry.clusters;
    let found = salvaged.audit.unknown.as_ref();
    let found = found.unwrap_or_else(|| panic!("{name}: all is known"));
    let expected = Extent::new(Lcn(unknown), clusters - unknown);
    assert_eq!(found.extent, expected, "{name}: {}", found.source);
    for lcn in 0..clusters {
        let is_used = built.used.iter().any(|used| used.contains(&lcn));
        let is_bad = built.bad.iter().any(|bad| bad.contains(&lcn));
        let is_in_map = salvaged.selection.map.contains(Lcn(lcn));
        let is_known_bad = is_bad && !salvaged.selection.bad.is_empty();
        let expected = (is_used || is_bad || lcn >= unknown) && !is_known_bad;
        assert_eq!(is_in_map, expected, "{name}: cluster {lcn}");
    }
    assert_eq!(salvaged.audit.only_in_runlists.clusters, 0, "{name}");
    salvaged
}

#[test]
fn of_a_sound_volume_all_is_found() {
    for row in GEOMETRIES {
        let built = of_geometry(row).build();
        check_whole(&format!("{row:?}"), &built, &[]);
    }
    check_whole("everything", &everything().build(), &[]);
}

#[test]
fn records_with_a_copy_in_the_mirror() {
    for row in GEOMETRIES {
        let built = of_geometry(row).build();
        for number in 0..4 {
            let name = format!("{row:?}, record {number}");
            let damage = format!("record {number}");
            let record = record(&built, number);
            for (what, lost) in [
                ("start", record.start..record.start + 256),
                ("end", record.end - 256..record.end),
                ("all", record.clone()),
            ] {
                let mut built = built.clone();
                lose(&mut built, lost);
                check_whole(&format!("{name}, {what}"), &built, &[&damage]);
                let volume = Volume::salvage(built.bytes.as_slice()).unwrap().0;
                assert_eq!(VolumeInfo::read(&volume).unwrap().label, "GEOMETRY");
                let mirror = volume.mft().check_mirror(volume.source(), volume.boot());
                assert!(mirror.is_ok(), "{name}: {mirror:?}");
            }
            let mut torn = built.clone();
            torn.tear_record(number);
            check_whole(&format!("{name}, torn"), &torn, &[&damage]);
        }
    }
}

/// Damage that no lost sector does: the record is whole, and leads nowhere.
#[test]
fn a_record_0_that_leads_nowhere() {
    type Change = fn(&mut [u8], usize);
    let table: [(&str, Change); 7] = [
        ("attributes offset", |record, _| record[0x14] = 3),
        ("no data", |record, data| record[data] = 0x70),
        ("length", |record, data| record[data + 4] = 0),
        ("runlist", |record, data| record[data + 0x40] = 0x99),
        ("first VCN", |record, data| record[data + 0x10] = 1),
        ("a hole", |record, data| record[data + 0x40] = 1),
        ("no size", |record, data| {
            record[data + 0x38..data + 0x40].fill(0);
        }),
    ];
    for (name, change) in table {
        let mut built = VolumeBuilder::new().build();
        let data = built.attribute_offset(0, 0x80, "").unwrap();
        patch_original(&mut built, 0, |record| change(record, data));
        check_whole(name, &built, &["record 0"]);
    }
}

#[test]
fn records_that_are_whole_and_make_no_sense() {
    for (number, kind) in [(1, 0x80), (2, 0x80), (3, 0x70)] {
        let sound = VolumeBuilder::new().build();
        let at = sound.attribute_offset(number, kind, "").unwrap();
        let damage = format!("record {number}");
        let mut built = sound.clone();
        patch_original(&mut built, number, |record| record[at + 4] = 0);
        check_whole("an attribute", &built, &[&damage]);
        if kind == 0x80 {
            let mut built = sound.clone();
            patch_original(&mut built, number, |record| record[at + 0x40] = 0x99);
            check_whole("a runlist", &built, &[&damage]);
        }
    }
}

/// There is no copy where the boot sector says, as the volume ends there.
#[test]
fn a_mirror_past_the_end() {
    let mut built = everything().build();
    let last = built.geometry.clusters - 1;
    built.patch(0x38, &last.to_le_bytes());
    check_whole("not needed", &built, &[]);
    built.tear_record(2);
    let salvaged = salvage("needed", &built.bytes, &built.used);
    assert!(salvaged.damage.is_empty(), "{:?}", salvaged.damage);
    assert_eq!(salvaged.selection.findings.skipped(), 1);
    let volume = Volume::salvage(built.bytes.as_slice()).unwrap().0;
    let mirror = volume.mft().check_mirror(volume.source(), volume.boot());
    let end = mirror.unwrap_err();
    assert_eq!(place(&end), (Structure::MftRecord, last * 512), "{end}");
}

#[test]
fn the_boot_sector_tells_a_wrong_cluster_for_the_mft() {
    for lcn in [400_u64, 511] {
        let mut built = VolumeBuilder::new().build();
        built.patch(0x30, &lcn.to_le_bytes());
        let volume = Volume::salvage(built.bytes.as_slice()).unwrap().0;
        let from_backup = matches!(volume.opened_from(), OpenedFrom::Backup { .. });
        assert!(from_backup, "{lcn}");
        check_whole("the backup tells the right one", &built, &[]);

        built.damage_backup_boot_sector();
        check_whole("by the copy of record 0", &built, &["record 0"]);
    }
}

#[test]
fn records_that_are_damaged_in_the_mirror_too() {
    for number in 0..4 {
        let mut built = everything().build();
        let (original, copy) = (record(&built, number), mirror_record(&built, number));
        lose(&mut built, copy.clone());
        check_whole("only the copy", &built, &[]);
        let volume = Volume::salvage(built.bytes.as_slice()).unwrap().0;
        let mirror = volume.mft().check_mirror(volume.source(), volume.boot());
        let error = mirror.unwrap_err();
        assert_eq!(place(&error), (Structure::MftMirror, copy.start));

        lose(&mut built, original.start + 512..original.end);
        if number == 0 {
            continue;
        }
        let salvaged = salvage("both", &built.bytes, &built.used);
        assert!(salvaged.damage.is_empty(), "{:?}", salvaged.damage);
        assert_eq!(salvaged.record_count, built.mft_records);
        assert_eq!(salvaged.selection.findings.skipped(), 1);
        let volume = Volume::salvage(built.bytes.as_slice()).unwrap().0;
        let mirror = volume.mft().check_mirror(volume.source(), volume.boot());
        let error = mirror.unwrap_err();
        assert_eq!(place(&error), (Structure::MftRecord, original.start));
        assert_eq!(VolumeInfo::read(&volume).is_err(), number == 3);
    }
}

/// Nothing is known, and all is taken as used.
#[test]
fn no_record_0_at_all() {
    for row in GEOMETRIES {
        let name = format!("{row:?}");
        let mut built = of_geometry(row).build();
        for lost in [record(&built, 0), mirror_record(&built, 0)] {
            lose(&mut built, lost.start..lost.start + 512);
        }
        let salvaged = check_unknown(&name, &built, 0);
        assert_eq!(salvaged.damage, ["no $MFT"], "{name}");
        assert_eq!(salvaged.record_count, 0, "{name}");

        let volume = Volume::salvage(built.bytes.as_slice()).unwrap().0;
        let mirror = volume.mft().check_mirror(volume.source(), volume.boot());
        for error in [
            VolumeInfo::read(&volume).unwrap_err(),
            volume.is_hibernated().unwrap_err(),
            mirror.unwrap_err(),
        ] {
            assert_eq!(place(&error).0, Structure::Mft, "{name}: {error}");
        }
    }
}

/// With clusters of 64 KiB the mirror has 64 records, `$Bitmap`'s among them.
#[test]
fn a_larger_mirror() {
    let builder = VolumeBuilder::new()
        .cluster_size(64 << 10)
        .clusters(64)
        .file("file", fragmented(3, 64 << 10));
    let built = builder.build();
    let file = built.record_number("file");
    let mut damaged = built.clone();
    for number in [6, file] {
        damaged.tear_record(number);
    }
    let damage = ["record 6".to_owned(), format!("record {file}")];
    check_whole("kept", &damaged, &[&damage[0], &damage[1]]);

    // Of records after the first four some systems keep no copies, or old ones.
    let mut stale = damaged.clone();
    stale.patch_mirror_record(5, |record| record[8] ^= 1);
    let salvaged = check_unknown("not kept", &stale, 0);
    assert!(salvaged.damage.is_empty(), "{:?}", salvaged.damage);
    stale.tear_record(2);
    let salvaged = check_unknown("not kept but for the first", &stale, 0);
    assert_eq!(salvaged.damage, ["record 2"]);
    // What is not in use, or not told apart, says nothing.
    let mut unused = damaged.clone();
    for number in [40, 63] {
        unused.patch_mirror_record(number, |record| record[8] ^= 1);
    }
    check_whole("unused", &unused, &[&damage[0], &damage[1]]);
}

/// The records of `$MFT` whose place is told by a record that is damaged.
#[test]
fn an_extension_record_of_the_mft() {
    let layout = MftLayout::AttributeList {
        pieces: 5,
        runs_per_record: 1,
    };
    let builder = with_many(VolumeBuilder::new(), 150)
        .file("file", fragmented(3, 4096))
        .mft_layout(layout);
    let sound = builder.build();
    let mut known = Vec::new();
    for number in 16..20 {
        let mut built = sound.clone();
        built.tear_record(number);
        assert!(Volume::open(built.bytes.as_slice()).is_err());
        let salvaged = salvage(&format!("{number}"), &built.bytes, &built.used);
        let count = salvaged.record_count;
        assert_eq!(
            salvaged.damage,
            [format!("{count} of {}", built.mft_records)]
        );
        known.push(count);

        // With record 0 read from the mirror, all the same.
        let record = record(&built, 0);
        lose(&mut built, record);
        let again = salvage(&format!("0, {number}"), &built.bytes, &built.used);
        assert_eq!(again.damage[0], "record 0");
        assert_eq!(again.damage[1..], salvaged.damage);
    }
    assert!(known.is_sorted() && known[0] >= 24, "{known:?}");
    assert!(known[3] < sound.mft_records);
}

/// The runs of `$MFT` end early, or lead past the end of the volume.
#[test]
fn an_mft_whose_runs_end_early() {
    let layout = MftLayout::Runs(vec![Run::at(300, 10), Run::at(200, 20)]);
    let builder = with_many(VolumeBuilder::new().mft_layout(layout), 40);
    // The second run is 0x11, 20, -100.
    let pairs: [(&str, [u8; 3]); 3] = [
        ("the end", [0, 0, 0]),
        ("past the end of the volume", [0x11, 20, 127]),
        ("a hole", [0x01, 20, 0]),
    ];
    for (name, pair) in pairs {
        let mut built = builder.clone().clusters(350).build();
        let data = built.attribute_offset(0, 0x80, "").unwrap();
        built.patch_record(0, |record| {
            let second = data + usize::from(record[data + 0x20]) + 4;
            assert_eq!(record[second..second + 3], [0x11, 20, 0x9C]);
            record[second..second + 3].copy_from_slice(&pair);
        });
        let salvaged = salvage(name, &built.bytes, &built.used);
        assert_eq!(salvaged.damage, ["40 of 120"], "{name}");
    }
}

#[test]
fn boot_sectors() {
    let sound = everything().build();
    let backup = sound.geometry.backup_boot_sector_offset().unwrap();
    for (first, second) in [(false, false), (true, false), (false, true)] {
        let mut built = sound.clone();
        if first {
            lose(&mut built, 0..512);
        }
        if second {
            lose(&mut built, backup..backup + 512);
        }
        check_whole(&format!("{first}, {second}"), &built, &[]);
    }
    let mut built = sound.clone();
    for lost in [0..512, backup..backup + 512] {
        lose(&mut built, lost);
    }
    let error = Volume::salvage(built.bytes.as_slice()).unwrap_err();
    assert_eq!(place(&error), (Structure::BootSector, 0));

    let cut = sound.geometry.volume_size() as usize - 1;
    let error = Volume::salvage(&sound.bytes[..cut]).unwrap_err();
    assert!(matches!(error, Error::VolumeCutShort { .. }), "{error}");
}

/// What is said names places, and does not repeat its cause.
#[test]
fn what_is_said_of_damage() {
    let mut built = VolumeBuilder::new().build();
    built.tear_record(2);
    let (_, damage) = Volume::salvage(built.bytes.as_slice()).unwrap();
    let [damage] = damage.as_slice() else {
        panic!("{damage:?}");
    };
    let (record, copy) = (built.record_offset(2), built.mirror_record_offset(2));
    assert_eq!(
        damage.to_string(),
        format!("MFT record 2 is damaged; its copy at byte {copy:#x}, in $MFTMirr, is used")
    );
    let cause = core::error::Error::source(damage).unwrap().to_string();
    let expected = format!("the MFT record at byte {record:#x} is damaged: ");
    assert!(cause.starts_with(&expected), "{cause}");
}
