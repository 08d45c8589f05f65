//! `--compress`: what is written is what would have been written without, in the frames that are described.

use crate::support::{
    failing_device::{FAILING_DEVICES, FailingDevice},
    loop_device::LoopDevice,
    pipeline,
    program::{call, find, finish, printed, reference, succeed, tool},
    requirements::{DEVICES, Need, met_here},
    scene::{Outcome, Scene, error_text},
    small_volume::{self, builder, clone_of, image_of, volume},
};
use ntfs_volume_builder::{FileData, Volume, pattern};
use ntfsclone_core::{
    image::seekable::{FRAME_SIZE, Kind, SeekableReader, Summary},
    io::ReadAt,
};
use serde_json::Value;
use std::{fs, io::Read, path::Path};

const MIB: usize = 1 << 20;

/// With content for some frames, of all kinds, and with free room for some more.
fn large(cluster_size: u32) -> Volume {
    builder()
        .cluster_size(cluster_size)
        .clusters((48 * MIB as u64) / u64::from(cluster_size))
        .file("noise.bin", FileData::Bytes(pattern(3, 6 * MIB)))
        .file("zeros.bin", FileData::Bytes(vec![0; 9 * MIB]))
        .file(
            "text.bin",
            FileData::Bytes(b"all the same ".repeat(200_000)),
        )
        .build()
}

fn reader(bytes: &[u8]) -> SeekableReader<&[u8]> {
    SeekableReader::open(bytes)
        .expect("it is sound")
        .expect("it has a seek table")
}

fn summary<'a>(reader: &'a SeekableReader<&[u8]>) -> &'a Summary {
    let summary = reader.summary().expect("it is sound");
    summary.expect("it has a summary")
}

fn facts(bytes: &[u8]) -> Value {
    let reader = reader(bytes);
    let facts = summary(&reader).facts().expect("there are some");
    serde_json::from_str(facts).expect("they are JSON")
}

/// By the zstd program where there is one, and by the library.
fn decompress(scene: &Scene, name: &str) -> Vec<u8> {
    let bytes = scene.read(name);
    let stream = zstd::decode_all(bytes.as_slice()).expect("it is zstd");
    if find("zstd").is_some() {
        let path = scene.path(name);
        let printed = succeed(tool("zstd", [Path::new("-dc"), &path])).stdout;
        assert!(printed == stream, "zstd -dc {name}");
        succeed(tool("zstd", [Path::new("-qt"), &path]));
    }
    stream
}

/// Everything that the summary says, against the stream.
fn check_summary(what: &str, bytes: &[u8], stream: &[u8], kind: Kind, volume: &Volume) {
    let reader = reader(bytes);
    let summary = summary(&reader);
    let (head, geometry) = (summary.head(), &volume.geometry);
    assert_eq!(head.kind, kind, "{what}");
    assert_eq!(head.stream_size, stream.len() as u64, "{what}");
    assert_eq!(head.frame_size, FRAME_SIZE, "{what}");
    assert_eq!(head.header.cluster_size, geometry.cluster_size, "{what}");
    assert_eq!(head.header.nr_clusters, geometry.clusters, "{what}");
    assert_eq!(head.header.device_size, geometry.device_size(), "{what}");

    let mut all = Vec::new();
    for (number, content) in stream.chunks(FRAME_SIZE as usize).enumerate() {
        let hash = blake3::hash(content);
        assert_eq!(summary.frame_hash(number), Some(hash.as_bytes()), "{what}");
        all.extend(hash.as_bytes());
        let mut found = Vec::new();
        reader.read_frame(number, &mut found).expect("it is sound");
        assert!(found == content, "{what}: frame {number}");
        // A frame tells its size, and has zstd's own checksum.
        let at = reader.table().frame(number).expect("it is there").position as usize;
        let size = zstd::zstd_safe::get_frame_content_size(&bytes[at..]);
        assert_eq!(size.ok().flatten(), Some(content.len() as u64), "{what}");
        assert!(bytes[at + 4] & 4 != 0, "{what}: no checksum");
    }
    let whole = blake3::hash(&all);
    assert_eq!(summary.stream_hash(), Some(whole.as_bytes()), "{what}");
}

