//! `mount`: the files of a volume, and the volume as a file, by FUSE.

use crate::support::{
    fuse_mount::{FuseMount, unmount},
    mount::Mount,
    program::ours,
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{builder, clone_of, image_of, volume},
};
use ntfs_volume_builder::{File, FileData, Run, attribute_type, pattern};
use rustix::process::Signal;
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const FUSE: &[Need] = &[Need::Root, Need::Fuse, Need::Tool("umount")];

/// A volume with files of every kind, and its image.
fn scene() -> Scene {
    let mut packed = pattern(3, 300_000);
    packed[..131_072].fill(7);
    let volume = builder()
        .file("Papers/Packed.bin", FileData::Compressed(packed))
        .file(
            "Papers/Hello.txt",
            File::new()
                .data(b"hello".to_vec())
                .stream("more", b"stream".to_vec()),
        )
        .file("Papers/deep/er/file", FileData::Resident(b"x".to_vec()))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene
}

/// All files below a directory: size, time and content of each.
fn files_below(directory: &Path) -> BTreeMap<String, (u64, i64, i64, Vec<u8>)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("it can be listed") {
        let entry = entry.expect("it can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        let metadata = entry.metadata().expect("it is there");
        if metadata.is_dir() {
            for (below, file) in files_below(&entry.path()) {
                files.insert(format!("{name}/{below}"), file);
            }
            continue;
        }
        let content = fs::read(entry.path()).expect("it can be read");
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        files.insert(name, (metadata.len(), seconds, nanoseconds, content));
    }
    files
}

#[test]
fn files_are_those_of_ntfs_3g() {
    let needs = [FUSE, &[Need::Tool("ntfs-3g")]].concat();
    if !met_here(&needs) {
        return;
    }
    let scene = scene();
    let theirs = Mount::read_only(&scene.path("volume"));
    let expected = files_below(theirs.path());
    assert!(expected.len() >= 6, "{:?}", expected.keys());
    for source in ["volume", "image"] {
        let mount = FuseMount::start(&scene, source);
        assert!(files_below(&mount.path("")) == expected, "{source}");
        let value = |path: &Path, name: &str| {
            let value = xattr::get(path, name).expect("it can be read");
            value.unwrap_or_else(|| panic!("{name} is missing"))
        };
        for name in ["user.more", "system.ntfs_attrib", "system.ntfs_times"] {
            let ours = value(&mount.path("Papers/Hello.txt"), name);
            assert_eq!(ours, value(&theirs.path().join("Papers/Hello.txt"), name));
        }
        let listed = xattr::list(mount.path("Papers/Hello.txt")).expect("it can be listed");
        assert_eq!(listed.collect::<Vec<_>>(), ["user.more"]);
        assert_eq!(mount.unmount(), (Some(0), String::new()));
    }
}

#[test]
fn names_are_found_in_any_case_and_parts_at_any_position() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    let mount = FuseMount::start(&scene, "image");
    let path = mount.path("PAPERS/packed.BIN");
    let whole = fs::read(mount.path("Papers/Packed.bin")).expect("it can be read");
    assert!(!mount.path("Papers/none").exists());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (path, whole) = (path.clone(), whole.clone());
            thread::spawn(move || {
                let file = fs::File::open(path).expect("it is there");
                for start in (thread * 777..whole.len() - 5000).step_by(9_999) {
                    let mut bytes = vec![0; 5000];
                    file.read_exact_at(&mut bytes, start as u64)
                        .expect("it can be read");
                    assert!(bytes == whole[start..start + 5000], "{start}");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("all is equal");
    }
    let written = fs::write(mount.path("Papers/new"), b"");
    assert!(written.is_err());
}

#[test]
fn what_an_image_lacks_cannot_be_read() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    let made = scene.run("-q --metadata --save-image -o metadata volume");
    assert_eq!(made.code(), Some(0), "{}", made.errors());
    let mount = FuseMount::start(&scene, "metadata");
    for path in ["big.bin", "Papers/Hello.txt", "Papers/Packed.bin"] {
        let error = fs::read(mount.path(path)).expect_err(path);
        assert_eq!(error.raw_os_error(), Some(5), "{path}");
        assert!(fs::metadata(mount.path(path)).is_ok_and(|file| file.len() > 0));
    }
    let (code, errors) = mount.unmount();
    assert_eq!(code, Some(0));
    assert!(errors.contains("/big.bin"), "{errors}");
}

