//! Makes the seeds of the fuzz targets, and checks that the committed ones are
//! those.
//!
//! `cargo test -p ntfsclone-core --test fuzz_seeds -- --ignored` writes them
//! to `core/fuzz/seeds` anew.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "support/encoded.rs"]
mod encoded;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ntfs_volume_builder::{
    File, FileData, ListForm, MftLayout, PartcloneImage, Qcow2, Run, VhdxChange, VhdxLogEntry,
    Volume, VolumeBuilder, attribute_type, pattern, qcow2, vdi, vhd, vhdx, vmdk, write_vhdx_log,
};
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::seekable::{Head, Kind, MapBuilder, SeekTableBuilder, SummaryBuilder};
use ntfsclone_core::units::Lcn;

use self::encoded::Encoded;

/// A target, the name of a seed, and its bytes.
type Seed = (&'static str, &'static str, Vec<u8>);

/// A volume of about 64 KiB: the smaller the input, the faster the fuzzer.
fn tiny() -> VolumeBuilder {
    VolumeBuilder::new()
        .cluster_size(512)
        .mft_record_size(512)
        .index_record_size(512)
        .clusters(127)
        .log_file_size(512)
        .upcase_length(16)
        // Before 3.0 there is no $Secure, which takes 256 KiB.
        .version(1, 2)
        .mft_layout(MftLayout::Runs(vec![Run::at(16, 40)]))
}

fn volumes() -> Vec<(&'static str, Volume)> {
    let fragmented = |pieces: u64| FileData::Fragmented {
        bytes: pattern(1, 512 * pieces as usize),
        pieces,
    };
    let mft_in_pieces = tiny()
        .mft_record_size(1024)
        .clusters(140)
        .mft_layout(MftLayout::AttributeList {
            pieces: 3,
            runs_per_record: 1,
        })
        .build();
    let mut damaged = mft_in_pieces.clone();
    // Of the first three there are copies; 17 tells of a piece of $MFT.
    for number in [0, 2, 3, 17] {
        damaged.tear_record(number);
    }
    vec![
        (
            "files",
            tiny()
                .label("SEED")
                .file("a", FileData::Runs(vec![Run::at(100, 3), Run::hole(2)]))
                .file("b/c", File::new().data(vec![1; 9]).stream("s", vec![2]))
                .hibernated_small()
                .bad_clusters(120..121)
                .build(),
        ),
        (
            "attribute_lists",
            tiny()
                .file("a", File::new().data(fragmented(4)).runs_per_record(1))
                .file(
                    "b",
                    File::new()
                        .data(fragmented(2))
                        .attribute_list(ListForm::NonResident),
                )
                .build(),
        ),
        ("mft_attribute_list", mft_in_pieces),
        (
            "disagreements",
            tiny()
                .file("a", FileData::Runs(vec![Run::at(100, 5)]))
                .file("b", FileData::Runs(vec![Run::at(103, 5), Run::at(125, 9)]))
                .mark_in_bitmap(110..113)
                .clear_in_bitmap(3..4)
                .build(),
        ),
        ("damaged", damaged),
    ]
}

/// Content in all ways that there are.
fn contents() -> Volume {
    let text: Vec<u8> = (0..3_u32)
        .flat_map(|n| vec![b'a' + n as u8; 5000])
        .collect();
    let mixed = [text, vec![0; 9000], pattern(2, 3000)].concat();
    tiny()
        .clusters(140)
        .file(
            "resident",
            File::new().data(vec![1; 9]).stream("s", vec![2]),
        )
        .file("one run", FileData::Bytes(pattern(1, 1100)))
        .file("sparse", FileData::Sparse(mixed[..20_000].to_vec()))
        .file("compressed", FileData::Compressed(mixed))
        .build()
}

/// Deleted files: whole, in records, overwritten in part.
fn deleted() -> Volume {
    let pieces = FileData::Fragmented {
        bytes: pattern(1, 512 * 4),
        pieces: 4,
    };
    tiny()
        .file("a", File::new().data(vec![1; 9]).deleted())
        .file("b/c", File::new().data(pieces).runs_per_record(1).deleted())
        .file(
            "b/d",
            File::new()
                .data(FileData::Runs(vec![Run::at(100, 5)]))
                .deleted(),
        )
        .file("e", FileData::Runs(vec![Run::at(103, 3)]))
        .build()
}

/// A unit after the bytes it comes to.
fn lznt1(unit: &[u8]) -> Vec<u8> {
    [&4096_u16.to_le_bytes(), unit].concat()
}

