//! A rescue that several runs make, ours or GNU ddrescue's.

use crate::support::{
    failing_device::{FAILING_DEVICES, FailingDevice},
    loop_device::LoopDevice,
    lying_device::LyingDevice,
    program::{call, finish, ours, printed, succeed, tool},
    requirements::{self, Need},
    scratch_directory,
};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, pattern};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const CLUSTER: u64 = 4096;

/// A volume, what a clone of it is, and a folder for the rest.
struct Scene {
    volume: Volume,
    folder: TempDir,
    clone: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let volume = VolumeBuilder::new()
            .clusters(4096)
            .file("first.bin", FileData::Bytes(pattern(1, 3_000_000)))
            .file("docs/second.bin", FileData::Bytes(pattern(2, 2_500_000)))
            .build();
        let folder = scratch_directory();
        let [source, clone] = ["volume", "clone"].map(|name| folder.path().join(name));
        fs::write(&source, &volume.bytes).expect("cannot write the volume");
        succeed(call(ours, "-q -o", &[&clone, &source]));
        let clone = fs::read(&clone).expect("it was just made");
        Self {
            volume,
            folder,
            clone,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Bytes of a file on the volume.
    fn place(&self, path: &str, part: Range<u64>) -> Range<u64> {
        let record = self.volume.record_number(path);
        let start = self.volume.stream_offset(record, 0x80, "", part.start);
        start..start + (part.end - part.start)
    }

    fn device(&self, bad: &[Range<u64>]) -> FailingDevice {
        FailingDevice::new(&self.path("volume"), bad)
    }

    /// Rescues to `out`, with the map file `map`.
    fn rescue(&self, options: &str, source: &Path) -> Output {
        let map = self.path("map");
        let options = format!("-q --rescue --mapfile {} {options}", map.display());
        finish(call(ours, &options, &[&self.path("out"), source]))
    }

    fn out(&self) -> Vec<u8> {
        fs::read(self.path("out")).expect("the output is there")
    }

    /// The areas of the map file that have a status.
    fn areas(&self, status: char) -> Vec<Range<u64>> {
        let text = fs::read_to_string(self.path("map")).expect("the map file is there");
        let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        lines
            .filter(|line| line.ends_with(status))
            .map(|line| {
                let mut numbers = line.split_whitespace().map(|number| {
                    let digits = number.trim_start_matches("0x");
                    u64::from_str_radix(digits, 16)
                });
                let mut next = || numbers.next().expect("a field").expect("a number");
                let start = next();
                start..start + next()
            })
            .collect()
    }
}

fn met(more: &[Need]) -> bool {
    requirements::met_here(&[FAILING_DEVICES, more].concat())
}

fn with_marks(clone: &[u8], bad: &[Range<u64>]) -> Vec<u8> {
    let mut bytes = clone.to_vec();
    for sector in bad.iter().flat_map(|range| range.clone().step_by(512)) {
        let sector = &mut bytes[sector as usize..][..512];
        sector.fill(b'?');
        sector[..10].copy_from_slice(b"BadSectoR\0");
    }
    bytes
}

#[test]
fn a_later_run_reads_only_what_is_missing() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let bad = [
        scene.place("first.bin", 10 * CLUSTER + 512..10 * CLUSTER + 1536),
        scene.place("docs/second.bin", 8 * CLUSTER..60 * CLUSTER),
    ];
    let outcome = scene.rescue("-o", scene.device(&bad).path());
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    assert!(scene.out() == with_marks(&scene.clone, &bad));
    assert_eq!(scene.areas('-'), bad);

    // The disk has a better day, but for one sector.
    let still_bad = bad[0].start..bad[0].start + 512;
    let device = scene.device(std::slice::from_ref(&still_bad));
    device.reads();
    let outcome = scene.rescue("--retries 1 -o", device.path());
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    let said = printed(&outcome);
    assert!(
        said.contains("lost 512 bytes of /first.bin, at byte 41472"),
        "{said}"
    );
    assert!(scene.out() == with_marks(&scene.clone, std::slice::from_ref(&still_bad)));
    assert_eq!(scene.areas('-'), [still_bad]);
    for read in device.reads() {
        let wanted = bad
            .iter()
            .any(|bad| bad.start <= read.start && read.end <= bad.end);
        // Of what is saved only the first sector, to see that it is the same volume.
        assert!(wanted || read == (0..512), "{read:x?}");
    }

