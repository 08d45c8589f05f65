//! `--size`: copies and restored volumes in another size.

use std::path::Path;

use crate::support::{
    mount::Mount,
    old_device::{LEFT, OldDevice},
    program::{finish, reference, tool},
    requirements::{DEVICES, Need, met_here},
    scene::Scene,
    small_volume::{builder, image_of, volume},
    tree::Tree,
    verify_report::json,
};
use ntfs_volume_builder::{
    File, FileData, ListForm, MftLayout, PartcloneImage, Volume, VolumeBuilder, pattern,
};

/// Files of every kind, over all of the volume.
fn everything() -> VolumeBuilder {
    let fragmented = |pieces: u64| FileData::Fragmented {
        bytes: pattern(pieces, 4096 * pieces as usize),
        pieces,
    };
    let names = (0..80).map(|n| format!("many/a file with a long name {n:02}.txt"));
    names
        .fold(builder(), |builder, name| {
            builder.file(&name, FileData::Resident(b"many".to_vec()))
        })
        .clusters(1500)
        .mft_layout(MftLayout::AttributeList {
            pieces: 4,
            runs_per_record: 1,
        })
        .file(
            "listed",
            File::new().data(fragmented(40)).runs_per_record(7),
        )
        .file(
            "list in clusters",
            File::new()
                .data(fragmented(3))
                .attribute_list(ListForm::NonResident),
        )
        .file(
            "sparse",
            FileData::Sparse([vec![1; 70_000], vec![0; 200_000], vec![2; 9000]].concat()),
        )
        .file("packed", FileData::Compressed(vec![3; 100_000]))
        .quota_index()
        .bad_clusters(700..703)
}

/// Bytes of the least volume: clusters of 4096 bytes, and the backup boot sector.
fn least(volume: &Volume) -> usize {
    volume.used_clusters().count() * 4096 + 512
}

/// It is sound by our check and by ntfsfix, and the original saves it.
#[track_caller]
fn assert_sound(scene: &Scene, name: &str) {
    let verified = scene.run(&format!("verify {name}"));
    let report = String::from_utf8_lossy(verified.stdout()).into_owned();
    assert!(report.ends_with("\nSound\n"), "{name}: {report}");
    if met_here(&[Need::Reference, Need::Tool("ntfsfix")]) {
        let path = scene.path(name);
        let fixed = finish(tool("ntfsfix", [Path::new("--no-action"), &path]));
        assert!(fixed.status.success(), "{name}: {fixed:?}");
        let saved = finish(scene.command(reference, &format!("-q -s -O original {name}")));
        assert!(saved.status.success(), "{name}: {saved:?}");
        scene.run(&format!("-q -s -O ours {name}"));
        assert!(scene.read("original") == scene.read("ours"), "{name}");
    }
}

#[test]
fn copies_of_any_size_are_sound() {
    let volume = everything().build();
    let scene = Scene::with_volume(&volume.bytes);
    let least = least(&volume);
    let size = volume.bytes.len();
    for (number, wanted) in [
        least,
        (least + size) / 2,
        size - 4096,
        size + 5000,
        3 * size,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("copy{number}");
        let outcome = scene.run(&format!("-q --size={wanted}B -o {name} volume"));
        assert_eq!(outcome.code(), Some(0), "{wanted}: {}", outcome.errors());
        outcome.reported("New size: ");
        assert_eq!(scene.read(&name).len(), wanted / 512 * 512);
        assert_sound(&scene, &name);
        // And back to the least: all that is in use is the same.
        scene.run(&format!("-q --size=min -o back{number} {name}"));
        assert_eq!(
            scene.read(&format!("back{number}")).len(),
            least,
            "{wanted}"
        );
        assert!(
            scene.read(&format!("back{number}")) == scene.read("back0"),
            "{wanted}"
        );
    }
    assert_eq!(scene.read("volume"), volume.bytes);
}

#[test]
fn a_copy_of_the_same_size_is_an_ordinary_one() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-q -o expected volume").wrote(&["expected"]);
    let size = volume.bytes.len();
    scene
        .run(&format!("-q --size={size} -o copy volume"))
        .wrote(&["copy"]);
    assert!(scene.read("copy") == scene.read("expected"));
}

