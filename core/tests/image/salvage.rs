//! What is found in damaged images: all that the damage left, each cluster at its place.

use core::iter;
use core::ops::Range;
use std::sync::Arc;

use ntfs_volume_builder as build;
use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::salvage::Ending;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt, Source};
use ntfsclone_core::ranges::{overlapping, stretch};
use ntfsclone_core::salvage::{DamagedVolume, SalvagedImage, find_header, salvage_image};
use ntfsclone_core::units::Lcn;

use crate::copies::{image_of, restored};
use crate::encoded::Encoded;
use crate::volumes::expected;

struct Image {
    bytes: Vec<u8>,
    absent: Vec<Range<u64>>,
}

impl ReadAt for Image {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.bytes.read_exact_at(offset, buf)?;
        let end = offset + buf.len() as u64;
        for part in overlapping(&self.absent, &(offset..end)) {
            buf[(part.start - offset) as usize..(part.end - offset) as usize].fill(0xAA);
        }
        Ok(())
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        Ok(match stretch(&self.absent, &(offset..self.size())) {
            (true, len) => ByteExtent::Absent { len },
            (false, len) => ByteExtent::Data { len },
        })
    }
}

/// What came of it, in bytes of the volume.
#[derive(Debug, Default)]
struct Outcome {
    /// In use, and not there.
    missing: u64,
    /// Not what they were, and not said to be missing.
    wrong: u64,
    /// In clusters that may be damaged.
    doubtful: u64,
}

fn salvage(built: &build::Volume, bytes: Vec<u8>, absent: Vec<Range<u64>>) -> Outcome {
    let image: Source = Arc::new(Image { bytes, absent });
    let header = find_header(&image).unwrap().header;
    let SalvagedImage { found, .. } =
        salvage_image(&image, header, Ending::WithSource, |_| {}).unwrap();
    let volume = DamagedVolume::in_image(image, &found);
    let mut original = expected(built);
    // A header that is damaged may have more.
    original.resize(original.len().max(volume.size() as usize), 0);
    let mut device = vec![0; volume.size() as usize];
    volume.read_exact_at(0, &mut device).unwrap();

    let cluster_size = u64::from(header.cluster_size);
    let is_used = |at: u64| {
        let lcn = at / cluster_size;
        lcn >= header.nr_clusters || built.used.iter().any(|used| used.contains(&lcn))
    };
    let is_missing = |at: u64| volume.missing().iter().any(|part| part.contains(&at));
    let mut outcome = Outcome::default();
    for (at, byte) in (0..).zip(&device) {
        if *byte == original[at as usize] && !is_missing(at) {
            continue;
        }
        match is_missing(at) {
            true if is_used(at) => outcome.missing += 1,
            true => {}
            false => outcome.wrong += 1,
        }
    }
    for extent in &found.doubtful {
        outcome.doubtful += extent.len * cluster_size;
    }
    outcome
}

fn builder() -> VolumeBuilder {
    VolumeBuilder::new()
        .fill_free(0xE5)
        .file(
            "pieces",
            FileData::Fragmented {
                bytes: pattern(1, 100_000),
                pieces: 7,
            },
        )
        .file("zeros", FileData::Bytes(vec![0; 60_000]))
        .file("ones", FileData::Bytes(vec![1; 30_000]))
        .file("big", FileData::Bytes(pattern(2, 300_000)))
}

/// Where the commands are, and whether each is a gap.
fn commands(image: &[u8]) -> Vec<(usize, bool)> {
    let header = Header::read(image).unwrap();
    let mut commands = Vec::new();
    let mut at = header.data_offset as usize;
    while at < image.len() {
        let is_gap = image[at] == 0;
        commands.push((at, is_gap));
        at += if is_gap {
            9
        } else {
            1 + header.cluster_size as usize
        };
    }
    commands
}

#[test]
fn an_unreadable_page_costs_itself_wherever_it_is() {
    let built = builder().build();
    let image = image_of(&built);
    for page in [512_u64, 4096] {
        let pages = (0..image.len() as u64).step_by(page as usize);
        for start in pages.step_by(if page == 512 { 29 } else { 1 }) {
            let end = (start + page).min(image.len() as u64);
            let absent = iter::once(start..end).collect();
            let outcome = salvage(&built, image.clone(), absent);
            assert_eq!(outcome.wrong, 0, "{start:#x}: {outcome:?}");
            assert_eq!(outcome.doubtful, 0, "{start:#x}: {outcome:?}");
            assert!(outcome.missing <= page, "{start:#x}: {outcome:?}");
        }
    }
}