    let device = scene.device(&[]);
    let outcome = scene.rescue("--retries 1 -o", device.path());
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    assert!(scene.out() == scene.clone);
    assert!(scene.areas('-').is_empty());
}

#[test]
fn ddrescue_goes_on_where_we_ended_and_we_where_it_did() {
    if !met(&[Need::Tool("ddrescue")]) {
        return;
    }
    let scene = Scene::new();
    let bad = [scene.place("first.bin", 20 * CLUSTER..30 * CLUSTER)];
    let [out, map, domain] = ["out", "map", "domain"].map(|name| scene.path(name));
    let outcome = scene.rescue("-o", scene.device(&bad).path());
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));

    // What is used, as a map of its own: all that we read or tried.
    let text = fs::read_to_string(&map)
        .expect("it is there")
        .replace('-', "+");
    fs::write(&domain, text).expect("cannot write the domain");
    let device = scene.device(&[]);
    let mut command = tool("ddrescue", ["--retry-passes=1"]);
    command.arg("-m").arg(&domain);
    succeed({
        command.args([device.path(), &out, &map]);
        command
    });
    assert!(scene.out() == scene.clone);
    assert!(scene.areas('-').is_empty());

    // It ends while a part is not tried, and parts are bad.
    for path in [&out, &map] {
        fs::remove_file(path).expect("it is there");
    }
    let device = scene.device(&bad);
    let mut command = tool("ddrescue", ["--size=6Mi"]);
    command.args([device.path(), &out, &map]);
    succeed(command);
    assert_eq!(scene.areas('-'), bad);
    let device = scene.device(&[]);
    device.reads();
    let outcome = scene.rescue("--retries 1 -o", device.path());
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    let before: Vec<_> = device.reads();
    let found = scene.out();
    for cluster in scene.volume.used_clusters() {
        let bytes = (cluster * CLUSTER) as usize..((cluster + 1) * CLUSTER) as usize;
        assert!(found[bytes.clone()] == scene.clone[bytes], "{cluster}");
    }
    assert_eq!(found.len(), scene.clone.len());
    let again = |read: &Range<u64>| read.end <= 6 << 20 && *read != (0..512);
    let again: Vec<_> = before.into_iter().filter(again).collect();
    assert!(
        again
            .iter()
            .all(|read| bad[0].start <= read.start && read.end <= bad[0].end),
        "{again:x?}"
    );
}

/// The same command, report and all, goes on; what it says is of this run.
#[test]
fn a_rescue_that_goes_on_replaces_its_report() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let bad = [scene.place("first.bin", 20 * CLUSTER..21 * CLUSTER)];
    let report = scene.path("report");
    let options = format!("--retries 1 --report {} -o", report.display());
    let lost_bytes = || {
        let text = fs::read_to_string(&report).expect("it is there");
        let report: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        report["bytes"].as_u64()
    };
    let outcome = scene.rescue(&options, scene.device(&bad).path());
    let said = printed(&outcome);
    assert_eq!(outcome.status.code(), Some(3), "{said}");
    assert!(!said.contains(" in all"), "{said}");
    assert_eq!(lost_bytes(), Some(CLUSTER));

    let outcome = scene.rescue(&options, scene.device(&[]).path());
    let said = printed(&outcome);
    assert_eq!(outcome.status.code(), Some(0), "{said}");
    assert!(said.contains("Rescued 4096 bytes (4.00 KiB) in"), "{said}");
    assert!(said.contains(" MiB in all"), "{said}");
    assert_eq!(lost_bytes(), Some(0));
    let count = fs::read_dir(scene.folder.path()).expect("it is there");
    assert_eq!(count.count(), 5, "volume, clone, out, map and report");

    // What is no report, is the map file, or belongs to a rescue that begins, stays.
    let map = scene.path("map");
    for (path, content) in [(&report, "{}"), (&map, "")] {
        if !content.is_empty() {
            fs::write(path, content).expect("there is room");
        }
        let before = fs::read(path).expect("it is there");
        let options = format!("--report {} -o", path.display());
        let outcome = scene.rescue(&options, &scene.path("volume"));
        assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
        assert!(fs::read(path).expect("it is there") == before);
    }
}