fn clusters(summary: &Summary) -> Vec<u64> {
    let map = summary.map().expect("there is a map");
    map.map(|run| run.expect("it is sound"))
        .flat_map(|run| run.start.0..run.start.0 + run.count)
        .collect()
}

#[test]
fn the_stream_is_the_same() {
    for cluster_size in [512, 4096] {
        let volume = large(cluster_size);
        let scene = Scene::with_volume(&volume.bytes);
        for (form, options, kind) in [
            ("-s", "--compress", Kind::NtfscloneImage),
            ("-s", "--compress=1 --threads 1", Kind::NtfscloneImage),
            ("-s", "--compress=19 --threads 3", Kind::NtfscloneImage),
            ("-m -s", "--compress", Kind::NtfscloneImage),
            ("", "--compress", Kind::RawVolume),
            ("", "--compress=7 --direct", Kind::RawVolume),
        ] {
            let what = format!("{form} {options}, clusters of {cluster_size}");
            let plain = scene.run(&format!("{form} --reflink=never -o plain volume"));
            assert_eq!(plain.code(), Some(0), "{what}");
            let outcome = scene.run(&format!("{form} {options} -o out volume"));
            outcome.wrote(&["out"]);
            let (stream, bytes) = (scene.read("plain"), scene.read("out"));
            assert!(decompress(&scene, "out") == stream, "{what}: other bytes");
            assert!(bytes.len() < stream.len(), "{what}");
            check_summary(&what, &bytes, &stream, kind, &volume);
            check_map(&what, &bytes, &stream, form, &volume);
            check_report(&outcome, bytes.len());
            for name in ["plain", "out"] {
                scene.remove(name);
            }
        }
    }
}

/// The map is enough to find every cluster in the stream.
fn check_map(what: &str, bytes: &[u8], stream: &[u8], form: &str, volume: &Volume) {
    let reader = reader(bytes);
    let found = clusters(summary(&reader));
    let geometry = &volume.geometry;
    let (size, end) = (geometry.cluster_size as usize, geometry.clusters);
    if form != "-m -s" {
        let used: Vec<u64> = volume.used_clusters().chain([end]).collect();
        assert!(found == used, "{what}: other clusters");
    }
    if form.is_empty() {
        return;
    }
    let (mut offset, mut position) = (56, 0);
    for cluster in found {
        if cluster != position {
            let gap = cluster.wrapping_sub(position).to_le_bytes();
            let command = [&[0][..], &gap].concat();
            assert!(stream[offset..offset + 9] == command, "{what}: {cluster}");
            offset += 9;
        }
        assert_eq!(stream[offset], 1, "{what}: cluster {cluster}");
        let left = geometry.device_size() as usize - cluster as usize * size;
        offset += 1 + size.min(left);
        position = cluster + 1;
    }
    assert_eq!(offset, stream.len(), "{what}");
}

/// `Saved 18580783 bytes (17.72 MiB) as 6.10 MiB in ...`
fn check_report(outcome: &Outcome, size: usize) {
    let report = String::from_utf8_lossy(outcome.stdout()).into_owned();
    let size = match size {
        MIB.. => format!("{:.2} MiB", size as f64 / MIB as f64),
        _ => format!("{:.2} KiB", size as f64 / 1024.0),
    };
    let mut lines = report.lines();
    let told = lines.any(|line| line.contains(&format!("iB) as {size} in ")));
    assert!(told, "{size} is not in {report}");
}

