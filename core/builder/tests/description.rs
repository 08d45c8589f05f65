//! What holds without any tool of another kind.

use ntfs_volume_builder::{File, FileData, MftLayout, Run, Volume, VolumeBuilder, pattern};

fn sample() -> VolumeBuilder {
    VolumeBuilder::new()
        .clusters(600)
        .bad_clusters(90..93)
        .mft_layout(MftLayout::AttributeList {
            pieces: 4,
            runs_per_record: 1,
        })
        .file(
            "a/b/c.txt",
            FileData::Fragmented {
                bytes: pattern(1, 30_000),
                pieces: 5,
            },
        )
        .file(
            "chosen",
            FileData::Runs(vec![Run::at(500, 2), Run::hole(3), Run::at(590, 20)]),
        )
        .file(
            "gone",
            File::new().data(FileData::Bytes(vec![1; 5000])).deleted(),
        )
}

fn bitmap_bits(volume: &Volume) -> Vec<u64> {
    let bitmap = volume.read_stream(6, 0x80, "");
    (0..volume.geometry.clusters)
        .filter(|lcn| bitmap[(lcn / 8) as usize] >> (lcn % 8) & 1 == 1)
        .collect()
}

#[test]
fn the_same_description_gives_the_same_bytes() {
    assert!(sample().build().bytes == sample().build().bytes);
}

#[test]
fn the_bitmap_holds_the_used_and_the_bad_clusters() {
    let volume = sample().build();
    let mut expected: Vec<u64> = volume
        .used_clusters()
        .chain(volume.bad.iter().cloned().flatten())
        .collect();
    expected.sort_unstable();
    assert_eq!(bitmap_bits(&volume), expected);
    assert!(volume.bad.iter().cloned().flatten().eq(90..93));
    assert!(
        volume.used.iter().any(|clusters| clusters.contains(&599)),
        "{:?}",
        volume.used
    );
}

#[test]
fn the_bitmap_can_be_wrong() {
    let volume = sample()
        .mark_in_bitmap(550..553)
        .clear_in_bitmap(0..1)
        .build();
    let bits = bitmap_bits(&volume);
    assert!(!bits.contains(&0) && bits.contains(&551));
    assert!(
        volume.used_clusters().any(|lcn| lcn == 0) && !volume.used_clusters().any(|lcn| lcn == 551)
    );
}

#[test]
fn places_are_found() {
    let volume = sample().build();
    let number = volume.record_number("a/b/c.txt");
    assert!(number >= 24);
    assert_eq!(volume.runs(number, 0x80, "").len(), 5);
    assert_eq!(volume.runs(0, 0x80, "").len(), 4);
    assert_eq!(
        &volume.bytes[volume.record_offset(number) as usize..][..4],
        b"FILE"
    );
    assert_eq!(
        volume.stream_offset(volume.record_number("chosen"), 0x80, "", 4097),
        501 * 4096 + 1
    );
    assert!(volume.attribute_offset(0, 0x20, "").is_some());
    assert!(volume.attribute_offset(16, 0x80, "").is_some());
    assert_eq!(
        &volume.bytes[volume.index_block_offset(5, 0) as usize..][..4],
        b"INDX"
    );
    let backup = volume
        .geometry
        .backup_boot_sector_offset()
        .expect("room in the tail") as usize;
    assert_eq!(volume.bytes[backup..], *volume.boot_sector());
}

#[test]
fn the_first_records_and_their_mirror_agree() {
    let mut volume = sample().build();
    volume.patch_record(2, |record| record[0x2a] = 9);
    for number in 0..4 {
        let [record, mirror] = [
            volume.record_offset(number),
            volume.mirror_record_offset(number),
        ]
        .map(|offset| volume.bytes[offset as usize..][..1024].to_vec());
        assert_eq!(record, mirror);
    }
    assert_eq!(volume.record(2)[0x2a], 9);
}
