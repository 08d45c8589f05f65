//! `ntfsclone map`: what a copy would read, exactly, in forms that other programs take.

use crate::support::{
    compare::{assert_same_start, length},
    domain::{Bmap, JsonMap, read_mapfile},
    image::Image,
    large_volume,
    program::{call, finish, ours, printed, succeed, tool},
    requirements::{MAP_READERS, Need, VOLUMES, met_here},
    scene::Scene,
    scratch_directory,
    small_volume::{self, areas_of, builder},
    volume_table,
};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, pattern};
use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader},
    ops::Range,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::Command,
};

/// Volumes of every kind of end, and of clusters smaller and larger than the blocks of a block map.
fn volumes() -> Vec<(&'static str, Volume)> {
    let of_clusters = |size: u32, count| {
        let content = |seed| FileData::Fragmented {
            bytes: pattern(seed, size as usize + 100),
            pieces: 2,
        };
        let builder = VolumeBuilder::new().cluster_size(size).clusters(count);
        let builder = builder.fill_free(0xe5).file("first", content(1));
        builder.file("second", content(2))
    };
    vec![
        ("4 KiB", builder().build()),
        ("512 bytes", of_clusters(512, 4096).build()),
        ("64 KiB", of_clusters(64 << 10, 128).build()),
        ("2 MiB", of_clusters(2 << 20, 48).build()),
        ("no tail", builder().device_tail(0).build()),
        ("odd tail", builder().device_tail(700).build()),
        (
            "long tail",
            builder().extra_sectors(5).device_tail(4096).build(),
        ),
        (
            "tail of more than a cluster",
            builder().device_tail(40_000).build(),
        ),
        ("bad clusters", builder().bad_clusters(300..310).build()),
        (
            "only in $Bitmap",
            builder().mark_in_bitmap(511..512).build(),
        ),
    ]
}

#[test]
fn every_form_says_what_a_copy_reads() {
    for (name, mut volume) in volumes() {
        let scene = Scene::with_volume(&volume.bytes);
        if name == "only in $Bitmap" {
            volume.used.push(511..512);
        }
        let areas = check_forms(name, &scene.path("volume"));
        assert_eq!(areas, areas_of(&volume), "{name}");
    }
}

/// Compares the areas of all forms with those of an image, and returns them.
fn check_forms(name: &str, source: &Path) -> Vec<Range<u64>> {
    let map = |format: &str| {
        let options = format!("map -q --format {format}");
        succeed(call(ours, &options, &[source])).stdout
    };
    let image = succeed(call(ours, "-q -s -o -", &[source])).stdout;
    let expected = Image::parse(&image).areas();
    let size = length(source);

    let json = JsonMap::parse(&map("json"));
    assert_eq!(json.areas(), expected, "{name}, json");
    assert_eq!(json.source, source.display().to_string(), "{name}");
    assert_eq!(json.size, size, "{name}, json");
    assert!(
        json.within.is_none() && json.partitions.is_empty(),
        "{name}"
    );

    let mut areas = Vec::new();
    let end = read_mapfile(&map("ddrescue")[..], |area| areas.push(area));
    assert_eq!(areas, expected, "{name}, ddrescue");
    assert_eq!(end, size, "{name}, ddrescue");

    let bmap = Bmap::parse(&map("bmap"));
    let block = bmap.block_size;
    let cluster_size = json.cluster_size.expect("there is one volume");
    assert_eq!(block, cluster_size.min(4096), "{name}, bmap");
    assert_eq!(bmap.image_size, size, "{name}, bmap");
    assert_eq!(bmap.blocks_count, size.div_ceil(block), "{name}, bmap");
    let blocks = expected.iter();
    let blocks = blocks.map(|area| area.start / block..area.end.div_ceil(block));
    assert_eq!(bmap.ranges, blocks.collect::<Vec<_>>(), "{name}, bmap");
    let mapped: u64 = bmap
        .ranges
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    assert_eq!(bmap.mapped_blocks_count, mapped, "{name}, bmap");
    areas
}

#[test]
fn other_programs_copy_as_we_do() {
    if !met_here(MAP_READERS) {
        return;
    }
    for (name, volume) in volumes() {
        let scene = Scene::with_volume(&volume.bytes);
        check_copies(name, &scene.path("volume"));
    }
}

#[test]
fn other_programs_copy_volumes_of_mkntfs_as_we_do() {
    if !met_here(&[VOLUMES, MAP_READERS].concat()) {
        return;
    }
    let names = [
        "cluster-512",
        "cluster-64k",
        "cluster-2m",
        "tail-of-three-sectors",
        "device-longer-by-5-mib",
        "device-grown-by-clusters-and-bytes",
        "device-exactly-the-large-clusters",
        "fragmented",
        "attribute-list",
    ];
    for name in names {
        let recipes = volume_table::recipes();
        let recipe = recipes.iter().find(|recipe| recipe.name == name);
        let volume = recipe.unwrap_or_else(|| panic!("no recipe {name}")).make();
        check_forms(name, &volume.path());
        check_copies(name, &volume.path());
    }
}