#[test]
fn every_source_and_form_gets_the_same_volume() {
    let volume = everything().build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene.write("partclone", PartcloneImage::version_2().of_volume(&volume));
    scene.run("-q -s --compress -o image.zst volume");
    scene.run("-q --size=min -o expected volume");
    let expected = scene.read("expected");
    for line in [
        "-q --size=min -r -o copy image",
        "-q --size=min -r -o copy image.zst",
        "-q --size=min -r -o copy partclone",
        "-q --size=min -o copy image",
        "convert --size=min --to raw image.zst copy",
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        assert!(scene.read("copy") == expected, "{line}");
        scene.remove("copy");
    }
    let piped = scene.run_with_input("-q --size=min -r -o copy -", &image_of(&volume));
    assert_eq!(piped.code(), Some(0), "{}", piped.errors());
    assert!(scene.read("copy") == expected);
    for (line, name) in [
        ("-q -s --size=min -o small.img volume", "small.img"),
        (
            "-q -s --compress --size=min -o small.zst volume",
            "small.zst",
        ),
        ("-q --compress --size=min -o raw.zst volume", "raw.zst"),
        (
            "convert --size=min volume small.partclone",
            "small.partclone",
        ),
        (
            "convert --disk=none --size=min volume small.qcow2",
            "small.qcow2",
        ),
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        let back = format!("convert --to raw {name} back.{name}");
        let outcome = scene.run(&back);
        assert_eq!(outcome.code(), Some(0), "{back}: {}", outcome.errors());
        assert!(scene.read(&format!("back.{name}")) == expected, "{line}");
    }
    // A disk gets the partition for the new size.
    scene.run("convert --size=min volume small.vhdx");
    let verified = scene.run("verify --partition 1 small.vhdx");
    assert_eq!(verified.code(), Some(0), "{}", verified.errors());
}

