//! What the program makes of a volume whose account of its clusters is wrong.

use crate::support::{
    scene::Scene,
    small_volume::{builder, clone_of, image_of},
};
use ntfs_volume_builder::{File, FileData, Run, Volume, attribute_type, pattern};

const CHKDSK: &str = "run chkdsk /f on it in Windows; or copy it as it is with --rescue \
                      --ignore-fs-check, and repair the copy";

/// Refused whatever is made of it, with these findings.
#[track_caller]
fn assert_refused(volume: &Volume, findings: u64, lines: &[&str]) {
    let scene = Scene::with_volume(&volume.bytes);
    let noun = if findings == 1 { "finding" } else { "findings" };
    let mut message = format!("volume: its account of clusters is damaged; {findings} {noun}");
    for line in lines {
        message.push_str("\n    ");
        message.push_str(line);
    }
    for line in [
        "-o out volume",
        "-s -o out volume",
        "-s -o - volume",
        "-f -o out volume",
    ] {
        let outcome = scene.run(line);
        // A copy to standard output leaves the reports to standard error, before the error.
        let error = outcome.errors();
        let error = &error[error.find("ntfsclone:").unwrap_or(0)..];
        assert_eq!(
            error,
            format!("ntfsclone: {message}\n  {CHKDSK}\n"),
            "{line}"
        );
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
        if line.contains("-o -") {
            assert!(outcome.stdout().is_empty(), "{line}: wrote data");
        }
    }
}

/// Windows 11 leaves clusters that only $Bitmap marks: no reason to refuse a healthy volume.
#[test]
fn only_in_bitmap() {
    let marked = [300..303, 310..311, 400..465, 510..511];
    let marks = marked.iter().cloned();
    let volume = marks
        .fold(builder(), |builder, clusters| {
            builder.mark_in_bitmap(clusters)
        })
        .build();
    let mut expected = volume.clone();
    expected.used = used_and(&volume, &marked);
    let scene = Scene::with_volume(&volume.bytes);
    let what = "70 clusters are marked in $Bitmap and used by no file";
    let warning = format!("volume: {what} (the first: clusters 300 to 302); they are copied too");
    scene
        .run("-o clone volume")
        .wrote_with_warning(&warning, &["clone"]);
    assert!(scene.read("clone") == clone_of(&expected), "clone");
    scene
        .run("-s -o image volume")
        .wrote_with_warning(&warning, &["image"]);
    assert!(scene.read("image") == image_of(&expected), "image");
    for line in ["--strict -o out volume", "--strict -s -o out volume"] {
        scene.run(line).refused(
            &format!("volume: {what}; the first: clusters 300 to 302"),
            "run chkdsk /f on it in Windows; or leave out --strict, and they are copied too",
        );
    }
}

fn used_and(volume: &Volume, more: &[std::ops::Range<u64>]) -> Vec<std::ops::Range<u64>> {
    let mut used = volume.used.clone();
    used.extend(more.iter().cloned());
    used.sort_by_key(|clusters| clusters.start);
    used
}

#[test]
fn free_in_bitmap() {
    let volume = builder()
        .file(
            "Music/Album/song.mp3",
            FileData::Placed {
                runs: vec![Run::at(300, 10)],
                bytes: pattern(3, 40_000),
            },
        )
        .clear_in_bitmap(302..304)
        .clear_in_bitmap(309..310)
        .build();
    assert_refused(
        &volume,
        2,
        &[
            "clusters 302 to 303: in use by a file, free in $Bitmap (/Music/Album/song.mp3)",
            "cluster 309: in use by a file, free in $Bitmap (/Music/Album/song.mp3)",
        ],
    );
}