/// The second chunk of a stream of so many places, after its algorithm and what it
/// comes to.
fn wof(algorithm: u8, len: u16, places: usize, stream: &[u8]) -> Vec<u8> {
    let place = |index: usize| match index < places {
        true => {
            let place = stream[4 * index..4 * index + 4].try_into().unwrap();
            4 * places + u32::from_le_bytes(place) as usize
        }
        false => stream.len(),
    };
    [
        &[algorithm],
        &len.to_le_bytes()[..],
        &stream[place(0)..place(1)],
    ]
    .concat()
}

/// What the seeds need and nothing else does.
trait SmallFiles {
    fn hibernated_small(self) -> Self;
}

impl SmallFiles for VolumeBuilder {
    /// As `hibernated`, in the record.
    fn hibernated_small(self) -> Self {
        self.file("hiberfil.sys", FileData::Resident(b"hibr".to_vec()))
    }
}

/// An image of three clusters of 256 bytes and a tail, cut at odd places.
fn image() -> Vec<u8> {
    let header = Header::new(256, 10 * 256 + 100, 10, 3);
    let mut encoder = Encoded::new(&header);
    encoder.clusters(Lcn(2), &[5; 512]);
    encoder.clusters(Lcn(7), &[6; 256]);
    [vec![7, 255, 0, 50], encoder.tail(&[8; 100])].concat()
}

/// A compressed image of two frames, after a byte for the fuzzer.
fn seekable(with_summary: bool) -> Vec<u8> {
    let mut file = vec![u8::from(with_summary)];
    let mut table = SeekTableBuilder::new();
    let mut summary = SummaryBuilder::new();
    for content in [vec![1; 1024], vec![2; 300]] {
        // A zstd frame of one block, stored.
        let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x60];
        let len = content.len() as u32;
        frame.extend((len as u16 - 256).to_le_bytes());
        frame.extend(&(len << 3 | 1).to_le_bytes()[..3]);
        frame.extend(&content);
        table.push(frame.len() as u32, len).unwrap();
        summary.push(blake3::hash(&content).as_bytes());
        file.extend(frame);
    }
    if with_summary {
        let head = Head {
            kind: Kind::NtfscloneImage,
            frame_size: 1024,
            stream_size: 1324,
            header: Header::new(256, 10 * 256 + 100, 10, 3),
        };
        let mut map = MapBuilder::new(100);
        map.add(Lcn(3), 2);
        map.add(Lcn(1), 1);
        let map = map.finish();
        let size = summary.finish(&head, "{}", map.as_deref(), |bytes| {
            file.extend(bytes);
            Ok::<_, ()>(())
        });
        table.push(size.unwrap(), 0).unwrap();
    }
    file.extend(table.finish());
    file
}

/// The image of a volume: its used clusters, and the tail.
fn image_of(volume: &Volume) -> Vec<u8> {
    let geometry = &volume.geometry;
    let inuse = volume.used_clusters().count() as u64;
    let size = volume.bytes.len() as u64;
    let header = Header::new(geometry.cluster_size, size, geometry.clusters, inuse);
    let mut encoder = Encoded::new(&header);
    for lcn in volume.used_clusters() {
        encoder.clusters(Lcn(lcn), volume.cluster(lcn));
    }
    let tail = &volume.bytes[geometry.volume_size() as usize..];
    encoder.tail(tail)
}

/// An image that jumps back, and holds a cluster twice.
fn jumping_image() -> Vec<u8> {
    let header = Header::new(256, 10 * 256 + 100, 10, 3);
    let mut encoder = Encoded::new(&header);
    encoder.clusters(Lcn(7), &[6; 768]);
    encoder.clusters(Lcn(2), &[5; 512]);
    encoder.clusters(Lcn(8), &[7; 256]);
    encoder.tail(&[8; 100])
}

const GZIP: &[u8] =
    b"\x1F\x8B\x08\0\0\0\0\0\0\x03\xCB\x48\xCD\xC9\xC9\x07\0\x86\xA6\x10\x36\x05\0\0\0";
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD\x04\x58\x29\0\0hello\xA3\x6D\x9F\x88";
const BZIP2: &[u8] = b"BZh91AY&SY\x19\x31\x65\x3D\0\0\0\x81\0\x02\x44\xA0\0\x21\x9A\x68\x33\x4D\x07\x33\x8B\xB9\x22\x9C\x28\x48\x0C\x98\xB2\x9E\x80";

