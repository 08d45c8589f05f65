//! Checks, and lists of clusters: the same as at once.

use ntfs_volume_builder::{FileData, Run, VolumeBuilder};
use ntfsclone_core::check::{
    Code, Finding, Findings, ImageCheck, ImageChecked, Place, Report, StreamedCheck, check_volume,
};
use ntfsclone_core::clusters::select_used;
use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::jobs::{Failure, Located, Step};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::{Extent, Lcn};
use ntfsclone_core::write::{METADATA, RAW};

use crate::copies::{image_of, restored};
use crate::driver::Driver;
use crate::samples::{large, volumes};

fn check_at_once(
    source: impl ReadAt,
    image: Option<&Index>,
    checked: Option<ImageChecked>,
    mut findings: Findings,
) -> Report {
    let check = match Volume::open(&source) {
        Ok(volume) => {
            let selection = select_used(&volume, |_| {}).unwrap();
            Some(check_volume(&volume, selection, image).unwrap())
        }
        Err(error) => {
            let place = Place::Volume {
                offset: 0,
                length: None,
            };
            findings.push(Finding::of_error(
                Code::VolumeUnreadable,
                Some(place),
                &error,
            ));
            None
        }
    };
    Report::new(findings, checked, check, Vec::new()).with_stored_places(&source)
}

fn volume_at_once(source: &[u8]) -> Report {
    check_at_once(source, None, None, Findings::default()).on_volume()
}

fn image_at_once(source: &[u8]) -> Report {
    let mut check = ImageCheck::new();
    check.push(source, &mut |_, _| {}).unwrap();
    let bytes = check.taken();
    let (findings, index) = check.end().unwrap();
    let index = index.expect("a header");
    let checked = Some(ImageChecked {
        bytes,
        clusters: index.len(),
    });
    let reader = Reader::new(source, index.clone());
    check_at_once(reader, Some(&index), checked, findings)
}

fn step_by_step(source: &[u8]) -> (Report, u64) {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let mut validate = opened.validate();
    driver.run(&mut validate, |_| {}).unwrap();
    assert!(driver.peak <= 21 << 20, "{}", driver.peak);
    (validate.result().unwrap().clone(), driver.read)
}

#[test]
fn what_is_sound_is_found_to_be() {
    for (name, built) in volumes() {
        let (report, _) = step_by_step(&built.bytes);
        assert!(report.sound, "{name}: {report:?}");
        assert_eq!(report, volume_at_once(&built.bytes), "{name}");
        let image = image_of(&built);
        let (report, read) = step_by_step(&image);
        assert!(report.sound, "{name}: {report:?}");
        assert_eq!(report, image_at_once(&image), "{name}");
        // Once for the image, and a little for the NTFS in it.
        let all = image.len() as u64;
        assert!(read <= all + all / 4 + (1 << 20), "{name}: {read} of {all}");
    }
}

#[test]
fn what_is_damaged_is_found_the_same() {
    let claiming = |start| FileData::Runs(vec![Run::at(start, 7)]);
    let mut built = (0..40)
        .fold(large(), |builder, n| {
            builder.file(&format!("claiming/{n}"), claiming(15_000 + 5 * n))
        })
        .file("past the end", claiming(15_998))
        .build();
    for number in [30, 40, 50] {
        built.tear_record(number);
    }
    built.patch_record(35, |record| record[100] = 0xFF);
    let (report, _) = step_by_step(&built.bytes);
    assert_eq!(report, volume_at_once(&built.bytes));
    assert!(report.errors > 10 && !report.files.is_empty(), "{report:?}");

    let image = image_of(&built);
    let header = image_of(&VolumeBuilder::new().build())[..50].to_vec();
    let mut commands = image.clone();
    let index = Index::scan(image.as_slice(), |_| {}).unwrap();
    commands[index.runs()[2].offset as usize] = 7;
    let mut trailing = image.clone();
    trailing.extend([1, 2, 3]);
    let table = [
        ("as it is", image.clone()),
        ("cut", image[..image.len() / 2].to_vec()),
        ("cut in the tail", image[..image.len() - 3].to_vec()),
        ("a command", commands),
        ("something after it", trailing),
        ("a header", header),
    ];
    for (name, image) in table {
        let (report, _) = step_by_step(&image);
        assert_eq!(report, image_at_once(&image), "{name}");
        assert!(!report.sound, "{name}");
    }
}