/// Also by a reader that knows nothing of ours.
#[test]
fn another_reader_of_the_format() {
    let volume = large(4096);
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-s --compress -o out volume").wrote(&["out"]);
    let stream = image_of(&volume);
    let bytes = scene.read("out");
    let table = zeekstd::SeekTable::from_seekable(&mut zeekstd::BytesWrapper::new(&bytes));
    let table = table.expect("it is sound");
    let frames = stream.len().div_ceil(FRAME_SIZE as usize);
    assert_eq!(table.num_frames() as usize, frames + 1);
    assert_eq!(table.size_decomp(), stream.len() as u64);

    let source = zeekstd::BytesWrapper::new(&bytes);
    let mut decoder = zeekstd::Decoder::new(source).expect("it is sound");
    let mut found = Vec::new();
    decoder.read_to_end(&mut found).expect("it is sound");
    assert!(found == stream, "all of it");
    for offset in [
        1,
        FRAME_SIZE as usize - 3,
        2 * FRAME_SIZE as usize,
        stream.len() - 5,
    ] {
        let end = stream.len().min(offset + 1000);
        decoder.set_offset(offset as u64).expect("it is there");
        decoder.set_offset_limit(end as u64).expect("it is there");
        let mut found = Vec::new();
        decoder.read_to_end(&mut found).expect("it is sound");
        assert!(found == stream[offset..end], "from {offset}");
    }
}

#[test]
fn the_original_restores_it() {
    if !met_here(&[Need::Reference, Need::Tool("zstd")]) {
        return;
    }
    let volume = large(4096);
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-s --compress=1 -o out volume").wrote(&["out"]);
    let restored = scene.path("restored");
    pipeline::run([
        tool("zstd", [Path::new("-dc"), &scene.path("out")]),
        call(reference, "-r -o", &[&restored, Path::new("-")]),
    ]);
    assert!(scene.read("restored") == clone_of(&volume));
}

#[test]
fn to_standard_output() {
    let volume = large(4096);
    let scene = Scene::with_volume(&volume.bytes);
    for (form, expected) in [("-s", image_of(&volume)), ("", clone_of(&volume))] {
        let outcome = scene.run(&format!("{form} --compress -o - volume"));
        assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
        let bytes = outcome.stdout();
        assert!(zstd::decode_all(bytes).expect("it is zstd") == expected);
        let reader = reader(bytes);
        let mut end = [0; 600];
        let offset = reader.size() - end.len() as u64;
        reader.read_exact_at(offset, &mut end).expect("it is sound");
        assert!(expected.ends_with(&end));
        assert!(outcome.errors().contains(" as "), "{}", outcome.errors());
        outcome.changed_only(&[]);
    }
}

/// In place of a file, when it is complete or at once.
#[test]
fn over_a_file() {
    let scene = Scene::with_volume(&volume().bytes);
    for line in ["-O old", "--in-place -O old", "-O link"] {
        scene.write("old", vec![0xA5; 4 * MIB]);
        if !scene.path("link").exists() {
            std::os::unix::fs::symlink("old", scene.path("link")).expect("there is room");
        }
        let outcome = scene.run(&format!("-s --compress {line} volume"));
        outcome.wrote(&["old"]);
        assert!(decompress(&scene, "old") == image_of(&volume()), "{line}");
        reader(&scene.read("old"));
    }
}

/// A new serial number is in the copy, and in both boot sectors of it.
#[test]
fn new_serial() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let line = "--compress --new-serial -o out volume";
    scene.run(line).wrote(&["out"]);
    let (found, mut expected) = (decompress(&scene, "out"), clone_of(&volume));
    let backup = volume.geometry.volume_size() as usize;
    let serial = found[0x48..0x50].to_vec();
    assert!(serial != expected[0x48..0x50], "the old serial number");
    for at in [0x48, backup + 0x48] {
        expected[at..at + 8].copy_from_slice(&serial);
    }
    assert!(found == expected);
}

