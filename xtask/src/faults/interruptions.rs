//! The process is killed, or told to end, in a system call of its own.

use super::{
    fault::Fault,
    job::Product,
    judge::{Broken, Finding},
    random::Random,
    stage::{Scene, Stage},
    tally::Tally,
    trial::{Bench, Outcome},
};
use anyhow::{Result, ensure};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Moments of each job.
const MOMENTS: usize = 20;
const QUICK_MOMENTS: usize = 3;

const SIGKILL: i32 = 9;

/// What ends a process that does not expect it, but for SIGKILL.
const SIGNALS: [&str; 5] = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGXFSZ"];

/// Calls that are made while there is something to lose.
const WRITING: [&str; 9] = [
    "pwrite64",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "renameat2",
    "renameat",
    "linkat",
    "unlink",
];

/// Nobody can clean up then: the next run of the same command must be able to.
pub(super) fn kills(stage: &Stage<'_>) -> Result<Tally> {
    let mut random = stage.random("kills");
    let mut cases = Vec::new();
    for scene in &stage.scenes {
        for _ in 0..moments(stage) {
            cases.push((scene, moment(scene, &mut random, "SIGKILL")));
        }
    }
    let arrived = AtomicUsize::new(0);
    let tally = stage.run_with_sequel(cases, &|bench, scene, fault, killed, _| {
        if killed.code() == Some(128 + SIGKILL) {
            arrived.fetch_add(1, Ordering::Relaxed);
        }
        run_again(bench, scene, fault, killed)
    })?;
    must_arrive(tally, arrived)
}

pub(super) fn signals(stage: &Stage<'_>) -> Result<Tally> {
    let mut random = stage.random("signals");
    let mut cases = Vec::new();
    for scene in &stage.scenes {
        for count in 0..moments(stage) {
            let signal = SIGNALS[count % SIGNALS.len()];
            cases.push((scene, moment(scene, &mut random, signal)));
        }
    }
    let arrived = AtomicUsize::new(0);
    let tally = stage.run_with_sequel(cases, &|_, _, _, ended, _| {
        if ended.code() != Some(0) {
            arrived.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Vec::new())
    })?;
    must_arrive(tally, arrived)
}

/// A few runs make fewer calls than the one they were planned by; if most signals are lost, nothing was tried.
fn must_arrive(tally: Tally, arrived: AtomicUsize) -> Result<Tally> {
    let arrived = arrived.into_inner();
    ensure!(
        arrived * 2 > tally.runs,
        "of {} signals only {arrived} ended a run: strace does not deliver them",
        tally.runs
    );
    Ok(tally)
}

fn moments(stage: &Stage<'_>) -> usize {
    match stage.quick {
        true => QUICK_MOMENTS,
        false => MOMENTS,
    }
}

/// A random call of the job: in every other case one that writes, else each kind of call as likely as any other.
pub(super) fn moment(scene: &Scene, random: &mut Random, signal: &'static str) -> Fault {
    let writing = scene
        .calls
        .iter()
        .filter(|calls| WRITING.contains(&calls.name.as_str()));
    let mut calls: Vec<_> = writing.collect();
    if calls.is_empty() || random.below(2) == 0 {
        calls = scene.calls.iter().collect();
    }
    let calls = calls[random.below(calls.len())];
    Fault::Signal {
        name: calls.name.clone(),
        signal,
        when: calls.first + random.below(calls.last - calls.first + 1),
    }
}

/// The same command, in the folder as the killed run left it, ends as if nothing had been.
pub(super) fn run_again(
    bench: &Bench<'_>,
    scene: &Scene,
    _: &Fault,
    killed: &Outcome,
) -> Result<Vec<Finding>> {
    let is_complete = match scene.job.product {
        // What is there is not overwritten.
        Product::New(name) | Product::Kept(name) => killed.files.contains_key(name),
        _ => false,
    };
    if is_complete || scene.job.line.contains("--checksum") && killed.files.contains_key("out.b3") {
        return Ok(Vec::new());
    }
    let mut again = bench.run(scene.job, &Fault::None, None)?;
    let code = again.code();
    // What the killed run left is no fault of this one.
    again.files.retain(|name, _| !name.contains(".part"));
    let mut findings = scene.judge(bench.inputs, &Fault::None, &again);
    if code != Some(0) {
        let text = format!(
            "killed, and then the same command says: {}",
            again.stderr.trim()
        );
        let broken = Broken::FalseSuccess;
        findings.push(Finding { broken, text });
    }
    Ok(findings)
}
