//! Progress: percent as the original's where a program reads the report, JSON lines for programs that ask for them, a
//! bar for people.

use crate::support::{
    failing_device::{FAILING_DEVICES, FailingDevice},
    large_volume,
    program::ours,
    requirements::met_here,
    scene::Scene,
    small_volume::{image_of, volume},
    terminal::open_terminal,
};
use serde_json::Value;
use std::{
    fs::File,
    io::Read,
    process::{Command, Stdio},
    slice,
};

const GIB: u64 = 1 << 30;

/// A small volume and a large one, and the small one's image.
fn scene() -> Scene {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    large_volume::write(&scene.path("large"), 2 * GIB);
    scene
}

/// The lines of each phase, in order.
fn phases(errors: &str) -> Vec<(String, Vec<Value>)> {
    let mut phases: Vec<(String, Vec<Value>)> = Vec::new();
    for line in errors.lines() {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line} is no JSON: {error}"));
        let phase = value["phase"].as_str().expect("it has a phase").to_owned();
        match phases.last_mut() {
            Some((last, lines)) if *last == phase => lines.push(value),
            _ => phases.push((phase, vec![value])),
        }
    }
    phases
}

#[track_caller]
fn assert_sound(phase: &str, lines: &[Value]) {
    let number = |line: &Value, field: &str| {
        line[field]
            .as_u64()
            .unwrap_or_else(|| panic!("{phase}: no {field} in {line}"))
    };
    let total = number(&lines[0], "total");
    let mut done = 0;
    for line in lines {
        let fields: Vec<&String> = line.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["done", "eta", "phase", "rate", "total"], "{line}");
        assert!(number(line, "done") >= done, "{phase} goes back: {line}");
        done = number(line, "done");
        assert_eq!(
            number(line, "total"),
            total,
            "{phase}: the total changes: {line}"
        );
        assert!(done <= total, "{phase}: more than all: {line}");
        number(line, "rate");
        assert!(line["eta"].is_u64() || line["eta"].is_null(), "{line}");
    }
    assert_eq!(done, total, "{phase} ends too early");
    assert_eq!(
        lines.last().expect("there is one")["eta"],
        0,
        "{phase}: time is left"
    );
}

const COPIES: [&str; 4] = [
    "-O out volume",
    "-s -O out volume",
    "-r -O out image",
    "-n -r image",
];

#[test]
fn none_in_a_pipe_if_unwanted() {
    let scene = scene();
    for line in COPIES {
        for progress in ["--progress=none", "-q", "-q --progress=auto"] {
            let outcome = scene.run(&format!("{progress} {line}"));
            outcome.failed(0, "");
            let reports = String::from_utf8_lossy(outcome.stdout()).into_owned();
            assert!(
                !reports.contains(['\r', '\x1B']) && !reports.contains(" percent "),
                "{progress} {line}: {reports}"
            );
        }
    }
}

/// On the stream that has the report.
#[test]
fn percent_in_a_pipe() {
    let scene = scene();
    for line in COPIES.into_iter().chain(["-O /dev/null large"]) {
        for progress in ["", "--progress=auto"] {
            let outcome = scene.run(&format!("{progress} {line}"));
            outcome.failed(0, "");
            let reports = String::from_utf8_lossy(outcome.stdout()).into_owned();
            assert!(
                reports.contains("  0.00 percent completed\r"),
                "{line}: {reports}"
            );
            assert!(
                reports.contains("\r100.00 percent completed\n"),
                "{line}: {reports}"
            );
        }
    }
    let outcome = scene.run("-s -o - volume");
    assert!(outcome.stdout() == image_of(&volume()));
    assert!(outcome.errors().contains("\r100.00 percent completed\n"));
}

/// Some times a second, however much is copied.
#[test]
fn few_percent() {
    let scene = scene();
    let outcome = scene.run("-O /dev/null large");
    let reports = String::from_utf8_lossy(outcome.stdout()).into_owned();
    let count = reports.matches(" percent ").count();
    let most = outcome.took().as_millis() as usize / 100 + 6;
    assert!(count <= most, "{count} in {:?}", outcome.took());
}

/// In a restore to a device, an image is read twice: its percent go to 100 once.
#[test]
fn percent_of_a_restore_in_place() {
    let scene = scene();
    scene.write("out", vec![0; volume().bytes.len()]);
    let outcome = scene.run("-r --in-place -O out image");
    let reports = String::from_utf8_lossy(outcome.stdout()).into_owned();
    let after = reports.split_once("Restoring NTFS from image ...\n");
    let (_, after) = after.unwrap_or_else(|| panic!("{reports}"));
    assert_eq!(after.matches("100.00 percent").count(), 1, "{reports}");
    assert!(after.contains("\r 50.00 percent completed\r"), "{reports}");
    assert!(after.contains("\nSyncing ...\n"), "{reports}");
}