const LZ4: &[u8] = b"\x04\x22\x4D\x18\x64\x40\xA7\x05\x00\x00\x80\x68\x65\x6C\x6C\x6F\x00\x00\x00\x00\xF9\x77\x00\xFB";

/// `hello ` twenty times.
const LZOP: &[u8] = b"\x89\x4C\x5A\x4F\x00\x0D\x0A\x1A\x0A\x10\x40\x20\xA0\x09\x40\x01\x05\x03\x00\x00\x0D\x00\x00\x00\x00\x6B\x0C\x22\x39\x00\x00\x00\x00\x00\x25\xC3\x02\x42\x00\x00\x00\x78\x00\x00\x00\x1D\x77\xBA\x2C\x11\x03\x68\x65\x6C\x6C\x6F\x20\x20\x43\x14\x00\x0B\x6F\x20\x68\x65\x6C\x6C\x6F\x20\x68\x65\x6C\x6C\x6F\x20\x11\x00\x00\x00\x00\x00\x00";

const LZIP: &[u8] = b"\x4C\x5A\x49\x50\x01\x0C\x00\x34\x19\x49\xEE\x8E\x68\x21\xFF\xFF\xFF\xB9\xE0\x00\x00\x86\xA6\x10\x36\x05\x00\x00\x00\x00\x00\x00\x00\x29\x00\x00\x00\x00\x00\x00\x00";

const LZMA: &[u8] = b"\x5D\x00\x00\x80\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x34\x19\x49\xEE\x8E\x68\x21\xFF\xFF\xFF\xB9\xE0\x00\x00";

/// A disk of 12 KiB in every format, in small blocks.
fn virtual_disks() -> Vec<Seed> {
    let mut disk = vec![0; 12 << 10];
    disk[..1500].copy_from_slice(&pattern(1, 1500));
    disk[7000..7100].fill(7);
    let forms = [
        ("version_2", Qcow2::Version2),
        ("version_3", Qcow2::Version3),
        ("zlib", Qcow2::Zlib),
        ("zstd", Qcow2::Zstd),
    ];
    let mut seeds: Vec<Seed> = forms
        .map(|(name, form)| ("qcow2", name, qcow2(&disk, 9, form)))
        .into();
    let mut file = vhdx(&disk);
    let mut seeds_of_vhdx = |name, file: &[u8]| seeds.push(("vhdx", name, vhdx_pieces(file)));
    seeds_of_vhdx("closed", &file);
    let changes = vec![
        VhdxChange::Zeros(8192, 4096),
        VhdxChange::Sector(4096, pattern(2, 4096)),
    ];
    let entry = VhdxLogEntry {
        sequence_number: 3,
        tail: 0,
        changes,
        file_sizes: [0, 5 << 20],
    };
    write_vhdx_log(&mut file, 0, &[entry]);
    seeds_of_vhdx("with_log", &file);
    seeds.extend([
        ("qcow2", "subclusters", qcow2(&disk, 14, Qcow2::Subclusters)),
        ("vdi", "dynamic", vdi(&disk, 1024)),
        ("vhd", "fixed", vhd(&disk, None)),
        ("vhd", "dynamic", vhd(&disk, Some(512))),
        ("vmdk", "sparse", vmdk(&disk, 1024, false)),
        ("vmdk", "stream_optimised", vmdk(&disk, 1024, true)),
    ]);
    seeds
}

/// The pieces of a VHDX that are not zeros, as the target takes them.
fn vhdx_pieces(file: &[u8]) -> Vec<u8> {
    let mut pieces = Vec::new();
    for (index, piece) in file.chunks(256).enumerate() {
        if piece.iter().any(|&byte| byte != 0) {
            pieces.extend(&(index as u32 * 32).to_le_bytes()[..3]);
            pieces.extend((piece.len() as u16).to_le_bytes());
            pieces.extend(piece);
        }
    }
    pieces
}

fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let volumes = volumes();
    for (name, volume) in &volumes {
        assert!(volume.bytes.len() <= 72 << 10, "{name}");
        seeds.push(("volume_scan", *name, volume.bytes.clone()));
        seeds.push(("relocate", *name, volume.bytes.clone()));
        seeds.push(("tree", *name, volume.bytes.clone()));
    }
    for (name, volume) in volumes.iter().take(3) {
        seeds.push(("image_reader", *name, image_of(volume)));
    }
    seeds.push(("content", "all_ways", contents().bytes));
    seeds.push(("tree", "contents", contents().bytes));
    seeds.push(("tree", "deleted", deleted().bytes));
    seeds.extend([
        (
            "lznt1",
            "matches",
            lznt1(&[0x03, 0xB0, 0b10, b'a', 0xFC, 0x0F]),
        ),
        ("lznt1", "as_it_is", lznt1(&[0x02, 0x30, 1, 2, 3, 0, 0])),
        // `printf hello | gzip -n`, and so on.
        ("decompress", "gzip", GZIP.to_vec()),
        ("decompress", "gzip_twice", [GZIP, GZIP].concat()),
        (
            "decompress",
            "gzip_name",
            [
                b"\x1F\x8B\x08\x1E\0\0\0\0\0\x03\x02\0xyname\0comment\0\0\0",
                &GZIP[10..],
            ]
            .concat(),
        ),
        ("decompress", "zstd", ZSTD.to_vec()),
        (
            "decompress",
            "zstd_skipped",
            [b"\x5A\x2A\x4D\x18\x03\0\0\0abc", ZSTD].concat(),
        ),
        ("decompress", "bzip2", BZIP2.to_vec()),
        ("decompress", "lz4", LZ4.to_vec()),
        ("decompress", "lzop", LZOP.to_vec()),
        ("decompress", "lzip", LZIP.to_vec()),
        ("decompress", "lzma", LZMA.to_vec()),
    ]);
    seeds.extend(virtual_disks());
    seeds.extend(compressed_for_an_index());
    seeds.extend([
        (
            "wof",
            "xpress",
            wof(0, 4096, 14, include_bytes!("jobs/wof/xpress-4096")),
        ),
        (
            "wof",
            "lzx",
            wof(1, 27_886, 1, include_bytes!("jobs/wof/lzx-32768")),
        ),
    ]);
    let [(_, files), (_, listed), (_, fragmented_mft), ..] = volumes.as_slice() else {
        unreachable!("there are more");
    };

    let record = |volume: &Volume, number| {
        let offset = volume.record_offset(number) as usize;
        let size = volume.geometry.mft_record_size as usize;
        volume.bytes[offset..offset + size].to_vec()
    };
    seeds.extend([
        ("mft_record", "mft", record(files, 0)),
        ("mft_record", "volume", record(files, 3)),
        ("mft_record", "root", record(files, 5)),
        (
            "mft_record",
            "streams",
            record(files, files.record_number("b/c")),
        ),
        (
            "mft_record",
            "listed",
            record(listed, listed.record_number("a")),
        ),
        ("mft_record", "mft_listed", record(fragmented_mft, 0)),
    ]);

    let list_at = |volume: &Volume, number| {
        let record = volume.record(number);
        let at = volume.attribute_offset(number, attribute_type::ATTRIBUTE_LIST, "");
        let attribute = &record[at.expect("an attribute list")..];
        let length = u32::from_le_bytes(attribute[4..8].try_into().unwrap()) as usize;
        let value = u16::from_le_bytes(attribute[0x14..0x16].try_into().unwrap());
        attribute[usize::from(value)..length].to_vec()
    };
    seeds.extend([
        (
            "attribute_list",
            "file",
            list_at(listed, listed.record_number("a")),
        ),
        ("attribute_list", "mft", list_at(fragmented_mft, 0)),
    ]);

    let pairs = |bytes: &[u8]| [&[0; 8], bytes].concat();
    seeds.extend([
        (
            "runlist",
            "three",
            pairs(&[0x11, 3, 5, 0x01, 9, 0x11, 1, 0xFE, 0]),
        ),
        ("runlist", "wide", pairs(&[0x32, 1, 2, 3, 4, 5, 0])),
        ("runlist", "old_hole", pairs(&[0x11, 2, 0xFF, 0])),
    ]);

    let mut backup_only = files.clone();
    backup_only.damage_boot_sector();
    let end = backup_only.bytes.split_off(60 << 10);
    seeds.extend([
        ("boot_sector", "first", files.boot_sector().to_vec()),
        ("boot_sector", "backup", end),
        ("image_decoder", "ordinary", image()),
        ("image_decoder", "old_little", old_image(u64::to_le_bytes)),
        ("image_decoder", "old_big", old_image(u64::to_be_bytes)),
        ("seekable", "with_summary", seekable(true)),
        ("seekable", "without_summary", seekable(false)),
        ("seekable", "cut_in_the_table", {
            let mut file = seekable(true);
            file.truncate(file.len() - 12);
            file
        }),
        ("seekable", "damaged_table", {
            let mut file = seekable(true);
            let entry = file.len() - 9 - 2 * 8;
            file[entry] ^= 0x10;
            file
        }),
        (
            "partclone",
            "version_1",
            partclone(&PartcloneImage::version_1(0)),
        ),
        (
            "partclone",
            "version_1_padded",
            partclone(&PartcloneImage::version_1(4)),
        ),
        (
            "partclone",
            "version_2",
            partclone(&PartcloneImage::version_2()),
        ),
        (
            "partclone",
            "running_xxh128",
            partclone(&PartcloneImage {
                checksum_mode: 0x31,
                reseed: false,
                bitmap_mode: 8,
                ..PartcloneImage::version_2()
            }),
        ),
        ("image_reader", "ordinary", image()[4..].to_vec()),
        ("image_reader", "jumping", jumping_image()),
        (
            "image_reader",
            "old_big",
            old_image(u64::to_be_bytes)[4..].to_vec(),
        ),
    ]);
    seeds
}