#[test]
fn unreadable_areas_cost_themselves() {
    let built = builder().build();
    let image = image_of(&built);
    let size = image.len() as u64;
    for len in [10_000, 40_000, 131_072] {
        for start in (8192..size).step_by(70_001) {
            let absent = iter::once(start..(start + len).min(size)).collect();
            let outcome = salvage(&built, image.clone(), absent);
            assert_eq!(outcome.wrong, 0, "{start:#x}, {len}: {outcome:?}");
            // Of an area with the bitmap in it, nothing tells what was in it.
            assert!(
                outcome.missing <= len + 8192,
                "{start:#x}, {len}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_cut_costs_what_is_behind_it() {
    let built = builder().build();
    let image = image_of(&built);
    for len in (5000..image.len()).step_by(19_997) {
        let outcome = salvage(&built, image[..len].to_vec(), Vec::new());
        assert_eq!(outcome.wrong, 0, "{len:#x}: {outcome:?}");
        let behind = (image.len() - len) as u64;
        assert!(outcome.missing <= behind, "{len:#x}: {outcome:?}");
    }
}

#[test]
fn damaged_commands_cost_nothing() {
    let built = builder().build();
    let image = image_of(&built);
    for (at, is_gap) in commands(&image) {
        for flip in [1, 2, 0x80] {
            let mut bytes = image.clone();
            bytes[at] ^= flip;
            let outcome = salvage(&built, bytes, Vec::new());
            let limit = if is_gap { 0 } else { 4096 };
            assert_eq!(
                (outcome.wrong, outcome.missing),
                (0, 0),
                "{at:#x} {is_gap} ^ {flip:#x}: {outcome:?}"
            );
            assert!(outcome.doubtful <= limit, "{at:#x} {is_gap}: {outcome:?}");
        }
    }
}

#[test]
fn damaged_counts_of_gaps_cost_nothing() {
    let built = builder().build();
    let image = image_of(&built);
    for (at, _) in commands(&image).into_iter().filter(|(_, is_gap)| *is_gap) {
        for (byte, flip) in [(1, 1), (1, 0x10), (2, 1), (3, 1), (8, 0x80)] {
            let mut bytes = image.clone();
            bytes[at + byte] ^= flip;
            let outcome = salvage(&built, bytes, Vec::new());
            assert_eq!(
                (outcome.wrong, outcome.missing, outcome.doubtful),
                (0, 0, 0),
                "{at:#x} + {byte} ^ {flip:#x}"
            );
        }
    }
}

/// The zeros themselves look like content; what they were is not known.
#[test]
fn commands_are_found_again_after_what_was_overwritten() {
    let built = builder().build();
    let image = image_of(&built);
    for value in [0, 0xFF, 1] {
        for start in (6000..image.len() - 40_000).step_by(61_000) {
            let mut bytes = image.clone();
            bytes[start..start + 33_000].fill(value);
            let outcome = salvage(&built, bytes, Vec::new());
            let lost = outcome.wrong + outcome.missing;
            assert!(
                lost <= 33_000 + 4 * 4096,
                "{start:#x}, {value}: {outcome:?}"
            );
        }
    }
}

#[test]
fn bytes_too_few_or_too_many_cost_the_cluster_they_are_in() {
    let built = builder().build();
    let image = image_of(&built);
    for at in (20_000..image.len() - 60_000).step_by(61_000) {
        let mut less = image.clone();
        less.remove(at);
        let mut more = image.clone();
        more.insert(at, 0x55);
        for bytes in [less, more] {
            let outcome = salvage(&built, bytes, Vec::new());
            let lost = outcome.wrong + outcome.missing;
            assert!(lost <= 3 * 4096, "{at:#x}: {outcome:?}");
        }
    }
}

#[test]
fn a_damaged_header_is_replaced_by_the_boot_sector() {
    let built = builder().build();
    let image = image_of(&built);
    for at in [0, 5, 16, 19, 20, 21, 24, 28, 31, 33, 46, 48] {
        let mut bytes = image.clone();
        bytes[at] ^= 0x10;
        let outcome = salvage(&built, bytes, Vec::new());
        assert_eq!(outcome.wrong, 0, "{at}: {outcome:?}");
        assert!(outcome.missing <= 4096, "{at}: {outcome:?}");
    }
}

/// Its clusters come in the order of the files, and the first ones may be the highest.
#[test]
fn metadata_that_leads_back_at_once_is_whole() {
    let header = Header::new(256, 10 * 256, 10, 5);
    let mut encoder = Encoded::new(&header);
    for lcn in [7, 2, 3, 9, 0] {
        encoder.clusters(Lcn(lcn), &[lcn as u8; 256]);
    }
    let image: Source = Arc::new(Image {
        bytes: encoder.tail(&[]),
        absent: Vec::new(),
    });
    let salvaged = salvage_image(&image, header, Ending::WithSource, |_| {}).unwrap();
    let found = salvaged.found;
    assert!(found.is_whole() && !found.is_ordinary);
    let clusters: Vec<u64> = found
        .index
        .extents()
        .flat_map(|extent| extent.start.0..extent.end().0)
        .collect();
    assert_eq!(clusters, [0, 2, 3, 7, 9]);
}

#[test]
fn a_sound_image_is_whole() {
    for builder in [
        builder(),
        builder().device_tail(0),
        builder().device_tail(8),
        builder().bytes_per_sector(4096),
        VolumeBuilder::new().cluster_size(65_536).clusters(64),
    ] {
        let built = builder.build();
        let image = image_of(&built);
        assert_eq!(restored(&built).len() as u64, {
            let header = Header::read(&*image).unwrap();
            header.nr_clusters * u64::from(header.cluster_size) + header.tail_size()
        });
        let outcome = salvage(&built, image, Vec::new());
        assert_eq!(
            (outcome.wrong, outcome.missing, outcome.doubtful),
            (0, 0, 0)
        );
    }
}
