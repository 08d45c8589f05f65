//! Images of partclone that are written here, read again here and by partclone.

use std::fs;

use ntfs_volume_builder as build;
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::Decoder;
use ntfsclone_core::write::{PARTCLONE, Partitioning};

use crate::encoding::{encode, plan, volumes};
use crate::oracle::{Folder, tool};
use crate::run::run;

fn image(built: &build::Volume) -> Vec<u8> {
    encode(&PARTCLONE, built, Partitioning::None, 1 << 18)
}

/// The clusters of the volume: zeros where they are free.
fn clusters(built: &build::Volume) -> Vec<u8> {
    let mut volume = vec![0; built.geometry.volume_size() as usize];
    for (offset, len) in plan(built).ranges() {
        let range = offset as usize..(offset + len) as usize;
        if range.end <= volume.len() {
            volume[range.clone()].copy_from_slice(&built.bytes[range]);
        }
    }
    volume
}

#[test]
fn images_are_read_again_with_all_their_checksums() {
    for (name, built) in volumes() {
        let image = image(&built);
        let mut volume = vec![0; built.geometry.volume_size() as usize];
        let mut decoder = Decoder::new();
        let mut input = &image[..];
        loop {
            match decoder.next(&mut input).unwrap() {
                Event::Header(header) => {
                    assert_eq!(header.device_size, built.bytes.len() as u64, "{name}");
                    assert!(header.checksums.is_some(), "{name}");
                }
                Event::Data { offset, bytes } => {
                    volume[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                }
                Event::NeedInput => break,
                Event::End => {
                    assert!(input.is_empty(), "{name}");
                    break;
                }
            }
        }
        decoder.end_of_input().unwrap();
        assert!(volume == clusters(&built), "{name}");
    }
}

#[test]
fn partclone_checks_and_restores_them() {
    let (Some(chkimg), Some(restore)) = (tool("partclone.chkimg"), tool("partclone.restore"))
    else {
        return;
    };
    let volumes = volumes();
    // Each run of partclone sleeps for two seconds.
    std::thread::scope(|scope| {
        for (name, built) in &volumes {
            let (chkimg, restore) = (&chkimg, &restore);
            scope.spawn(move || {
                let folder = Folder::new();
                let file = folder.join("image");
                std::fs::write(&file, image(built)).unwrap();
                let log = folder.join("log");
                run(chkimg, "-F -q -s", &[&file, "-L".as_ref(), &log]);
                let target = folder.join("target");
                std::fs::write(&target, vec![0; built.bytes.len()]).unwrap();
                let files = [&*file, "-L".as_ref(), &log, "-O".as_ref(), &target];
                run(restore, "-F -q -C -s", &files);
                let found = fs::read(&target).unwrap();
                let expected = clusters(built);
                assert!(found[..expected.len()] == expected, "{name}");
            });
        }
    });
}