#[test]
fn the_volume_as_a_file_is_a_raw_clone() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    scene.write("image", image_of(&volume()));
    let mount = FuseMount::start(&scene, "--raw image");
    let path = mount.path("volume.ntfs");
    assert!(fs::read(&path).expect("it can be read") == clone_of(&volume()));
    let metadata = fs::metadata(&path).expect("it is there");
    assert!(metadata.blocks() * 512 < metadata.len() / 2);
    let mut file = fs::File::open(&path).expect("it is there");
    let hole = rustix::fs::seek(&file, rustix::fs::SeekFrom::Hole(0)).expect("there is one");
    assert!(hole > 0 && hole < metadata.len(), "{hole}");
    file.seek(SeekFrom::Start(hole)).expect("it is within");
    let mut bytes = [1; 4096];
    file.read_exact(&mut bytes).expect("it can be read");
    assert_eq!(bytes, [0; 4096]);
    assert!(fs::File::options().write(true).open(&path).is_err());
}

#[test]
fn an_overlay_takes_what_is_written() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    let before = scene.read("image");
    let line = "--raw --overlay changes image";
    let mount = FuseMount::start(&scene, line);
    let path = mount.path("volume.ntfs");
    let mut file = fs::File::options()
        .write(true)
        .open(&path)
        .expect("it is writable");
    file.seek(SeekFrom::Start(70_001)).expect("it is within");
    file.write_all(&[9; 10_000]).expect("it is writable");
    file.sync_all().expect("it is writable");
    assert!(file.set_len(5).is_err());
    drop(file);
    let expected = fs::read(&path).expect("it can be read");
    assert_eq!(expected[70_001..80_001], [9; 10_000]);
    assert_eq!(mount.unmount(), (Some(0), String::new()));
    let again = FuseMount::start(&scene, line);
    assert!(fs::read(again.path("volume.ntfs")).expect("it can be read") == expected);
    assert!(scene.read("image") == before);
}

#[test]
fn a_signal_unmounts_also_while_files_are_open() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    let mut mount = FuseMount::start(&scene, "image");
    let open = fs::File::open(mount.path("big.bin")).expect("it is there");
    mount.signal(Signal::INT);
    assert_eq!(mount.wait().0, Some(130));
    assert!(!unmount(&mount.path("")));
    assert!(open.read_at(&mut [0; 10], 50_000).is_err());
}

#[test]
fn a_mount_that_was_killed_does_not_hang_and_is_named() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    let mut mount = FuseMount::start(&scene, "image");
    mount.signal(Signal::KILL);
    mount.wait();
    assert!(fs::read_dir(mount.path("")).is_err());
    // Not by the scene, which would look at the directory.
    let output = scene
        .command(ours, "mount image mnt")
        .output()
        .expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("fusermount3 -u mnt"), "{errors}");
    assert!(unmount(&mount.path("")));
}

