//! A run that is told to stop stops at once, and what it leaves never looks complete.

use crate::support::{
    large_volume,
    loop_device::LoopDevice,
    program::{ours, tool},
    requirements::{DEVICES, Need, met_here},
    scene::{Listing, Scene},
    small_volume,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStderr, Stdio},
    thread,
    time::{Duration, Instant},
};

const GIB: u64 = 1 << 30;
const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
const NOTHING: &str = "nothing was left behind";

/// A run on its way.
struct Run {
    child: Child,
    before: Listing,
    errors: BufReader<ChildStderr>,
}

impl Run {
    /// Starts `line`, and waits until it has written something and says so, in `phase`.
    fn start(scene: &Scene, line: &str, phase: &str) -> Self {
        let before = scene.listing();
        // A clone that shares its blocks is complete before it can be interrupted.
        let options = "--progress=json --reflink=never";
        let mut command = scene.command(ours, &format!("{options} {line}"));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        if line.ends_with(" -") {
            let mut input = child.stdin.take().expect("piped above");
            // The pipe stays open, without more to come.
            thread::spawn(move || {
                let _ = input.write_all(&half_an_image());
                thread::sleep(Duration::from_secs(10));
            });
        }
        if line.contains("-o -") {
            // Progress tells of what somebody took, in steps of 4 MiB with the gaps between.
            let stdout = child.stdout.as_mut().expect("piped above");
            stdout
                .read_exact(&mut vec![0; 12 << 20])
                .expect("it writes");
        }
        let mut errors = BufReader::new(child.stderr.take().expect("piped above"));
        let mut text = String::new();
        while !text.starts_with(&format!("{{\"phase\":\"{phase}\"")) {
            text.clear();
            let count = errors.read_line(&mut text).expect("it is text");
            assert!(count > 0, "{line} ended before it was interrupted");
        }
        Self {
            child,
            before,
            errors,
        }
    }

    /// Ends it; it must end at once, say `message` once, and change nothing but `changed`.
    fn interrupt(mut self, scene: &Scene, signal: (Signal, i32), message: &str, changed: &[&str]) {
        let started = Instant::now();
        let id = i32::try_from(self.child.id()).expect("an ordinary number");
        kill_process(Pid::from_raw(id).expect("not zero"), signal.0).expect("it runs");
        let status = self.child.wait().expect("it ends");
        let took = started.elapsed();
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).expect("it is text");
        let said: Vec<&str> = errors
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('{'))
            // Reports of a run that writes to standard output.
            .filter(|line| line.contains("ntfsclone") || line.contains("panicked"))
            .collect();
        assert_eq!(
            said,
            [format!("ntfsclone: interrupted; {message}")],
            "{errors}"
        );
        assert_eq!(
            status.code(),
            Some(signal.1),
            "signal {:?}",
            status.signal()
        );
        assert!(took < Duration::from_secs(1), "took {took:?}");
        let after = self.before.changes(&scene.listing());
        assert!(
            after.iter().eq(changed),
            "changed {after:?}, expected {changed:?}"
        );
    }
}

/// The first half of an image of 32 MiB, more than the program reads at once.
fn half_an_image() -> Vec<u8> {
    const CLUSTER: usize = 64 << 10;
    let mut image = small_volume::header(CLUSTER as u32, (512 * CLUSTER + 512) as u64, 512, 512);
    for _ in 0..256 {
        image.push(1);
        image.resize(image.len() + CLUSTER, 0x33);
    }
    image
}

fn scene() -> Scene {
    let scene = Scene::new();
    large_volume::write(&scene.path("large"), 3 * GIB);
    scene.write("old", b"what was there before");
    scene
}

#[test]
fn file() {
    let scene = scene();
    for signal in SIGNALS {
        for (line, phase) in [
            ("-o out large", "clone"),
            ("-s -o out large", "save"),
            ("-s --compress=19 --checksum -o out large", "save"),
            ("--compress=19 -O old large", "clone"),
            ("-O old large", "clone"),
            ("-s -O old large", "save"),
            ("-r -o out -", "restore"),
            ("-r -O old -", "restore"),
        ] {
            Run::start(&scene, line, phase).interrupt(&scene, signal, NOTHING, &[]);
        }
    }
}

/// Whatever signal would end it.
#[test]
fn other_signals() {
    let scene = scene();
    for signal in [
        Signal::QUIT,
        Signal::ABORT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::XCPU,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::POWER,
    ] {
        let signal = (signal, 128 + signal.as_raw());
        Run::start(&scene, "-s -o out large", "save").interrupt(&scene, signal, NOTHING, &[]);
    }
}

/// An abort of its own, as for want of memory, waits for the cleaning.
#[test]
fn abort() {
    if !met_here(&[Need::Tool("strace")]) {
        return;
    }
    let scene = small_volume::scene();
    let program = scene.command(ours, "-s -o out volume");
    let mut command = tool("strace", ["-f", "-qq", "-o", "/dev/null"]);
    command.args(["-e", "inject=pwrite64:signal=SIGABRT:when=1"]);
    // On a loaded machine, a copy as small as this would be complete before the thread
    // that waits for signals gets to run.
    command.args(["-e", "inject=fsync,fdatasync:delay_enter=3s"]);
    command.arg(program.get_program()).args(program.get_args());
    command.current_dir(scene.path(""));
    let outcome = scene.run_command(command, &[]);
    assert_eq!(outcome.code(), Some(134), "{}", outcome.errors());
    outcome.changed_only(&[]);
}

#[test]
fn file_in_place() {
    let scene = scene();
    let message = "old is half written and not usable";
    for signal in SIGNALS {
        scene.write("old", b"what was there before");
        let run = Run::start(&scene, "--in-place -O old large", "clone");
        run.interrupt(&scene, signal, message, &["old"]);
        scene.write("old", b"what was there before");
        let run = Run::start(&scene, "-r --in-place -O old -", "restore");
        run.interrupt(&scene, signal, message, &["old"]);
    }
}

/// Nobody takes what is written: the program waits in the middle of it.
#[test]
fn stream() {
    let scene = scene();
    let message = "standard output is half written and not usable";
    for signal in SIGNALS {
        for (line, phase) in [
            ("-o - large", "clone"),
            ("-s -o - large", "save"),
            ("-r -o - -", "restore"),
        ] {
            Run::start(&scene, line, phase).interrupt(&scene, signal, message, &[]);
        }
    }
}

#[test]
fn block_device() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = scene();
    let folder = Scene::new();
    let file = File::create(folder.path("device")).expect("there is room");
    file.set_len(3 * GIB + 4096).expect("it is sparse");
    let device = LoopDevice::attach(&folder.path("device"));
    let name = device.path().display();
    let message = format!("{name} is half written and not usable");
    for signal in SIGNALS {
        let run = Run::start(&scene, &format!("-O {name} large"), "clone");
        run.interrupt(&scene, signal, &message, &[]);
        let run = Run::start(&scene, &format!("-r -O {name} -"), "restore");
        run.interrupt(&scene, signal, &message, &[]);
    }
}

/// Before there is a target there is nothing to say of it.
#[test]
fn before_anything_is_written() {
    let scene = scene();
    for signal in SIGNALS {
        // What there is of the image is checked; then it waits for more.
        let run = Run::start(&scene, "-n -r -", "check");
        run.interrupt(&scene, signal, "nothing was being written", &[]);
    }
}