fn extents(source: &[u8]) -> Vec<Located> {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let mut found = Vec::new();
    driver
        .run(&mut opened.extents(), |step| {
            if let Step::Extents(extents) = step {
                found.extend(extents);
            }
        })
        .unwrap();
    found
}

#[test]
fn clusters_are_where_they_are_said_to_be() {
    for (name, built) in volumes() {
        let cluster_size = u64::from(built.geometry.cluster_size);
        let found = extents(&built.bytes);
        let clusters: Vec<u64> = found
            .iter()
            .flat_map(|found| found.extent.start.0..found.extent.end().0)
            .collect();
        assert_eq!(
            clusters,
            built.used_clusters().collect::<Vec<_>>(),
            "{name}"
        );
        for found in found {
            assert_eq!(found.offset, found.extent.start.0 * cluster_size, "{name}");
        }

        let image = image_of(&built);
        let Discovery::Found(index) = Index::discover(image.as_slice()).unwrap() else {
            panic!("{name}: no ordinary image");
        };
        let expected: Vec<Located> = index
            .runs()
            .iter()
            .map(|run| Located {
                extent: run.extent,
                offset: run.offset,
            })
            .collect();
        assert_eq!(extents(&image), expected, "{name}");
    }
}

#[test]
fn a_volume_with_lost_clusters_is_not_listed() {
    let claiming = |start| FileData::Runs(vec![Run::at(start, 7)]);
    let built = VolumeBuilder::new()
        .file("one", claiming(400))
        .file("other", claiming(403))
        .build();
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let failure = driver.run(&mut opened.extents(), |_| {}).unwrap_err();
    assert_eq!(failure.code(), "inconsistent");
    let claimed = Extent::new(Lcn(403), 7).to_string();
    let text = failure.to_string();
    assert!(
        text.contains(&format!("claims 4 clusters in {claimed}")),
        "{text}"
    );
}

/// Several jobs on one image, step by step in turns: each gets the bytes that it
/// requested.
#[test]
fn jobs_take_turns() {
    let built = large().build();
    let image = image_of(&built);
    for source in [&built.bytes, &image] {
        let mut driver = Driver::new(source.as_slice());
        let opened = driver.open().unwrap();
        let mut validate = opened.validate();
        let mut raw = opened.convert(&RAW, None).unwrap();
        let mut metadata = opened.convert(&METADATA, None).unwrap();
        type Next<'a> = &'a mut dyn FnMut() -> Result<Step, Failure>;
        let steps: &mut [Next<'_>] =
            &mut [&mut || validate.step(), &mut || raw.step(), &mut || {
                metadata.step()
            }];
        let mut outputs = vec![Vec::new(); steps.len()];
        let mut is_done = vec![false; steps.len()];
        while !is_done.iter().all(|&is_done| is_done) {
            for (number, next) in steps.iter_mut().enumerate() {
                let output: &mut Vec<u8> = &mut outputs[number];
                match next().unwrap() {
                    Step::Read(range) => driver.supply(range.start, range.end).unwrap(),
                    Step::Bytes(bytes) => output.extend_from_slice(&bytes),
                    Step::Hole(len) => output.resize(output.len() + len as usize, 0),
                    Step::Done => is_done[number] = true,
                    _ => {}
                }
            }
        }
        assert!(validate.result().unwrap().sound);
        assert!(outputs[1] == restored(&built));
        let mut alone = opened.convert(&METADATA, None).unwrap();
        assert!(outputs[2] == driver.output(&mut alone).unwrap());
        let all = source.len() as u64;
        assert!(driver.read < 4 * all, "{} of {all}", driver.read);
    }
}
