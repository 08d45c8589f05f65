//! Everything that is the same for all kinds: inputs, runs without a fault, and workers.

use super::{
    Arguments,
    calls::{self, Calls},
    devices::LoopDevice,
    fault::Fault,
    inputs::Inputs,
    job::{JOBS, Job},
    judge::{self, Case, Finding},
    random::Random,
    small_disks::SmallDisk,
    tally::{Failure, Tally},
    trial::{Bench, Outcome},
};
use crate::{setup, step};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
};
use tempfile::TempDir;

pub(super) struct Stage<'a> {
    pub(super) program: &'a Path,
    pub(super) inputs: Inputs,
    pub(super) scenes: Vec<Scene>,
    pub(super) quick: bool,
    seed: u64,
    workers: usize,
    scratch: TempDir,
}

/// A job, and how it goes without a fault.
pub(super) struct Scene {
    pub(super) job: &'static Job,
    pub(super) clean: Outcome,
    pub(super) calls: Vec<Calls>,
}

/// A worker's bench, and the device that it holds.
struct Worker<'a> {
    bench: Bench<'a>,
    _device: Option<LoopDevice>,
}

/// What is done after a run, with the folder as it left it; the findings are added. The path is strace's log, if it
/// was asked for.
pub(super) type Sequel<'a> =
    &'a (dyn Fn(&Bench<'_>, &Scene, &Fault, &Outcome, &Path) -> Result<Vec<Finding>> + Sync);

/// What is looked at beside what a run leaves.
#[derive(Clone, Copy)]
enum After<'a> {
    Nothing,
    Sequel(Sequel<'a>),
    /// The same, with a log of all system calls.
    Logged(Sequel<'a>),
}

impl<'a> Stage<'a> {
    pub(super) fn new(arguments: &Arguments, program: &'a Path) -> Result<Self> {
        // Not in the scratch folder: with them, what is printed can be run again.
        let folder = match &arguments.folder {
            // On the same file system, which may be one that shares blocks.
            Some(folder) => folder.join("ntfsclone-faults"),
            None => step::target_directory().join("faults"),
        };
        let inputs = Inputs::write(&folder, program)?;
        let memory = Path::new("/dev/shm");
        let place = match &arguments.folder {
            Some(folder) => folder.clone(),
            None if memory.is_dir() => memory.to_owned(),
            None => std::env::temp_dir(),
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let mut stage = Self {
            program,
            inputs,
            scenes: Vec::new(),
            quick: arguments.quick,
            seed: arguments.seed,
            workers: arguments.jobs.unwrap_or(processors).max(1),
            scratch: tempfile::Builder::new()
                .prefix("ntfsclone-faults.")
                .tempdir_in(place)?,
        };
        stage.scenes = stage.clean_runs(&arguments.job)?;
        Ok(stage)
    }

    pub(super) fn random(&self, kind: &str) -> Random {
        let salt = kind
            .bytes()
            .fold(0, |salt: u64, byte| salt * 31 + u64::from(byte));
        Random::new(self.seed ^ salt)
    }

    /// A folder for a kind that needs one of its own.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    pub(super) fn bench(&self, folder: PathBuf) -> Bench<'_> {
        Bench {
            program: self.program,
            inputs: &self.inputs,
            folder,
            device: None,
            source: None,
        }
    }

    /// Runs the cases on all workers, each in an empty folder.
    pub(super) fn run(&self, cases: Vec<(&Scene, Fault)>) -> Result<Tally> {
        self.run_cases(cases, After::Nothing)
    }

    pub(super) fn run_with_sequel(
        &self,
        cases: Vec<(&Scene, Fault)>,
        sequel: Sequel<'_>,
    ) -> Result<Tally> {
        self.run_cases(cases, After::Sequel(sequel))
    }

    /// The same, with a log of all system calls.
    pub(super) fn run_logged(
        &self,
        cases: Vec<(&Scene, Fault)>,
        sequel: Sequel<'_>,
    ) -> Result<Tally> {
        self.run_cases(cases, After::Logged(sequel))
    }

    fn run_cases(&self, cases: Vec<(&Scene, Fault)>, after: After<'_>) -> Result<Tally> {
        let waiting = Mutex::new(cases.into_iter().rev().collect::<Vec<_>>());
        let tally = Mutex::new(Tally::default());
        thread::scope(|scope| {
            let workers = (0..self.workers).map(|number| {
                let (waiting, tally) = (&waiting, &tally);
                scope.spawn(move || -> Result<()> {
                    let worker = self.worker(number)?;
                    while let Some((scene, fault)) = { lock(waiting).pop() } {
                        let failure = attempt(&worker.bench, scene, &fault, after)
                            .with_context(|| format!("{}: {fault}", scene.job.name))?;
                        if let Some(failure) = failure {
                            lock(tally).add(failure);
                        }
                    }
                    Ok(())
                })
            });
            let workers: Vec<_> = workers.collect();
            for worker in workers {
                worker.join().expect("a worker does not panic")?;
            }
            anyhow::Ok(())
        })?;
        Ok(tally.into_inner().expect("no worker panicked"))
    }

    fn worker(&self, number: usize) -> Result<Worker<'_>> {
        let folder = self.folder(&format!("worker{number}"))?;
        let mut bench = self.bench(folder.join("run"));
        let mut device = None;
        if self.scenes.iter().any(|scene| scene.job.needs_device()) {
            let file = folder.join("disk");
            fs::write(&file, &self.inputs.old)?;
            let attached = LoopDevice::attach(&file, &[])?;
            bench.device = Some(attached.path().to_owned());
            device = Some(attached);
        }
        Ok(Worker {
            bench,
            _device: device,
        })
    }

    fn clean_runs(&self, asked: &[String]) -> Result<Vec<Scene>> {
        let devices = can_attach_devices();
        if !devices {
            println!("faults: without root and losetup, jobs that write to devices are left out");
        }
        let jobs = JOBS
            .iter()
            .filter(|job| asked.is_empty() || asked.iter().any(|name| name == job.name));
        let jobs: Vec<&Job> = jobs.filter(|job| devices || !job.needs_device()).collect();
        ensure!(!jobs.is_empty(), "no such job; there are: {}", names());
        let folder = self.folder("clean")?;
        let mut bench = self.bench(folder.join("run"));
        let file = folder.join("disk");
        fs::write(&file, &self.inputs.old)?;
        let device = devices
            .then(|| LoopDevice::attach(&file, &[]))
            .transpose()?;
        bench.device = device.as_ref().map(|device| device.path().to_owned());
        let log = folder.join("log");
        let mut scenes = Vec::new();
        for job in jobs {
            bench.prepare(job)?;
            let clean = bench.run(job, &Fault::None, Some(&log))?;
            ensure!(
                clean.code() == Some(0),
                "{} fails without a fault: {}\n{}",
                job.name,
                clean.stderr,
                bench.reproduce(job, &Fault::None)
            );
            let calls = calls::parse(&fs::read_to_string(&log)?);
            let scene = Scene { job, clean, calls };
            let findings = scene.judge(&self.inputs, &Fault::None, &scene.clean);
            ensure!(
                findings.is_empty(),
                "{} without a fault: {findings:?}",
                job.name
            );
            scenes.push(scene);
        }
        Ok(scenes)
    }
}

