//! `serve`: the volume as a restore would write it, for clients that may be hostile.

use crate::support::{
    nbd_client::{
        BLOCK_STATUS, Client, DISCONNECT, EINVAL, EIO, ENOSPC, EPERM, FLUSH, OPTION_MAGIC, READ,
        TRIM, WRITE, WRITE_ZEROES,
    },
    program::{printed, succeed, tool},
    requirements::{Need, met_here},
    scene::Scene,
    server::Server,
    small_volume::{areas_of, builder, clone_of, image_of, volume},
};
use rustix::process::Signal;
use std::collections::BTreeMap;

const READ_ONLY: u16 = 1 << 1;

/// A folder with a volume and its image.
fn scene() -> Scene {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene
}

/// The first cluster of `big.bin`, in bytes.
fn start_of_data(volume: &[u8]) -> u64 {
    let data = ntfs_volume_builder::pattern(2, 100_000);
    let start = volume
        .chunks(4096)
        .position(|cluster| cluster == &data[..4096]);
    start.expect("the file is there") as u64 * 4096
}

#[test]
fn every_form_is_served_as_it_would_be_restored() {
    let volume = volume();
    let scene = scene();
    scene
        .run("-q --save-image --compress -o frames volume")
        .wrote(&["frames"]);
    for (format, options) in [
        ("qcow2", "--disk none"),
        ("vhdx", "--disk gpt"),
        ("partclone", ""),
    ] {
        let line = format!("convert -q --to {format} {options} volume {format}");
        scene.run(&line).changed_only(&[format]);
    }
    let clone = clone_of(&volume);
    for (line, expected) in [
        ("volume", &volume.bytes),
        ("image", &clone),
        ("frames", &clone),
        ("qcow2", &clone),
        ("partclone", &clone),
    ] {
        let server = Server::start(&scene, line);
        let mut client = Client::connect(&server.socket);
        assert_eq!(client.size, expected.len() as u64, "{line}");
        assert!(client.flags & READ_ONLY != 0);
        assert!(client.read_all() == *expected, "{line}");
        // Across all boundaries, in steps that fit to none of them.
        for start in (0..client.size - 10_000).step_by(9_999) {
            let range = start as usize..start as usize + 10_000;
            let read = client.read(start..start + 10_000);
            assert!(read.as_deref() == Ok(&expected[range]), "{line} {start:#x}");
        }
    }
    let server = Server::start(&scene, "--partition 1 vhdx");
    let mut client = Client::connect(&server.socket);
    // Its boot sectors tell another place on the disk.
    let middle = 512..clone.len() - 512;
    assert!(client.read_all()[middle.clone()] == clone[middle]);
    let holes: u64 = client.size
        - client
            .data_areas()
            .iter()
            .map(|area| area.end - area.start)
            .sum::<u64>();
    assert!(holes > 1 << 20, "{holes}");
}

#[test]
fn free_clusters_of_an_image_are_holes() {
    let scene = scene();
    let server = Server::start(&scene, "image");
    let mut client = Client::connect(&server.socket);
    assert_eq!(client.data_areas(), areas_of(&volume()));
}

#[test]
fn data_that_an_image_of_metadata_leaves_out_is_an_error() {
    let scene = scene();
    scene
        .run("-q --metadata --save-image -o metadata volume")
        .wrote(&["metadata"]);
    let server = Server::start(&scene, "metadata");
    let mut client = Client::connect(&server.socket);
    let data = start_of_data(&volume().bytes);
    assert_eq!(client.read(data..data + 512), Err(EIO));
    // What precedes it does not help.
    assert_eq!(client.read(data - 4096..data + 512), Err(EIO));
    let areas = client.data_areas();
    assert!(areas.iter().any(|area| area.contains(&data)), "{areas:?}");
    // Free clusters are zeros, and the records are there.
    let free = areas
        .windows(2)
        .map(|pair| pair[0].end)
        .next()
        .expect("a gap");
    assert_eq!(client.read(free..free + 512), Ok(vec![0; 512]));
    let (_, errors) = server.end(Signal::TERM);
    assert!(
        errors.contains("in use on the volume are not in the image"),
        "{errors}"
    );
    assert!(
        errors.contains(&format!("byte {data:#x} of the volume is in use")),
        "{errors}"
    );
}

#[test]
fn bad_clusters_are_no_errors() {
    let volume = builder().bad_clusters(300..302).build();
    let scene = Scene::new();
    scene.write("image", image_of(&volume));
    let server = Server::start(&scene, "image");
    let mut client = Client::connect(&server.socket);
    assert!(client.read_all() == clone_of(&volume));
}

