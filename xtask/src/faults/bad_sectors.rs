//! Disks that cannot be read everywhere, and disks that cannot be written, made by nbdkit.

use super::{
    content,
    devices::FailingDevice,
    fault::Fault,
    interruptions,
    job::{Content, Product},
    judge::{Broken, Finding},
    stage::{self, Scene, Stage},
    tally::Tally,
    trial::{Bench, Outcome},
};
use anyhow::Result;
use std::{env, fmt::Write as _, fs, ops::Range, path::Path};

/// Of 100 writes to a device, how many fail.
const FAILING_WRITES: [u32; 3] = [100, 30, 5];

/// What the short form looks at.
const QUICK_PARTS: [&str; 2] = ["record 0", "content"];

pub(super) fn run(stage: &Stage<'_>) -> Result<Tally> {
    let mut tally = Tally::default();
    let missing =
        FailingDevice::missing().or((!stage::can_attach_devices()).then_some("root's rights"));
    if let Some(missing) = missing {
        anyhow::ensure!(env::var_os("CI").is_none(), "missing: {missing}");
        println!("skipped: bad sectors: missing {missing}");
        return Ok(tally);
    }
    let is_wanted = |name: &str| !stage.quick || QUICK_PARTS.contains(&name);
    for (name, range) in stage
        .inputs
        .parts
        .iter()
        .filter(|(name, _)| is_wanted(name))
    {
        unreadable(stage, name, range, &mut tally)?;
    }
    let rates: &[u32] = if stage.quick {
        &FAILING_WRITES[..1]
    } else {
        &FAILING_WRITES
    };
    for rate in rates {
        unwritable(stage, *rate, &mut tally)?;
    }
    Ok(tally)
}

/// Every job that reads the volume, from a device that lacks these bytes.
fn unreadable(stage: &Stage<'_>, name: &str, bad: &Range<u64>, tally: &mut Tally) -> Result<()> {
    let folder = stage.folder("bad-sectors")?;
    let map = folder.join("map");
    fs::write(&map, nbdkit_map(stage.inputs.volume.len() as u64, bad))?;
    let options = [format!("ddrescue-mapfile={}", map.display())];
    let device = FailingDevice::new(&stage.inputs.folder.join("volume"), &["ddrescue"], &options)?;
    let mut bench = stage.bench(folder.join("run"));
    bench.source = Some(device.path().to_owned());
    let fault = Fault::Device(format!(
        "{name} cannot be read: bytes {:#x}..{:#x}",
        bad.start, bad.end
    ));
    let reads_volume =
        |scene: &&Scene| scene.job.line.contains("IN/volume") && !scene.job.needs_device();
    for scene in stage.scenes.iter().filter(reads_volume) {
        bench.prepare(scene.job)?;
        bench.source = Some(device.path().to_owned());
        let outcome = bench.run(scene.job, &fault, None)?;
        let mut findings = scene.judge(&stage.inputs, &fault, &outcome);
        if scene.job.is_rescue() {
            findings.extend(marks_of_good_sectors(
                scene,
                &outcome,
                stage.inputs.volume.len(),
                bad,
            ));
        }
        if let Product::Mapped(_) = scene.job.product
            // Without that, bad sectors are not tried again; and without a boot sector it is another disk.
            && scene.job.line.contains("--retries")
            && bad.start > 0
            && outcome.code() == Some(3)
        {
            // With a disk that can be read, the same command ends with a whole copy.
            bench.source = None;
            let _ = fs::remove_file(bench.folder.join("report"));
            findings.extend(interruptions::run_again(&bench, scene, &fault, &outcome)?);
        }
        tally.add(stage::failure(&bench, scene, &fault, &outcome, findings));
    }
    Ok(())
}

/// A rescue loses what cannot be read, and no more.
fn marks_of_good_sectors(
    scene: &Scene,
    outcome: &Outcome,
    len: usize,
    bad: &Range<u64>,
) -> Option<Finding> {
    let bytes = scene.job.file().and_then(|name| outcome.files.get(name))?;
    let raw = match scene.job.content {
        Content::Image => &content::restore(bytes, len).ok()?,
        _ => bytes,
    };
    let lost = content::marked(raw).find(|sector| !bad.contains(&(*sector as u64)))?;
    Some(Finding {
        broken: Broken::FalseSuccess,
        text: format!("the sector at byte {lost:#x} could be read, and is marked as lost"),
    })
}

/// Every job that writes to a device, of which some writes fail.
fn unwritable(stage: &Stage<'_>, rate: u32, tally: &mut Tally) -> Result<()> {
    let folder = stage.folder("bad-target")?;
    let file = folder.join("disk");
    let trigger = folder.join("trigger");
    for scene in stage.scenes.iter().filter(|scene| scene.job.needs_device()) {
        fs::write(&file, &stage.inputs.old)?;
        let options = [
            format!("error-pwrite-rate={rate}%"),
            "error-pwrite=EIO".to_owned(),
            format!("error-file={}", trigger.display()),
        ];
        let device = FailingDevice::new(&file, &["error"], &options)?;
        let mut bench: Bench<'_> = stage.bench(folder.join("run"));
        bench.prepare(scene.job)?;
        bench.device = Some(device.path().to_owned());
        fs::write(&trigger, "")?;
        let fault = Fault::Device(format!("of 100 writes to the device, {rate} fail"));
        let outcome = bench.run(scene.job, &fault, None)?;
        fs::remove_file(&trigger)?;
        // What is on the disk, not what the kernel still holds.
        let mut outcome = outcome;
        drop(device);
        outcome.device = fs::read(Path::new(&file))?;
        let findings = scene.judge(&stage.inputs, &fault, &outcome);
        tally.add(stage::failure(&bench, scene, &fault, &outcome, findings));
    }
    Ok(())
}

/// A map of GNU ddrescue, as nbdkit's filter of that name reads it.
fn nbdkit_map(size: u64, bad: &Range<u64>) -> String {
    let mut text = "0x0 + 1\n".to_owned();
    let areas = [
        (0, bad.start, '+'),
        (bad.start, bad.end, '-'),
        (bad.end, size, '+'),
    ];
    for (start, end, status) in areas {
        if start < end {
            let _ = writeln!(text, "{start:#x} {:#x} {status}", end - start);
        }
    }
    text
}
