//! Outputs on a file system that is too small for them.

use super::{
    fault::Fault,
    job::Product,
    stage::{Scene, Stage},
    tally::Tally,
};
use crate::{setup, step};
use anyhow::{Result, ensure};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::NamedTempFile;

/// Sizes that are tried for each job.
const SIZES: usize = 12;
const QUICK_SIZES: usize = 2;

/// The least that mkfs.ext4 makes a file system of that holds something.
const EXT4: u64 = 512 << 10;

pub(super) fn run(stage: &Stage<'_>) -> Result<Tally> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: full disks: missing root's rights");
        return Ok(Tally::default());
    }
    let mut random = stage.random("full-disks");
    let sizes = if stage.quick { QUICK_SIZES } else { SIZES };
    let mut kinds = vec!["tmpfs"];
    if !stage.quick && setup::find("mkfs.ext4").is_some() {
        kinds.push("ext4");
    }
    let mut cases = Vec::new();
    for scene in stage.scenes.iter().filter(|scene| writes_files(scene)) {
        let setup = scene.job.setup.iter();
        let setup: u64 = setup.map(|(name, _)| stage.inputs.len(name)).sum();
        let made: usize = scene.clean.files.values().map(Vec::len).sum();
        // The raw output may be shorter by its holes; what is larger than all of it is no fault, but none the worse.
        let pages = made / 4096 + 8;
        for kind in &kinds {
            let least = if *kind == "ext4" {
                setup + setup / 8 + EXT4
            } else {
                setup + 4096
            };
            for _ in 0..sizes {
                let bytes = least + random.below(pages) as u64 * 4096;
                cases.push((scene, Fault::SmallDisk { kind, bytes }));
            }
        }
    }
    stage.run(cases)
}

/// Into new space: a file that is overwritten in place has what it needs.
fn writes_files(scene: &Scene) -> bool {
    matches!(
        scene.job.product,
        Product::New(_) | Product::Replaced(_) | Product::Kept(_) | Product::Mapped(_)
    )
}

/// A file system of its own over a folder, for as long as it lives.
pub(super) struct SmallDisk {
    folder: PathBuf,
    _file: Option<NamedTempFile>,
}

impl SmallDisk {
    /// `None` if the fault is another one.
    pub(super) fn mount(fault: &Fault, folder: &Path) -> Result<Option<Self>> {
        let Fault::SmallDisk { kind, bytes } = fault else {
            return Ok(None);
        };
        let mut mount = Command::new("mount");
        let mut file = None;
        if *kind == "tmpfs" {
            mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"]);
        } else {
            let disk = NamedTempFile::new_in("/dev/shm")?;
            File::set_len(disk.as_file(), *bytes)?;
            let mut make = Command::new("mkfs.ext4");
            make.args(["-q", "-F", "-m", "0", "-O", "^has_journal"])
                .arg(disk.path());
            ensure!(step::succeeds(&mut make), "mkfs.ext4 fails");
            mount.args(["-t", "ext4", "-o", "loop"]).arg(disk.path());
            file = Some(disk);
        }
        let output = mount.arg(folder).output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Some(Self {
            folder: folder.to_owned(),
            _file: file,
        }))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let umount = |options: &[&str]| {
            let mut command = Command::new("umount");
            step::succeeds(command.args(options).arg(&self.folder))
        };
        // What uses it may need a moment to let go.
        if !umount(&[]) {
            umount(&["--lazy"]);
        }
    }
}