#[test]
fn writes_without_an_overlay_are_refused() {
    let scene = scene();
    let server = Server::start(&scene, "image");
    let mut client = Client::connect(&server.socket);
    assert_eq!(client.write(0, &[1; 5000]), EPERM);
    assert_eq!(client.order(TRIM, 0, 4096), EPERM);
    assert_eq!(client.order(WRITE_ZEROES, 0, 4096), EPERM);
    // The data of the write were no requests.
    assert_eq!(client.order(FLUSH, 0, 0), 0);
}

#[test]
fn changes_in_an_overlay_survive_a_kill() {
    let volume = volume();
    let scene = scene();
    let before = scene.listing();
    let mut expected = clone_of(&volume);
    let size = expected.len();
    let server = Server::start(&scene, "--overlay changes image");
    let mut client = Client::connect(&server.socket);
    assert!(client.flags & READ_ONLY == 0);
    assert_eq!(client.write(1000, &[1; 5000]), 0);
    expected[1000..6000].fill(1);
    assert_eq!(client.write(size as u64 - 100, &[2; 100]), 0);
    expected[size - 100..].fill(2);
    assert_eq!(client.order(WRITE_ZEROES, 8000, 50_000), 0);
    expected[8000..58_000].fill(0);
    assert_eq!(client.order(FLUSH, 0, 0), 0);
    assert_eq!(client.write(1 << 20, &[3; 4096]), 0);
    expected[1 << 20..(1 << 20) + 4096].fill(3);
    assert!(client.read_all() == expected);
    // Other clients see the same.
    assert!(Client::connect(&server.socket).read_all() == expected);
    assert_eq!(client.write(size as u64 - 1, &[2; 2]), ENOSPC);
    server.end(Signal::KILL);

    // The socket was left behind, and is replaced.
    let server = Server::start(&scene, "--overlay changes image");
    let mut client = Client::connect(&server.socket);
    assert!(client.read_all() == expected);
    let (code, errors) = server.end(Signal::TERM);
    assert_eq!(code, Some(143));
    assert!(
        errors.contains("interrupted; all changes are in changes"),
        "{errors}"
    );
    let changes = before.changes(&scene.listing());
    assert_eq!(changes.into_iter().collect::<Vec<_>>(), ["changes"]);
}

#[test]
fn overlay_must_be_of_this_volume_and_of_nobody_else() {
    let scene = scene();
    let server = Server::start(&scene, "--overlay changes image");
    let remedy = "an overlay is written to by one program at a time; end the other one first";
    let line = "serve --listen 0 --overlay changes image";
    let refusal = format!("ntfsclone: changes: is in use by another program\n  {remedy}\n");
    assert_eq!(scene.run(line).errors(), refusal);
    server.end(Signal::INT);

    // The same volume at another time.
    let later = builder().dirty(true).build();
    scene.write("later", image_of(&later));
    let outcome = scene.run("serve --listen 0 --overlay changes later");
    outcome.refused(
        "changes: is the overlay of another volume: the volume was written to since, or is of \
         another time",
        "name the image that it was made for; or give a new overlay another name",
    );
    scene
        .run("serve --listen 0 --overlay image volume")
        .refused(
            "image: exists already, and is not an overlay",
            "give the overlay another name",
        );
    scene.run("serve --listen 0 --overlay image image").refused(
        "image: is IMAGE and --overlay, which must be different files",
        "give each of them its own name",
    );
    // The same volume, in another form.
    let server = Server::start(&scene, "--overlay changes volume");
    server.end(Signal::INT);
}

#[test]
fn server_ends_with_its_last_client_or_a_signal() {
    let scene = scene();
    let before = scene.listing();
    let mut server = Server::start(&scene, "--once image");
    // Who only asks is no client.
    let mut asking = Client::greet(&server.socket);
    assert_eq!(asking.option(3, &[]), [(2, vec![0; 4]), (1, Vec::new())]);
    assert_eq!(asking.option(2, &[]), [(1, Vec::new())]);
    assert!(asking.is_disconnected());
    let (one, other) = (
        Client::connect(&server.socket),
        Client::connect(&server.socket),
    );
    drop(one);
    drop(other);
    assert_eq!(server.wait().0, Some(0));
    assert!(before.changes(&scene.listing()).is_empty());

    let server = Server::start(&scene, "image");
    let (code, _) = server.end(Signal::INT);
    assert_eq!(code, Some(130));
    assert!(before.changes(&scene.listing()).is_empty());

    // What is not a socket of ours stays.
    let outcome = scene.run("serve --socket volume image");
    outcome.failed(
        1,
        "ntfsclone: cannot listen on volume: Address already in use\n",
    );
    assert!(before.changes(&scene.listing()).is_empty());
}

