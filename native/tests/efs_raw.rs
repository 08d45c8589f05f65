//! Encrypted files (EFS) in the raw data format of EFSRPC, against what ntfs-3g reads of them.

use std::fs;
use std::os::unix::fs::FileExt;

use ntfs_volume_builder::{File, FileData, Volume, attribute_type, pattern};

use crate::extract::ended;
use crate::support::{
    mount::Mount,
    program::{succeed, tool},
    requirements::{Need, VOLUMES, met_here},
    scene::Scene,
    small_volume::builder,
};

/// Bytes of `$EFS`.
const KEYS: usize = 600;
/// Two segments and a part of a block.
const SIZE: usize = 2 * 65536 + 700;

/// What begins as an `$EFS` attribute does, with its own length.
fn keys() -> Vec<u8> {
    let mut keys = pattern(7, KEYS);
    keys[..4].copy_from_slice(&(KEYS as u32).to_le_bytes());
    keys
}

/// A volume with an encrypted file, with a stream, and others.
fn volume() -> Volume {
    let encrypted = |data: Vec<u8>| File::new().data(FileData::Bytes(data));
    let with_keys = |file: File| {
        file.attribute(
            attribute_type::LOGGED_UTILITY_STREAM,
            "$EFS",
            FileData::Bytes(keys()),
        )
    };
    let secret = encrypted(pattern(1, SIZE)).stream("more", FileData::Bytes(pattern(2, 1000)));
    let mut volume = builder()
        .file("plain", FileData::Bytes(pattern(3, 5000)))
        .file("secret", with_keys(secret).link("link"))
        .file("keyless", encrypted(pattern(4, 600)))
        .file(
            "sparse",
            with_keys(File::new().data(FileData::Sparse(
                [pattern(5, 65536), vec![0; 131_072], pattern(6, 65536)].concat(),
            ))),
        )
        .file(
            "empty",
            with_keys(File::new().data(FileData::Resident(Vec::new()))),
        )
        .build();
    for name in ["secret", "keyless", "sparse", "empty"] {
        let record = volume.record_number(name);
        volume.patch_attribute(record, attribute_type::DATA, "", 0x0D, &[0x40]);
        // The DOS attributes, after the times.
        let standard_information = attribute_type::STANDARD_INFORMATION;
        volume.patch_attribute(record, standard_information, "", 0x18 + 0x21, &[0x40]);
    }
    let secret = volume.record_number("secret");
    volume.patch_attribute(secret, attribute_type::DATA, "more", 0x0D, &[0x40]);
    // What follows the end in its block belongs to it.
    fill_slack(&mut volume, secret, "", SIZE);
    fill_slack(&mut volume, secret, "more", 1000);
    volume
}

fn fill_slack(volume: &mut Volume, record: u64, stream: &str, size: usize) {
    let cluster = volume.geometry.cluster_size as usize;
    let runs = volume.runs(record, attribute_type::DATA, stream);
    let last = runs.last().unwrap();
    let end = (last.lcn.unwrap() + last.length) as usize * cluster;
    let slack = size.next_multiple_of(cluster) - size;
    volume.patch((end - slack) as u64, &vec![0x5A; slack]);
}

/// The whole blocks of a stream, as they are on the volume.
fn blocks(seed: u32, size: usize) -> Vec<u8> {
    let mut bytes = pattern(seed.into(), size);
    bytes.resize(size.next_multiple_of(512), 0x5A);
    bytes
}

