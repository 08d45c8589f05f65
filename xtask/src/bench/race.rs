//! One job on one volume in one place: all programs by turns, so that whatever slows the machine down slows all alike.

use super::{
    contestant::Contestant,
    job::{Files, Job},
    measure::{self, Run},
    output,
    place::{self, Folder, Place},
    system_calls,
    volume::Volume,
};
use anyhow::{Context, Result, ensure};
use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

pub(super) struct Race<'a> {
    pub(super) place: Place,
    pub(super) volume: &'a Volume,
    pub(super) job: Job,
    pub(super) contestants: Vec<Contestant>,
    pub(super) counts_system_calls: bool,
}

/// What the runs of one contestant came to. Those of the same index were made in the same round.
pub(super) struct Lane {
    pub(super) contestant: Contestant,
    pub(super) runs: Vec<Run>,
    pub(super) system_calls: Option<u64>,
}

impl Race<'_> {
    /// Whether the job is of use for this volume, and there is what its image is made and its outputs are checked with.
    pub(super) fn can_be_run(&self, present: &[Contestant]) -> bool {
        let makers = self.job.maker().into_iter();
        let checkers = self.job.format().map(|_| Contestant::QemuImg);
        !self.contestants.is_empty()
            && makers
                .chain(checkers)
                .all(|needed| present.contains(&needed))
    }

    pub(super) fn run(&self, folder: &Folder, volume: &Path, rounds: u32) -> Result<Vec<Lane>> {
        let files = Files {
            volume: volume.to_owned(),
            image: folder.file("image"),
            output: folder.file("output"),
            log: folder.file("log"),
        };
        if let Some(maker) = self.job.maker() {
            let image = Files {
                output: files.image.clone(),
                ..files.clone()
            };
            self.execute(Job::Save, maker, &image)?;
        }
        let mut lanes: Vec<Lane> = self
            .contestants
            .iter()
            .map(|contestant| Lane {
                contestant: *contestant,
                runs: Vec::new(),
                system_calls: None,
            })
            .collect();

        // Not measured: it fills caches, and its outputs are looked at.
        let mut ours = None;
        for lane in &mut lanes {
            self.execute(self.job, lane.contestant, &files)?;
            self.check(lane.contestant, &files, folder, &mut ours)
                .with_context(|| format!("the output of {}", lane.contestant.name()))?;
            place::remove(&files.output)?;
        }

        for _ in 0..rounds {
            for lane in &mut lanes {
                self.place.settle()?;
                lane.runs
                    .push(self.execute(self.job, lane.contestant, &files)?);
                place::remove(&files.output)?;
            }
            // What runs first may pay for memory that a virtual machine gave back.
            lanes.reverse();
        }
        if rounds % 2 == 1 {
            lanes.reverse();
        }
        if self.counts_system_calls && self.job != Job::Scan {
            for lane in &mut lanes {
                let commands = self.prepare(self.job, lane.contestant, &files)?;
                let calls = system_calls::count(&commands, &folder.file("calls"));
                place::remove(&files.output)?;
                match calls {
                    Ok(calls) => lane.system_calls = Some(calls),
                    Err(error) => println!("bench: no count of system calls: {error:#}"),
                }
            }
        }
        place::remove(&files.image)?;
        Ok(lanes)
    }

    fn execute(&self, job: Job, contestant: Contestant, files: &Files) -> Result<Run> {
        let mut commands = self.prepare(job, contestant, files)?;
        let mut run = match (job, commands.as_mut_slice()) {
            (Job::Scan, [command]) => measure::run_to_first_bytes(command),
            (_, commands) => measure::run(commands),
        }?;
        if job.compresses() || job.makes_index() && contestant == Contestant::Ours {
            run.output_bytes = Some(fs::metadata(&files.output)?.len());
        }
        Ok(run)
    }

    fn prepare(&self, job: Job, contestant: Contestant, files: &Files) -> Result<Vec<Command>> {
        if matches!(
            contestant,
            Contestant::Partclone | Contestant::PartcloneRestore
        ) {
            // It now and then fails to create one.
            File::create(&files.output)?;
        }
        job.commands(contestant, files, self.place)
    }

    /// `ours` is what our output was found to be, for the reference's to be the same.
    fn check(
        &self,
        contestant: Contestant,
        files: &Files,
        folder: &Folder,
        ours: &mut Option<blake3::Hash>,
    ) -> Result<()> {
        if !self.job.writes_file() {
            return Ok(());
        }
        if let Some(format) = self.job.format() {
            return self.check_conversion(contestant, format, files, &folder.file("restored"));
        }
        if self.job.level().is_some() {
            decompress(&files.output)?;
        }
        match contestant {
            // In another size, it is not the volume.
            Contestant::Ours | Contestant::OursPlain if self.job == Job::RestoreSize => {
                let mut verify = Contestant::Ours.command()?;
                verify.args(["verify", "-q"]).arg(&files.output);
                measure::run(&mut [verify])?;
            }
            Contestant::Ours | Contestant::OursPlain => {
                *ours = Some(output::digest(&files.output)?);
            }
            Contestant::Reference | Contestant::ReferenceZstd | Contestant::Node => ensure!(
                *ours == Some(output::digest(&files.output)?),
                "is not the same as ours"
            ),
            Contestant::Partclone => self.check_partclone(files, &folder.file("restored"))?,
            Contestant::Cp
            | Contestant::PartcloneRestore
            | Contestant::QemuImg
            | Contestant::QemuNbd
            | Contestant::Dd
            | Contestant::Gzip
            | Contestant::Zstd
            | Contestant::Xz
            | Contestant::Mount => ensure!(
                output::digest(&files.volume)? == output::digest(&files.output)?,
                "is not the same as the volume"
            ),
        }
        Ok(())
    }

    /// Made raw by QEMU, it must be the volume if QEMU made it, else a raw clone.
    fn check_conversion(
        &self,
        contestant: Contestant,
        format: &str,
        files: &Files,
        content: &Path,
    ) -> Result<()> {
        let mut convert = Contestant::QemuImg.command()?;
        convert.args(["convert", "-f", format, "-O", "raw"]);
        convert.args([&files.output, content]);
        measure::run(&mut [convert])?;
        place::remove(&files.output)?;
        if contestant == Contestant::QemuImg {
            ensure!(
                output::digest(&files.volume)? == output::digest(content)?,
                "is not the same as the volume"
            );
        } else {
            self.execute(Job::Clone, Contestant::Ours, files)?;
            output::ensure_holds(content, &files.output, self.end_of_clusters())?;
            output::ensure_holds(&files.output, content, self.end_of_clusters())?;
        }
        place::remove(content)
    }

    fn end_of_clusters(&self) -> u64 {
        self.volume.clusters * self.volume.cluster_size
    }

    /// Its image is restored, which must give all that a raw clone has.
    fn check_partclone(&self, files: &Files, restored: &Path) -> Result<()> {
        let mut restore = Contestant::Partclone.command()?;
        restore.args(["-q", "-r", "-C", "-L"]).arg(&files.log);
        restore.arg("-s").arg(&files.output);
        File::create(restored)?;
        restore.arg("-O").arg(restored);
        measure::run(&mut [restore])?;
        place::remove(&files.output)?;
        self.execute(Job::Clone, Contestant::Ours, files)?;
        output::ensure_holds(restored, &files.output, self.end_of_clusters())?;
        place::remove(restored)
    }
}

/// Puts what a file holds, by zstd, in its place.
fn decompress(path: &Path) -> Result<()> {
    let content = path.with_extension("content");
    let mut zstd = Command::new("zstd");
    zstd.args(["-q", "-d", "-f", "-o"]).args([&content, path]);
    measure::run(&mut [zstd])?;
    Ok(fs::rename(content, path)?)
}
