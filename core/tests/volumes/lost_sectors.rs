//! Sectors that cannot be read, anywhere: no cluster is missed that was in use.

use std::sync::LazyLock;

use ntfs_volume_builder as build;
use ntfs_volume_builder::{File, MftLayout, VolumeBuilder};
use ntfsclone_core::ntfs::Volume;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::salvage::{lose, salvage};
use crate::samples::{everything, fragmented, of_geometry, with_many};

/// Small volumes with all that may be damaged, `$MFT`, files, directories and
/// attribute lists in pieces.
static SOUND: LazyLock<Vec<build::Volume>> = LazyLock::new(|| {
    let in_pieces = with_many(VolumeBuilder::new(), 30)
        .mft_layout(MftLayout::Fragmented(4))
        .cluster_size(1024)
        .clusters(3000)
        .index_pieces(3)
        .file("f", File::new().data(fragmented(9, 1024)))
        .build();
    let large_clusters = of_geometry(&(512, 65_536, 1024, 4096, 64)).build();
    vec![everything().build(), in_pieces, large_clusters]
});

/// The sectors that tell which clusters are in use: boot sectors, `$MFT`,
/// `$MFTMirr`, `$Bitmap` and attribute lists.
fn telling_sectors(built: &build::Volume) -> Vec<u64> {
    let mut sectors = vec![0, built.bytes.len() as u64 / 512 - 1];
    let cluster_size = u64::from(built.geometry.cluster_size);
    let numbers = 0..built.mft_records;
    let streams = [(0, 0x80), (1, 0x80), (6, 0x80)];
    for (number, kind) in streams.into_iter().chain(numbers.map(|n| (n, 0x20))) {
        for run in built.runs(number, kind, "") {
            let Some(lcn) = run.lcn else { continue };
            let bytes = lcn * cluster_size..(lcn + run.length) * cluster_size;
            sectors.extend(bytes.start / 512..bytes.end / 512);
        }
    }
    sectors
}

fn without(built: &build::Volume, sectors: &[u64]) -> Vec<u8> {
    let mut built = built.clone();
    for sector in sectors {
        lose(&mut built, sector * 512..(sector + 1) * 512);
    }
    built.bytes
}

#[test]
fn every_single_sector_may_be_lost() {
    for built in SOUND.iter() {
        for sector in telling_sectors(built) {
            salvage(
                &format!("sector {sector}"),
                &without(built, &[sector]),
                &built.used,
            );
        }
    }
}

proptest! {
    #[test]
    fn any_sectors_may_be_lost(
        volume in select(&[0_usize, 1, 2]),
        telling in prop::collection::vec(any::<Index>(), 0..12),
        others in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let built = &SOUND[volume];
        let sectors = telling_sectors(built);
        let mut lost: Vec<u64> = telling.iter().map(|at| *at.get(&sectors)).collect();
        lost.extend(others.iter().map(|at| at.index(built.bytes.len() / 512) as u64));
        let bytes = without(built, &lost);
        let last = built.bytes.len() as u64 / 512 - 1;
        match lost.contains(&0) && lost.contains(&last) {
            false => {
                salvage(&format!("{lost:?}"), &bytes, &built.used);
            }
            true => prop_assert!(Volume::salvage(bytes.as_slice()).is_err()),
        }
    }
}