/// In a log, too, if it is asked for.
#[test]
fn bar_without_a_terminal() {
    let scene = scene();
    let outcome = scene.run("--progress=bar -O /dev/null large");
    let errors = outcome.errors();
    for part in ["cloning", "%", "GiB", "\r"] {
        assert!(errors.contains(part), "no {part}: {errors:?}");
    }
    assert!(!errors.contains('\n'), "more than a line: {errors:?}");
    assert!(errors.ends_with("\r\x1B[2K"), "it stays: {errors:?}");
    let reports = String::from_utf8_lossy(outcome.stdout()).into_owned();
    assert!(!reports.contains(" percent "), "{reports}");
}

/// The lines of the original are lines where a bar goes to the same file.
#[test]
fn bar_leaves_the_lines_of_the_report_alone() {
    let scene = scene();
    let mut command = Command::new("sh");
    let line = "\"$P\" --progress=bar -s -o out large 2>&1";
    command.args(["-c", line]).current_dir(scene.path(""));
    command.env("P", ours().get_program());
    let output = command.output().expect("there is a shell");
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "Accounting clusters ...\n",
        "Saving NTFS to image ...\n",
        "Syncing ...\n",
    ] {
        let before = report.split_once(line).expect(line).0;
        let is_line = before.ends_with('\n') || before.ends_with("\r\x1B[2K");
        assert!(is_line, "{line:?} after {before:?}");
    }
}

#[test]
fn json_lines() {
    let scene = scene();
    for (line, expected) in [
        ("-o - volume", &["scan", "clone"][..]),
        ("-O /dev/null volume", &["scan", "clone"]),
        ("-s -O /dev/null volume", &["scan", "save"]),
        ("-O /dev/null large", &["scan", "clone"]),
        ("-s -O /dev/null large", &["scan", "save"]),
        ("-r -O /dev/null image", &["restore"]),
        ("-r --in-place -O out image", &["restore"]),
        ("-r --in-place -O out image", &["check", "restore"]),
        ("-n -r image", &["check"]),
    ] {
        let outcome = scene.run(&format!("--progress=json {line}"));
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        let mut errors = outcome.errors();
        if line.starts_with("-o -") {
            // Reports go there as well.
            errors = errors
                .lines()
                .filter(|line| line.starts_with('{'))
                .map(|line| format!("{line}\n"))
                .collect();
        }
        let phases = phases(&errors);
        let names: Vec<&str> = phases.iter().map(|(phase, _)| phase.as_str()).collect();
        assert_eq!(names, expected, "{line}");
        for (phase, lines) in &phases {
            assert_sound(phase, lines);
        }
        let (_, copied) = phases.last().expect("there is a phase");
        let total = copied[0]["total"].as_u64().expect("checked above");
        match line.contains("large") {
            true => assert!(
                total > GIB && copied.len() > 1,
                "{line}: {} lines",
                copied.len()
            ),
            false => assert!(total < 2 << 20, "{line}: {total} bytes"),
        }
    }
}

/// As often as it is of use to a program, not for every cluster.
#[test]
fn few_lines() {
    let scene = scene();
    let outcome = scene.run("--progress=json -O /dev/null large");
    let lines = outcome.errors().lines().count();
    let most = outcome.took().as_millis() as usize / 100 + 6;
    assert!(lines <= most, "{lines} lines in {:?}", outcome.took());
}

/// What was asked for last counts for a quiet run too: a program may add `-q` to all it does.
#[test]
fn asked_for_although_quiet() {
    let scene = scene();
    let outcome = scene.run("-q --progress=json -O /dev/null volume");
    assert!(
        outcome.errors().starts_with("{\"phase\":"),
        "{}",
        outcome.errors()
    );
}

/// A failing run has no last line that says all is done.
#[test]
fn json_lines_of_a_failure() {
    let scene = scene();
    let image = scene.read("image");
    scene.write("cut", &image[..image.len() - 1000]);
    let outcome = scene.run("--progress=json -n -r cut");
    assert_eq!(outcome.code(), Some(1));
    let errors = outcome.errors();
    let json: Vec<Value> = errors
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert!(
        json.iter().all(|line| line["done"] != line["total"]),
        "{errors}"
    );
    assert_eq!(errors.matches("ntfsclone:").count(), 1, "{errors}");
}

#[test]
fn bar_on_a_terminal() {
    let scene = scene();
    for (line, word) in [
        ("-O /dev/null large", "cloning"),
        ("-s -O /dev/null large", "saving"),
        ("--progress=bar -O /dev/null large", "cloning"),
        ("-q --progress=bar -O /dev/null large", "cloning"),
    ] {
        let mut command = scene.command(ours, line);
        let (terminal, side) = open_terminal();
        command.stdout(Stdio::piped()).stderr(side);
        let shown = run_on(command, terminal);
        for part in [word, "%", "GiB", "/s", "left", "\r"] {
            assert!(
                shown.errors.contains(part),
                "{line} does not show {part}: {:?}",
                shown.errors
            );
        }
        assert!(
            shown.reports.contains("Volume: NTFS 3.1"),
            "{line}: {}",
            shown.reports
        );
        // What a program reads is not what people look at.
        let is_asked_for = line.contains("--progress");
        assert_eq!(
            shown.reports.contains(" percent "),
            !is_asked_for,
            "{line}: {}",
            shown.reports
        );
        assert!(!shown.reports.contains('\x1B'), "{}", shown.reports);
    }
}

