//! One run of a program: how long, how much of the processor, how much memory.

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::{
    fs::File,
    io::{Read, Seek},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use wait4::{ResUse, Wait4};

/// How every image begins.
const MAGIC: &[u8; 16] = b"\0ntfsclone-image";

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Run {
    pub(super) wall_seconds: f64,
    /// Of the program and the kernel on its behalf.
    pub(super) cpu_seconds: f64,
    /// What the kernel calls the maximum resident set. It counts from what this program itself takes: a few MiB.
    pub(super) peak_bytes: u64,
    /// Length of what was written, where that is of interest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_bytes: Option<u64>,
}

/// All of them one after the other, as one run.
pub(super) fn run(commands: &mut [Command]) -> Result<Run> {
    let started = Instant::now();
    let mut cpu = Duration::ZERO;
    let mut peak = 0;
    for command in commands {
        let mut process = Process::start(command, Stdio::null())?;
        let used = process.child.wait4()?;
        ensure!(used.status.success(), "{}", process.failure(used.status)?);
        cpu += used.rusage.utime + used.rusage.stime;
        peak = peak.max(used.rusage.maxrss);
    }
    Ok(Run {
        wall_seconds: started.elapsed().as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        peak_bytes: peak,
        output_bytes: None,
    })
}

/// Until the program has written the first bytes of an image to its standard output.
pub(super) fn run_to_first_bytes(command: &mut Command) -> Result<Run> {
    let started = Instant::now();
    let mut process = Process::start(command, Stdio::piped())?;
    let mut output = process.child.stdout.take().context("piped above")?;
    let mut start = [0; MAGIC.len()];
    let read = output.read_exact(&mut start);
    let wall = started.elapsed();
    if read.is_ok() {
        process.child.kill()?;
    }
    let ResUse { status, rusage } = process.child.wait4()?;
    ensure!(read.is_ok(), "{}", process.failure(status)?);
    ensure!(&start == MAGIC, "{}: writes no image", process.name);
    Ok(Run {
        wall_seconds: wall.as_secs_f64(),
        cpu_seconds: (rusage.utime + rusage.stime).as_secs_f64(),
        peak_bytes: rusage.maxrss,
        output_bytes: None,
    })
}

struct Process {
    name: String,
    child: Child,
    errors: File,
}

impl Process {
    fn start(command: &mut Command, output: Stdio) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let errors = tempfile::tempfile()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name,
            child,
            errors,
        })
    }

    fn failure(&mut self, status: ExitStatus) -> Result<String> {
        let mut text = String::new();
        self.errors.rewind()?;
        self.errors.read_to_string(&mut text)?;
        Ok(format!("{}: {status}\n{text}", self.name))
    }
}
