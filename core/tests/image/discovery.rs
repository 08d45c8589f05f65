//! Indexes found by way of `$Bitmap`: those that a scan makes, or none.

use ntfs_volume_builder::{FileData, MftLayout, Run, VolumeBuilder};
use ntfsclone_core::Error;
use ntfsclone_core::clusters::metadata::{LogFile, MetadataStep, select_metadata};
use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::{Extent, Lcn};
use proptest::prelude::*;

use crate::copies::image_of;
use crate::encoded::Encoded;
use crate::samples::{GEOMETRIES, everything, of_geometry, with_many};
use crate::volumes::expected;

fn found(image: &[u8]) -> Index {
    match Index::discover(image).unwrap() {
        Discovery::Found(index) => index,
        Discovery::Declined(error) => panic!("declined: {error}"),
    }
}

/// Why no index is found by way of `$Bitmap`.
fn declined(image: &[u8]) -> Error {
    match Index::discover(image).unwrap() {
        Discovery::Found(_) => panic!("found"),
        Discovery::Declined(error) => error,
    }
}

/// The index is found, is that of a scan, and leads to the volume.
fn check(builder: &VolumeBuilder) {
    let built = builder.build();
    let image = image_of(&built);
    let index = found(&image);
    assert_eq!(index, Index::scan(&*image, |_| {}).unwrap());

    let reader = Reader::new(&*image, index);
    let mut device = vec![0xEE; reader.size() as usize];
    reader.read_exact_at(0, &mut device).unwrap();
    assert!(device == expected(&built)[..device.len()]);
}

#[test]
fn of_every_geometry() {
    for row in GEOMETRIES {
        check(&with_many(of_geometry(row), 20));
    }
}

#[test]
fn of_all_that_small_volumes_can_hold() {
    let builder = VolumeBuilder::new();
    check(&builder);
    check(&everything());
    check(
        &builder
            .clone()
            .bad_clusters(300..302)
            .bad_clusters(305..400),
    );
    check(&builder.clone().mark_in_bitmap(400..405));
    check(
        &builder
            .clone()
            .file("last", FileData::Runs(vec![Run::at(511, 1)])),
    );
    for tail in [0, 1, 4096, 10_000] {
        check(&builder.clone().device_tail(tail));
    }
    for (pieces, runs_per_record) in [(2, 1), (9, 2)] {
        let layout = MftLayout::AttributeList {
            pieces,
            runs_per_record,
        };
        check(
            &with_many(builder.clone(), 150)
                .clusters(1024)
                .mft_layout(layout),
        );
    }
}

#[test]
fn with_bad_clusters_within_files() {
    let runs = vec![Run::at(290, 10), Run::at(302, 3), Run::at(306, 4)];
    let builder = VolumeBuilder::new().file("a", FileData::Runs(runs));
    check(
        &builder
            .clone()
            .bad_clusters(300..302)
            .bad_clusters(305..306),
    );
    check(&builder.bad_clusters(300..302).bad_clusters(310..330));
}

#[test]
fn of_more_gaps_than_are_looked_at() {
    let runs = (0..2000).map(|n| Run::at(200 + 4 * n, 1)).collect();
    let builder = VolumeBuilder::new()
        .cluster_size(512)
        .clusters(20_000)
        .mft_layout(MftLayout::Runs(vec![Run::at(10_000, 80)]))
        .file("a", FileData::Runs(runs));
    check(&builder);

    // Those on the way to $MFT all are.
    let image = image_of(&builder.build());
    let index = found(&image);
    for number in 500..510 {
        let mut damaged = image.clone();
        for (number, by) in [(number, 1), (number + 1, u8::MAX)] {
            let count = index.runs()[number].offset as usize - 8;
            damaged[count] = damaged[count].wrapping_add(by);
        }
        declined(&damaged);
    }
}

#[test]
fn without_a_tail() {
    let image = image_of(&VolumeBuilder::new().build());
    let mut old = image[..image.len() - 513].to_vec();
    old[17] = 0;
    assert_eq!(found(&old), Index::scan(&*old, |_| {}).unwrap());
    assert_eq!(found(&old).tail(), None);
}

#[test]
fn old_images_are_declined() {
    let mut image = image_of(&VolumeBuilder::new().build());
    image[16] = 3;
    image.drain(46..56);
    assert!(matches!(declined(&image), Error::Unsupported { .. }));
}

