//! `--overwrite`: what was there stays until the new file is complete, and what must not be written to is not.

use crate::support::{
    loop_device::LoopDevice,
    program::{ours, tool},
    requirements::{DEVICES, Need, met_here, skip},
    scene::{error_text, warning_text},
    small_volume::{self, clone_of, image_of, volume},
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
    fs::copy(program.get_program(), &copy).expect("there is room");
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