#[test]
fn info_reports_the_least_size() {
    let volume = everything().build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let least = least(&volume);
    for name in ["volume", "image"] {
        let document = json(&scene.run(&format!("info --json {name}")));
        assert_eq!(document["volume"]["least_size"], least as u64, "{name}");
        scene
            .run(&format!("info {name}"))
            .reported(&format!("Least size: {least} bytes ("));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let least = least(&volume);
    let printed = scene.run("info volume");
    let printed = String::from_utf8_lossy(printed.stdout()).into_owned();
    let line = printed.lines().find(|line| line.starts_with("Least size"));
    let size = line.and_then(|line| line.split(['(', ')']).nth(1)).unwrap();
    scene
        .run(&format!("-q --size={} -o copy volume", least - 512))
        .refused(
            &format!("volume: its files need {least} bytes ({size})"),
            "give a larger --size, or min",
        );
    scene.run("-q --size=fill -o copy volume").refused(
        "copy: has no size that the volume could get",
        "--size=fill goes with a device; give the size in bytes, or --size=min",
    );
}

#[test]
fn what_would_be_lost_is_refused_unless_forced() {
    let mut journal = volume();
    journal.write_restart_pages(false);
    let hibernated = builder().hibernated().build();
    let identifier = "{3808876b-c176-4e48-b7ae-04046e6cc752}";
    let mut shadows = builder()
        .file(
            &format!("System Volume Information/{identifier}"),
            FileData::Bytes(pattern(1, 65_536)),
        )
        .file(
            &format!("System Volume Information/{{b4e6ddab-0000-11ee}}{identifier}"),
            FileData::Bytes(pattern(2, 50_000)),
        )
        .build();
    let magic = [
        0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7,
        0x52,
    ];
    shadows.patch(0x1E00, &magic);
    shadows.patch(0x1E30, &0x4000_u64.to_le_bytes());
    for (volume, found) in [
        (
            journal,
            "its journal holds changes that are not yet in place",
        ),
        (hibernated, "Windows is hibernated on it"),
        (shadows, "has 1 shadow copy (48.83 KiB)"),
    ] {
        let scene = Scene::with_volume(&volume.bytes);
        let refused = scene.run("-q --size=min -o copy volume");
        assert_eq!(refused.code(), Some(1), "{found}");
        assert!(refused.errors().contains(found), "{}", refused.errors());
        assert!(refused.errors().contains("add --force"), "{found}");
        refused.changed_only(&[]);
        let forced = scene.run("-q --force --size=min -o copy volume");
        assert_eq!(forced.code(), Some(0), "{found}");
        assert!(forced.errors().contains(found), "{}", forced.errors());
        assert_sound(&scene, "copy");
        // Nothing leads to the old places.
        let copy = scene.read("copy");
        assert_eq!(copy[0x1E30..0x1E38], [0; 8], "{found}");
        let document = json(&scene.run("info --json copy"));
        assert_eq!(document["volume"]["is_hibernated"], false, "{found}");
    }
}

#[test]
fn bad_clusters_are_left_out() {
    let volume = builder().bad_clusters(300..302).build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-q --size=3M -o copy volume");
    assert_sound(&scene, "copy");
    let document = json(&scene.run("info --json copy"));
    assert_eq!(document["volume"]["bad"]["clusters"], 0);
}

#[test]
fn marks_of_bad_clusters_are_kept_on_request() {
    let volume = everything().bad_clusters(1400..1410).build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    for line in ["-q --size=4M --keep-bad", "-q -r --size=4M --keep-bad"] {
        let source = if line.contains("-r ") {
            "image"
        } else {
            "volume"
        };
        let outcome = scene.run(&format!("{line} -o copy {source}"));
        assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
        let has_all = outcome.errors().contains("stay marked in the copy");
        assert!(has_all, "{}", outcome.errors());
        outcome.reported("\nKept: the marks of 3 bad clusters\n");
        outcome.reported("\nLeft out: 10 bad clusters beyond the new end\n");
        assert_sound(&scene, "copy");
        let document = json(&scene.run("info --json copy"));
        assert_eq!(document["volume"]["bad"]["clusters"], 3);
        scene.remove("copy");
    }
    // The least size without a file on them.
    scene.run("-q --size=min --keep-bad -o copy volume");
    assert_sound(&scene, "copy");
    for line in [
        "--keep-bad -o copy2 volume",
        "convert --keep-bad volume copy.raw",
    ] {
        let refused = scene.run(line);
        assert_eq!(refused.code(), Some(2), "{line}");
        let said = refused.errors();
        assert!(
            said.contains("--keep-bad goes with --size or --sector-size"),
            "{said}"
        );
    }
}

/// A volume of Windows on a disk of that kind: records of 4096 bytes fit on all sectors.
fn with_large_records(sector_size: u32) -> Volume {
    everything()
        .bytes_per_sector(sector_size)
        .mft_record_size(4096)
        .clusters(3000)
        .build()
}

/// The files of `copy` are those of `volume`, as ntfs-3g reads both.
fn assert_same_files(scene: &Scene) {
    if !met_here(&[
        Need::Root,
        Need::Fuse,
        Need::Tool("ntfs-3g"),
        Need::Tool("umount"),
    ]) {
        return;
    }
    let trees = ["volume", "copy"].map(|name| {
        let mount = Mount::read_only(&scene.path(name));
        let tree = Tree::read(mount.path());
        mount.unmount();
        tree
    });
    trees[1].assert_same("files on other sectors", &trees[0]);
}

#[test]
fn a_volume_gets_other_sectors() {
    for (sector_size, other) in [(512, 4096), (4096, 512)] {
        let volume = with_large_records(sector_size);
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        for line in ["-q -o", "-q --size=9M -o", "-q -r -o", "convert --to raw"] {
            let source = if line.contains("-r ") {
                "image"
            } else {
                "volume"
            };
            let line = match line.starts_with("convert") {
                true => format!("{line} --sector-size={other} {source} copy"),
                false => format!("--sector-size={other} {line} copy {source}"),
            };
            let outcome = scene.run(&line);
            assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
            outcome.reported(&format!(
                "\nNew sectors: {other} bytes, {sector_size} before\n"
            ));
            let copy = scene.read("copy");
            assert_eq!(copy[0x0B..0x0D], (other as u16).to_le_bytes(), "{line}");
            let backup = copy.len() - other;
            assert!(copy[backup..] == copy[..other], "{line}");
            assert_sound(&scene, "copy");
            assert_same_files(&scene);
            scene.remove("copy");
        }
        // And back: all but the journal is the same.
        scene.run(&format!("-q --sector-size={other} -o there volume"));
        let size = volume.bytes.len();
        scene.run(&format!(
            "-q --sector-size={sector_size} --size={size} -o back there"
        ));
        scene.run("-q --size=min -o least volume");
        scene.run("-q --size=min -o least.back back");
        assert!(
            scene.read("least") == scene.read("least.back"),
            "{sector_size}"
        );
    }
}

#[test]
fn sectors_that_do_not_fit_are_refused() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let found = "its MFT records have 1024 bytes, less than a sector of 4096";
    let refused = scene.run("-q --sector-size=4096 -o copy volume");
    assert_eq!(refused.code(), Some(1), "{}", refused.errors());
    assert!(refused.errors().contains(found), "{}", refused.errors());
    refused.changed_only(&[]);
    let forced = scene.run("-q --sector-size=4096 --force -o copy volume");
    assert_eq!(forced.code(), Some(0), "{}", forced.errors());
    assert!(forced.errors().contains(found), "{}", forced.errors());
    assert_sound(&scene, "copy");
    assert_same_files(&scene);

    let small = builder().cluster_size(2048).clusters(2000).build();
    let scene = Scene::with_volume(&small.bytes);
    scene
        .run("-q --sector-size=4096 --force -o copy volume")
        .refused(
            "volume: its clusters have 2048 bytes, and cannot be on sectors of 4096",
            "use a disk with smaller sectors, or copy its files to a new volume",
        );
    for (line, found) in [
        (
            "convert --sector-size=4096 volume disk.qcow2",
            "--sector-size=4096 does not go with a disk of qcow2",
        ),
        (
            "convert --sector-size=4096 --disk=gpt --to raw volume disk",
            "--sector-size=4096 does not go with a disk of raw",
        ),
        ("--sector-size=1024 -o copy volume", "512 or 4096"),
        (
            "--sector-size=512 -r -n volume",
            "--no-action writes nothing",
        ),
        (
            "--sector-size=512 -m -o copy volume",
            "--sector-size goes with a whole copy",
        ),
        (
            "--sector-size=512 --rescue -o copy volume",
            "--sector-size needs a volume",
        ),
    ] {
        let refused = scene.run(line);
        assert_eq!(refused.code(), Some(2), "{line}: {}", refused.errors());
        assert!(
            refused.errors().contains(found),
            "{line}: {}",
            refused.errors()
        );
        refused.changed_only(&[]);
    }
}

