//! `$Bitmap` damaged: clusters of which it says nothing are taken as used.

use ntfs_volume_builder::{FileData, Run, VolumeBuilder};
use ntfsclone_core::units::{Extent, Lcn};

use crate::salvage::{check_unknown, check_whole, lose, record, salvage};

/// A volume of which `$Bitmap` has three clusters.
fn with_long_bitmap() -> VolumeBuilder {
    VolumeBuilder::new()
        .cluster_size(512)
        .clusters(10_007)
        .log_file_size(4096)
        .upcase_length(16)
        .bad_clusters(9000..9003)
        .file(
            "f",
            FileData::Runs(vec![Run::at(4000, 200), Run::at(9990, 9)]),
        )
}

#[test]
fn a_record_of_the_bitmap_that_is_damaged() {
    let sound = with_long_bitmap().build();
    let data = sound.attribute_offset(6, 0x80, "").unwrap();
    let record = record(&sound, 6);
    let mut built = sound.clone();
    lose(&mut built, record.start..record.start + 512);
    check_unknown("lost", &built, 0);
    let mut built = sound.clone();
    built.tear_record(6);
    check_unknown("torn", &built, 0);

    type Change = fn(&mut [u8]);
    let table: [(&str, u64, Change); 9] = [
        ("no data", 0, |data| data[0] = 0x70),
        ("length", 0, |data| data[4] = 0),
        ("runlist", 0, |data| data[0x40] = 0x99),
        ("short", 8000, |data| {
            data[0x30..0x32].copy_from_slice(&1003_u16.to_le_bytes());
        }),
        ("as short as can be", 0, |data| {
            data[0x30..0x32].copy_from_slice(&7_u16.to_le_bytes());
        }),
        ("one byte short", 9984, |data| {
            data[0x30..0x32].copy_from_slice(&1250_u16.to_le_bytes());
        }),
        ("its runs end early", 4096, |data| data[0x41] = 1),
        ("a hole", 0, |data| {
            data[0x40..0x43].copy_from_slice(&[0x01, 3, 0]);
        }),
        ("a hole before the rest", 0, |data| {
            let pair = [data[0x40], data[0x41], data[0x42], data[0x43]];
            assert_eq!(pair[..2], [0x21, 3]);
            data[0x40..0x47].copy_from_slice(&[0x01, 1, 0x21, 2, pair[2], pair[3], 0]);
        }),
    ];
    for (name, unknown, change) in table {
        let mut built = sound.clone();
        built.patch_record(6, |record| change(&mut record[data..]));
        check_unknown(name, &built, unknown);
    }

    // Its first cluster is the last of the volume.
    let mut built = sound.clone();
    let bits = built.read_stream(6, 0x80, "");
    built.patch(10_006 * 512, &bits[..512]);
    built.patch_record(6, |record| {
        record[data + 0x40..][..5].copy_from_slice(&[0x21, 3, 0x16, 0x27, 0]);
    });
    let salvaged = salvage("past the end", &built.bytes, &built.used);
    let unknown = salvaged.audit.unknown.unwrap();
    assert_eq!(unknown.extent, Extent::new(Lcn(4096), 10_007 - 4096));
}

#[test]
fn a_bitmap_longer_than_the_volume() {
    for clusters in [505, 512, 513, 575, 577] {
        let mut built = VolumeBuilder::new().clusters(clusters).build();
        let data = built.attribute_offset(6, 0x80, "").unwrap();
        let position = built.stream_offset(6, 0x80, "", 0);
        for offset in clusters.div_ceil(8)..4096 {
            built.patch(position + offset, &[0xFF]);
        }
        built.patch_record(6, |record| {
            for size in [0x30, 0x38] {
                record[data + size..][..2].copy_from_slice(&4096_u16.to_le_bytes());
            }
        });
        check_whole(&format!("{clusters}"), &built, &[]);
    }
}

/// Bits that cannot be read are those of clusters in use.
#[test]
fn sectors_of_the_bitmap() {
    let sound = with_long_bitmap().build();
    for sector in 0..3 {
        let mut built = sound.clone();
        let lost = built.stream_offset(6, 0x80, "", sector * 512);
        lose(&mut built, lost..lost + 512);
        let salvaged = salvage(&format!("{sector}"), &built.bytes, &built.used);
        assert!(salvaged.audit.unknown.is_none());
        assert!(salvaged.damage.is_empty());
        let clusters = sector * 4096..((sector + 1) * 4096).min(10_007);
        let all = clusters.clone().count() as u64;
        let is_known = |lcn: &u64| {
            let mut known = built.used.iter().chain(&built.bad);
            known.any(|extent| extent.contains(lcn))
        };
        let known = clusters.filter(is_known).count() as u64;
        assert_eq!(salvaged.audit.only_in_bitmap.clusters, all - known);
    }
}

#[test]
fn what_is_said_of_a_damaged_bitmap() {
    let mut built = with_long_bitmap().build();
    built.tear_record(6);
    let salvaged = salvage("bitmap", &built.bytes, &built.used);
    let unknown = salvaged.audit.unknown.unwrap().to_string();
    assert_eq!(
        unknown,
        "$Bitmap does not say whether they are in use: clusters 0 to 10006"
    );
}