/// Streams of 2 MiB and more, of which an index has several blocks, for points at the halves.
fn compressed_for_an_index() -> Vec<Seed> {
    let line = b"the same line again and again, and a number: ";
    let lines = (0..45_000_u32).map(|number| [line, &number.to_le_bytes()[..2]].concat());
    let content: Vec<u8> = lines.flatten().collect();
    let mut zstd = vec![0; zstd_safe::compress_bound(content.len())];
    let len = zstd_safe::compress(zstd.as_mut_slice(), &content, 3).unwrap();
    zstd.truncate(len);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&content).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&content).unwrap();
    let info = lz4_flex::frame::FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Linked);
    let mut lz4 = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    lz4.write_all(&content).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(&content).unwrap();
    // The number of points, then of each its kind, its place among 256 in the content and in the stream, and the
    // bytes of its window.
    let points = |kind: u8| [2, kind, 96, 96, 0, 0, kind, 160, 160, 0, 0].to_vec();
    let streams = [
        ("gzip", 1, gzip.finish().unwrap()),
        ("zstd", 2, zstd),
        ("xz", 3, xz.finish().unwrap()),
        ("bzip2", 4, bzip2.finish().unwrap()),
        ("lz4", 5, lz4.finish().unwrap()),
    ];
    let seed = |(name, kind, stream): (&'static str, u8, Vec<u8>)| {
        assert!(stream.len() <= 400 << 10, "{name}: {}", stream.len());
        ("side_index", name, [points(kind), stream].concat())
    };
    streams.into_iter().map(seed).collect()
}

/// An image of partclone of six blocks, cut at odd places. A version 1 header is its largest part.
fn partclone(how: &PartcloneImage) -> Vec<u8> {
    let how = PartcloneImage {
        blocks_per_checksum: how.blocks_per_checksum.min(2),
        ..how.clone()
    };
    let blocks = [1, 0, 2, 3, 0, 4].map(|byte| [byte; 256]);
    let stored: Vec<Option<&[u8]>> = blocks
        .iter()
        .map(|block| Some(block.as_slice()).filter(|block| block[0] != 0))
        .collect();
    [
        &[7, 255, 0, 50],
        how.of_blocks(256, 1600, &stored).as_slice(),
    ]
    .concat()
}

/// An image of the version before 10: a gap of 3, then the last cluster.
fn old_image(number: impl Fn(u64) -> [u8; 8]) -> Vec<u8> {
    let is_big = number(1)[7] == 1;
    let cluster_size = 512_u32;
    let mut image = vec![20, 20, 20, 20];
    image.extend_from_slice(b"\0ntfsclone-image\x03\x01");
    image.extend(match is_big {
        true => cluster_size.to_be_bytes(),
        false => cluster_size.to_le_bytes(),
    });
    for field in [4 * 512, 4, 1] {
        image.extend(number(field));
    }
    image.push(0);
    image.extend(number(3));
    image.push(1);
    image.extend([9; 512]);
    image
}

fn path_of(target: &str, name: &str) -> PathBuf {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    seeds.join(target).join(name)
}

#[test]
#[ignore = "writes to the source tree"]
fn write_seeds() {
    for (target, name, bytes) in seeds() {
        let path = path_of(target, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn committed_seeds_are_these() {
    for (target, name, bytes) in seeds() {
        let committed = fs::read(path_of(target, name)).unwrap_or_default();
        assert!(committed == bytes, "{target}/{name}: write the seeds anew");
    }
}
