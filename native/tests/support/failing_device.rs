//! A block device with sectors that cannot be read, for as long as the guard lives.

use super::{loop_device::LoopDevice, program, requirements::Need};
use std::{
    fmt::Write as _,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What it is made with: nbdkit fails, nbdfuse makes a file of it, a loop device a device.
pub(crate) const FAILING_DEVICES: &[Need] = &[
    Need::Root,
    Need::Fuse,
    Need::LoopDevices,
    Need::Tool("losetup"),
    Need::Tool("nbdkit"),
    Need::Tool("nbdfuse"),
    Need::Tool("blockdev"),
    Need::Tool("fusermount3"),
];

pub(crate) struct FailingDevice {
    /// Dropped before the file below it goes away.
    device: Option<LoopDevice>,
    nbdfuse: Child,
    folder: TempDir,
}

impl FailingDevice {
    /// The bytes of `file`, of which those in `bad` cannot be read.
    pub(crate) fn new(file: &Path, bad: &[Range<u64>]) -> Self {
        Self::with(file, bad, &[])
    }

    /// As [`FailingDevice::new`], with more filters and options of nbdkit.
    pub(crate) fn with(file: &Path, bad: &[Range<u64>], more: &[&str]) -> Self {
        let folder = super::scratch_directory();
        let size = fs::metadata(file).expect("the file is there").len();
        let map = folder.path().join("map");
        fs::write(&map, mapfile(size, bad)).expect("cannot write a map");
        let mount_point = folder.path().join("nbd");
        fs::create_dir(&mount_point).expect("cannot make a mount point");
        let path = mount_point.join("nbd");

        let mut command = program::tool("nbdfuse", [&path]);
        command.args(["--command", "nbdkit", "-s", "--filter=log"]);
        let is_filter = |option: &&&str| option.starts_with("--");
        command.args(more.iter().filter(is_filter));
        command.args(["--filter=ddrescue", "file"]).arg(file);
        command.args(more.iter().filter(|option| !is_filter(option)));
        command.arg(option("ddrescue-mapfile", &map));
        command.arg(option("logfile", &folder.path().join("log")));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let nbdfuse = command.spawn().expect("cannot start nbdfuse");
        let mut failing = Self {
            device: None,
            nbdfuse,
            folder,
        };
        let patience = Instant::now() + Duration::from_secs(20);
        while !path.exists() {
            assert!(Instant::now() < patience, "nbdfuse does not mount");
            thread::sleep(Duration::from_millis(20));
        }
        // Without its own cache and read-ahead a loop device asks for what it is asked for.
        let device = LoopDevice::unbuffered(&path);
        let mut command = program::tool("blockdev", ["--setra", "0"]);
        command.arg(device.path());
        program::succeed(command);
        failing.device = Some(device);
        failing
    }

    pub(crate) fn path(&self) -> &Path {
        self.device.as_ref().expect("until it is dropped").path()
    }

    /// How many reads have failed since the last call.
    pub(crate) fn failed_reads(&self) -> usize {
        self.take_log()
            .lines()
            .filter(|line| line.contains("...Read") && !line.contains("return=0"))
            .count()
    }

    /// What was asked for since the last call, in order.
    pub(crate) fn reads(&self) -> Vec<Range<u64>> {
        let log = self.take_log();
        let reads = log.lines().filter(|line| line.contains(" Read "));
        let field = |line: &str, name: &str| {
            let after = line.split(name).nth(1).expect("the field is there");
            let digits = after.split_whitespace().next().expect("it has a value");
            u64::from_str_radix(digits, 16).expect("in hexadecimal")
        };
        reads
            .map(|line| {
                let start = field(line, "offset=0x");
                start..start + field(line, "count=0x")
            })
            .collect()
    }

    fn take_log(&self) -> String {
        let log = self.folder.path().join("log");
        let bytes = fs::read(&log).expect("nbdkit writes a log");
        fs::write(&log, "").expect("cannot empty the log");
        // Emptied while it is written to, it begins with a hole.
        let text = String::from_utf8_lossy(&bytes);
        text.trim_start_matches('\0').to_owned()
    }
}

impl Drop for FailingDevice {
    fn drop(&mut self) {
        self.device = None;
        let mut command = program::tool("fusermount3", ["-u", "-z"]);
        let _ = command.arg(self.folder.path().join("nbd")).status();
        // The loop device lets go of the file some time later: not waited for.
        let _ = self.nbdfuse.kill();
        let _ = self.nbdfuse.wait();
    }
}

/// A map of GNU ddrescue.
fn mapfile(size: u64, bad: &[Range<u64>]) -> String {
    let mut text = "0x0 + 1\n".to_owned();
    let mut position = 0;
    let mut area = |start: u64, end: u64, status| {
        if start < end {
            writeln!(text, "{start:#x} {:#x} {status}", end - start).expect("to memory");
        }
    };
    for range in bad {
        area(position, range.start, '+');
        area(range.start, range.end, '-');
        position = range.end;
    }
    area(position, size, '+');
    text
}

fn option(name: &str, path: &Path) -> PathBuf {
    format!("{name}={}", path.display()).into()
}