#[test]
fn images_of_metadata_are_declined() {
    let built = everything().build();
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let metadata = select_metadata(&volume, LogFile::Start, |_| {}).unwrap();
    let geometry = volume.geometry();
    let size = built.bytes.len() as u64;
    let header = Header::new(512, size, geometry.nr_clusters(), 0);
    let mut encoder = Encoded::new(&header);
    let mut copy = |extent: Extent| {
        let start = geometry.offset(extent.start) as usize;
        let bytes = &built.bytes[start..][..geometry.bytes(extent.len) as usize];
        encoder.clusters(extent.start, bytes);
    };
    for step in &metadata.steps {
        match step {
            MetadataStep::Clusters(extent) => copy(*extent),
            MetadataStep::Records(_, stream) => {
                stream
                    .runs()
                    .iter()
                    .filter_map(|run| run.extent())
                    .for_each(&mut copy);
            }
        }
    }
    let image = encoder.tail(&[0; 512]);
    let index = Index::scan(&*image, |_| {}).unwrap();
    assert!(!index.is_ordinary());
    declined(&image);
}

#[test]
fn a_bitmap_that_does_not_agree() {
    let cleared = VolumeBuilder::new().clear_in_bitmap(0..1).build();
    declined(&image_of(&cleared));

    let image = image_of(&VolumeBuilder::new().build());
    let built = VolumeBuilder::new().build();
    let bitmap = built.runs(6, 0x80, "")[0].lcn.unwrap();
    let index = found(&image);
    let bitmap = index.locate(Lcn(bitmap)).unwrap().offset as usize + 1;
    for lcn in 0..512 {
        let mut flipped = image.clone();
        flipped[bitmap + lcn / 8] ^= 1 << (lcn % 8);
        declined(&flipped);
        // And another, so that as many are in use.
        let other = (lcn + 1..512).find(|other| {
            index.locate(Lcn(*other as u64)).is_some() != index.locate(Lcn(lcn as u64)).is_some()
        });
        if let Some(other) = other {
            flipped[bitmap + other / 8] ^= 1 << (other % 8);
            declined(&flipped);
        }
    }
}

#[test]
fn counts_that_do_not_agree() {
    let image = image_of(&VolumeBuilder::new().build());
    for (at, byte) in [(38, 1), (30, 1), (16, 1)] {
        let mut changed = image.clone();
        changed[at] ^= byte;
        if let Ok(Discovery::Found(_)) = Index::discover(&*changed) {
            panic!("byte {at} was not seen");
        }
    }
    let mut longer = image.clone();
    longer.push(0);
    declined(&longer);
    declined(&image[..image.len() - 1]);
}

/// A source that fails from some position on.
struct Failing<'a> {
    image: &'a [u8],
    good: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is broken")]
struct Broken;

impl ReadAt for Failing<'_> {
    fn size(&self) -> u64 {
        self.image.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match offset + buf.len() as u64 > self.good {
            true => Err(IoError::new(Broken)),
            false => self.image.read_exact_at(offset, buf),
        }
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let image = image_of(&VolumeBuilder::new().build());
    for good in (0..image.len() as u64).step_by(997) {
        let image = &*image;
        match Index::discover(&Failing { image, good }) {
            Err(Error::Io { source, .. }) => assert!(source.downcast_ref::<Broken>().is_some()),
            other => panic!("{good}: {other:?}"),
        }
    }
}

/// How to damage an image; positions are parts of 2^32 of it.
#[derive(Debug, Clone)]
enum Damage {
    Cut(u32),
    Insert(u32, Vec<u8>),
    Remove(u32, usize),
    Set(u32, u8),
    /// The byte of a command, or of the count of a gap.
    Command {
        number: u32,
        byte: usize,
        to: u8,
    },
    /// A gap is made longer, and another shorter.
    Gaps(u32, u32),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let few = prop::collection::vec(any::<u8>(), 1..20);
    prop_oneof![
        any::<u32>().prop_map(Damage::Cut),
        (any::<u32>(), few).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<u32>(), 1_usize..1200).prop_map(|(at, len)| Damage::Remove(at, len)),
        (any::<u32>(), any::<u8>()).prop_map(|(at, to)| Damage::Set(at, to)),
        (
            any::<u32>(),
            0_usize..9,
            prop_oneof![Just(0), Just(1), any::<u8>()]
        )
            .prop_map(|(number, byte, to)| Damage::Command { number, byte, to }),
        (any::<u32>(), any::<u32>()).prop_map(|(one, other)| Damage::Gaps(one, other)),
    ]
}