/// A reparse point with that tag and data.
fn reparse_point(tag: u32, data: &[u8]) -> FileData {
    let head = [tag.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
    FileData::Resident([&head, data].concat())
}

/// The data of a link with the path that it leads to, and no name to display. `flags` is what a symbolic link has before
/// the path.
fn link_data(target: &str, flags: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = name.len() as u16;
    let fields = [0, len, len, 0].map(u16::to_le_bytes);
    [fields.as_flattened(), flags, &name].concat()
}

#[test]
fn links_and_special_files_are_what_they_are() {
    if !met_here(FUSE) {
        return;
    }
    const SYMLINK: u32 = 0xA000_000C;
    const JUNCTION: u32 = 0xA000_0003;
    const RELATIVE: &[u8] = &[1, 0, 0, 0];
    const ABSOLUTE: &[u8] = &[0; 4];
    let with_point = |file: File, tag, data: &[u8]| {
        let point = reparse_point(tag, data);
        file.attribute(attribute_type::REPARSE_POINT, "", point)
    };
    let link = |tag, target, flags| {
        let file = File::new().data(Vec::new());
        with_point(file, tag, &link_data(target, flags))
    };
    let linux_link = || {
        let data = [&2_u32.to_le_bytes()[..], b"../docs/hello.txt"].concat();
        with_point(File::new().data(Vec::new()), 0xA000_001D, &data)
    };
    let hole = || File::new().data(FileData::Runs(vec![Run::hole(13)]));
    let provider = [1_u32, 2, 1, 0].map(u32::to_le_bytes);
    // Chunks of 4 KiB as they are, after the offsets of all but the first.
    let program = pattern(4, 10_000);
    let offsets = [4096_u32, 8192].map(u32::to_le_bytes);
    let packed = FileData::Bytes([offsets.as_flattened(), &program].concat());
    let sparse = FileData::Placed {
        runs: vec![Run::hole(3)],
        bytes: vec![0; program.len()],
    };
    let program_file = File::new().data(sparse).stream("WofCompressedData", packed);
    let mut volume = builder()
        .file("Papers/there", FileData::Resident(b"there".to_vec()))
        .file(
            "links/relative",
            link(SYMLINK, "..\\Papers\\there", RELATIVE),
        )
        .file(
            "links/absolute",
            link(SYMLINK, "\\??\\C:\\Papers\\there", ABSOLUTE),
        )
        .file("links/outside", link(SYMLINK, "..\\..\\..\\etc", RELATIVE))
        .file("links/junction", link(JUNCTION, "\\??\\C:\\Papers", &[]))
        .file("links/away", link(JUNCTION, "\\??\\D:\\Elsewhere", &[]))
        .file("links/linux", linux_link())
        .file("dedup", with_point(hole(), 0x8000_0013, &[]))
        .file("cloud", with_point(hole(), 0x9000_301A, &[]))
        .file("secret", FileData::Bytes(pattern(1, 5000)))
        .file(
            "program.exe",
            with_point(program_file, 0x8000_0017, provider.as_flattened()),
        )
        .build();
    let record = volume.record_number("secret");
    volume.patch_attribute(record, attribute_type::DATA, "", 0x0D, &[0x40]);
    let scene = Scene::with_volume(&volume.bytes);
    let mut mount = FuseMount::start(&scene, "volume");

    let leads_to = |name: &str| fs::read_link(mount.path(name)).expect(name);
    for (name, target) in [
        ("links/relative", "../Papers/there"),
        ("links/absolute", "../Papers/there"),
        ("links/junction", "../Papers"),
        ("links/linux", "../docs/hello.txt"),
        ("links/outside", "..\\..\\..\\etc"),
    ] {
        assert_eq!(leads_to(name), Path::new(target), "{name}");
    }
    for path in ["links/relative", "links/absolute", "links/junction/there"] {
        assert_eq!(fs::read(mount.path(path)).expect(path), b"there");
    }
    for path in ["links/outside", "links/away"] {
        assert!(fs::symlink_metadata(mount.path(path)).is_ok_and(|link| link.is_symlink()));
        assert!(fs::metadata(mount.path(path)).is_err(), "{path}");
    }
    assert!(fs::read(mount.path("program.exe")).expect("it can be read") == program);
    for (path, error) in [("secret", 13), ("dedup", 5), ("cloud", 5)] {
        let found = fs::read(mount.path(path)).expect_err(path);
        assert_eq!(found.raw_os_error(), Some(error), "{path}");
        assert!(fs::metadata(mount.path(path)).is_ok_and(|file| file.len() > 0));
    }
    assert!(unmount(&mount.path("")));
    let (code, errors) = mount.wait();
    assert_eq!(code, Some(0));
    for reason in [
        "cannot open /secret: the content is encrypted",
        "cannot open /dedup: ",
        "cannot open /cloud: ",
    ] {
        assert!(errors.contains(reason), "{errors}");
    }
}

#[test]
fn it_can_be_unmounted_while_files_are_read() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    let mut mount = FuseMount::start(&scene, "image");
    let expected = fs::read(mount.path("big.bin")).expect("it can be read");
    let (path, started) = (mount.path("big.bin"), Instant::now());
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (path, expected) = (path.clone(), expected.clone());
            thread::spawn(move || {
                let mut count = 0;
                while let Ok(content) = fs::read(&path) {
                    assert!(content == expected);
                    count += 1;
                    assert!(started.elapsed() < Duration::from_secs(20));
                }
                count
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    assert!(unmount(&mount.path("")));
    for reader in readers {
        assert!(reader.join().expect("all is equal") > 0);
    }
    assert_eq!(mount.wait(), (Some(0), String::new()));
}

#[test]
fn an_ordinary_user_mounts_with_fusermount3() {
    // In mounts of its own: on some machines only root may open /dev/fuse.
    const SCRIPT: &str = r#"
        set -e
        as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
        chown 65534:65534 . mnt
        mknod --mode=666 fuse c 10 229
        mount --bind fuse /dev/fuse
        as_nobody ./program mount --background image mnt
        as_nobody cat mnt/Papers/Hello.txt
        as_nobody stat --format=%u mnt/Papers/Hello.txt
        # It is that user's own.
        ! ls mnt 2>/dev/null
        as_nobody fusermount3 -u mnt
        ls mnt
    "#;
    let tools = ["fusermount3", "mknod", "mount", "setpriv", "unshare"].map(Need::Tool);
    if !met_here(&[FUSE, &tools].concat()) {
        return;
    }
    let scene = scene();
    fs::create_dir(scene.path("mnt")).expect("the folder of the scene is there");
    // One that every user may run.
    fs::copy(ours().get_program(), scene.path("program")).expect("it is there");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT]);
    let output = command.current_dir(scene.path(".")).output();
    let output = output.expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.stdout, b"hello65534\n", "{errors}");
    assert_eq!(output.status.code(), Some(0), "{errors}");
}

#[test]
fn in_the_background_it_returns_when_it_is_mounted() {
    if !met_here(FUSE) {
        return;
    }
    let scene = scene();
    fs::create_dir(scene.path("mnt")).expect("the folder of the scene is there");
    let run = |line: &str| {
        let output = scene.command(ours, line).output().expect("it starts");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, errors) = run("mount --background nothing mnt");
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("nothing"), "{errors}");
    let (code, errors) = run("mount --background image mnt");
    assert_eq!(code, Some(0), "{errors}");
    let content = fs::read(scene.path("mnt/Papers/Hello.txt"));
    assert_eq!(content.expect("it is mounted"), b"hello");
    assert!(unmount(&scene.path("mnt")));
    let deadline = Instant::now() + Duration::from_secs(10);
    while scene.path("mnt/Papers").exists() {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn what_cannot_be_mounted_on_is_refused() {
    let scene = scene();
    let file = scene.run("mount image volume");
    file.refused(
        "volume: is not a directory",
        "name an empty directory to mount on",
    );
    let missing = scene.run("mount image none");
    missing.refused("cannot mount on none: No such file or directory", "");
    let overlay = scene.run("mount --overlay changes image .");
    assert_eq!(overlay.code(), Some(2), "{}", overlay.errors());
}
