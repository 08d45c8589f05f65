//! NTFS volumes in files, made by mkntfs and filled through ntfs-3g.

use super::{boot_sector::BootSector, mount::Mount, program, scratch_directory};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;

/// How to make a volume. Everything is in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) sector_size: u64,
    pub(crate) cluster_size: u64,
    /// What mkntfs is told: the volume and the sector of its backup boot sector.
    pub(crate) size: u64,
    pub(crate) device: Device,
    pub(crate) fill: fn(&Path, &Recipe),
    /// Whether the volume became what the recipe is for.
    pub(crate) check: fn(&Volume),
}

/// The file that stands for the partition, in relation to what mkntfs was told.
#[derive(Clone, Copy)]
pub(crate) enum Device {
    Same,
    /// It was as long when formatted, too: mkntfs got a number of sectors.
    LongerBy(u64),
    /// Grown afterwards.
    GrownBy(u64),
    /// Cut to the end of the last cluster: no room for a backup boot sector.
    ExactlyTheClusters,
}

pub(crate) struct Volume {
    folder: TempDir,
    pub(crate) boot: BootSector,
}

impl Recipe {
    /// 4 KiB clusters over 512-byte sectors in 32 MiB, with a bit of everything.
    pub(crate) const fn plain(name: &'static str) -> Self {
        Self {
            name,
            sector_size: 512,
            cluster_size: 4096,
            size: 32 * MIB,
            device: Device::Same,
            fill: super::contents::everyday,
            check: |_| (),
        }
    }

    pub(crate) fn make(&self) -> Volume {
        let folder = scratch_directory();
        let path = folder.path().join("volume.ntfs");
        let file = File::create(&path).expect("cannot create a volume's file");
        let length = match self.device {
            Device::LongerBy(extra) => self.size + extra,
            Device::Same | Device::GrownBy(_) | Device::ExactlyTheClusters => self.size,
        };
        file.set_len(length)
            .expect("cannot set the length of a volume's file");
        self.format(&path);
        let boot = BootSector::read(&path);
        assert_eq!(
            boot.cluster_size, self.cluster_size,
            "mkntfs chose another cluster size"
        );

        let mount = Mount::read_write(&path);
        (self.fill)(mount.path(), self);
        mount.unmount();

        match self.device {
            Device::Same | Device::LongerBy(_) => Ok(()),
            Device::GrownBy(extra) => file.set_len(length + extra),
            Device::ExactlyTheClusters => file.set_len(boot.clusters_size()),
        }
        .expect("cannot change the length of a volume's file");
        let volume = Volume { folder, boot };
        (self.check)(&volume);
        volume
    }

    fn format(&self, path: &Path) {
        let [sector_size, cluster_size] =
            [self.sector_size, self.cluster_size].map(|n| n.to_string());
        let mut command = program::tool("mkntfs", ["--quick", "--force", "--quiet"]);
        command.args(["--label", self.name]);
        command.args([
            "--sector-size",
            &sector_size,
            "--cluster-size",
            &cluster_size,
        ]);
        // A volume in a file has no place on a disk: any answer spares warnings.
        command.args(["--partition-start", "0", "--heads", "255"]);
        command.args(["--sectors-per-track", "63"]).arg(path);
        if let Device::LongerBy(_) = self.device {
            command.arg((self.size / self.sector_size).to_string());
        }
        program::succeed(command);
    }
}

impl Volume {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("volume.ntfs")
    }

    /// A place for files about this volume; removed with it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What ntfsinfo says about the file that `selection` names.
    pub(crate) fn info(&self, selection: [&str; 2]) -> String {
        let mut command = program::tool("ntfsinfo", ["--verbose"]);
        command.args(selection).arg(self.path());
        program::printed(&program::succeed(command))
    }
}
