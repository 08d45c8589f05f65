//! The programs that are measured side by side.

use crate::{setup, step, web};
use anyhow::{Context, Result};
use serde::{Serialize, Serializer};
use std::{path::PathBuf, process::Command};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contestant {
    Ours,
    /// Ours without the option that the job is about.
    OursPlain,
    /// The ntfsclone of ntfs-3g.
    Reference,
    /// Its output through zstd.
    ReferenceZstd,
    Partclone,
    PartcloneRestore,
    Cp,
    QemuImg,
    QemuNbd,
    Dd,
    /// ntfs-3g, and find or cat in what it mounts.
    Mount,
    /// gzip, which compresses a volume, or reads that through.
    Gzip,
    /// The same with zstd: one frame, as Clonezilla makes it.
    Zstd,
    /// The same with xz, in blocks.
    Xz,
    /// The program of the npm package that `cargo xtask web` made.
    Node,
}

impl Contestant {
    pub(super) const ALL: [Self; 15] = [
        Self::Ours,
        Self::OursPlain,
        Self::Reference,
        Self::ReferenceZstd,
        Self::Partclone,
        Self::PartcloneRestore,
        Self::Cp,
        Self::QemuImg,
        Self::QemuNbd,
        Self::Dd,
        Self::Mount,
        Self::Gzip,
        Self::Zstd,
        Self::Xz,
        Self::Node,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursPlain => "ours without the option",
            Self::Reference => "ntfsclone of ntfs-3g",
            Self::ReferenceZstd => "ntfs-3g's | zstd -T0",
            Self::Partclone => "partclone.ntfs",
            Self::PartcloneRestore => "partclone.restore",
            Self::Cp => "cp --sparse=always",
            Self::QemuImg => "qemu-img convert",
            Self::QemuNbd => "qemu-nbd",
            Self::Dd => "dd conv=sparse",
            Self::Mount => "mount of ntfs-3g",
            Self::Gzip => "gzip -t",
            Self::Zstd => "zstd -t",
            Self::Xz => "xz -t",
            Self::Node => "npm package in Node",
        }
    }

    /// Debian's, where it may be missing.
    pub(super) fn package(self) -> Option<&'static str> {
        match self {
            Self::Ours | Self::OursPlain | Self::Cp | Self::Dd | Self::Node => None,
            Self::Reference | Self::Mount => Some("ntfs-3g"),
            Self::Gzip => Some("gzip"),
            Self::ReferenceZstd | Self::Zstd => Some("zstd"),
            Self::Xz => Some("xz-utils"),
            Self::Partclone | Self::PartcloneRestore => Some("partclone"),
            Self::QemuImg | Self::QemuNbd => Some("qemu-utils"),
        }
    }

    pub(super) fn program(self) -> Option<PathBuf> {
        match self {
            Self::Ours | Self::OursPlain => {
                Some(step::target_directory().join("release/ntfsclone"))
            }
            // One of the same name elsewhere on PATH may be ours.
            Self::Reference => ["/usr/sbin/ntfsclone", "/sbin/ntfsclone"]
                .map(PathBuf::from)
                .into_iter()
                .find(|path| path.is_file()),
            Self::ReferenceZstd => setup::find("zstd").and(setup::find("sh")),
            Self::Partclone => setup::find("partclone.ntfs"),
            Self::PartcloneRestore => setup::find("partclone.restore"),
            Self::Cp => setup::find("cp"),
            Self::QemuImg => setup::find("qemu-img"),
            Self::QemuNbd => setup::find("qemu-nbd"),
            Self::Dd => setup::find("dd"),
            Self::Mount => setup::find("ntfs-3g").and(setup::find("sh")),
            Self::Gzip => setup::find("gzip").and(setup::find("sh")),
            Self::Zstd => setup::find("zstd").and(setup::find("sh")),
            Self::Xz => setup::find("xz").and(setup::find("sh")),
            Self::Node => node_program()
                .is_file()
                .then(|| setup::find("node"))
                .flatten(),
        }
    }

    pub(super) fn command(self) -> Result<Command> {
        let program = self
            .program()
            .with_context(|| format!("{} is missing", self.name()))?;
        let mut command = Command::new(program);
        if self == Self::Node {
            command.arg(node_program());
        }
        Ok(command)
    }

    /// Whether its output is on the disk when it ends. The others are followed by `sync FILE`.
    pub(super) fn syncs(self) -> bool {
        matches!(
            self,
            Self::Ours
                | Self::OursPlain
                | Self::Reference
                | Self::Partclone
                | Self::PartcloneRestore
        )
    }

    /// The line that says it: the first one that has a digit.
    pub(super) fn version(self) -> Result<String> {
        let mut command = match self {
            Self::ReferenceZstd | Self::Zstd => Command::new("zstd"),
            Self::Gzip => Command::new("gzip"),
            Self::Xz => Command::new("xz"),
            Self::Mount => Command::new("ntfs-3g"),
            Self::Node => Command::new("node"),
            _ => self.command()?,
        };
        command.arg("--version");
        // Some print it to the one stream, some to the other, and not all of them succeed.
        let output = command
            .output()
            .with_context(|| format!("cannot start {}", self.name()))?;
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text)
            .lines()
            .find(|line| line.contains(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
            .with_context(|| format!("{} does not tell its version", self.name()))
    }
}

fn node_program() -> PathBuf {
    web::folder().join("pkg/js/cli.js")
}

impl Serialize for Contestant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
