//! `ntfsclone map` of whole disks and their partitions: positions are those of the source that is named.

use crate::support::{
    compare::length,
    disk::{self, Partition},
    domain::{Bmap, JsonMap, read_mapfile},
    program::{call, ours, succeed, tool},
    requirements::{MAP_READERS, Need, met_here},
    scene::{Scene, warning_text},
    small_volume::{areas_of, builder, image_of, volume},
    wrapped::shell,
};
use ntfs_volume_builder::Volume;
use std::{fs, ops::Range};

const SECTOR: u64 = 512;
const OTHER: u64 = 1 << 20;

/// Disks with two NTFS volumes and something else between them, of which the first and the second have these numbers.
fn disks(first: &Volume, second: &Volume) -> Vec<(&'static str, Vec<u8>, [u32; 3])> {
    let other = vec![0x11; OTHER as usize];
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let [first, second] = [first, second].map(|volume| &volume.bytes[..]);
    let partitions = [
        partition(63, first),
        partition(6144, &other[..]),
        partition(10240, second),
    ];
    vec![
        ("MBR", disk::with_mbr(&partitions), [1, 2, 3]),
        ("GPT", disk::with_gpt(&partitions), [1, 2, 3]),
        ("logical", disk::with_logical(&partitions), [5, 6, 7]),
    ]
}

fn offsets() -> [u64; 3] {
    [63, 6144, 10240].map(|sector| sector * SECTOR)
}

fn moved(areas: Vec<Range<u64>>, offset: u64) -> Vec<Range<u64>> {
    let areas = areas.into_iter();
    areas
        .map(|area| area.start + offset..area.end + offset)
        .collect()
}

fn second_volume() -> Volume {
    builder().cluster_size(512).clusters(4096).build()
}

#[test]
fn a_partition_has_the_positions_of_the_disk() {
    let (first, second) = (volume(), second_volume());
    for (name, disk, numbers) in disks(&first, &second) {
        let scene = Scene::new();
        scene.write("disk", &disk);
        for (volume, number, offset) in [
            (&first, numbers[0], offsets()[0]),
            (&second, numbers[2], offsets()[2]),
        ] {
            let expected = moved(areas_of(volume), offset);
            let line = format!("map -q --partition {number} disk");
            let mut found = Vec::new();
            let outcome = scene.run(&line);
            let end = read_mapfile(outcome.stdout(), |area| found.push(area));
            assert_eq!(found, expected, "{name}");
            assert_eq!(end, disk.len() as u64, "{name}");
            assert!(
                outcome
                    .errors()
                    .contains("Positions: those on the disk disk")
            );

            let json = JsonMap::parse(scene.run(&format!("{line} --format json")).stdout());
            assert_eq!(json.areas(), expected, "{name}");
            assert_eq!(json.size, disk.len() as u64, "{name}");
            let [partition] = &json.partitions[..] else {
                panic!("{name}: one partition is named");
            };
            assert_eq!(partition.areas(), areas_of(volume), "{name}");
            assert_eq!((partition.number, partition.offset), (number, offset));
            assert_eq!(partition.size, volume.bytes.len() as u64);

            let bmap = Bmap::parse(scene.run(&format!("{line} --format bmap")).stdout());
            assert_eq!(bmap.image_size, disk.len() as u64, "{name}");
            for area in expected {
                let blocks = area.start / bmap.block_size..area.end.div_ceil(bmap.block_size);
                let is_within =
                    |range: &Range<u64>| range.start <= blocks.start && blocks.end <= range.end;
                assert!(bmap.ranges.iter().any(is_within), "{name}: {blocks:?}");
            }
        }
    }
}

/// Pieces of a disk are the disk.
#[test]
fn a_disk_in_pieces() {
    let (first, second) = (volume(), second_volume());
    let (_, disk, _) = disks(&first, &second).swap_remove(1);
    let scene = Scene::new();
    let (start, end) = disk.split_at(disk.len() / 3 / 512 * 512 + 100);
    scene.write("disk", &disk);
    scene.write("x.aa", start);
    scene.write("x.ab", end);
    for options in ["--partition 3", "--partition 1", ""] {
        let areas = |source: &str| {
            let outcome = scene.run(&format!("map -q {options} {source}"));
            assert_eq!(outcome.code(), Some(0), "{options}: {}", outcome.errors());
            let mut found = Vec::new();
            read_mapfile(outcome.stdout(), |area| found.push(area));
            found
        };
        assert_eq!(areas("x.aa"), areas("disk"), "{options}");
    }
}

/// Of a disk: tables and boot loaders, what NTFS uses, and all of what is something else.
#[test]
fn a_disk_has_all_that_a_copy_needs() {
    let (first, second) = (volume(), second_volume());
    for (name, disk, numbers) in disks(&first, &second) {
        let scene = Scene::new();
        scene.write("disk", &disk);
        let size = disk.len() as u64;
        let mut needed = vec![0..offsets()[0], offsets()[1]..offsets()[1] + OTHER];
        needed.extend(moved(areas_of(&first), offsets()[0]));
        needed.extend(moved(areas_of(&second), offsets()[2]));
        match name {
            "GPT" => needed.push(size - 33 * SECTOR..size),
            "logical" => needed.extend(offsets().map(|offset| offset - SECTOR..offset)),
            _ => {}
        }
        let expected = joined(needed);
        let mut found = Vec::new();
        let outcome = scene.run("map -q disk");
        let end = read_mapfile(outcome.stdout(), |area| found.push(area));
        assert_eq!(found, expected, "{name}");
        assert_eq!(end, size, "{name}");

        let json = JsonMap::parse(scene.run("map -q --format json disk").stdout());
        assert_eq!(json.areas(), expected, "{name}");
        assert_eq!(json.cluster_size, None, "{name}");
        let sizes = json
            .partitions
            .iter()
            .map(|one| (one.number, one.cluster_size));
        let expected_sizes = [
            (numbers[0], Some(4096)),
            (numbers[1], None),
            (numbers[2], Some(512)),
        ];
        assert_eq!(sizes.collect::<Vec<_>>(), expected_sizes, "{name}");
        assert_eq!(json.partitions[0].areas(), areas_of(&first), "{name}");
        let whole: Range<u64> = 0..OTHER;
        assert_eq!(json.partitions[1].areas(), [whole], "{name}");
    }
}

