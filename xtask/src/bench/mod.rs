//! Our program measured beside others that do the same.

mod contents;
mod contestant;
mod goal;
mod job;
mod machine;
mod measure;
mod output;
mod picture;
mod place;
mod race;
mod report;
mod summary;
mod system_calls;
mod table;
mod volume;

use crate::{setup, step};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use contestant::Contestant;
use job::Job;
use place::{Folder, Place};
use race::{Lane, Race};
use report::{Record, Report};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use volume::{Kind, Volume};

#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Only this volume; may be given several times, as the next two
    #[arg(long, value_enum)]
    volume: Vec<Kind>,
    /// Only this job
    #[arg(long, value_enum)]
    job: Vec<Job>,
    /// Only there
    #[arg(long, value_enum)]
    place: Vec<Place>,
    /// How often each program is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where results.json and results.svg go [default: target/bench/results, or quick]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Make docs/performance.json and docs/performance.svg of the results
    #[arg(long, conflicts_with = "quick")]
    publish: bool,
    /// Also count system calls, in further runs; that takes strace, and minutes
    #[arg(long)]
    system_calls: bool,
    /// Small volumes in memory, one round: whether the bench works, not how fast anything is
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    step::run(&mut step::cargo(["build", "--release", "-p", "ntfsclone"]))?;
    if !arguments.quick {
        install_missing(arguments.system_calls)?;
    }
    let contestants = present();
    ensure!(
        contestants.contains(&Contestant::Reference) || env::var_os("CI").is_none(),
        "the ntfsclone of ntfs-3g is missing"
    );

    let rounds = if arguments.quick { 1 } else { arguments.rounds };
    let mut report = Report::new(&contestants, rounds)?;
    for kind in selected(&arguments.volume) {
        if let Some(volume) = Volume::get(kind, arguments.quick)? {
            report.volumes.push(volume);
        }
    }
    let places = match arguments.quick && arguments.place.is_empty() {
        true => vec![Place::Memory],
        false => selected(&arguments.place),
    };
    Folder::remove_when_interrupted()?;
    for place in places {
        let folder = Folder::new(place)?;
        for volume in &report.volumes {
            let source = bring(volume, place, &folder)?;
            for job in selected(&arguments.job) {
                let race = Race {
                    place,
                    volume,
                    job,
                    contestants: job
                        .contestants(volume.kind)
                        .iter()
                        .copied()
                        .filter(|contestant| contestants.contains(contestant))
                        .collect(),
                    counts_system_calls: arguments.system_calls && place == Place::Memory,
                };
                if !race.can_be_run(&contestants) {
                    continue;
                }
                let lanes = race.run(&folder, &source, rounds).with_context(|| {
                    format!("{}, {}, {}", volume.kind.name(), job.name(), place.name())
                })?;
                let record = result(&race, lanes, arguments);
                print!("{}", table::table(&record));
                report.races.push(record);
            }
        }
    }
    write(&report, arguments)
}

/// Whether the bench still works, on small volumes. Needs what the tests of volumes need, too.
pub(crate) fn smoke_test() -> Result<()> {
    let mut missing: Vec<&str> = ["mkntfs", "ntfs-3g", "umount"]
        .into_iter()
        .filter(|program| setup::find(program).is_none())
        .collect();
    if !rustix::process::geteuid().is_root() {
        missing.push("root's rights");
    }
    if !missing.is_empty() && env::var_os("CI").is_none() {
        println!("skipped: the bench: missing {}", missing.join(", "));
        return Ok(());
    }
    run(&Arguments {
        quick: true,
        ..Arguments::default()
    })
}

fn result(race: &Race<'_>, lanes: Vec<Lane>, arguments: &Arguments) -> Record {
    let summaries = summary::summarize(lanes);
    let goals = match arguments.quick {
        // Small volumes tell nothing about speed.
        true => Vec::new(),
        false => goal::judge(race.place, race.volume, race.job, &summaries),
    };
    Record {
        place: race.place,
        volume: race.volume.kind,
        job: race.job,
        contestants: summaries,
        goals,
    }
}

/// What only the bench needs. Whatever cannot be installed is left out of the races.
fn install_missing(with_strace: bool) -> Result<()> {
    let missing: Vec<&str> = Contestant::ALL
        .into_iter()
        .filter(|contestant| contestant.program().is_none())
        .filter_map(Contestant::package)
        .chain((with_strace && setup::find("strace").is_none()).then_some("strace"))
        .collect();
    if !missing.is_empty() {
        setup::install(&missing)?;
    }
    Ok(())
}

fn present() -> Vec<Contestant> {
    let (present, missing): (Vec<_>, Vec<_>) = Contestant::ALL
        .into_iter()
        .partition(|contestant| contestant.program().is_some());
    for contestant in missing {
        println!("bench: {} is missing, and left out", contestant.name());
    }
    present
}

fn selected<T: ValueEnum + Clone>(asked: &[T]) -> Vec<T> {
    match asked {
        [] => T::value_variants().to_vec(),
        asked => asked.to_vec(),
    }
}

/// Where programs read the volume: on the disk where it is kept, else from a copy in memory.
fn bring(volume: &Volume, place: Place, folder: &Folder) -> Result<PathBuf> {
    if place == Place::Disk {
        return Ok(volume.path.clone());
    }
    // The volume, an image, an output, and what it is compared with, each of what is used of it. Images of a giant
    // hold its $Bitmap.
    place::ensure_memory(4 * volume.used.max(volume.clusters / 8) + (1 << 30))?;
    let copy = folder.file("volume");
    place::remove(&copy)?;
    step::run(
        Command::new("cp")
            .arg("--sparse=always")
            .args([&volume.path, &copy]),
    )?;
    Ok(copy)
}

fn write(report: &Report, arguments: &Arguments) -> Result<()> {
    let folder = match (&arguments.out, arguments.quick) {
        (Some(folder), _) => folder.clone(),
        (None, false) => step::target_directory().join("bench/results"),
        (None, true) => step::target_directory().join("bench/quick"),
    };
    write_to(report, &folder, "results")?;
    if arguments.publish {
        write_to(report, &step::root().join("docs"), "performance")?;
    }
    Ok(())
}

fn write_to(report: &Report, folder: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string_pretty(report)? + "\n";
    for (extension, text) in [("json", json), ("svg", picture::draw(report))] {
        let path = folder.join(name).with_extension(extension);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("bench: {}", path.display());
    }
    Ok(())
}