impl Scene {
    /// Whether the job writes anything but a stream.
    pub(super) fn writes(&self) -> bool {
        self.job.needs_device() || self.job.file().is_some()
    }

    pub(super) fn judge(&self, inputs: &Inputs, fault: &Fault, outcome: &Outcome) -> Vec<Finding> {
        let case = Case {
            inputs,
            job: self.job,
            fault,
            clean: &self.clean,
        };
        case.judge(outcome)
    }
}

/// One run, judged; `None` if it did not start.
fn attempt(
    bench: &Bench<'_>,
    scene: &Scene,
    fault: &Fault,
    after: After<'_>,
) -> Result<Option<Option<Failure>>> {
    fs::create_dir_all(&bench.folder)?;
    let _disk = SmallDisk::mount(fault, &bench.folder)?;
    bench.prepare(scene.job)?;
    let log = bench.folder.with_extension("log");
    let logged = matches!(after, After::Logged(_)).then_some(log.as_path());
    let outcome = bench.run(scene.job, fault, logged)?;
    if judge::did_not_start(fault, &outcome) {
        return Ok(None);
    }
    let mut findings = scene.judge(bench.inputs, fault, &outcome);
    if let After::Sequel(sequel) | After::Logged(sequel) = after {
        findings.extend(sequel(bench, scene, fault, &outcome, &log)?);
    }
    Ok(Some(failure(bench, scene, fault, &outcome, findings)))
}

/// What is printed of a run that broke a promise, `None` if it broke none.
pub(super) fn failure(
    bench: &Bench<'_>,
    scene: &Scene,
    fault: &Fault,
    outcome: &Outcome,
    findings: Vec<Finding>,
) -> Option<Failure> {
    (!findings.is_empty()).then(|| Failure {
        job: scene.job.name,
        fault: fault.to_string(),
        findings,
        message: last_line(&outcome.stderr).to_owned(),
        reproduce: bench.reproduce(scene.job, fault),
    })
}

fn last_line(stderr: &str) -> &str {
    let mut lines = stderr.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with("note: "));
    line.unwrap_or("nothing")
}

pub(super) fn can_attach_devices() -> bool {
    rustix::process::geteuid().is_root() && setup::find("losetup").is_some()
}

fn names() -> String {
    JOBS.iter()
        .map(|job| job.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no worker panicked")
}