#[test]
fn no_bar_on_a_terminal() {
    let scene = scene();
    for line in [
        "-q -O /dev/null large",
        "--progress=none -O /dev/null large",
    ] {
        let mut command = scene.command(ours, line);
        let (terminal, side) = open_terminal();
        command.stdout(Stdio::piped()).stderr(side);
        assert_eq!(run_on(command, terminal).errors, "", "{line}");
    }
    // A terminal for the reports is none for the bar.
    let mut command = scene.command(ours, "-O /dev/null large");
    let (terminal, side) = open_terminal();
    command.stdout(side).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    drop(command);
    let shown = read_terminal(terminal);
    let mut errors = String::new();
    let mut stderr = child.stderr.take().expect("piped above");
    stderr.read_to_string(&mut errors).expect("it is text");
    assert!(child.wait().expect("it ends").success());
    assert!(errors.starts_with("ntfsclone v"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(shown.contains("Cloned") && !shown.contains('%'), "{shown}");
    // Nor the report of the original.
    assert!(!shown.contains("Space in use"), "{shown}");
    assert!(shown.contains("Volume size: "), "{shown}");
}

/// However narrow a terminal is, the bar is one line of it.
#[test]
fn bar_on_a_narrow_terminal() {
    let scene = scene();
    for columns in [8, 20, 50, 79, 200] {
        let mut command = scene.command(ours, "-O /dev/null large");
        let (terminal, side) = open_terminal();
        let size = rustix::termios::Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&terminal, size).expect("it is a terminal");
        command.stdout(Stdio::piped()).stderr(side);
        let shown = run_on(command, terminal).errors;
        assert!(shown.contains('%'), "{columns}: {shown:?}");
        for line in shown.split(['\r', '\n']) {
            let line = line.replace("\x1B[2K", "");
            let width = line.chars().count();
            assert!(width <= usize::from(columns), "{columns}: {line:?}");
        }
    }
}

/// The bar that was there before is gone, not a line above.
#[test]
fn no_stale_bar_after_verify() {
    let scene = scene();
    let mut command = scene.command(ours, "--verify -o out large");
    let (terminal, side) = open_terminal();
    command.stdout(Stdio::piped()).stderr(side);
    let shown = run_on(command, terminal).errors;
    assert!(shown.contains("verifying"), "{shown:?}");
    assert!(!shown.contains('\n'), "{shown:?}");
    let last = shown.rsplit('\r').next().unwrap_or_default();
    assert_eq!(last, "\x1B[2K", "{shown:?}");
}

/// As GNU ddrescue shows: how much is bad, and whether the disk still answers.
#[test]
fn bar_of_a_rescue() {
    if !met_here(FAILING_DEVICES) {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let bad = volume.stream_offset(volume.record_number("big.bin"), 0x80, "", 8192);
    let slow = ["--filter=delay", "rdelay=10ms"];
    let device = FailingDevice::with(
        &scene.path("volume"),
        slice::from_ref(&(bad..bad + 4096)),
        &slow,
    );
    let mut command = scene.command(ours, "--rescue -o out");
    command.arg(device.path());
    let (terminal, side) = open_terminal();
    command.stdout(Stdio::piped()).stderr(side);
    let mut child = command.spawn().expect("it starts");
    drop(command);
    let shown = read_terminal(terminal);
    assert_eq!(child.wait().expect("it ends").code(), Some(3), "{shown}");
    for part in [
        "rescuing",
        "trimming",
        "1 bad area, 1 error, last good read 0 s ago",
    ] {
        assert!(shown.contains(part), "no {part}: {shown}");
    }
}

struct Shown {
    reports: String,
    errors: String,
}

fn run_on(mut command: Command, terminal: File) -> Shown {
    let mut child = command.spawn().expect("it starts");
    // It holds the other side of the terminal.
    drop(command);
    let mut stdout = child.stdout.take().expect("piped above");
    let reports = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).expect("it is text");
        text
    });
    let errors = read_terminal(terminal);
    assert!(child.wait().expect("it ends").success(), "{errors}");
    let reports = reports.join().expect("it ends");
    Shown { reports, errors }
}

/// All that is written, until nobody has the other side any more; then reading fails.
fn read_terminal(mut terminal: File) -> String {
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        shown.extend(&buffer[..count]);
    }
    String::from_utf8_lossy(&shown).into_owned()
}
