//! `--overwrite`: what was there stays until the new file is complete, and what must not be written to is not.

use crate::support::{
    disk::{self, Partition},
    loop_device::LoopDevice,
    old_device::OldDevice,
    program::{call, ours, succeed, tool},
    requirements::{DEVICES, Need, met_here, skip},
    scene::{error_text, warning_text},
    small_volume::{self, clone_of, image_of, volume},
    terminal::open_terminal,
    wrapped::gzip,
};
use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
const OLD: &[u8] = b"what was there before";

/// The old file stays as it was until the new one is complete, and gives it its mode.
#[test]
fn replaces_when_complete() {
    let scene = small_volume::scene();
    let clone = clone_of(&volume());
    for (line, expected) in [
        ("-O out volume", &clone),
        ("-s -O out volume", &image_of(&volume())),
        ("-r -O out image", &clone),
        ("-r --in-place -O out image", &clone),
        ("--in-place -O out volume", &clone),
    ] {
        // Longer than any new one.
        scene.write("out", vec![0xA5; 3 << 20]);
        fs::set_permissions(scene.path("out"), Permissions::from_mode(0o640)).expect("it is ours");
        scene.run(line).wrote(&["out"]);
        assert!(scene.read("out") == *expected, "{line}: other bytes");
        assert_eq!(scene.mode("out"), 0o640, "{line}");
        scene.remove("out");
        // It need not exist.
        scene.run(line).wrote(&["out"]);
        assert!(scene.read("out") == *expected, "{line}: other bytes");
        scene.remove("out");
    }
}

#[test]
fn keeps_the_old_file_when_it_fails() {
    let scene = small_volume::scene();
    scene.write("out", OLD);
    scene.run("-r -O out cut").refused(
        &small_volume::cut_error(&scene, "cut"),
        small_volume::DAMAGED,
    );
    scene
        .run_with_input("-r -O out -", &scene.read("cut"))
        .refused(
            &small_volume::cut_error(&scene, "standard input"),
            small_volume::DAMAGED,
        );
    // Checked before anything is written, where that can be; said what is lost, where it cannot.
    scene.run("-r --in-place -O out cut").refused(
        &small_volume::cut_error(&scene, "cut"),
        small_volume::DAMAGED,
    );
    let outcome = scene.run_with_input("-r --in-place -O out -", &scene.read("cut"));
    let what = "out is half written and not usable: ";
    let message = format!(
        "{what}{}",
        small_volume::cut_error(&scene, "standard input")
    );
    outcome.failed(1, &error_text(&message, small_volume::DAMAGED));
    outcome.changed_only(&["out"]);
}

/// Also where the run fails between the old content and the new.
#[test]
fn an_emptied_file_is_called_half_written() {
    if !met_here(&[Need::Tool("prlimit")]) {
        return;
    }
    let scene = small_volume::scene();
    for line in ["-O out --in-place volume", "-r -O out --in-place image"] {
        scene.write("out", OLD);
        // Less than the volume has: the file cannot get its length.
        let mut command = tool("prlimit", ["--fsize=100000"]);
        let run = scene.command(ours, line);
        command.arg(run.get_program()).args(run.get_args());
        command.current_dir(scene.path("."));
        let outcome = scene.run_command(command, &[]);
        let errors = outcome.errors();
        assert_eq!(outcome.code(), Some(1), "{line}: {errors}");
        let what = "ntfsclone: out is half written and not usable: cannot set the length of out: ";
        assert!(errors.contains(what), "{line}: {errors}");
    }
}

#[test]
fn follows_links() {
    let scene = small_volume::scene();
    fs::create_dir(scene.path("folder")).expect("cannot make a folder");
    scene.write("folder/real", OLD);
    symlink("folder/real", scene.path("link")).expect("cannot make a link");
    for line in ["-O link volume", "--in-place -O link volume"] {
        scene.run(line).wrote(&["folder/real"]);
        assert!(scene.read("folder/real") == clone_of(&volume()), "{line}");
        scene.write("folder/real", OLD);
    }
}