fn joined(mut areas: Vec<Range<u64>>) -> Vec<Range<u64>> {
    areas.sort_by_key(|area| area.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for area in areas {
        match joined.last_mut() {
            Some(last) if last.end >= area.start => last.end = last.end.max(area.end),
            _ => joined.push(area),
        }
    }
    joined
}

/// What other programs copy by the map is a disk whose volumes are all there.
#[test]
fn other_programs_copy_disks_by_the_map() {
    if !met_here(MAP_READERS) {
        return;
    }
    let (first, second) = (volume(), second_volume());
    for (name, disk, numbers) in disks(&first, &second) {
        let scene = Scene::new();
        scene.write("disk", &disk);
        let [source, domain, bmap, copy, log, other] =
            ["disk", "domain", "bmap", "copy", "log", "other"].map(|name| scene.path(name));
        succeed(call(ours, "map -q -o", &[&domain, &source]));
        succeed(call(ours, "map -q --format bmap -o", &[&bmap, &source]));
        let mut ddrescue = tool("ddrescue", ["-q", "-m"]);
        ddrescue.args([&domain, &source, &copy, &log]);
        succeed(ddrescue);
        let mut bmaptool = tool("bmaptool", ["-q", "copy", "--bmap"]);
        bmaptool.args([&bmap, &source, &other]);
        succeed(bmaptool);
        // ddrescue ends with the last byte that is in use.
        let file = fs::OpenOptions::new().write(true).open(&copy);
        file.and_then(|file| file.set_len(disk.len() as u64))
            .expect("it can grow");
        assert_eq!(length(&other), disk.len() as u64, "{name}");
        for copy in ["copy", "other"] {
            for number in [numbers[0], numbers[2]] {
                let verify = format!("verify -q --partition {number} {copy}");
                assert_eq!(scene.run(&verify).code(), Some(0), "{name}: {verify}");
                for from in ["disk", copy] {
                    let line = format!("-q --partition {number} -O clone-{from} {from}");
                    assert_eq!(scene.run(&line).code(), Some(0), "{name}: {line}");
                }
                let clone = scene.read(&format!("clone-{copy}"));
                assert!(clone == scene.read("clone-disk"), "{name}: {copy}");
            }
            let copied = scene.read(copy);
            let other = offsets()[1] as usize..(offsets()[1] + OTHER) as usize;
            assert!(copied[other.clone()] == disk[other], "{name}: {copy}");
            assert!(copied[..512] == disk[..512], "{name}: {copy}");
            let tables = disk.len() - 33 * 512;
            if name == "GPT" {
                assert!(copied[tables..] == disk[tables..], "{name}: {copy}");
            }
        }
    }
}

/// More than is in use is no loss to a copy.
#[test]
fn a_partition_that_cannot_be_read_counts_as_used() {
    let (first, mut second) = (volume(), second_volume());
    second.patch(second.record_offset(0), &[0; 1024]);
    second.patch(second.mirror_record_offset(0), &[0; 1024]);
    let (name, disk, _) = disks(&first, &second).swap_remove(0);
    let scene = Scene::new();
    scene.write("disk", &disk);
    let outcome = scene.run("map -q --format json -o out disk");
    assert_eq!(outcome.code(), Some(0), "{name}: {}", outcome.errors());
    let warning = warning_text("disk, partition 3: all of it counts as used: disk: ");
    assert!(
        outcome.errors().contains(warning.trim_end()),
        "{}",
        outcome.errors()
    );
    let map = JsonMap::parse(&scene.read("out"));
    let whole: Range<u64> = 0..second.bytes.len() as u64;
    assert_eq!(map.partitions[2].areas(), [whole]);
    assert_eq!(map.partitions[0].areas(), areas_of(&first));
}

/// In an image or compressed, bytes of the volume have no position: those in the volume are given, which is said.
#[test]
fn what_is_within_something_has_the_positions_of_the_volume() {
    if !met_here(&[Need::Tool("gzip")]) {
        return;
    }
    let first = volume();
    let scene = Scene::with_volume(&first.bytes);
    scene.write("image", image_of(&first));
    scene.write("disk", &disks(&first, &second_volume())[0].1);
    shell(&scene, "gzip -kc disk > disk.gz; gzip -kc image > image.gz");
    for (options, within) in [
        ("image", "image"),
        ("image.gz", "gzip, image"),
        ("--partition 1 disk.gz", "gzip, partition 1"),
    ] {
        let outcome = scene.run(&format!("map -q {options}"));
        let mut found = Vec::new();
        read_mapfile(outcome.stdout(), |area| found.push(area));
        assert_eq!(found, areas_of(&first), "{options}");
        let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
        let comment = format!("({within}), by positions in it\n");
        assert!(text.contains(&comment), "{options}: {text}");
        let json = JsonMap::parse(
            scene
                .run(&format!("map -q --format json {options}"))
                .stdout(),
        );
        assert_eq!(json.within.as_deref(), Some(within), "{options}");
    }
}