impl Damage {
    fn to(&self, image: &mut Vec<u8>) {
        let of = |len: usize, part: u32| ((len as u64 * u64::from(part)) >> 32) as usize;
        let at = |part| of(image.len(), part);
        match self {
            Self::Cut(part) => image.truncate(at(*part)),
            Self::Insert(part, bytes) => {
                let at = at(*part);
                image.splice(at..at, bytes.iter().copied());
            }
            Self::Remove(part, len) => {
                let at = at(*part);
                image.drain(at..(at + len).min(image.len()));
            }
            Self::Set(part, to) => {
                let at = at(*part);
                image[at] = *to;
            }
            Self::Command { number, byte, to } => {
                let commands = commands(image);
                let at = commands[of(commands.len(), *number)];
                if let Some(place) = image.get_mut(at + byte) {
                    *place = *to;
                }
            }
            Self::Gaps(one, other) => {
                let gaps = commands(image);
                let gaps: Vec<_> = gaps.into_iter().filter(|at| image[*at] == 0).collect();
                image[gaps[of(gaps.len(), *one)] + 1] += 1;
                image[gaps[of(gaps.len(), *other)] + 1] -= 1;
            }
        }
    }
}

/// Where the commands of a sound image are.
fn commands(image: &[u8]) -> Vec<usize> {
    let index = Index::scan(image, |_| {}).unwrap();
    let stride = index.header().cluster_size as usize + 1;
    let mut commands = Vec::new();
    let mut end = 56;
    for run in index.runs() {
        let start = run.offset as usize;
        commands.extend((end < start).then_some(end));
        end = start + run.extent.len as usize * stride;
        commands.extend((start..end).step_by(stride));
    }
    let tail = index.tail().unwrap() as usize;
    commands.extend((end < tail).then_some(end));
    commands.push(tail);
    commands
}

fn small_images() -> Vec<Vec<u8>> {
    let tiny = VolumeBuilder::new()
        .cluster_size(512)
        .mft_record_size(512)
        .index_record_size(512)
        .clusters(300)
        .log_file_size(512)
        .upcase_length(16)
        .version(1, 2);
    let runs = (0..20).map(|n| Run::at(290 - 4 * n, 1 + n % 3)).collect();
    let volumes = [
        tiny.clone().bad_clusters(295..298).build(),
        tiny.clone().file("a", FileData::Runs(runs)).build(),
        // All of the data looks like commands.
        tiny.clone()
            .mft_layout(MftLayout::Runs(vec![Run::at(250, 45)]))
            .file(
                "ones",
                FileData::Placed {
                    runs: vec![Run::at(90, 40), Run::at(140, 100)],
                    bytes: vec![1; 140 * 512],
                },
            )
            .build(),
        tiny.clone()
            .mft_layout(MftLayout::Runs(vec![Run::at(200, 50)]))
            .build(),
    ];
    volumes.iter().map(image_of).collect()
}

#[test]
fn of_data_that_looks_like_commands() {
    for image in small_images() {
        assert_eq!(found(&image), Index::scan(&*image, |_| {}).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn of_damaged_images(
        image in prop::sample::select(small_images()),
        damage in any_damage(),
    ) {
        let mut image = image;
        damage.to(&mut image);
        let scanned = Index::scan(&*image, |_| {});
        match Index::discover(&*image) {
            Ok(Discovery::Found(index)) => match scanned {
                Ok(scanned) => prop_assert_eq!(index, scanned),
                // A command in the midst of a run.
                Err(_) => {
                    let reader = Reader::new(&*image, index);
                    let mut device = vec![0; reader.size() as usize];
                    let read = reader.read_exact_at(0, &mut device);
                    prop_assert!(read.is_err(), "read in spite of {:?}", scanned);
                }
            },
            Ok(Discovery::Declined(_)) => {}
            // Of the header.
            Err(error) => {
                prop_assert!(scanned.is_err(), "{}", error);
                prop_assert!(!matches!(error, Error::Io { .. }), "{}", error);
            }
        }
    }
}