#[test]
fn a_disk_has_the_sectors_of_its_volume() {
    let volume = with_large_records(512);
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("convert --sector-size=4096 volume disk.vhdx");
    scene
        .run("verify --partition 1 disk.vhdx")
        .reported("\nSound\n");
    let document = json(&scene.run("info --json --partition 1 disk.vhdx"));
    assert_eq!(document["volume"]["sector_size"], 4096);
    // And to a disk of the other kind.
    scene.run("convert --partition 1 --sector-size=512 disk.vhdx disk.qcow2");
    scene
        .run("verify --partition 1 disk.qcow2")
        .reported("\nSound\n");
    let document = json(&scene.run("info --json --partition 1 disk.qcow2"));
    assert_eq!(document["volume"]["sector_size"], 512);
}

#[test]
fn what_was_changed_is_reported() {
    let volume = everything().build();
    let scene = Scene::with_volume(&volume.bytes);
    let least = least(&volume);
    let outcome = scene.run("--size=min --progress=json -o copy volume");
    assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
    let printed = [outcome.stdout(), outcome.errors().as_bytes()].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    let line = printed
        .lines()
        .find(|line| line.starts_with("{\"resized\":"));
    let line = line.unwrap_or_else(|| panic!("{printed}"));
    let document: serde_json::Value = serde_json::from_str(line).unwrap();
    let resized = &document["resized"];
    assert_eq!(resized["old_size"], volume.bytes.len() as u64);
    assert_eq!(resized["size"], least as u64);
    assert_eq!(resized["old_sector_size"], 512);
    assert_eq!(resized["sector_size"], 512);
    assert_eq!(resized["emptied_journal"], 262_144);
    assert_eq!(resized["bad_clusters"], 3);
    assert_eq!(resized["kept_bad_clusters"], 0);
    assert_eq!(resized["losses"], serde_json::json!([]));
    let [moved, changed] = ["moved_clusters", "changed_records"].map(|name| &resized[name]);
    outcome.reported(&format!("\nNew size: {least} bytes ("));
    outcome.reported(&format!(
        "; {moved} clusters are moved, {changed} MFT records are changed\n"
    ));
    outcome.reported("\nEmptied: the journal (256.00 KiB)\n");
    outcome.reported("\nLeft out: 3 bad clusters\n");
    let in_use = printed
        .lines()
        .find_map(|line| line.strip_prefix("Space in use       : "));
    let share = in_use
        .and_then(|line| line.split(['(', '%']).nth(1))
        .unwrap();
    assert!(
        share.parse::<f64>().unwrap() <= 100.0,
        "{share} % of the new size"
    );
}