#[test]
fn requests_that_make_no_sense_are_errors() {
    let scene = scene();
    let server = Server::start(&scene, "--overlay changes image");
    let mut client = Client::connect(&server.socket);
    let size = client.size;
    for (command, offset, len, expected) in [
        (READ, size, 1, EINVAL),
        (READ, u64::MAX, u32::MAX, EINVAL),
        (READ, 0, u32::MAX, EINVAL),
        (BLOCK_STATUS, size - 1, 2, EINVAL),
        (BLOCK_STATUS, 0, 0, EINVAL),
        (TRIM, u64::MAX - 5, 6, ENOSPC),
        (WRITE_ZEROES, size, 1, ENOSPC),
        (99, 0, 0, EINVAL),
        (u16::MAX, u64::MAX, u32::MAX, EINVAL),
        (FLUSH, u64::MAX, u32::MAX, 0),
        (READ, size, 0, 0),
        (TRIM, size, 0, 0),
    ] {
        let error = client.order(command, offset, len);
        assert_eq!(error, expected, "{command} {offset:#x} {len:#x}");
    }
    client.request(0xFFFF, READ, 0, 1);
    drop(client);
    assert!(Client::connect(&server.socket).read_all() == clone_of(&volume()));
}

#[test]
fn clients_that_make_no_sense_are_disconnected() {
    let scene = scene();
    let server = Server::start(&scene, "--overlay changes image");
    let option = |kind: u32, len: u32, data: &[u8]| {
        [
            &OPTION_MAGIC[..],
            &kind.to_be_bytes(),
            &len.to_be_bytes(),
            data,
        ]
        .concat()
    };
    let greetings: [Vec<u8>; 5] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0xFF; 1 << 16],
        option(7, u32::MAX, &[]),
        // An export that does not exist, by the option that knows no errors.
        option(1, 4, b"name"),
        option(6, 0, &[]).repeat(300),
    ];
    for greeting in greetings {
        let mut client = Client::greet(&server.socket);
        client.send(&greeting);
        let mut replies = 0;
        // Some options are answered before.
        while !client.is_disconnected() {
            replies += 1;
        }
        assert!(replies < 30_000);
    }
    let mut client = Client::connect(&server.socket);
    client.send(&[0; 28]);
    assert!(client.is_disconnected());
    // So much is not even skipped.
    let mut client = Client::connect(&server.socket);
    client.request(0, WRITE, 0, u32::MAX);
    assert!(client.is_disconnected());
    // One that ends within its data writes nothing but what came.
    let mut client = Client::connect(&server.socket);
    client.request(0, WRITE, 0, 1 << 20);
    client.send(&[7; 1000]);
    drop(client);
    assert!(Client::connect(&server.socket).read_all() == clone_of(&volume()));
}

#[test]
fn options_that_make_no_sense_are_errors() {
    const UNSUPPORTED: u32 = 1 << 31 | 1;
    const INVALID: u32 = 1 << 31 | 3;
    const UNKNOWN: u32 = 1 << 31 | 6;
    const TOO_BIG: u32 = 1 << 31 | 9;
    let scene = scene();
    let server = Server::start(&scene, "image");
    let mut client = Client::greet(&server.socket);
    let long = vec![0; 70_000];
    let queries = [&[0; 4][..], &u32::MAX.to_be_bytes()].concat();
    for (kind, data, expected) in [
        (5, &[][..], UNSUPPORTED),
        (11, &[], UNSUPPORTED),
        (0xFFFF_FFFF, b"data", UNSUPPORTED),
        (3, b"data", INVALID),
        (8, b"data", INVALID),
        (6, &[], INVALID),
        (6, &[0xFF; 6], INVALID),
        (6, &[0, 0, 0, 0, 0xFF, 0xFF], INVALID),
        (6, b"\0\0\0\x01x\0\0", UNKNOWN),
        (6, &long, TOO_BIG),
        // Structured replies come first.
        (10, &[0; 8], INVALID),
        (9, &queries, INVALID),
    ] {
        let replies = client.option(kind, data);
        let types: Vec<u32> = replies.iter().map(|reply| reply.0).collect();
        assert_eq!(types, [expected], "option {kind}");
    }
    client.go();
}