/// Interrupted in the middle, by a signal that it sees and by one that it does not.
#[test]
fn what_was_saved_stays() {
    if !met(&[]) {
        return;
    }
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let scene = Scene::new();
        let slow = ["--filter=delay", "delay-read=80ms"];
        let device = FailingDevice::with(&scene.path("volume"), &[], &slow);
        let map = scene.path("map");
        let options = format!("-q --rescue --mapfile {} -o", map.display());
        let mut command = call(ours, &options, &[&scene.path("out"), device.path()]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        let patience = Instant::now() + Duration::from_secs(60);
        // The map file is there from the first byte on; more is known later.
        while !map.exists() {
            assert!(Instant::now() < patience, "no map file");
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_secs(2));
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        let outcome = child.wait_with_output().expect("it ends");
        assert_eq!(outcome.status.code(), code);
        if signal == Signal::INT {
            let said = printed(&outcome);
            assert!(said.contains("the same command goes on"), "{said}");
        }
        drop(device);

        let saved = scene.areas('+');
        let out = scene.out();
        let bytes: u64 = saved.iter().map(|range| range.end - range.start).sum();
        assert!((1..5_000_000).contains(&bytes), "{signal:?}: {bytes}");
        for range in saved
            .iter()
            .map(|range| range.start as usize..range.end as usize)
        {
            assert!(
                out[range.clone()] == scene.volume.bytes[range.clone()],
                "{range:x?}"
            );
        }
        let device = scene.device(&[]);
        device.reads();
        let outcome = scene.rescue("-o", device.path());
        assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
        assert!(scene.out() == scene.clone);
        for read in device.reads().iter().filter(|read| **read != (0..512)) {
            let known = |saved: &Range<u64>| saved.start <= read.start && read.end <= saved.end;
            assert!(!saved.iter().any(known), "{read:x?} was saved");
        }
    }
}

#[test]
fn to_a_device() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let bad = [scene.place("first.bin", 20 * CLUSTER..21 * CLUSTER)];
    fs::write(scene.path("disk"), vec![0xEE; scene.clone.len()]).expect("there is room");
    let disk = LoopDevice::attach(&scene.path("disk"));
    let map = scene.path("map");
    let run = |how: &str, source: &Path| {
        let options = format!("-q --rescue --mapfile {} --retries 1 {how}", map.display());
        finish(call(ours, &options, &[disk.path(), source]))
    };
    let outcome = run("-o", &scene.path("volume"));
    assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
    assert!(
        printed(&outcome).contains("--overwrite"),
        "{}",
        printed(&outcome)
    );
    let outcome = run("-O", scene.device(&bad).path());
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    let outcome = run("-O", scene.device(&[]).path());
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    let found = fs::read(disk.path()).expect("it can be read");
    for cluster in scene.volume.used_clusters() {
        let bytes = (cluster * CLUSTER) as usize..((cluster + 1) * CLUSTER) as usize;
        assert!(found[bytes.clone()] == scene.clone[bytes], "{cluster}");
    }
}

/// A device that fails now and then, and at another place each time.
#[test]
fn retries_get_what_fails_now_and_then() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let flaky = ["--filter=error", "error-pread=EIO", "error-pread-rate=20%"];
    let device = FailingDevice::with(&scene.path("volume"), &[], &flaky);
    let outcome = scene.rescue("--retries 40 -o", device.path());
    assert!(device.failed_reads() > 0, "the test makes reads fail");
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    assert!(scene.out() == scene.clone);
}

#[test]
fn refused_before_anything_is_changed() {
    let scene = Scene::new();
    let other = VolumeBuilder::new().clusters(4096).serial(99).build();
    fs::write(scene.path("other"), &other.bytes).expect("cannot write a volume");
    let source = scene.path("volume");
    let check = |what: &str, options: &str, source: &Path| {
        let outcome = scene.rescue(options, source);
        let code = outcome.status.code();
        assert!(matches!(code, Some(1 | 2)), "{what}: {}", printed(&outcome));
        let said = printed(&outcome);
        assert!(said.contains(what), "{what:?} is not in:\n{said}");
    };
    check("--mapfile goes with a raw copy", "-s -o", &source);
    check("--mapfile goes with a raw copy", "-m -o", &source);
    check("new serial number", "--new-serial -o", &source);
    check("--in-place has no meaning", "--in-place -O", &source);

    fs::write(scene.path("out"), "mine").expect("there is room");
    for option in ["-o", "-O"] {
        check("exists already, and there is no", option, &source);
        assert_eq!(scene.out(), b"mine");
    }
    fs::remove_file(scene.path("out")).expect("it is there");
    for (map, what) in [
        ("", "is no map file"),
        ("0 + 1\n0 100 x\n", "line 2"),
        ("0 + 1\n0 0x20000000 +\n", "past the end of the device"),
    ] {
        fs::write(scene.path("map"), map).expect("there is room");
        check(what, "-o", &source);
        assert!(!scene.path("out").exists());
    }
    fs::write(scene.path("map"), "0 + 1\n0 0x1000000 +\n").expect("there is room");
    check("is not there, but", "-o", &source);
    fs::write(scene.path("out"), "short").expect("there is room");
    check("more is saved than there is", "-o", &source);
    assert_eq!(scene.out(), b"short");
    fs::write(scene.path("out"), &other.bytes).expect("there is room");
    check("belongs to another volume", "-o", &source);
    assert!(scene.out() == other.bytes);
}

