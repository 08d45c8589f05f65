//! Small volumes made in memory, and what the copies of them must be, worked out without any program.

use super::scene::Scene;
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, pattern};
use std::ops::Range;

/// 2 MiB, mostly free; what is free is not zero, so that copying it would show.
pub(crate) fn builder() -> VolumeBuilder {
    VolumeBuilder::new()
        .label("TEST")
        .fill_free(0xe5)
        .file("docs/hello.txt", FileData::Resident(b"hello".to_vec()))
        .file(
            "docs/pieces.bin",
            FileData::Fragmented {
                bytes: pattern(1, 60_000),
                pieces: 5,
            },
        )
        .file("big.bin", FileData::Bytes(pattern(2, 100_000)))
}

pub(crate) fn volume() -> Volume {
    builder().build()
}

/// A folder with the volume as `volume`, its image as `image`, and one that was `cut` short.
pub(crate) fn scene() -> Scene {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let image = image_of(&volume);
    scene.write("image", &image);
    scene.write("cut", &image[..image.len() - 100]);
    scene
}

/// What to do about a damaged image.
pub(crate) const DAMAGED: &str = "was it written or fetched completely? Take another copy of it, \
     or restore what there is with --restore-image --rescue";

/// The error for `cut`, by the name it was given.
pub(crate) fn cut_error(scene: &Scene, name: &str) -> String {
    format!("{name}: {}", truncated(&scene.read("cut")))
}

/// What is said of an image of version 10.1 that ends too early.
pub(crate) fn truncated(cut: &[u8]) -> String {
    format!("{}{}", ends_after(cut.len()), place_of_end(cut))
}

/// The same, without the place.
pub(crate) fn ends_after(len: usize) -> String {
    let mut digits = len.to_string();
    for place in (1..digits.len()).rev() {
        if (len.to_string().len() - place).is_multiple_of(3) {
            digits.insert(place, ',');
        }
    }
    format!("the image is truncated: it ends after {digits} bytes")
}

fn place_of_end(cut: &[u8]) -> String {
    const HEADER: usize = 56;
    if cut.len() < HEADER {
        return ", inside its header".to_owned();
    }
    let number = |at: usize| u64::from_le_bytes(cut[at..at + 8].try_into().expect("8 bytes"));
    let cluster_size = (number(18) & 0xFFFF_FFFF) as usize;
    let nr_clusters = number(30);
    let (mut at, mut cluster) = (HEADER, 0);
    loop {
        if cluster >= nr_clusters {
            return ", where the backup boot sector is expected".to_owned();
        }
        match cut.get(at) {
            Some(0) if at + 9 <= cut.len() => {
                cluster += number(at + 1);
                at += 9;
            }
            None | Some(0) => return format!(", before cluster {cluster}"),
            Some(_) if at + 1 + cluster_size > cut.len() => {
                return format!(", inside cluster {cluster}");
            }
            Some(_) => {
                cluster += 1;
                at += 1 + cluster_size;
            }
        }
    }
}

/// What a raw clone of it is: used clusters and the tail, zeros between.
pub(crate) fn clone_of(volume: &Volume) -> Vec<u8> {
    let mut clone = vec![0; volume.bytes.len()];
    let size = volume.geometry.cluster_size as usize;
    for cluster in volume.used_clusters() {
        let at = cluster as usize * size;
        let range = at..at + size;
        clone[range.clone()].copy_from_slice(&volume.bytes[range]);
    }
    let tail = volume.geometry.volume_size() as usize;
    clone[tail..].copy_from_slice(&volume.bytes[tail..]);
    clone
}

/// What a copy of it holds of the device: the longest areas, in bytes.
pub(crate) fn areas_of(volume: &Volume) -> Vec<Range<u64>> {
    let geometry = &volume.geometry;
    let size = u64::from(geometry.cluster_size);
    let tail = geometry.volume_size();
    let tail = tail..geometry.device_size().min(tail + size);
    let used = volume.used.iter();
    let used = used.map(|clusters| clusters.start * size..clusters.end * size);
    let mut areas: Vec<Range<u64>> = Vec::new();
    for area in used.chain([tail]).filter(|area| !area.is_empty()) {
        match areas.last_mut() {
            Some(last) if last.end == area.start => last.end = area.end,
            _ => areas.push(area),
        }
    }
    areas
}

/// What its image is.
pub(crate) fn image_of(volume: &Volume) -> Vec<u8> {
    let geometry = &volume.geometry;
    let mut image = header(
        geometry.cluster_size,
        geometry.device_size(),
        geometry.clusters,
        volume.used_clusters().count() as u64,
    );
    let mut position = 0;
    let size = geometry.cluster_size as usize;
    for cluster in volume.used_clusters().chain([geometry.clusters]) {
        if cluster != position {
            image.push(0);
            image.extend((cluster - position).to_le_bytes());
        }
        let at = cluster as usize * size;
        image.push(1);
        image.extend(&volume.bytes[at..volume.bytes.len().min(at + size)]);
        position = cluster + 1;
    }
    image
}

/// The 56 bytes that an image of version 10.1 begins with.
pub(crate) fn header(cluster_size: u32, device_size: u64, nr_clusters: u64, inuse: u64) -> Vec<u8> {
    let mut header = b"\0ntfsclone-image\x0a\x01".to_vec();
    header.extend(cluster_size.to_le_bytes());
    header.extend(device_size.to_le_bytes());
    header.extend(nr_clusters.to_le_bytes());
    header.extend(inuse.to_le_bytes());
    header.extend(56_u32.to_le_bytes());
    header.resize(56, 0);
    header
}