#[test]
fn refuses_its_source() {
    let scene = small_volume::scene();
    for original in ["volume", "image"] {
        fs::hard_link(scene.path(original), scene.path(&format!("{original} 2")))
            .expect("cannot make a link");
        symlink(original, scene.path(&format!("{original}-link"))).expect("cannot make a link");
        symlink(
            format!("{original}-link"),
            scene.path(&format!("{original}-links")),
        )
        .expect("cannot make a link");
    }
    fs::rename(scene.path("volume 2"), scene.path("volume-hard")).expect("it is there");
    fs::rename(scene.path("image 2"), scene.path("image-hard")).expect("it is there");
    for kind in ["", "-link", "-links", "-hard"] {
        for (line, source) in [
            ("", "volume"),
            ("--in-place", "volume"),
            ("-s", "volume"),
            ("-r", "image"),
            ("-r --in-place", "image"),
        ] {
            scene
                .run(&format!("{line} -O {source}{kind} {source}"))
                .refused(
                    &format!("{source}{kind}: is what is being read, or lies on it"),
                    "write somewhere else",
                );
        }
    }
}

#[test]
fn refuses_what_lies_below_its_source() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = small_volume::scene();
    let devices = [(); 2].map(|()| LoopDevice::attach(&scene.path("volume")));
    let [first, second] = devices
        .each_ref()
        .map(|device| device.path().display().to_string());
    for (target, source) in [
        ("volume", first.as_str()),
        (&first, "volume"),
        (&first, &second),
        (&first, &first),
    ] {
        for line in ["", "-s", "--in-place"] {
            scene.run(&format!("{line} -O {target} {source}")).refused(
                &format!("{target}: is what is being read, or lies on it"),
                "write somewhere else",
            );
        }
    }
}

/// In place of a file that its user may not write, no other is put, though the folder lets them.
#[test]
fn refuses_what_may_not_be_written() {
    if !met_here(&[Need::Root, Need::Tool("setpriv")]) {
        return;
    }
    let scene = small_volume::scene();
    let everybody = Permissions::from_mode(0o777);
    fs::set_permissions(scene.path("."), everybody).expect("it is ours");
    scene.write("old", OLD);
    fs::set_permissions(scene.path("old"), Permissions::from_mode(0o644)).expect("it is ours");
    for line in [
        "-O old volume",
        "-s -O old volume",
        "-r -O old image",
        "--in-place -O old volume",
    ] {
        let outcome = scene.run_command(as_nobody(scene.command(ours, line)), &[]);
        let message = "cannot open old: Permission denied";
        outcome.refused(message, "run it as root?");
    }
    // Where only its owner may take its name, as in /tmp, it keeps it.
    fs::set_permissions(scene.path("."), Permissions::from_mode(0o1777)).expect("it is ours");
    fs::set_permissions(scene.path("old"), Permissions::from_mode(0o666)).expect("it is ours");
    let outcome = scene.run_command(as_nobody(scene.command(ours, "-s -O old volume")), &[]);
    let warning = "old: belongs to somebody else, in a directory like /tmp, so it is written over \
                   in place: if this run fails, it is half written";
    outcome.wrote_with_warning(warning, &["old"]);
    assert!(scene.read("old") == image_of(&volume()));
}

/// As a user who has no rights but those of everybody.
fn as_nobody(program: Command) -> Command {
    let mut command = tool(
        "setpriv",
        ["--reuid=65534", "--regid=65534", "--clear-groups"],
    );
    // Its folders may be root's alone.
    let copy = std::env::temp_dir().join(format!("ntfsclone-test-{}", std::process::id()));
    // By another process: a file that this one writes could not be run while another test starts a program.
    succeed(tool("cp", [Path::new(program.get_program()), &copy]));
    command.arg(&copy).args(program.get_args());
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

#[test]
fn refuses_immutable_files() {
    if !met_here(&[Need::Root, Need::Tool("chattr")]) {
        return;
    }
    let scene = small_volume::scene();
    scene.write("old", OLD);
    for flag in ["i", "a"] {
        let change = |sign: &str| {
            let mut command = tool("chattr", [format!("{sign}{flag}")]);
            command.arg(scene.path("old"));
            command.status().is_ok_and(|status| status.success())
        };
        if !change("+") {
            skip(
                "refuses_immutable_files",
                "this file system has no such files",
            );
            return;
        }
        let outcome = scene.run("-s -O old volume");
        assert!(change("-"), "cannot undo it");
        outcome.refused(
            "old: cannot be opened to write: Operation not permitted",
            "is it immutable, or for appending only? lsattr shows that, and chattr -i -a ends it",
        );
    }
}

/// What others go on with is written through, not replaced.
#[test]
fn writes_into_files_in_use() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = small_volume::scene();
    let expected = clone_of(&volume());
    scene.write("disk", vec![0xA5; 3 << 20]);
    let warning = "disk: is in use, by a loop device or another program, so it is written over in \
                   place: if this run fails, it is half written";
    for line in ["-O disk volume", "-r -O disk image"] {
        let device = LoopDevice::attach(&scene.path("disk"));
        let outcome = scene.run(line);
        outcome.wrote_with_warning(warning, &["disk"]);
        // As long as the device, which could not read the end of a shorter one.
        let disk = scene.read("disk");
        assert_eq!(disk.len(), 3 << 20, "{line}");
        let (start, rest) = disk.split_at(expected.len());
        assert!(start == expected, "{line}: other bytes");
        assert!(rest.iter().all(|byte| *byte == 0), "{line}: old bytes");
        let mut seen = vec![0; expected.len()];
        let mut file = fs::File::open(device.path()).expect("it can be opened");
        file.read_exact(&mut seen).expect("it can be read");
        assert!(seen == expected, "{line}: the device");
        // A bad image is found before.
        let outcome = scene.run("-r -O disk cut");
        let message = warning_text(warning)
            + &error_text(
                &small_volume::cut_error(&scene, "cut"),
                small_volume::DAMAGED,
            );
        outcome.failed(1, &message);
        outcome.changed_only(&[]);
    }
    let writer = fs::OpenOptions::new().append(true).open(scene.path("disk"));
    scene
        .run("-O disk volume")
        .wrote_with_warning(warning, &["disk"]);
    drop(writer);
    // A reader keeps what it has, as ever.
    let reader = fs::File::open(scene.path("disk"));
    scene.run("-O disk volume").wrote(&["disk"]);
    drop(reader);
}

