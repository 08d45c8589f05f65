//! The volumes of the matrix.

use super::{
    contents,
    volume::{Device, KIB, MIB, Recipe, Volume},
};

/// The longest file of the common Linux filesystems, and of NTFS with 4 KiB clusters, to within a few of them.
const GIANT: u64 = (16 << 40) - 64 * KIB;

pub(crate) fn giant() -> Recipe {
    Recipe {
        size: GIANT,
        fill: contents::giant,
        ..Recipe::plain("16-tebibytes")
    }
}

pub(crate) fn recipes() -> Vec<Recipe> {
    [geometries(), devices(), fillings()].concat()
}

fn geometries() -> Vec<Recipe> {
    let of = |name, sector_size, cluster_size| Recipe {
        sector_size,
        cluster_size,
        // Some 40 pieces of `everyday` take clusters of their own.
        size: (80 * cluster_size).max(32 * MIB),
        ..Recipe::plain(name)
    };
    vec![
        of("cluster-512", 512, 512),
        of("cluster-1k", 512, KIB),
        of("cluster-2k", 512, 2 * KIB),
        of("cluster-4k", 512, 4 * KIB),
        of("cluster-8k", 512, 8 * KIB),
        of("cluster-16k", 512, 16 * KIB),
        of("cluster-32k", 512, 32 * KIB),
        of("cluster-64k", 512, 64 * KIB),
        of("cluster-128k", 512, 128 * KIB),
        of("cluster-256k", 512, 256 * KIB),
        of("cluster-512k", 512, 512 * KIB),
        of("cluster-1m", 512, MIB),
        of("cluster-2m", 512, 2 * MIB),
        of("sector-1k-cluster-1k", KIB, KIB),
        of("sector-1k-cluster-4k", KIB, 4 * KIB),
        of("sector-2k-cluster-2k", 2 * KIB, 2 * KIB),
        of("sector-2k-cluster-64k", 2 * KIB, 64 * KIB),
        of("sector-4k-cluster-4k", 4 * KIB, 4 * KIB),
        of("sector-4k-cluster-64k", 4 * KIB, 64 * KIB),
        of("sector-4k-cluster-2m", 4 * KIB, 2 * MIB),
    ]
}

fn devices() -> Vec<Recipe> {
    let of = |name, cluster_size, size, device| Recipe {
        cluster_size,
        size,
        device,
        ..Recipe::plain(name)
    };
    let size = 24 * MIB;
    vec![
        of("tail-of-one-sector", 4 * KIB, size + 512, Device::Same),
        of(
            "tail-of-three-sectors",
            4 * KIB,
            size + 3 * 512,
            Device::Same,
        ),
        of(
            "tail-of-a-cluster-less-a-sector",
            64 * KIB,
            size - 512,
            Device::Same,
        ),
        of(
            "device-longer-by-a-sector",
            4 * KIB,
            size,
            Device::LongerBy(512),
        ),
        of(
            "device-longer-by-five-clusters",
            4 * KIB,
            size,
            Device::LongerBy(20 * KIB),
        ),
        of(
            "device-longer-by-5-mib",
            8 * KIB,
            size,
            Device::LongerBy(5 * MIB),
        ),
        of(
            "device-grown-by-odd-bytes",
            4 * KIB,
            size,
            Device::GrownBy(100),
        ),
        of(
            "device-grown-by-clusters-and-bytes",
            KIB,
            size,
            Device::GrownBy(3333),
        ),
        of(
            "device-exactly-the-clusters",
            4 * KIB,
            size,
            Device::ExactlyTheClusters,
        ),
        of(
            "device-exactly-the-large-clusters",
            64 * KIB,
            size,
            Device::ExactlyTheClusters,
        ),
    ]
}

fn fillings() -> Vec<Recipe> {
    let of = |name, size, fill, check| Recipe {
        size,
        fill,
        check,
        ..Recipe::plain(name)
    };
    let unchecked: fn(&Volume) = |_| ();
    vec![
        of("empty", 32 * MIB, contents::nothing, unchecked),
        of("empty-2-mib", 2 * MIB, contents::nothing, unchecked),
        of("full-2-mib", 2 * MIB, contents::nearly_full, unchecked),
        of("nearly-full", 48 * MIB, contents::nearly_full, unchecked),
        of("hard-links", 8 * MIB, contents::hard_links, unchecked),
        of("streams", 8 * MIB, contents::streams, unchecked),
        of("compressed", 16 * MIB, contents::compressed, |volume| {
            // Each compression unit of 16 clusters that shrank ends in a hole of its own.
            assert_runs(volume, ["--file", "/compressed/text"], 4);
        }),
        of("sparse", 16 * MIB, contents::sparse, |volume| {
            assert_runs(volume, ["--file", "/sparse.bin"], 5);
        }),
        of("fragmented", 16 * MIB, contents::fragmented, |volume| {
            assert_runs(volume, ["--file", "/fragmented 1.bin"], 3);
        }),
        of(
            "huge-directory",
            32 * MIB,
            contents::huge_directory,
            unchecked,
        ),
        of(
            "shrunk-directory",
            32 * MIB,
            contents::shrunk_directory,
            unchecked,
        ),
        of(
            "attribute-list",
            24 * MIB,
            contents::attribute_list,
            |volume| {
                assert_attribute_list(volume, ["--file", "/scattered.bin"]);
            },
        ),
        Recipe {
            cluster_size: 512,
            ..of(
                "attribute-list-of-small-clusters",
                24 * MIB,
                contents::attribute_list,
                |volume| {
                    assert_attribute_list(volume, ["--file", "/scattered.bin"]);
                },
            )
        },
        of(
            "fragmented-mft",
            24 * MIB,
            contents::fragmented_mft,
            |volume| {
                assert_attribute_list(volume, ["--inode", "0"]);
            },
        ),
        Recipe {
            cluster_size: KIB,
            ..of(
                "fragmented-mft-of-small-clusters",
                24 * MIB,
                contents::fragmented_mft,
                |volume| {
                    assert_attribute_list(volume, ["--inode", "0"]);
                },
            )
        },
    ]
}

/// Whether the file has at least so many runs, all attributes together.
fn assert_runs(volume: &Volume, file: [&str; 2], least: u64) {
    let info = volume.info(file);
    let runs = info
        .lines()
        .find_map(|line| line.strip_prefix("Total runs: "))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    assert!(
        runs.is_some_and(|runs| runs >= least),
        "{file:?} has {runs:?} runs; the recipe is for at least {least}:\n{info}"
    );
}

/// Whether the runs of the file need more than one record.
fn assert_attribute_list(volume: &Volume, file: [&str; 2]) {
    let info = volume.info(file);
    assert!(
        info.contains("$ATTRIBUTE_LIST (0x20)"),
        "{file:?} has no attribute list:\n{info}"
    );
}