#[test]
fn what_no_copy_can_use_is_reported() {
    let metadata = "System Volume Information/FVE2.{e40ad34d-dae9-4bc7-95bd-b16218c10f72}.1";
    let mut volume = builder()
        .file(metadata, FileData::Bytes(pattern(2, 65_536)))
        .file("pagefile.sys", FileData::Bytes(pattern(3, 100_000)))
        .build();
    let number = volume.record_number("pagefile.sys");
    let attribute = volume.attribute_offset(number, 0x80, "").unwrap();
    let flags = volume.record_offset(number) + attribute as u64 + 0x0C;
    volume.patch(flags, &0x4000_u16.to_le_bytes());
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("-q --size=min -o copy volume");
    assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
    for found in [
        "volume: its swap file is encrypted (97.66 KiB)",
        "volume: has the metadata of BitLocker in 1 file (64.00 KiB)",
    ] {
        assert!(outcome.errors().contains(found), "{}", outcome.errors());
    }
}

/// The list of `fls`; `None` if it cannot read the volume.
fn listed_by_sleuthkit(path: &Path) -> Option<Vec<u8>> {
    let listed = finish(tool("fls", [Path::new("-r"), Path::new("-u"), path]));
    listed.status.success().then_some(listed.stdout)
}

#[test]
fn sleuthkit_lists_the_same_files() {
    if !met_here(&[Need::Tool("fls")]) {
        return;
    }
    let scene = Scene::with_volume(&everything().build().bytes);
    let expected = listed_by_sleuthkit(&scene.path("volume")).expect("it reads the volume");
    assert!(
        expected
            .windows(12)
            .any(|part| part == b"many/a file " || part == b"a file with ")
    );
    for size in ["min", "5M", "20M"] {
        scene.run(&format!("-q --size={size} -o copy{size} volume"));
        let found = listed_by_sleuthkit(&scene.path(&format!("copy{size}")));
        assert!(found.as_ref() == Some(&expected), "{size}");
    }
}

#[test]
fn a_device_that_is_too_small_is_offered_the_size() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = everything().build();
    let scene = Scene::with_volume(&volume.bytes);
    let image = image_of(&volume);
    scene.write("image", &image);
    scene.write("partclone", PartcloneImage::version_2().of_volume(&volume));
    scene.run("-q -s --compress -o image.zst volume");
    let small = OldDevice::new(volume.bytes.len() / 4096 * 4096 - 65_536);
    let tiny = OldDevice::new(65_536);
    for (device, offer) in [
        (
            &small,
            " bytes: --size=fill makes the volume as large as the device\n",
        ),
        (
            &tiny,
            " bytes: use a device of at least that size, with --size=fill\n",
        ),
    ] {
        let name = device.name();
        for line in [
            format!("-q -O {name} volume"),
            format!("-q -O {name} image"),
            format!("-q -r -O {name} volume"),
            format!("-q -r -O {name} image"),
            format!("-q -r -O {name} image.zst"),
            format!("-q -r -O {name} partclone"),
            format!("convert -O --to raw volume {name}"),
            format!("convert -O --to raw image {name}"),
        ] {
            let refused = scene.run(&line);
            assert_eq!(refused.code(), Some(1), "{line}");
            assert!(
                refused.errors().ends_with(offer),
                "{line}: {}",
                refused.errors()
            );
        }
        let unknown = "\n  --size=fill makes the volume as large as the device, if its files fit\n";
        for (input, offer) in [(&image, offer), (&volume.bytes, unknown)] {
            let refused = scene.run_with_input(&format!("-q -r -O {name} -"), input);
            assert_eq!(refused.code(), Some(1));
            assert!(refused.errors().ends_with(offer), "{}", refused.errors());
        }
        assert!(device.content().iter().all(|&byte| byte == LEFT));
    }
}

#[test]
fn a_device_is_filled() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = everything().build();
    for size in [
        least(&volume).next_multiple_of(4096),
        3 * volume.bytes.len(),
    ] {
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        for line in ["--size=fill -O NAME volume", "-r --size=fill -O NAME image"] {
            let target = OldDevice::new(size);
            let outcome = scene.run(&format!("-q {}", line.replace("NAME", target.name())));
            assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
            scene.write("content", target.content());
            let verified = scene.run("verify content");
            assert_eq!(verified.code(), Some(0), "{line}: {}", verified.errors());
            let document = json(&scene.run("info --json content"));
            let expected = (size / 512 - 1) * 512;
            assert_eq!(document["volume"]["size"], expected as u64, "{line}");
            scene.remove("content");
        }
    }
}
