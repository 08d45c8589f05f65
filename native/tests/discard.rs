//! `--discard`: the device is told what the volume leaves free, and of nothing else.

use crate::support::{
    old_device::{LEFT, OldDevice},
    program::{succeed, tool},
    requirements::{DEVICES, Need, met_here},
    scene::{Scene, error_text, warning_text},
    small_volume::{areas_of, builder, clone_of, image_of},
};
use ntfs_volume_builder::Volume;
use std::ops::Range;

const TRY_HELP: &str = "try ntfsclone --help";
const PAGE: usize = 4096;

fn available() -> bool {
    met_here(&[&[Need::Root, Need::Tool("blockdev")], DEVICES].concat())
}

/// What is to be on a device that held something else.
fn expected(volume: &Volume, device_size: usize, gaps: &[Range<usize>]) -> Vec<u8> {
    let mut content = vec![LEFT; device_size];
    for gap in gaps {
        // A loop device reads as zeros what was discarded.
        content[gap.clone()].fill(0);
    }
    for area in areas(volume) {
        content[area.clone()].copy_from_slice(&volume.bytes[area]);
    }
    content
}

/// What is to be discarded: whole pages that are not in use.
fn gaps(volume: &Volume) -> Vec<Range<usize>> {
    let end = volume.geometry.volume_size() as usize;
    let mut position = 0_usize;
    let mut gaps = Vec::new();
    for area in areas(volume).into_iter().chain(std::iter::once(end..end)) {
        gaps.push(position.next_multiple_of(PAGE)..area.start / PAGE * PAGE);
        position = area.end;
    }
    gaps.retain(|gap| gap.start < gap.end);
    gaps
}

fn areas(volume: &Volume) -> Vec<Range<usize>> {
    let areas = areas_of(volume);
    let areas = areas.iter();
    areas
        .map(|area| area.start as usize..area.end as usize)
        .collect()
}

/// The volumes are of several kinds, the devices as long and longer: what lies behind the volume is left alone.
#[test]
fn gaps_are_discarded_and_nothing_else() {
    if !available() {
        return;
    }
    for (volume, what) in [
        (builder().build(), "plain"),
        (builder().clusters(16384).build(), "mostly free"),
        (
            builder().cluster_size(512).clusters(6000).build(),
            "small clusters",
        ),
        (
            builder().cluster_size(8192).clusters(300).build(),
            "large clusters",
        ),
        (builder().device_tail(0).build(), "no tail"),
        (
            builder().extra_sectors(5).device_tail(4096).build(),
            "a tail",
        ),
    ] {
        let scene = Scene::with_volume(&volume.bytes);
        let image = image_of(&volume);
        scene.write("image", &image);
        for more in [0, 10 * 4096] {
            for line in ["volume", "-r image", "-r -"] {
                let what = format!("{what}, {more} more, {line}");
                let size = (volume.bytes.len() + more).next_multiple_of(512);
                let device = OldDevice::new(size);
                let before = device.room();
                let line = format!("--discard -O {} {line}", device.name());
                let outcome = scene.run_with_input(&line, &image);
                outcome.wrote(&[]);
                let gaps = gaps(&volume);
                let expected = expected(&volume, size, &gaps);
                assert!(device.content() == expected, "{what}: other bytes");
                let discarded: usize = gaps.iter().map(Range::len).sum();
                let freed = before - device.room();
                // The file system below keeps account of the holes.
                let least = discarded as u64 - (64 << 10);
                assert!(freed >= least, "{what}: {freed} of {discarded}");
                let report = String::from_utf8_lossy(outcome.stdout()).into_owned();
                assert!(report.contains(" that is free, in "), "{what}: {report}");
            }
        }
    }
}

/// What was written by the same run is never discarded, in whatever order it comes.
#[test]
fn clusters_out_of_order() {
    if !available() {
        return;
    }
    let volume = builder().build();
    let size = volume.bytes.len();
    let mut image = image_of(&volume)[..56].to_vec();
    let mut expected = vec![0; size];
    let mut position = 0;
    for cluster in [0_u64, 9, 10, 3, 8, 4, 20, 1, 512] {
        let gap = cluster.wrapping_sub(position);
        if gap != 0 {
            image.push(0);
            image.extend(gap.to_le_bytes());
        }
        let at = cluster as usize * 4096;
        let range = at..size.min(at + 4096);
        image.push(1);
        image.extend(&volume.bytes[range.clone()]);
        expected[range.clone()].copy_from_slice(&volume.bytes[range]);
        position = cluster + 1;
    }
    let scene = Scene::new();
    scene.write("image", &image);
    let device = OldDevice::new(size);
    scene
        .run(&format!("-r --discard -O {} image", device.name()))
        .wrote(&[]);
    assert!(device.content() == expected);
}