#[test]
fn writes_into_mount_points() {
    if !met_here(&[Need::Root, Need::Tool("mount"), Need::Tool("umount")]) {
        return;
    }
    let scene = small_volume::scene();
    let warning = "point: is a mount point, so it is written over in place: if this run fails, it \
                   is half written";
    scene.write("real", OLD);
    scene.write("point", "");
    let [real, point] = ["real", "point"].map(|name| scene.path(name));
    let mounted = tool("mount", [Path::new("--bind"), &real, &point]).status();
    assert!(mounted.is_ok_and(|status| status.success()));
    let outcome = scene.run("-r -O point image");
    let unmounted = tool("umount", [&point]).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    outcome.wrote_with_warning(warning, &["point", "real"]);
    assert!(scene.read("real") == clone_of(&volume()));
}

/// Two runs on one file do not mix.
#[test]
fn one_run_at_a_time() {
    let scene = small_volume::scene();
    scene.write("old", OLD);
    let mut command = scene.command(ours, "-r --in-place -O old -");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut first = command.spawn().expect("it starts");
    let mut input = first.stdin.take().expect("piped above");
    // More than is read at once before anything is written.
    const PADDING: u32 = 6 << 20;
    let mut image = scene.read("image");
    image.splice(56..56, vec![0; PADDING as usize]);
    image[46..50].copy_from_slice(&(56 + PADDING).to_le_bytes());
    let (begin, rest) = image.split_at(5 << 20);
    input.write_all(begin).expect("it reads");
    while scene.read("old") == OLD {
        thread::sleep(Duration::from_millis(1));
    }
    for line in ["-r --in-place -O old image", "-O old volume"] {
        let outcome = scene.run(line);
        let found = "old: is being written by another run";
        outcome.refused(found, "wait for it to end, or end it");
    }
    input.write_all(rest).expect("it reads");
    drop(input);
    assert!(first.wait().expect("it ends").success());
    assert!(scene.read("old") == clone_of(&volume()));
}

/// A new file gets the owner of the one that it replaces, and nobody else may read it meanwhile.
#[test]
fn keeps_the_owner() {
    if !met_here(&[Need::Root]) {
        return;
    }
    let scene = small_volume::scene();
    scene.write("old", OLD);
    std::os::unix::fs::chown(scene.path("old"), Some(65534), Some(65534)).expect("we are root");
    fs::set_permissions(scene.path("old"), Permissions::from_mode(0o640)).expect("we are root");
    scene.run("-s -O old volume").wrote(&["old"]);
    let metadata = fs::metadata(scene.path("old")).expect("it is there");
    assert_eq!((metadata.uid(), metadata.gid()), (65534, 65534));
    assert_eq!(scene.mode("old"), 0o640);
}

#[test]
fn refuses_folders() {
    let scene = small_volume::scene();
    fs::create_dir(scene.path("folder")).expect("cannot make a folder");
    for line in [
        "-O folder volume",
        "-s -O folder volume",
        "-r -O folder image",
    ] {
        scene
            .run(line)
            .refused("folder: is a directory", "name a file in it");
    }
}