#[test]
fn facts_are_kept() {
    let volume = builder()
        .file("hiberfil.sys", FileData::Bytes(b"hibr".repeat(1024)))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    let mut command = scene.command(
        crate::support::program::ours,
        "-q -s --compress=5 -o out volume",
    );
    command.args(["--note", "before the \"upgrade\"\nof März"]);
    let outcome = scene.run_command(command, &[]);
    let warning = "volume: Windows is hibernated";
    assert!(outcome.errors().contains(warning), "{}", outcome.errors());
    let facts = facts(&scene.read("out"));
    let serial = volume.bytes[0x48..0x50].try_into().expect("8 bytes");
    let serial = format!("{:016X}", u64::from_le_bytes(serial));
    for (key, expected) in [
        ("tool", "ntfsclone"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("source", "volume"),
        ("label", "TEST"),
        ("serial", &serial),
        ("content", "used"),
        ("note", "before the \"upgrade\"\nof März"),
        (
            "host",
            rustix::system::uname().nodename().to_str().expect("a name"),
        ),
    ] {
        assert_eq!(facts[key], expected, "{key}");
    }
    assert_eq!(facts["level"], 5);
    let warnings = facts["warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].as_str().expect("text").starts_with(warning));
    let time = facts["time"].as_str().expect("text");
    let date = finish(tool("date", ["-u", "-d", time, "+%s"]));
    let time: u64 = printed(&date).trim().parse().expect("a time");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs();
    assert!(time <= now && now < time + 300, "{time} of {now}");

    scene.run("-q -m -s --compress -O out volume");
    let facts = self::facts(&scene.read("out"));
    assert_eq!(facts["content"], "metadata");
    assert!(facts.get("note").is_none());
}

/// The same bytes, however many threads made them.
#[test]
fn threads_change_nothing() {
    let scene = Scene::with_volume(&large(4096).bytes);
    let data = |threads: u32| {
        let line = format!("-s --compress --threads {threads} -O out volume");
        scene.run(&line).wrote(&["out"]);
        let bytes = scene.read("out");
        let reader = reader(&bytes);
        let summary = reader.table().frames().next_back();
        bytes[..summary.expect("it is there").position as usize].to_vec()
    };
    let one = data(1);
    for threads in [2, 7] {
        assert!(data(threads) == one, "{threads} threads");
    }
}

#[test]
fn not_to_a_device() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = Scene::with_volume(&volume().bytes);
    let folder = Scene::new();
    folder.write("device", vec![0xA5; 4 * MIB]);
    let device = LoopDevice::attach(&folder.path("device"));
    for form in ["", "-s"] {
        let name = device.path().display();
        let outcome = scene.run(&format!("{form} --compress -O {name} volume"));
        let message = "--compress goes with a file or pipe: what is compressed can be used only \
                       where its end is known";
        outcome.failed(2, &error_text(message, "try ntfsclone --help"));
    }
    drop(device);
    let left = fs::read(folder.path("device")).expect("it is there");
    assert!(left == vec![0xA5; 4 * MIB], "the device was written to");
}

/// A volume that fails to be read leaves nothing, however much is under way.
#[test]
fn a_read_error_ends_it() {
    if !met_here(FAILING_DEVICES) {
        return;
    }
    let volume = large(4096);
    let scene = Scene::new();
    scene.write("volume", &volume.bytes);
    let bad = 20 * MIB as u64..20 * MIB as u64 + 4096;
    let device = FailingDevice::new(&scene.path("volume"), &[bad]);
    let name = device.path().display();
    let outcome = scene.run(&format!("-s --compress -o out {name}"));
    assert_eq!(outcome.code(), Some(1), "{}", outcome.errors());
    outcome.changed_only(&[]);
}

/// The original's gap back to the first cluster is not in a map.
#[test]
fn compressed_metadata_that_returns_to_the_start_is_sound() {
    let scene = small_volume::scene();
    let line = "-q -m -s --ignore-fs-check --compress -o out volume";
    assert_eq!(scene.run(line).code(), Some(0));
    let verified = scene.run("verify out");
    assert_eq!(verified.code(), Some(0), "{}", verified.errors());
}