/// Unasked, nothing is.
#[test]
fn only_when_asked() {
    if !available() {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    let device = OldDevice::new(volume.bytes.len());
    scene
        .run(&format!("-O {} volume", device.name()))
        .wrote(&[]);
    let free = (0..volume.geometry.clusters)
        .find(|cluster| !volume.used_clusters().any(|used| used == *cluster));
    let free = free.expect("something is free") as usize * 4096;
    assert!(device.content()[free..free + 4096] == [LEFT; 4096]);
}

/// A warning, once; the volume is written all the same.
#[test]
fn devices_that_cannot() {
    if !available() || !met_here(&[Need::Tool("mount"), Need::Tool("umount")]) {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    for line in ["volume", "-r image"] {
        let device = OldDevice::without_discard(volume.bytes.len());
        let name = device.name();
        let outcome = scene.run(&format!("--discard -O {name} {line}"));
        outcome.failed(
            0,
            &warning_text(&format!(
                "{name}: cannot discard what is free: Operation not supported; it \
                 keeps what it held"
            )),
        );
        let expected = expected(&volume, volume.bytes.len(), &[]);
        assert!(device.content() == expected, "{line}: other bytes");
    }
}

/// What an image of metadata leaves out is the content of files: not free.
#[test]
fn not_by_metadata() {
    if !available() {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-m -s -o image volume").wrote(&["image"]);
    let device = OldDevice::new(volume.bytes.len());
    let name = device.name();
    let image = scene.read("image");
    for source in ["image", "-"] {
        let outcome = scene.run_with_input(&format!("-r --discard -O {name} {source}"), &image);
        let called = source.replace('-', "standard input");
        outcome.failed(
            1,
            &error_text(
                &format!(
                    "{called}: is an image of metadata, which leaves out more than what is free"
                ),
                "restore it without --discard",
            ),
        );
    }
    let message = "--discard would give up the content of files, which --metadata leaves out";
    let outcome = scene.run(&format!("-m -f --discard -O {name} volume"));
    outcome.failed(2, &error_text(message, TRY_HELP));
    assert!(
        device.content() == vec![LEFT; volume.bytes.len()],
        "written to"
    );
}

#[test]
fn not_of_files() {
    let scene = Scene::with_volume(builder().build().bytes);
    scene.write("image", image_of(&builder().build()));
    scene.write("old", "old");
    let message = "--discard goes with a block device; in a file what is free is a hole anyway";
    for line in [
        "-o out volume",
        "-O old volume",
        "--in-place -O old volume",
        "-r -o out image",
        "-r --in-place -O old image",
    ] {
        let outcome = scene.run(&format!("--discard {line}"));
        outcome.failed(2, &error_text(message, TRY_HELP));
        outcome.changed_only(&[]);
    }
}

/// Holes are not of a device.
#[test]
fn sparse_is_refused() {
    if !available() {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let device = OldDevice::new(volume.bytes.len());
    let message = "--sparse goes with a file; a block device has no holes, and gets every cluster \
                   in use";
    for line in ["volume", "-r image"] {
        let outcome = scene.run(&format!("--sparse -O {} {line}", device.name()));
        outcome.failed(2, &error_text(message, TRY_HELP));
    }
    assert!(
        device.content() == vec![LEFT; volume.bytes.len()],
        "written to"
    );
}

/// What it leaves is the volume, to whoever reads it from the device.
#[test]
fn the_copy_is_whole() {
    if !available() {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    let device = OldDevice::new(volume.bytes.len());
    let name = device.name();
    scene.run(&format!("--discard -O {name} volume")).wrote(&[]);
    succeed(tool("blockdev", ["--flushbufs", name]));
    scene.run(&format!("-o again {name}")).wrote(&["again"]);
    assert!(scene.read("again") == clone_of(&volume));
}
