//! A power cut at any moment, and syncs that fail: what was written and not synced is gone.
//!
//! No disk is needed for that. strace writes down in which order a run writes, syncs and names its files; what was not
//! synced is then taken out of them.

use super::{
    devices::FailingDevice,
    fault::Fault,
    interruptions,
    job::Product,
    judge::{Broken, Finding},
    mapfile::Mapfile,
    stage::{self, Scene, Stage},
    tally::{Failure, Tally},
    trial::{Bench, Outcome},
    write_log::WriteLog,
};
use anyhow::Result;
use std::{fs, ops::Range, path::Path, thread};

/// Power cuts for each job that writes.
const CUTS: usize = 12;
const QUICK_CUTS: usize = 1;

/// Longer than the program waits before it notes what is saved.
const SLOW_READS: &str = "rdelay=300ms";

pub(super) fn run(stage: &Stage<'_>) -> Result<Tally> {
    let mut random = stage.random("lost-writes");
    let mut cases = Vec::new();
    for scene in stage.scenes.iter().filter(|scene| scene.writes()) {
        cases.push((scene, Fault::None));
        for calls in &scene.calls {
            if ["fsync", "fdatasync"].contains(&calls.name.as_str()) {
                let syncs = (calls.first..=calls.last).map(|when| failing_sync(&calls.name, when));
                cases.extend(syncs.map(|fault| (scene, fault)));
            }
        }
        let cuts = if stage.quick { QUICK_CUTS } else { CUTS };
        for _ in 0..cuts {
            cases.push((scene, interruptions::moment(scene, &mut random, "SIGKILL")));
        }
    }
    let mut tally = stage.run_logged(cases, &cut_power)?;
    if !stage.quick && FailingDevice::missing().is_none() {
        slow_rescue(stage, &mut tally)?;
    }
    Ok(tally)
}

fn failing_sync(name: &str, when: usize) -> Fault {
    Fault::Call {
        name: name.to_owned(),
        error: "EIO",
        when: when.to_string(),
    }
}

/// Looks at what the run claims, as of a power cut at its end.
pub(super) fn cut_power(
    bench: &Bench<'_>,
    scene: &Scene,
    fault: &Fault,
    outcome: &Outcome,
    log: &Path,
) -> Result<Vec<Finding>> {
    let log = WriteLog::parse(
        &String::from_utf8_lossy(&fs::read(log)?),
        &bench.folder.display().to_string(),
    );
    let mut findings = Vec::new();
    let mut find = |text: String| {
        findings.push(Finding {
            broken: Broken::FalseSuccess,
            text,
        });
    };
    for name in &log.named_too_early {
        find(format!(
            "{} has its name before it is on the disk",
            file_name(name)
        ));
    }
    let code = outcome.code();
    if code == Some(0) {
        for name in &log.unsynced_names {
            find(format!(
                "exit status 0, and a power cut may take the name of {}",
                file_name(name)
            ));
        }
        let output = output_path(bench, scene);
        if output.is_some_and(|path| !log.undurable(&path).is_empty()) {
            find("exit status 0 before all is on the disk".to_owned());
        }
    }
    if let Product::Mapped(name) = scene.job.product
        && let (Some(map), Some(output)) = (outcome.files.get("map"), outcome.files.get(name))
    {
        let path = bench.folder.join(name);
        let lost = log.undurable(&path.display().to_string());
        let map = Mapfile::parse(&String::from_utf8_lossy(map))?;
        for claimed in map.finished() {
            let is_lost = |range: &&Range<u64>| {
                range.start < claimed.end as u64 && range.end > claimed.start as u64
            };
            if let Some(range) = lost.iter().find(is_lost) {
                let text = format!(
                    "the map claims bytes {:#x}.., which are not on the disk",
                    range.start
                );
                find(text);
                break;
            }
        }
        if code != Some(0) {
            let mut output = output.clone();
            for range in &lost {
                let end = output.len().min(range.end as usize);
                output[end.min(range.start as usize)..end].fill(0);
            }
            fs::write(path, output)?;
            let _ = fs::remove_file(bench.folder.join("report"));
            findings.extend(interruptions::run_again(bench, scene, fault, outcome)?);
        }
    }
    Ok(findings)
}

/// The path of the product, as strace shows it.
fn output_path(bench: &Bench<'_>, scene: &Scene) -> Option<String> {
    let path = match scene.job.product {
        Product::Device => bench.device.clone(),
        _ => scene.job.file().map(|name| bench.folder.join(name)),
    };
    path.map(|path| path.display().to_string())
}

fn file_name(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((_, name)) if name.contains(".part") => "a *.part",
        Some((_, name)) => name,
        None => path,
    }
}

/// A rescue that takes long enough to write its map several times, and one sync fails.
fn slow_rescue(stage: &Stage<'_>, tally: &mut Tally) -> Result<()> {
    if !stage::can_attach_devices() {
        return Ok(());
    }
    let Some(scene) = stage
        .scenes
        .iter()
        .find(|scene| scene.job.name == "rescue-map")
    else {
        return Ok(());
    };
    let options = [SLOW_READS.to_owned()];
    let device = FailingDevice::new(&stage.inputs.folder.join("volume"), &["delay"], &options)?;
    let syncs = ["fsync", "fdatasync"].map(|name| [2, 3].map(|when| failing_sync(name, when)));
    // They wait more than they work: all at once.
    let failures = thread::scope(|scope| {
        let runs = syncs.iter().flatten().enumerate().map(|(number, fault)| {
            let device = &device;
            scope.spawn(move || -> Result<Option<Failure>> {
                let folder = stage.folder(&format!("slow{number}"))?;
                let mut bench = stage.bench(folder.join("run"));
                let log = folder.join("log");
                bench.prepare(scene.job)?;
                bench.source = Some(device.path().to_owned());
                let outcome = bench.run(scene.job, fault, Some(&log))?;
                let mut findings = scene.judge(&stage.inputs, fault, &outcome);
                bench.source = None;
                findings.extend(cut_power(&bench, scene, fault, &outcome, &log)?);
                Ok(stage::failure(&bench, scene, fault, &outcome, findings))
            })
        });
        let runs: Vec<_> = runs.collect();
        let runs = runs
            .into_iter()
            .map(|run| run.join().expect("no thread panics"));
        runs.collect::<Result<Vec<_>>>()
    })?;
    failures.into_iter().for_each(|failure| tally.add(failure));
    Ok(())
}
