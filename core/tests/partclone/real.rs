//! partclone itself as the oracle, where it is installed: images that it writes are read, and
//! images that the builder makes are good to it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ntfs_volume_builder::{FileData, PartcloneImage, Run, Volume, VolumeBuilder, pattern};
use ntfsclone_core::image::partclone::{Index, Reader};
use ntfsclone_core::io::ReadAt;

use crate::decoded::decode;
use crate::oracle::{Folder, tool};

/// Runs a tool of partclone, which reads `source` and perhaps writes `output`.
fn succeeds(
    tool: &Path,
    folder: &Folder,
    source: &Path,
    output: Option<&Path>,
    options: &[&str],
) -> bool {
    let mut command = Command::new(tool);
    command.args(options).arg("-F").arg("-s").arg(source);
    command.arg("-L").arg(folder.join("log"));
    if let Some(output) = output {
        command.arg("-O").arg(output);
    }
    let run = command.stdin(Stdio::null()).output();
    run.unwrap().status.success()
}

fn volumes() -> Vec<Volume> {
    let files = VolumeBuilder::new()
        .fill_free(0xE5)
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .file("b", FileData::Runs(vec![Run::at(400, 3), Run::at(390, 2)]));
    vec![
        files.clone().build(),
        files.clone().cluster_size(512).clusters(4096).build(),
        files.clone().device_tail(4096).build(),
        files.cluster_size(65_536).clusters(512).build(),
    ]
}

#[test]
fn images_of_partclone_are_read() {
    let Some(partclone) = tool("partclone.ntfs") else {
        return;
    };
    let modes: [&[&str]; 6] = [
        &[],
        &["-a0"],
        &["-a1", "-k1"],
        &["-a1", "-k7"],
        &["-a1", "-k7", "-K"],
        &["-a1", "-k100000"],
    ];
    let volumes = volumes();
    // Each run of partclone sleeps for two seconds.
    std::thread::scope(|scope| {
        for built in &volumes {
            for mode in modes {
                let partclone = &partclone;
                scope.spawn(move || check_image_of_partclone(partclone, mode, built));
            }
        }
    });
}

fn check_image_of_partclone(partclone: &Path, mode: &[&str], built: &Volume) {
    let folder = Folder::new();
    let source = folder.join("volume");
    fs::write(&source, &built.bytes).unwrap();
    let target = folder.join("image");
    let options = [&["-c", "-q", "-I"], mode].concat();
    assert!(succeeds(
        partclone,
        &folder,
        &source,
        Some(&target),
        &options
    ));
    let image = fs::read(&target).unwrap();

    let decoded = decode(image.chunks(10_000)).unwrap();
    assert_eq!(decoded.header().nr_blocks, built.geometry.clusters);
    let mut expected = vec![0; decoded.header().restored_size() as usize];
    let cluster_size = built.geometry.cluster_size as usize;
    for lcn in built.used_clusters() {
        expected[lcn as usize * cluster_size..][..cluster_size].copy_from_slice(built.cluster(lcn));
    }
    assert!(
        decoded.volume() == expected,
        "{mode:?} of {:?}",
        built.geometry
    );
    let index = Index::read(image.as_slice()).unwrap();
    assert_eq!(index.image_size(), image.len() as u64);
    assert_eq!(index.blocks().len(), decoded.header().used);
    let reader = Reader::new(image.as_slice(), index);
    let mut read = vec![0; expected.len()];
    reader.read_exact_at(0, &mut read).unwrap();
    assert!(read == expected, "{mode:?}");
}

/// Not of XXH64 and XXH128, which the packaged partclone does not know, nor of padded version 1.
#[test]
fn made_images_are_good_to_partclone() {
    let (Some(check), Some(restore)) = (tool("partclone.chkimg"), tool("partclone.restore")) else {
        return;
    };
    let built = &volumes()[0];
    let modes = [
        PartcloneImage::version_1(0),
        PartcloneImage::version_2(),
        PartcloneImage {
            reseed: false,
            ..PartcloneImage::version_2()
        },
        PartcloneImage {
            checksum_mode: 0,
            ..PartcloneImage::version_2()
        },
        PartcloneImage {
            bitmap_mode: 8,
            ..PartcloneImage::version_2()
        },
        PartcloneImage {
            bitmap_mode: 0,
            ..PartcloneImage::version_2()
        },
    ];
    std::thread::scope(|scope| {
        for mode in &modes {
            let (check, restore) = (&check, &restore);
            scope.spawn(move || check_by_partclone(check, restore, mode, built));
        }
    });
}

fn check_by_partclone(check: &Path, restore: &Path, mode: &PartcloneImage, built: &Volume) {
    let folder = Folder::new();
    let image = mode.of_volume(built);
    let source = folder.join("image");
    fs::write(&source, &image).unwrap();
    assert!(succeeds(check, &folder, &source, None, &["-B"]), "{mode:?}");
    let target = folder.join("volume");
    let options = ["-W", "-C", "-q"];
    assert!(
        succeeds(restore, &folder, &source, Some(&target), &options),
        "{mode:?}"
    );
    let restored = fs::read(&target).unwrap();
    let ours = decode([image.as_slice()]).unwrap().volume();
    let shared = built.geometry.volume_size() as usize;
    assert!(restored[..shared] == ours[..shared], "{mode:?}");
}