/// A stream of the format.
#[derive(Debug, PartialEq)]
struct Stream {
    name: Vec<u8>,
    size: usize,
    data: Vec<u8>,
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Takes the format apart, as [MS-EFSR] 2.2.3 has it.
fn parse(bytes: &[u8]) -> Vec<Stream> {
    assert_eq!(&bytes[..20], b"\0\x01\0\0R\0O\0B\0S\0\0\0\0\0\0\0\0\0");
    let mut rest = &bytes[20..];
    let mut streams: Vec<Stream> = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_at(u32_at(rest, 0));
        assert_eq!(&head[4..12], b"N\0T\0F\0S\0");
        assert_eq!(head[12..24], [0; 12], "encrypted");
        assert_eq!(u32_at(head, 24), head.len() - 28);
        let is_keys = streams.is_empty();
        let mut stream = Stream {
            name: head[28..].to_vec(),
            size: 0,
            data: Vec::new(),
        };
        rest = after;
        while rest.len() > 12 && &rest[4..12] == b"G\0U\0R\0E\0" {
            let (segment, after) = rest.split_at(u32_at(rest, 0));
            rest = after;
            assert_eq!(segment[12..16], [0; 4]);
            if is_keys {
                stream.data.extend(&segment[16..]);
                stream.size = stream.data.len();
                continue;
            }
            let (header, data) = segment[16..].split_at(u32_at(&segment[16..], 8));
            assert_eq!(u32_at(header, 0), stream.data.len(), "where it begins");
            assert_eq!(header[4..8], [0; 4]);
            assert_eq!(
                u32_at(header, 12),
                u32_at(header, 16),
                "all of it was written"
            );
            // The unit is the segment, the cluster 4096 bytes, and there is one block.
            let shift = data.len().next_power_of_two().trailing_zeros() as u8;
            assert_eq!(header[20..28], [0, 0, shift, shift, 12, 1, 1, 0]);
            assert_eq!(u32_at(header, 28), data.len());
            assert_eq!(&header[32..48], b"EXTD\x10\0\0\0\0\0\0\0\0\0\0\0");
            assert!(header[48..].iter().all(|byte| *byte == 0));
            stream.size += u32_at(header, 12);
            stream.data.extend(data);
        }
        streams.push(stream);
    }
    streams
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn expected() -> Vec<Stream> {
    let stream = |name, size, data| Stream { name, size, data };
    vec![
        stream(vec![0x10, 0x19], KEYS, keys()),
        stream(utf16("::$DATA\0"), SIZE, blocks(1, SIZE)),
        stream(utf16(":more:$DATA\0"), 1000, blocks(2, 1000)),
    ]
}

#[test]
fn an_encrypted_file_is_written_with_its_keys_and_streams() {
    let scene = Scene::with_volume(&volume().bytes);
    let raw = scene.run("cat --efs-raw volume secret");
    assert_eq!(raw.code(), Some(0), "{}", raw.errors());
    assert!(parse(raw.stdout()) == expected());
    let part = scene.run("cat --efs-raw --range 600+70000 volume secret");
    assert!(part.stdout() == &raw.stdout()[600..70_600]);
    let empty = scene.run("cat --efs-raw volume empty");
    let streams = parse(empty.stdout());
    assert_eq!((streams.len(), streams[1].size), (2, 0));
}

#[test]
fn its_data_and_keys_are_those_that_ntfs_3g_reads() {
    if !met_here(VOLUMES) {
        return;
    }
    let scene = Scene::with_volume(&volume().bytes);
    let streams = parse(scene.run("cat --efs-raw volume secret").stdout());
    let mount = Mount::efs_raw(&scene.path("volume"));
    let path = mount.path().join("secret");
    let keys = xattr::get(&path, "user.ntfs.efsinfo").unwrap();
    assert_eq!(keys.as_deref(), Some(&streams[0].data[..]));
    // It appends how many bytes of the last block are not of the file.
    let mut with_padding = streams[1].data.clone();
    with_padding.extend(((with_padding.len() - streams[1].size) as u16).to_le_bytes());
    // Of reads that begin past the data, it makes an error.
    let mut found = vec![0; with_padding.len()];
    let (blocks, last) = found.split_at_mut(streams[1].data.len() - 512);
    let file = fs::File::open(&path).unwrap();
    file.read_exact_at(blocks, 0).unwrap();
    file.read_exact_at(last, blocks.len() as u64).unwrap();
    assert!(found == with_padding);
}

#[test]
fn other_files_are_refused() {
    let scene = Scene::with_volume(&volume().bytes);
    for (path, found, remedy) in [
        (
            "plain",
            "volume: /plain: it is not encrypted (EFS)",
            "leave out --efs-raw",
        ),
        (
            "secret:more",
            "volume: /secret:more is a stream",
            "--efs-raw writes a file with all its streams: name the file",
        ),
        (
            "docs",
            "volume: /docs: it is a directory",
            "list it with ls",
        ),
        (
            "keyless",
            "volume: /keyless: the file is encrypted (EFS), and its keys are lost: it has no attribute $EFS",
            "take it from another image",
        ),
    ] {
        let line = format!("cat --efs-raw volume {path}");
        scene.run(&line).refused(found, remedy);
    }
    let sparse = scene.run("cat --efs-raw volume sparse");
    ended(&sparse, 1, "an encrypted stream with holes");
}

#[test]
fn extract_writes_encrypted_files_under_another_name() {
    let scene = Scene::with_volume(&volume().bytes);
    let raw = scene.run("cat --efs-raw volume secret").stdout().to_vec();
    let refused = scene.run("extract volume secret link -C refused");
    let reason =
        "/secret: the content is encrypted (EFS); --efs-raw writes it as Windows backs it up";
    ended(&refused, 3, reason);
    ended(
        &scene.run("extract volume secret link plain --efs-raw --xattrs -C out"),
        0,
        "",
    );
    assert!(scene.read("out/secret.efsraw") == raw);
    assert!(scene.read("out/link.efsraw") == raw);
    assert!(scene.read("out/plain") == pattern(3, 5000));
    assert!(!scene.path("out/secret").exists());
    let stream = xattr::get(scene.path("out/secret.efsraw"), "user.more").unwrap();
    assert_eq!(stream, None, "it is in the file");

    ended(
        &scene.run("extract volume secret link --efs-raw -o files.tar"),
        0,
        "",
    );
    if met_here(&[Need::Tool("tar")]) {
        fs::create_dir(scene.path("tar")).unwrap();
        let mut unpack = tool("tar", ["-xf", "../files.tar"]);
        unpack.current_dir(scene.path("tar"));
        succeed(unpack);
        assert!(scene.read("tar/secret.efsraw") == raw);
        assert!(scene.read("tar/link.efsraw") == raw);
    }
}

#[test]
fn lists_mark_encrypted_files() {
    let scene = Scene::with_volume(&volume().bytes);
    let listed = scene.run("ls -l volume");
    let listed = String::from_utf8_lossy(listed.stdout()).into_owned();
    assert!(
        listed
            .lines()
            .any(|line| line.ends_with(" secret [encrypted]")),
        "{listed}"
    );
    assert!(
        listed.lines().any(|line| line.ends_with(" plain")),
        "{listed}"
    );
}