/// From the folder of real_volumes.rs, where it is there.
#[test]
fn other_programs_copy_volumes_of_windows_as_we_do() {
    let folder = env::var_os("NTFSCLONE_VOLUMES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/volumes"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        eprintln!("skipped: there is no {}", folder.display());
        return;
    }
    if !met_here(&[MAP_READERS, &[Need::Tool("zstd")]].concat()) {
        return;
    }
    for name in ["dissect-ntfs", "jnode-links", "msft-bootsdi", "tsk7-undel"] {
        let compressed = folder.join(format!("{name}.ntfs.zst"));
        if !compressed.exists() {
            eprintln!("skipped: there is no {}", compressed.display());
            continue;
        }
        let scratch = scratch_directory();
        let volume = scratch.path().join("volume");
        let mut unpack = tool("zstd", ["-q", "-d", "--sparse", "--long=27", "-o"]);
        unpack.arg(&volume).arg(compressed);
        succeed(unpack);
        check_forms(name, &volume);
        check_copies(name, &volume);
    }
}

/// Copies by our maps equal our clone, byte for byte. Where free space is not zero, that tells that they read no more.
fn check_copies(name: &str, source: &Path) {
    let folder = scratch_directory();
    let beside = |name: &str| folder.path().join(name);
    let [clone, domain, bmap] = ["clone", "domain", "bmap"].map(beside);
    succeed(call(ours, "-q -o", &[&clone, source]));
    succeed(call(ours, "map -q -o", &[&domain, source]));
    succeed(call(ours, "map -q --format bmap -o", &[&bmap, source]));

    let [copy, log] = ["ddrescue's copy", "log"].map(beside);
    let mut command = tool("ddrescue", ["-q", "-m"]);
    command.args([&domain, source, &copy, &log]);
    succeed(command);
    // It ends with the last byte in use, ours where the volume ends.
    assert!(length(&copy) <= length(&clone), "{name}, ddrescue");
    assert_same_start(name, &copy, &clone, length(&clone));
    let [found, expected] = [&copy, &clone].map(|path| {
        let metadata = fs::metadata(path);
        metadata.expect("it was written").blocks() * 512
    });
    assert!(found <= expected + (1 << 20), "{name}: it is not sparse");

    let copy = beside("bmaptool's copy");
    succeed(bmaptool(&bmap, source, &copy));
    // As long as the source.
    assert_eq!(length(&copy), length(source), "{name}, bmaptool");
    assert_same_start(name, &copy, &clone, length(&copy));

    let text = fs::read_to_string(&bmap).expect("it was written");
    let damaged = text.replacen("<Range> 0", "<Range> 1", 1);
    assert_ne!(damaged, text, "{name}: the first cluster is in use");
    fs::write(&bmap, damaged).expect("cannot write a file");
    let refusal = finish(bmaptool(&bmap, source, &beside("nothing")));
    assert!(!refusal.status.success(), "{name}");
    let refusal = printed(&refusal);
    assert!(refusal.contains("checksum mismatch"), "{name}: {refusal}");
}

fn bmaptool(bmap: &Path, source: &Path, copy: &Path) -> Command {
    let mut command = tool("bmaptool", ["-q", "copy", "--bmap"]);
    command.args([bmap, source, copy]);
    command
}

/// A name is no place to write lines of a map into, and need not be text.
#[test]
fn names_are_escaped() {
    let volume = small_volume::volume();
    let scene = Scene::new();
    for name in [&b"a\n0x0 0x1 +\n\"--><&"[..], b"\xff"] {
        let path = scene.path("x").with_file_name(OsStr::from_bytes(name));
        fs::write(&path, &volume.bytes).expect("cannot write a file");
        let areas = check_forms(&format!("{path:?}"), &path);
        assert_eq!(areas, areas_of(&volume), "{path:?}");
    }
}

/// Millions of areas, in no more memory than few.
#[test]
fn sixteen_tebibytes_in_small_memory() {
    const SIZE: u64 = (16 << 40) - (2 << 20);
    /// For stacks, buffers and the cluster map; less than a list of the areas would take.
    const KIB_OF_DATA: u64 = 40 << 10;
    let scene = Scene::new();
    large_volume::write_scattered(&scene.path("volume"), SIZE);
    let mut areas = 0;
    for format in ["ddrescue", "bmap", "json"] {
        let line = format!("map -q --format {format} -o {format} volume");
        let command = scene.command(ours, &line);
        let mut shell = Command::new("sh");
        shell.current_dir(scene.path("."));
        let limited = format!("ulimit -d {KIB_OF_DATA} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limited]);
        shell.arg(command.get_program()).args(command.get_args());
        let outcome = scene.run_command(shell, &[]);
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        println!("16 TiB: {format} in {:.1} s", outcome.took().as_secs_f64());
        assert!(
            outcome.took().as_secs() < 60,
            "{line}: {:?}",
            outcome.took()
        );
        let file = File::open(scene.path(format)).expect("it was written");
        match format {
            "ddrescue" => {
                let end = read_mapfile(BufReader::new(file), |_| areas += 1);
                assert_eq!(end, SIZE + 512);
                assert!(areas > 4_000_000, "{areas} areas");
            }
            "bmap" => {
                let ranges = count(BufReader::new(file), b'R');
                assert_eq!(ranges, 2 * areas, "the tags of ranges, in {format}");
            }
            _ => assert_eq!(count(BufReader::new(file), b'{'), areas + 1, "{format}"),
        }
    }
}

fn count(file: impl BufRead, wanted: u8) -> usize {
    let parts = file.split(wanted).map(|part| part.expect("it can be read"));
    parts.count() - 1
}