#[test]
fn free_in_bitmap_in_many_places() {
    let mut builder = builder();
    for number in 0..14 {
        let cluster = 300 + number * 4;
        builder = builder
            .file(
                &format!("file {number}"),
                FileData::Runs(vec![Run::at(cluster, 1)]),
            )
            .clear_in_bitmap(cluster..cluster + 1);
    }
    let mut lines: Vec<String> = (0..10)
        .map(|number| {
            let cluster = 300 + number * 4;
            format!("cluster {cluster}: in use by a file, free in $Bitmap (/file {number})")
        })
        .collect();
    lines.push("and 4 more".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_refused(&builder.build(), 14, &lines);
}

#[test]
fn claimed_twice() {
    let volume = builder()
        .file("letters/to Anna", FileData::Runs(vec![Run::at(300, 5)]))
        .file("letters/to Berta", FileData::Runs(vec![Run::at(304, 5)]))
        .build();
    let record = volume.record_number("letters/to Berta");
    assert_refused(
        &volume,
        1,
        &[&format!(
            "MFT record {record} claims 1 cluster in clusters 304 to 308 that is claimed already \
             (/letters/to Anna, /letters/to Berta)"
        )],
    );
}

/// A stream and an index belong to their file, wherever the attribute stands.
#[test]
fn claimed_twice_by_one_file() {
    let volume = builder()
        .file(
            "file",
            File::new()
                .data(FileData::Runs(vec![Run::at(300, 4)]))
                .stream("stream", FileData::Runs(vec![Run::at(303, 1)])),
        )
        .build();
    let record = volume.record_number("file");
    assert_refused(
        &volume,
        1,
        &[&format!(
            "MFT record {record} claims 1 cluster in cluster 303 that is claimed already (/file)"
        )],
    );
}

#[test]
fn past_the_end() {
    let volume = builder()
        .file("deep/down/file", FileData::Runs(vec![Run::at(510, 9)]))
        .build();
    let record = volume.record_number("deep/down/file");
    assert_refused(
        &volume,
        1,
        &[&format!(
            "MFT record {record} claims clusters 510 to 518, the volume has 512 (/deep/down/file)"
        )],
    );
}

/// What stands in a record that is not what it should be cannot be told: whose clusters are they?
#[test]
fn damaged_runlist() {
    let mut volume = builder()
        .file("broken.bin", FileData::Runs(vec![Run::at(300, 4)]))
        .build();
    let record = volume.record_number("broken.bin");
    let data = volume
        .attribute_offset(record, attribute_type::DATA, "")
        .expect("it has data");
    volume.patch_record(record, |bytes| {
        let pairs = usize::from(u16::from_le_bytes([bytes[data + 0x20], bytes[data + 0x21]]));
        bytes[data + pairs] = 0xFF;
    });
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("-o out volume");
    let errors = outcome.errors();
    let begin = "ntfsclone: volume: its account of clusters is damaged; 1 finding\n";
    assert!(errors.starts_with(begin), "{errors}");
    let finding = format!("\n    the clusters of MFT record {record} cannot be told: the runlist");
    assert!(errors.contains(&finding), "{errors}");
    assert!(errors.contains("(/broken.bin)"), "{errors}");
    assert!(errors.ends_with(&format!("\n  {CHKDSK}\n")), "{errors}");
    outcome.changed_only(&[]);
}

/// Bad clusters are in use, and are not read.
#[test]
fn bad_clusters() {
    let volume = builder().bad_clusters(300..310).build();
    let scene = Scene::with_volume(&volume.bytes);
    let warning = "volume: 10 clusters are marked as bad in $BadClus (clusters 300 to 309, from byte 0x12c000 on); \
                   they are not copied, and stay marked in the copy. The disk is failing, or was: look at it with \
                   smartctl -a. On another disk, chkdsk /b in Windows or ntfsfix -b makes them usable again";
    let outcome = scene.run("-o clone volume");
    outcome.wrote_with_warning(warning, &["clone"]);
    assert!(scene.read("clone") == clone_of(&volume));
    let outcome = scene.run("--strict -s -o image volume");
    outcome.wrote_with_warning(warning, &["image"]);
    assert!(scene.read("image") == image_of(&volume));
}
