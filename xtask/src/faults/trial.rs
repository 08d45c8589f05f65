//! One run of the program in a folder of its own, and what it leaves there.

use super::{
    fault::{Fault, Stream},
    inputs::Inputs,
    job::Job,
};
use crate::setup;
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Longer than any run takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a worker runs the program.
pub(super) struct Bench<'a> {
    pub(super) program: &'a Path,
    pub(super) inputs: &'a Inputs,
    /// Emptied before each run.
    pub(super) folder: PathBuf,
    /// A block device as large as the volume.
    pub(super) device: Option<PathBuf>,
    /// What is read in place of the volume.
    pub(super) source: Option<PathBuf>,
}

/// What a run came to.
pub(super) struct Outcome {
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    /// What is in the folder.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// What is on the device, if the job writes to it.
    pub(super) device: Vec<u8>,
    /// Inputs that are not what they were.
    pub(super) changed_inputs: Vec<String>,
}

impl Bench<'_> {
    /// Empties the folder and copies to it what the job expects there.
    pub(super) fn prepare(&self, job: &Job) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        for (from, to) in job.setup {
            fs::copy(self.inputs.folder.join(from), self.folder.join(to))?;
        }
        if let (true, Some(device)) = (job.needs_device(), &self.device) {
            fs::OpenOptions::new()
                .write(true)
                .open(device)?
                .write_all(&self.inputs.old)?;
        }
        Ok(())
    }

    /// Runs the job in the folder as it is; `log` is for strace.
    pub(super) fn run(&self, job: &Job, fault: &Fault, log: Option<&Path>) -> Result<Outcome> {
        let mut command = self.command(job, fault, log);
        if let Some(name) = job.stdin {
            command.stdin(File::open(self.inputs.folder.join(name))?);
        } else {
            command.stdin(Stdio::null());
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        match fault {
            Fault::Stream(Stream::StdoutFull) => {
                command.stdout(File::options().write(true).open("/dev/full")?);
            }
            Fault::Stream(Stream::StderrFull) => {
                command.stderr(File::options().write(true).open("/dev/full")?);
            }
            _ => {}
        }
        let mut child = command.spawn().context("cannot start the program")?;
        let is_read = *fault != Fault::Stream(Stream::StdoutBroken);
        let stdout = child.stdout.take().filter(|_| is_read);
        let stdout = thread::spawn(move || read_all(stdout));
        let stderr = child.stderr.take();
        let stderr = thread::spawn(move || read_all(stderr));
        let status = wait(&mut child)?;
        let stdout = stdout.join().unwrap_or_default();
        let stderr = stderr.join().unwrap_or_default();
        let mut outcome = self.look(job)?;
        outcome.status = status;
        outcome.stdout = stdout;
        outcome.stderr = String::from_utf8_lossy(&stderr).into_owned();
        if let Some(source) = &self.source {
            let volume = self.inputs.folder.join("volume");
            outcome.rename_source(&source.display().to_string(), &volume.display().to_string());
        }
        Ok(outcome)
    }

    fn command(&self, job: &Job, fault: &Fault, log: Option<&Path>) -> Command {
        let log = log.map(|log| log.display().to_string());
        let mut words = fault.wrapper(log.as_deref());
        if let Fault::Stream(Stream::StdoutClosed) = fault {
            words = ["sh", "-c", "exec \"$0\" \"$@\" >&-"]
                .map(String::from)
                .into();
        }
        words.push(self.program.display().to_string());
        words.extend(self.arguments(job));
        let program = setup::find(&words[0]).unwrap_or_else(|| PathBuf::from(&words[0]));
        let mut command = Command::new(program);
        command
            .args(&words[1..])
            .current_dir(&self.folder)
            .env("LC_ALL", "C.UTF-8")
            .env("RUST_BACKTRACE", "0")
            // A run that hangs is ended with all its processes.
            .process_group(0);
        command
    }

    fn arguments(&self, job: &Job) -> Vec<String> {
        let device = self.device.as_deref().unwrap_or(Path::new("DEVICE"));
        let mut arguments = job.arguments(&self.inputs.folder, device);
        if let Some(source) = &self.source {
            let volume = self.inputs.folder.join("volume").display().to_string();
            for argument in arguments.iter_mut().filter(|argument| **argument == volume) {
                *argument = source.display().to_string();
            }
        }
        arguments
    }

    /// A shell command that makes the run again.
    pub(super) fn reproduce(&self, job: &Job, fault: &Fault) -> String {
        let inputs = self.inputs.folder.display();
        let mut line = "cd $(mktemp -d); ".to_owned();
        if let Fault::SmallDisk {
            kind: "tmpfs",
            bytes,
        } = fault
        {
            line.push_str(&format!("mount -t tmpfs -o size={bytes} none .; cd $PWD; "));
        }
        for (from, to) in job.setup {
            line.push_str(&format!("cp {inputs}/{from} {to}; "));
        }
        if job.needs_device() {
            line.push_str(&format!(
                "cp {inputs}/old d; D=$(losetup --find --show d); "
            ));
        }
        let mut words = fault.wrapper(None);
        words.push(self.program.display().to_string());
        words.extend(job.arguments(&self.inputs.folder, Path::new("$D")));
        line.push_str(&words.join(" "));
        if let Some(name) = job.stdin {
            line.push_str(&format!(" <{inputs}/{name}"));
        }
        match fault {
            Fault::Stream(Stream::StdoutFull) => line.push_str(" >/dev/full"),
            Fault::Stream(Stream::StderrFull) => line.push_str(" 2>/dev/full"),
            Fault::Stream(Stream::StdoutClosed) => line.push_str(" >&-"),
            Fault::Stream(Stream::StdoutBroken) => line.push_str(" | true"),
            Fault::Device(text) => line.push_str(&format!("   # {text}")),
            _ => {}
        }
        line
    }

    /// What is in the folder, on the device and among the inputs.
    fn look(&self, job: &Job) -> Result<Outcome> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // ext4 has a folder in its root folder.
            if entry.file_type()?.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.insert(name, fs::read(entry.path())?);
            }
        }
        let device = match (&self.device, job.needs_device()) {
            (Some(device), true) => fs::read(device)?,
            _ => Vec::new(),
        };
        let mut changed_inputs = Vec::new();
        for (name, expected) in [
            ("volume", &self.inputs.volume),
            ("image", &self.inputs.image),
        ] {
            if job.line.contains(name) && fs::read(self.inputs.folder.join(name))? != **expected {
                changed_inputs.push(name.to_owned());
            }
        }
        Ok(Outcome {
            status: None,
            stdout: Vec::new(),
            stderr: String::new(),
            files,
            device,
            changed_inputs,
        })
    }
}

impl Outcome {
    /// Reports name the source: they are compared with those of another one.
    fn rename_source(&mut self, from: &str, to: &str) {
        let texts = self.files.values_mut().chain([&mut self.stdout]);
        for bytes in texts.filter(|bytes| bytes.len() < 1 << 20) {
            if let Ok(text) = std::str::from_utf8(bytes) {
                *bytes = text.replace(from, to).into_bytes();
            }
        }
    }

    /// Exit status as a shell shows it, `None` after a hang.
    pub(super) fn code(&self) -> Option<i32> {
        let status = self.status?;
        status.code().or_else(|| Some(128 + status.signal()?))
    }
}

fn read_all(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // Of a stream that breaks off, what came is of interest.
        let _ = stream.read_to_end(&mut bytes);
    }
    bytes
}

/// Waits for the end; `None` if that does not come.
fn wait(child: &mut Child) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(500);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 5 / 4).min(Duration::from_millis(20));
    }
    if let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    child.wait()?;
    Ok(None)
}
