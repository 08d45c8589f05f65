//! Disks in several files that are given together.

use std::sync::Arc;

use ntfs_volume_builder::VolumeBuilder;
use ntfsclone_core::error::Error;
use ntfsclone_core::jobs::{Arrival, Failure, Opened, Opening};

use crate::driver::Driver;

type File = (&'static str, Vec<u8>);

/// A volume as a flat VMDK of two extents, whose descriptor names them with a path of Windows.
fn vmdk() -> Vec<File> {
    let mut first = VolumeBuilder::new().clusters(700).build().bytes;
    first.resize(first.len().next_multiple_of(512), 0);
    let second = first.split_off(1 << 20);
    let extent = |name: &str, bytes: &[u8]| {
        let sectors = bytes.len() / 512;
        format!("RW {sectors} FLAT \"C:\\VMs\\{name}\" 0\n")
    };
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"twoGbMaxExtentFlat\"\n{}{}",
        extent("Disk-F001.vmdk", &first),
        extent("Disk-F002.vmdk", &second)
    );
    vec![
        ("disk-f001.vmdk", first),
        ("folder/disk-f002.vmdk", second),
        ("disk.vmdk", descriptor.into_bytes()),
    ]
}

type MemoryDriver = Driver<Arc<[u8]>>;

fn open(files: &[File]) -> Result<(Opened, MemoryDriver), Failure> {
    let bytes: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let names = files
        .iter()
        .map(|(name, bytes)| (name.to_string(), bytes.len() as u64));
    let opening = Opening::new("", None)
        .in_files(names.collect())
        .finding_first();
    let mut driver = Driver::new(bytes.into());
    match driver.arrive(opening)? {
        Arrival::Opened(opened) => Ok((*opened, driver)),
        Arrival::Stream(_) | Arrival::Disk(_) => panic!("no volume"),
    }
}

#[test]
fn the_file_that_refers_to_others_is_opened_in_any_order() {
    let mut files = vmdk();
    for _ in 0..3 {
        files.rotate_left(1);
        let (opened, mut driver) = open(&files).unwrap();
        assert_eq!(opened.name(), "disk.vmdk");
        let layers = driver.info(&opened).unwrap().layers;
        assert_eq!(layers, ["VMDK with disk-f001.vmdk + folder/disk-f002.vmdk"]);
        let size = (1 << 20)
            + files
                .iter()
                .find(|file| file.0.contains("f002"))
                .unwrap()
                .1
                .len();
        let bytes = driver.output(&mut opened.read(0..size as u64)).unwrap();
        let find = |name: &str| &files.iter().find(|file| file.0 == name).unwrap().1;
        let expected = [&find("disk-f001.vmdk")[..], find("folder/disk-f002.vmdk")].concat();
        assert!(bytes == expected, "other bytes");
    }
}

#[test]
fn a_file_that_is_not_given_is_named() {
    let files = vmdk();
    let (first, descriptor) = (files[0].clone(), files[2].clone());
    for given in [vec![first, descriptor.clone()], vec![descriptor]] {
        let failure = open(&given).unwrap_err();
        assert_eq!(failure.code(), "needs-file");
        let Failure::Error(error) = failure else {
            panic!("{failure}");
        };
        let lacking = match given.len() {
            1 => "C:\\VMs\\Disk-F001.vmdk",
            _ => "C:\\VMs\\Disk-F002.vmdk",
        };
        assert_eq!(error.needed_file(), Some(lacking), "{error}");
    }
}

#[test]
fn a_disk_whose_parent_is_not_given_is_opened_rather_than_another() {
    let mut files = vmdk();
    files.push(("snapshot.vmdk", b"# Disk DescriptorFile\nversion=1\nCID=00000001\nparentCID=fffffffe\nparentFileNameHint=\"other.vmdk\"\ncreateType=\"monolithicSparse\"\nRW 2048 ZERO\n".to_vec()));
    files.remove(2);
    let failure = open(&files).unwrap_err();
    let Failure::Error(error @ Error::FileNeeded { .. }) = failure else {
        panic!("{failure}");
    };
    assert_eq!(error.needed_file(), Some("other.vmdk"));
}

#[test]
fn files_that_refer_to_none_are_opened_by_the_first() {
    let volume = VolumeBuilder::new().clusters(700).build().bytes;
    let other = VolumeBuilder::new().clusters(800).build().bytes;
    let size = volume.len() as u64;
    let files = [("a", volume), ("b", other), ("empty", Vec::new())];
    let (opened, mut driver) = open(&files).unwrap();
    assert_eq!(driver.info(&opened).unwrap().size, Some(size));
}

#[test]
fn findings_on_a_volume_in_a_file_are_on_no_disk() {
    let mut volume = VolumeBuilder::new().clusters(700).build();
    let root = volume.record_offset(5);
    volume.patch(root, &[0xA5; 4]);
    for files in [
        vec![("a", volume.bytes.clone())],
        vec![("a", volume.bytes.clone()), ("b", vec![0; 512])],
    ] {
        let (opened, mut driver) = open(&files).unwrap();
        let mut validate = opened.validate();
        driver.run(&mut validate, |_| {}).unwrap();
        let findings = &validate.result().unwrap().findings;
        assert!(!findings.is_empty());
        for finding in findings {
            assert_eq!(finding.also_at, None, "{finding:?}");
        }
    }
}