/// Written straight; what they were they stay.
#[test]
fn pipes_and_character_devices() {
    let scene = small_volume::scene();
    for line in [
        "-O /dev/null volume",
        "-s -O /dev/null volume",
        "-r -O /dev/null image",
    ] {
        scene.run(line).wrote(&[]);
        let kind = fs::metadata("/dev/null").expect("it is there").file_type();
        assert!(kind.is_char_device(), "{line} replaced /dev/null");
    }
    scene.make_pipe("pipe");
    for (line, expected) in [
        ("-O pipe volume", clone_of(&volume())),
        ("-s -O pipe volume", image_of(&volume())),
        ("-r -O pipe image", clone_of(&volume())),
    ] {
        let pipe = scene.path("pipe");
        let reader = thread::spawn(move || fs::read(pipe).expect("the pipe can be read"));
        scene.run(line).wrote(&[]);
        assert!(reader.join().expect("it ends") == expected, "{line}");
    }
}

/// A device that is not there gets no file in its place, whatever its name is.
#[test]
fn no_file_is_made_among_the_devices() {
    let scene = small_volume::scene();
    symlink("/dev", scene.path("link")).expect("cannot make a link");
    fs::create_dir(scene.path("folder")).expect("cannot make a folder");
    let refused = |name: &str, line: &str| {
        scene.run(line).refused(
            &format!("{name}: is no device, and no file is made in the folder of devices"),
            "is the disk connected? lsblk lists those that are; a file goes to another folder",
        );
    };
    for name in [
        "/dev/sdz9",
        "link/sdz9",
        "/dev/../dev/sdz9",
        "/dev/mapper/sdz9",
    ] {
        if name.contains("mapper") && !Path::new("/dev/mapper").is_dir() {
            continue;
        }
        for line in [
            "-o NAME volume",
            "-O NAME volume",
            "--in-place -O NAME volume",
            "-s -o NAME volume",
            "-s --compress -O NAME volume",
            "-m -o NAME volume",
            "--rescue -O NAME volume",
            "--rescue --mapfile map -o NAME volume",
            "--rescue --mapfile NAME -o out volume",
            "--rescue --report NAME -o out volume",
            "-r -o NAME image",
            "-r -O NAME image",
            "-r --rescue -O NAME image",
            "map -o NAME volume",
        ] {
            refused(name, &line.replace("NAME", name));
            assert!(!Path::new(name).exists(), "{line}");
        }
    }
    if met_here(&[Need::Root]) {
        // What an earlier run of another program left.
        let left = "/dev/ntfsclone-test-left";
        fs::write(left, OLD).expect("we are root");
        for line in ["-O", "--in-place -O", "-s -O", "--rescue -O"] {
            let outcome = scene.run(&format!("{line} {left} volume"));
            assert_eq!(outcome.code(), Some(1), "{line}");
        }
        let content = fs::read(left).expect("it is there");
        fs::remove_file(left).expect("we are root");
        assert_eq!(content, OLD);
    }
    // Another file system, for files.
    let shared = tempfile::tempdir_in("/dev/shm").expect("Linux has it");
    let out = shared.path().join("out");
    succeed(call(ours, "-q -o", &[&out, &scene.path("volume")]));
    assert!(fs::read(&out).expect("it was made") == clone_of(&volume()));
}

/// In files as on devices, and however they are written.
#[test]
fn partition_tables_stay() {
    let content = vec![0; 3 << 20];
    let partitions = [Partition {
        sector: 64,
        kind: 7,
        bytes: &content,
    }];
    let scene = small_volume::scene();
    for (kind, bytes) in [
        ("MBR", disk::with_mbr(&partitions)),
        ("GPT", disk::with_gpt(&partitions)),
    ] {
        scene.write("disk", &bytes);
        for line in [
            "-O disk volume",
            "--in-place -O disk volume",
            "-s -O disk volume",
            "--rescue -O disk volume",
            "--rescue --in-place -O disk volume",
            "-m -O disk volume",
            "-r -O disk image",
            "-r --in-place -O disk image",
            "-r --rescue -O disk image",
            "-r --rescue --in-place -O disk image",
            "-r -O disk volume",
        ] {
            scene.run(line).refused(
                &format!(
                    "disk: has a partition table ({kind}), and the partition in it would be lost"
                ),
                "name one of its partitions; or write over the whole disk with --force",
            );
            assert!(scene.read("disk") == bytes, "{line}");
        }
        for line in ["-f -O disk volume", "-f -r --in-place -O disk image"] {
            scene.write("disk", &bytes);
            let outcome = scene.run(line);
            outcome.wrote(&["disk"]);
            outcome.reported(&format!(
                "Overwriting: disk, which has a partition table ({kind})"
            ));
        }
    }
}