/// Nothing of a device that is too small is overwritten.
/// What a run leaves that is killed before it creates the output.
#[test]
fn map_that_claims_nothing_begins_the_output() {
    let scene = Scene::new();
    let map = "# Mapfile.\n0x0 ? 1\n0x0 0x1000 ?\n";
    fs::write(scene.path("map"), map).expect("there is room");
    let outcome = scene.rescue("-o", &scene.path("volume"));
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    assert!(scene.out() == scene.clone);
    assert!(scene.areas('-').is_empty());
}

#[test]
fn a_device_too_small_is_left_alone() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    fs::write(scene.path("disk"), vec![0xEE; 1 << 20]).expect("there is room");
    let disk = LoopDevice::attach(&scene.path("disk"));
    let map = scene.path("map");
    let options = format!("-q --rescue --mapfile {} -O", map.display());
    let outcome = finish(call(ours, &options, &[disk.path(), &scene.path("volume")]));
    assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
    assert!(!map.exists());
    let found = fs::read(disk.path()).expect("it can be read");
    assert!(found.iter().all(|&byte| byte == 0xEE));
}

/// Nobody asked for a map file; what a dying disk gave is kept even so.
#[test]
fn without_a_map_file_nothing_saved_is_thrown_away() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let slow = ["--filter=delay", "delay-read=80ms"];
    let device = FailingDevice::with(&scene.path("volume"), &[], &slow);
    let out = scene.path("out");
    let mut command = call(ours, "-q --rescue -o", &[&out, device.path()]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let part = || {
        let entries = fs::read_dir(scene.folder.path()).expect("it is there");
        let mut paths = entries.map(|entry| entry.expect("it is there").path());
        paths.find(|path| path.extension().is_some_and(|name| name == "part"))
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while part().is_none() {
        assert!(Instant::now() < patience, "no output");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(1500));
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    let outcome = child.wait_with_output().expect("it ends");
    assert_eq!(outcome.status.code(), Some(143));
    assert!(!out.exists());
    let said = printed(&outcome);
    let (_, command) = said.split_once("go on with ").expect("it says how");
    let words: Vec<&str> = command.split_whitespace().collect();
    drop(device);

    let options = format!("-q {}", words.join(" "));
    let outcome = finish(call(ours, &options, &[&scene.path("volume")]));
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    let part = part().expect("it is still there");
    assert!(fs::read(part).expect("it can be read") == scene.clone);

    // Of one that is not interrupted only the output is left.
    let fresh = Scene::new();
    let options = "-q --rescue -o";
    succeed(call(
        ours,
        options,
        &[&fresh.path("out"), &fresh.path("volume")],
    ));
    let count = fs::read_dir(fresh.folder.path())
        .expect("it is there")
        .count();
    assert_eq!(count, 3, "the volume, its clone and the output");
}

/// A device that leaves the bus fails like one with bad sectors, and comes back.
#[test]
fn device_that_goes_away_has_no_bad_sectors() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let [gone, image] = ["gone", "image"].map(|name| scene.path(name));
    let error_file = format!("error-file={}", gone.display());
    let fails_later = [
        "--filter=error",
        "--filter=delay",
        "delay-read=40ms",
        "error-pread=EIO",
        "error-pread-rate=100%",
        &error_file,
    ];
    let device = FailingDevice::with(&scene.path("volume"), &[], &fails_later);
    let run = |options: &str, output: &Path| {
        let mut command = call(ours, options, &[output, device.path()]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        thread::sleep(Duration::from_millis(1200));
        fs::write(&gone, "").expect("there is room");
        let outcome = child.wait_with_output().expect("it ends");
        fs::remove_file(&gone).expect("it is there");
        let said = printed(&outcome);
        assert_eq!(outcome.status.code(), Some(1), "{said}");
        assert!(
            said.contains("the device does not answer any more"),
            "{said}"
        );
        said
    };
    run("-q --rescue -s -o", &image);
    assert!(!image.exists());

    let options = format!("-q --rescue --mapfile {} -o", scene.path("map").display());
    let said = run(&options, &scene.path("out"));
    assert!(said.contains("the same command goes on"), "{said}");
    for failed in ['*', '/', '-'] {
        assert!(scene.areas(failed).is_empty(), "{failed}");
    }
    assert!(!scene.areas('?').is_empty() && !scene.areas('+').is_empty());
    let outcome = scene.rescue("-o", device.path());
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    assert!(scene.out() == scene.clone);
}

/// The kernel reports a write that it lost to one sync; the next one succeeds.
#[test]
fn what_a_failed_sync_lost_is_read_again() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    let loses = scene.path("loses");
    let disk = LyingDevice::losing_writes(scene.clone.len() as u64, &loses);
    let map = scene.path("map");
    let options = format!("-q --rescue --mapfile {} -O", map.display());
    // Longer than it takes to the first map that is not the one of the start.
    let slow = ["--filter=delay", "delay-read=250ms"];
    let source = FailingDevice::with(&scene.path("volume"), &[], &slow);
    let mut command = call(ours, &options, &[disk.path(), source.path()]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let patience = Instant::now() + Duration::from_secs(60);
    while !map.exists() {
        assert!(Instant::now() < patience, "no map file");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(500));
    fs::write(&loses, "").expect("there is room");
    let outcome = child.wait_with_output().expect("it ends");
    fs::remove_file(&loses).expect("it is there");
    let said = printed(&outcome);
    assert_eq!(outcome.status.code(), Some(1), "{said}");
    assert!(said.contains("will be read again"), "{said}");

    // The kernel still has the bytes that it did not write.
    let mut forget = tool("blockdev", ["--flushbufs"]);
    forget.arg(disk.path());
    succeed(forget);
    let found = fs::read(disk.path()).expect("it can be read");
    for range in scene.areas('+') {
        let range = range.start as usize..range.end as usize;
        assert!(
            found[range.clone()] == scene.clone[range.clone()],
            "{range:x?}"
        );
    }
    let outcome = finish(call(ours, &options, &[disk.path(), &scene.path("volume")]));
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    let mut forget = tool("blockdev", ["--flushbufs"]);
    forget.arg(disk.path());
    succeed(forget);
    assert!(fs::read(disk.path()).expect("it can be read") == scene.clone);
}

/// A volume that is refused is not worth what is on the device.
#[test]
fn a_device_is_left_alone_until_the_volume_was_looked_at() {
    if !met(&[]) {
        return;
    }
    let mut scene = Scene::new();
    let file = scene.place("first.bin", 0..CLUSTER).start / CLUSTER;
    scene.volume.set_in_bitmap(file..file + 2, false);
    fs::write(scene.path("volume"), &scene.volume.bytes).expect("there is room");
    fs::write(scene.path("disk"), vec![0xEE; scene.clone.len()]).expect("there is room");
    let disk = LoopDevice::attach(&scene.path("disk"));
    let map = scene.path("map");
    let options = format!("-q --rescue --mapfile {} -O", map.display());
    let outcome = finish(call(ours, &options, &[disk.path(), &scene.path("volume")]));
    assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
    assert!(
        printed(&outcome).contains("--ignore-fs-check"),
        "{}",
        printed(&outcome)
    );
    assert!(!map.exists());
    let found = fs::read(disk.path()).expect("it can be read");
    assert!(found.iter().all(|&byte| byte == 0xEE));
}

/// The map file may come to another device than it was made for.
#[test]
fn going_on_on_a_smaller_device_is_no_success() {
    if !met(&[]) {
        return;
    }
    let scene = Scene::new();
    fs::write(scene.path("disk"), &scene.clone[..1 << 20]).expect("there is room");
    let disk = LoopDevice::attach(&scene.path("disk"));
    fs::write(scene.path("map"), "0 ? 1\n0 0x1000 +\n0x1000 0xFFF000 ?\n").expect("there is room");
    let options = format!("-q --rescue --mapfile {} -O", scene.path("map").display());
    let outcome = finish(call(ours, &options, &[disk.path(), &scene.path("volume")]));
    assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
    assert!(
        printed(&outcome).contains("are needed"),
        "{}",
        printed(&outcome)
    );
}