#[test]
fn requests_in_flight_are_all_answered() {
    let scene = scene();
    scene
        .run("-q --save-image --compress -o frames volume")
        .wrote(&["frames"]);
    let expected = clone_of(&volume());
    for line in ["image", "frames", "--overlay changes image"] {
        let server = Server::start(&scene, line);
        let mut client = Client::connect(&server.socket);
        let mut waiting = BTreeMap::new();
        let mut read = vec![0xAA; expected.len()];
        let step = expected.len() / 50;
        for start in (0..expected.len()).step_by(step) {
            let len = step.min(expected.len() - start) as u32;
            let cookie = client.start(READ, start as u64, len, &[]);
            waiting.insert(cookie, u64::from(len));
            // What is there already is written, or refused.
            if line.contains("overlay") {
                let written = &expected[start..start + len.min(100) as usize];
                let cookie = client.start(WRITE, start as u64, len.min(100), written);
                waiting.insert(cookie, 0);
                waiting.insert(client.start(FLUSH, 0, 0, &[]), 0);
            }
        }
        while !waiting.is_empty() {
            let (cookie, data, is_last) = client.any_chunk();
            let left = waiting.get_mut(&cookie).expect("a request that waits");
            if let Some((offset, data)) = data {
                *left -= data.len() as u64;
                read[offset as usize..][..data.len()].copy_from_slice(&data);
            }
            if is_last {
                assert_eq!(
                    waiting.remove(&cookie),
                    Some(0),
                    "{line}: bytes that are missing"
                );
            }
        }
        assert!(read == expected, "{line}");
        // The last thing a client sends: what precedes it is answered all the same.
        client.start(READ, 0, 4096, &[]);
        client.start(DISCONNECT, 0, 0, &[]);
        let (_, data, is_last) = client.any_chunk();
        assert_eq!(data, Some((0, expected[..4096].to_vec())));
        assert!(is_last && client.is_disconnected());
    }
}

#[test]
fn a_client_that_takes_no_replies_holds_up_nobody() {
    let scene = scene();
    let server = Server::start(&scene, "image");
    let mut stuck = Client::connect(&server.socket);
    // More than there are threads for a client. Not so many that the socket has no room for them: then the client would wait, too.
    for _ in 0..16 {
        stuck.start(READ, 0, stuck.size as u32, &[]);
    }
    let mut other = Client::connect(&server.socket);
    assert!(other.read_all() == clone_of(&volume()));
    // Its requests are in flight.
    let (code, errors) = server.end(Signal::TERM);
    assert_eq!(code, Some(143), "{errors}");
    assert!(!scene.path("sock").exists());
}

#[test]
fn other_programs_read_what_is_served() {
    let needs = ["nbdinfo", "nbdcopy", "qemu-img"].map(Need::Tool);
    if !met_here(&needs) {
        return;
    }
    let volume = volume();
    let scene = scene();
    scene.write("clone", clone_of(&volume));
    let server = Server::start(&scene, "image");
    let described = printed(&succeed(tool("nbdinfo", [&server.uri])));
    for part in [
        "using structured packets",
        "is_read_only: true",
        "can_multi_conn: true",
        "base:allocation",
    ] {
        assert!(described.contains(part), "{described}");
    }
    let areas: u64 = areas_of(&volume)
        .iter()
        .map(|area| area.end - area.start)
        .sum();
    let totals = printed(&succeed(tool(
        "nbdinfo",
        ["--map", "--totals", &server.uri],
    )));
    let data = totals.lines().find(|line| line.ends_with("data"));
    let data = data.and_then(|line| line.split_whitespace().next());
    assert_eq!(data, Some(areas.to_string().as_str()), "{totals}");
    for connections in ["1", "4"] {
        let mut copy = tool("nbdcopy", ["--connections", connections, &server.uri]);
        copy.arg(scene.path("copied"));
        succeed(copy);
        assert!(scene.read("copied") == clone_of(&volume), "{connections}");
        scene.remove("copied");
    }
    let mut convert = tool("qemu-img", ["convert", "-O", "qcow2", &server.uri]);
    convert.arg(scene.path("converted"));
    succeed(convert);
    for other in ["converted", "clone"] {
        let mut compare = tool("qemu-img", ["compare", &server.uri]);
        compare.arg(scene.path(other));
        succeed(compare);
    }
}

#[test]
fn qemu_writes_to_an_overlay() {
    if !met_here(&[Need::Tool("qemu-io")]) {
        return;
    }
    let scene = scene();
    let server = Server::start(&scene, "--overlay changes image");
    let commands = [
        "write -P 0x5a 1000 5000",
        "write -f -P 0x11 1M 64k",
        "write -z 200k 300k",
        "write -z -u 600k 100k",
        "discard 800k 64k",
        "flush",
        "read -P 0x5a 1000 5000",
        "read -P 0x11 1M 64k",
        "read -P 0 200k 300k",
        "read -P 0 600k 100k",
        "read -P 0 800k 64k",
    ];
    let mut write = tool("qemu-io", ["-f", "raw"]);
    for command in commands {
        write.args(["-c", command]);
    }
    write.arg(&server.uri);
    let said = printed(&succeed(write));
    assert!(!said.contains("failed"), "{said}");
}