/// On a device, it would look like a volume whose files are all there; and a volume that is there would lose its
/// small files.
#[test]
fn images_of_metadata_are_no_volumes() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = small_volume::scene();
    scene.run("-q -m -s -o meta volume").wrote(&["meta"]);
    scene
        .run("-q -m -s --compress -o meta.zst volume")
        .wrote(&["meta.zst"]);
    scene.write("meta.gz", gzip(&scene.read("meta")));
    let length = volume().bytes.len();
    let target = OldDevice::new(length);
    let before = target.content();
    let name = target.name();
    let found =
        format!("{name}: is a device, and metadata alone would take the place of what is on it");
    let remedy = "write metadata to a file; or do it all the same with --force";
    for line in [
        "-q -r -O NAME meta",
        "-q -r --in-place -O NAME meta",
        "-q -r --rescue -O NAME meta",
        "-q -r -O NAME meta.zst",
        "-q -r --rescue -O NAME meta.zst",
        "-q -r --rescue -O NAME meta.gz",
        "-q -m -O NAME volume",
        "-q -m --rescue -O NAME volume",
    ] {
        scene
            .run(&line.replace("NAME", name))
            .refused(&found, remedy);
    }
    for line in ["-q -r -O NAME -", "-q -r --rescue -O NAME -"] {
        let line = line.replace("NAME", name);
        let outcome = scene.run_with_input(&line, &scene.read("meta"));
        outcome.refused(&found, remedy);
    }
    assert!(target.content() == before, "written to");
    let outcome = scene.run(&format!("-q -f -r -O {name} meta"));
    assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
    // What holds the content of files goes there, and metadata goes to files.
    scene.run(&format!("-q -r -O {name} image")).wrote(&[]);
    scene.run("-q -r -O out meta").wrote(&["out"]);
}

/// Another file system is named; and only who sits at a terminal is asked about it.
#[test]
fn other_file_systems_are_named() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = small_volume::scene();
    let mut exfat = vec![0; volume().bytes.len()];
    exfat[..11].copy_from_slice(b"\xEB\x76\x90EXFAT   ");
    exfat[510..512].copy_from_slice(&[0x55, 0xAA]);
    let found = "is an exFAT volume, not NTFS";
    for line in [
        "-O NAME volume",
        "--rescue -O NAME volume",
        "-s -O NAME volume",
        "-r -O NAME image",
        "-r --rescue -O NAME image",
        "--in-place -O disk volume",
        "-f -r --in-place -O disk image",
    ] {
        scene.write("disk", &exfat);
        let device = line
            .contains("NAME")
            .then(|| LoopDevice::attach(&scene.path("disk")));
        let name = device.as_ref().map_or(Path::new("disk"), LoopDevice::path);
        let name = name.to_str().expect("an ordinary name").to_owned();
        let outcome = scene.run(&line.replace("NAME", &name));
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        outcome.reported(&format!("Overwriting: {name}, which {found}\n"));
    }
    // NTFS is what is expected there.
    scene.write("disk", volume().bytes);
    let outcome = scene.run("--in-place -O disk volume");
    assert!(!String::from_utf8_lossy(outcome.stdout()).contains("Overwriting"));

    for (line, answer, is_done) in [
        ("-q -r --in-place -O disk image", "y\n", true),
        ("-q -r --in-place -O disk image", "n\n", false),
        ("-q -r --in-place -O disk image", "\n", false),
        ("-q --in-place -O disk volume", "no\n", false),
        ("-q -f --in-place -O disk volume", "", true),
    ] {
        scene.write("disk", &exfat);
        let (mut terminal, side) = open_terminal();
        terminal.write_all(answer.as_bytes()).expect("it takes it");
        let sides = [(); 2].map(|()| side.try_clone().expect("it is open"));
        let [stdin, stdout] = sides;
        let mut command = scene.command(ours, line);
        command.stdin(stdin).stdout(stdout).stderr(side);
        let mut child = command.spawn().expect("it starts");
        drop(command);
        let status = child.wait().expect("it ends");
        // It ends with an error, as the other side is closed.
        let mut shown = Vec::new();
        let _ = terminal.read_to_end(&mut shown);
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert_eq!(status.success(), is_done, "{line}, {answer:?}: {shown}");
        assert_eq!(scene.read("disk") != exfat, is_done, "{line}, {answer:?}");
        let question = format!("disk {found}. Write over it? [y/N]");
        assert_eq!(shown.contains(&question), !answer.is_empty(), "{shown}");
    }
}
