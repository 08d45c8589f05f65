//! What the programs are asked to do, each in its own words.

use super::{contestant::Contestant, place::Place, volume::Kind};
use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Job {
    /// The volume to an image
    Save,
    /// The image to a raw file
    Restore,
    /// The same, in the least size
    #[value(name = "restore-size")]
    #[serde(rename = "restore-size")]
    RestoreSize,
    /// The volume to a raw file
    Clone,
    /// The volume's metadata to an image
    Metadata,
    /// The volume to an image, compressed at level 1
    Compress1,
    /// The same at level 3
    Compress3,
    /// The image, read through
    Check,
    /// The image, with the volume in it
    Verify,
    /// The image, at a glance
    Info,
    /// From the start to the first byte of an image: all records are read, and held against $Bitmap
    Scan,
    /// The volume to a raw file, as a conversion
    ToRaw,
    /// The volume to a virtual disk of QEMU, without a partition table
    ToQcow2,
    /// The same, of Hyper-V
    ToVhdx,
    /// The same, of VMware: stream-optimised, which is compressed
    ToVmdk,
    /// An image of partclone to a raw file
    FromPartclone,
    /// The names of all files
    Ls,
    /// The content of a file
    Cat,
    /// The content of all files, through a mount
    #[value(name = "mount-read")]
    #[serde(rename = "mount-read")]
    MountRead,
    /// The volume in the image, to an NBD client
    Serve,
    /// The index of a volume that gzip compressed
    #[value(name = "index-gzip")]
    #[serde(rename = "index-gzip")]
    IndexGzip,
    /// The same, by zstd
    #[value(name = "index-zstd")]
    #[serde(rename = "index-zstd")]
    IndexZstd,
    /// The same, by xz
    #[value(name = "index-xz")]
    #[serde(rename = "index-xz")]
    IndexXz,
    /// A MiB in the middle of a file, of a volume that zstd compressed, with its index
    #[value(name = "cat-zstd")]
    #[serde(rename = "cat-zstd")]
    CatZstd,
    /// The volume to an image, on one core, beside the npm package
    NodeSave,
    /// The image, with the volume in it, on one core, beside the npm package
    NodeVerify,
}

/// Whose content is read: one of the volume of large files.
const FILE: &str = "large 00.bin";

/// The part of it that is read alone: in small volumes too.
const MIDDLE: &str = "33000000+1048576";

/// The files of one run.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) volume: PathBuf,
    pub(super) image: PathBuf,
    pub(super) output: PathBuf,
    /// Partclone does not go without one.
    pub(super) log: PathBuf,
}

impl Files {
    /// For a mount, or a socket.
    fn place(&self, name: &str) -> PathBuf {
        self.log.with_extension(name)
    }
}

impl Job {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Restore => "restore",
            Self::RestoreSize => "restore-size",
            Self::Clone => "clone",
            Self::Metadata => "metadata",
            Self::Compress1 => "compress1",
            Self::Compress3 => "compress3",
            Self::Check => "check",
            Self::Verify => "verify",
            Self::Info => "info",
            Self::Scan => "scan",
            Self::ToRaw => "to-raw",
            Self::ToQcow2 => "to-qcow2",
            Self::ToVhdx => "to-vhdx",
            Self::ToVmdk => "to-vmdk",
            Self::FromPartclone => "from-partclone",
            Self::Ls => "ls",
            Self::Cat => "cat",
            Self::MountRead => "mount-read",
            Self::Serve => "serve",
            Self::IndexGzip => "index-gzip",
            Self::IndexZstd => "index-zstd",
            Self::IndexXz => "index-xz",
            Self::CatZstd => "cat-zstd",
            Self::NodeSave => "node-save",
            Self::NodeVerify => "node-verify",
        }
    }

    /// Who makes the image, if it reads one.
    pub(super) fn maker(self) -> Option<Contestant> {
        match self {
            Self::Restore
            | Self::RestoreSize
            | Self::Check
            | Self::Verify
            | Self::Info
            | Self::Serve
            | Self::NodeVerify => Some(Contestant::Ours),
            Self::FromPartclone => Some(Contestant::Partclone),
            Self::IndexGzip => Some(Contestant::Gzip),
            Self::IndexZstd | Self::CatZstd => Some(Contestant::Zstd),
            Self::IndexXz => Some(Contestant::Xz),
            _ => None,
        }
    }

    /// The format of its output, in the words of ntfsclone and QEMU, if it converts.
    pub(super) fn format(self) -> Option<&'static str> {
        match self {
            Self::ToRaw | Self::FromPartclone => Some("raw"),
            Self::ToQcow2 => Some("qcow2"),
            Self::ToVhdx => Some("vhdx"),
            Self::ToVmdk => Some("vmdk"),
            _ => None,
        }
    }

    /// Whether its outputs are of different lengths.
    pub(super) fn compresses(self) -> bool {
        self.level().is_some() || self == Self::ToVmdk
    }

    /// Whether our output is an index, beside programs that write nothing.
    pub(super) fn makes_index(self) -> bool {
        matches!(self, Self::IndexGzip | Self::IndexZstd | Self::IndexXz)
    }

    pub(super) fn writes_file(self) -> bool {
        !matches!(
            self,
            Self::Check
                | Self::Verify
                | Self::Info
                | Self::Scan
                | Self::Ls
                | Self::Cat
                | Self::MountRead
                | Self::Serve
                | Self::IndexGzip
                | Self::IndexZstd
                | Self::IndexXz
                | Self::CatZstd
                | Self::NodeVerify
        )
    }

    /// Of zstd, if it compresses with it.
    pub(super) fn level(self) -> Option<u32> {
        match self {
            Self::Compress1 => Some(1),
            Self::Compress3 => Some(3),
            _ => None,
        }
    }

    pub(super) fn contestants(self, volume: Kind) -> &'static [Contestant] {
        use Contestant::{
            Cp, Dd, Gzip, Mount, Node, Ours, OursPlain, Partclone, PartcloneRestore, QemuImg,
            QemuNbd, Reference, ReferenceZstd, Xz, Zstd,
        };
        match (self, volume) {
            // It is for conversions.
            (job, Kind::Sparse) if job.format().is_none() => &[],
            // Nor does either of them make a VMDK of it, which ends at 2 TiB.
            (Self::FromPartclone | Self::ToVmdk, Kind::Giant) => &[],
            (Self::FromPartclone, _) => &[Ours, PartcloneRestore],
            (Self::ToRaw | Self::ToQcow2 | Self::ToVhdx | Self::ToVmdk, _) => &[Ours, QemuImg],
            // Partclone and dd go through all of its 16 TiB.
            (Self::Save | Self::Clone, Kind::Giant) => &[Ours, Reference, Cp],
            (Self::Save, Kind::Fragmented) => &[Ours, Reference, Cp],
            (Self::Save, _) => &[Ours, Reference, Partclone, Cp],
            (Self::Clone, _) => &[Ours, Reference, Cp, QemuImg, Dd],
            (Self::Compress1 | Self::Compress3, _) => &[Ours, ReferenceZstd],
            // The original's is a check of the structure alone.
            (Self::Verify, _) => &[Ours, Reference],
            (Self::Ls, Kind::Small) | (Self::Cat | Self::MountRead, Kind::Bulk) => &[Ours, Mount],
            (Self::Serve, Kind::Bulk) => &[Ours, QemuNbd],
            (Self::IndexGzip, Kind::Bulk) => &[Ours, Gzip],
            (Self::IndexZstd, Kind::Bulk) => &[Ours, Zstd],
            (Self::IndexXz, Kind::Bulk) => &[Ours, Xz],
            (Self::CatZstd, Kind::Bulk) => &[Ours],
            (
                Self::Ls
                | Self::Cat
                | Self::MountRead
                | Self::Serve
                | Self::IndexGzip
                | Self::IndexZstd
                | Self::IndexXz
                | Self::CatZstd,
                _,
            ) => &[],
            (Self::Info, _) => &[Ours],
            (Self::RestoreSize, _) => &[Ours, OursPlain],
            // Its $Bitmap alone is more than the module's memory.
            (Self::NodeSave | Self::NodeVerify, Kind::Giant) => &[Ours],
            (Self::NodeSave | Self::NodeVerify, _) => &[Ours, Node],
            (Self::Restore | Self::Metadata | Self::Check | Self::Scan, _) => &[Ours, Reference],
        }
    }

    /// What is run one after the other, and timed together.
    pub(super) fn commands(
        self,
        contestant: Contestant,
        files: &Files,
        place: Place,
    ) -> Result<Vec<Command>> {
        let mut command = contestant.command()?;
        match contestant {
            Contestant::Ours if self == Self::MountRead => {
                command = read_through_mount(self.options(), &command, files);
            }
            Contestant::Mount if self == Self::MountRead => {
                command = read_through_mount("-o ro,noatime", &Command::new("ntfs-3g"), files);
            }
            Contestant::Ours if self == Self::Serve => {
                let script = format!(
                    "\"$0\" {} \"$2\" \"$1\" | {{ read -r uri && nbdcopy \"$uri\" null:; }}",
                    self.options()
                );
                command = in_shell(&script, &command, [&files.image, &files.place("socket")]);
            }
            Contestant::QemuNbd => {
                // As many connections as nbdcopy makes.
                let script = "\"$0\" --fork --read-only --format=raw --shared=4 --socket=\"$2\" \"$1\" && \
                              nbdcopy \"nbd+unix:///?socket=$2\" null:";
                command = in_shell(script, &command, [&files.volume, &files.place("socket")]);
            }
            _ if matches!(self, Self::NodeSave | Self::NodeVerify) => {
                command = on_one_core(&command);
                match (self, contestant) {
                    (Self::NodeSave, Contestant::Node) => {
                        command.args(["convert", "--to", "ntfsclone", "-o"]);
                        command.args([&files.output, &files.volume]);
                    }
                    (_, Contestant::Node) => {
                        command.arg("verify").arg(&files.image);
                    }
                    _ => {
                        self.ntfsclone(&mut command, files);
                        command.args(["--threads", "1"]);
                    }
                }
            }
            Contestant::Reference if self == Self::Verify => {
                Self::Check.ntfsclone(&mut command, files);
            }
            Contestant::OursPlain => Self::Restore.ntfsclone(&mut command, files),
            Contestant::Ours if self.makes_index() => {
                command.arg("info").arg(index_at(&files.output));
                command.arg(&files.image);
            }
            Contestant::Ours if self == Self::CatZstd => {
                // Made in the first run, which is not measured.
                let index = files.log.with_extension("index");
                command.arg("cat").arg(index_at(&index));
                command
                    .args(["--range", MIDDLE])
                    .arg(&files.image)
                    .arg(FILE);
            }
            Contestant::Gzip => compress_or_test(&mut command, "gzip -1", self, files),
            Contestant::Zstd => compress_or_test(&mut command, "zstd -q -T0 -3", self, files),
            Contestant::Xz => compress_or_test(&mut command, "xz -T0 -0", self, files),
            Contestant::Ours | Contestant::Reference => self.ntfsclone(&mut command, files),
            Contestant::ReferenceZstd => {
                let level = self.level().context("compresses")?;
                let script = format!("\"$0\" -q -s -o - \"$1\" | zstd -q -T0 -{level} -o \"$2\"",);
                let reference = Contestant::Reference.program();
                command.arg("-c").arg(script);
                command.arg(reference.context("the ntfsclone of ntfs-3g is missing")?);
                command.args([&files.volume, &files.output]);
            }
            Contestant::Partclone => {
                command.args(["-q", "-c", "-L"]).arg(&files.log);
                command.arg("-s").arg(&files.volume);
                command.arg("-O").arg(&files.output);
            }
            Contestant::PartcloneRestore => {
                command.args(["-q", "-C", "-L"]).arg(&files.log);
                command.arg("-s").arg(&files.image);
                command.arg("-O").arg(&files.output);
            }
            Contestant::Cp => {
                command.arg("--sparse=always");
                command.args([&files.volume, &files.output]);
            }
            Contestant::QemuImg => {
                let format = self.format().unwrap_or("raw");
                command.args(["convert", "-f", "raw", "-O", format]);
                if self == Self::ToVmdk {
                    command.args(["-o", "subformat=streamOptimized"]);
                }
                command.args([&files.volume, &files.output]);
            }
            Contestant::Mount => {
                let read = match self {
                    Self::Cat => format!("cat \"$1/{FILE}\""),
                    _ => "find \"$1\"".to_owned(),
                };
                let script = format!(
                    "mkdir -p \"$1\" && ntfs-3g -o ro,noatime \"$0\" \"$1\" && {{ {read}; umount \"$1\"; }}"
                );
                command.arg("-c").arg(script);
                command.args([&files.volume, &files.place("mount")]);
            }
            // Takes part on one core only.
            Contestant::Node => {}
            Contestant::Dd => {
                command.arg(format!("if={}", files.volume.display()));
                command.arg(format!("of={}", files.output.display()));
                command.args(["bs=1M", "conv=sparse", "status=none"]);
            }
        }
        let mut commands = vec![command];
        if place == Place::Disk && self.writes_file() && !contestant.syncs() {
            let mut sync = Command::new("sync");
            sync.arg(&files.output);
            commands.push(sync);
        }
        Ok(commands)
    }

    /// Of ours, before files are named.
    fn options(self) -> &'static str {
        match self {
            Self::Save => "-q -s -o",
            Self::Restore => "-q -r -o",
            Self::RestoreSize => "-q -r --size=min -o",
            Self::Clone => "-q -o",
            Self::Metadata => "-q -m -s -o",
            Self::Compress1 => "-q -s --compress=1 -o",
            Self::Compress3 => "-q -s --compress=3 -o",
            Self::Check => "-q -r -n",
            Self::Verify => "verify -q",
            Self::Info => "info",
            Self::Scan => "-q -s -o -",
            Self::Ls => "ls -R --all",
            Self::Cat => "cat",
            Self::MountRead => "mount --background",
            Self::Serve => "serve --once --socket",
            // Have commands of their own.
            Self::IndexGzip | Self::IndexZstd | Self::IndexXz | Self::CatZstd => "",
            Self::NodeSave => "-q -s -o",
            Self::NodeVerify => "verify -q",
            // QEMU makes the volume the whole disk.
            Self::ToRaw | Self::FromPartclone => "convert -q --disk=none --to raw",
            Self::ToQcow2 => "convert -q --disk=none --to qcow2",
            Self::ToVhdx => "convert -q --disk=none --to vhdx",
            Self::ToVmdk => "convert -q --disk=none --to vmdk",
        }
    }

    fn ntfsclone(self, command: &mut Command, files: &Files) {
        command.args(self.options().split(' '));
        let source = match self.maker() {
            Some(_) => &files.image,
            None => &files.volume,
        };
        if self.format().is_some() {
            command.args([source, &files.output]);
            return;
        }
        if self.writes_file() {
            command.arg(&files.output);
        }
        command.arg(source);
        if self == Self::Cat {
            command.arg(FILE);
        }
    }
}

/// Reads all files of a volume that `program` mounts with these options.
fn read_through_mount(options: &str, program: &Command, files: &Files) -> Command {
    let script = format!(
        "mkdir -p \"$2\" && \"$0\" {options} \"$1\" \"$2\" && {{ cat \"$2\"/*.bin; umount \"$2\"; }}"
    );
    in_shell(&script, program, [&files.volume, &files.place("mount")])
}

/// A script for a program, which is its `$0`.
fn in_shell(script: &str, program: &Command, paths: [&Path; 2]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(program.get_program());
    shell.args(paths);
    shell
}

/// Compresses the volume to an image by the words of `compressor`; or reads the image through.
fn compress_or_test(command: &mut Command, compressor: &str, job: Job, files: &Files) {
    let program = compressor.split(' ').next().unwrap_or_default();
    let (script, input, output) = match job {
        Job::Save => (
            format!("{compressor} < \"$0\" > \"$1\""),
            &files.volume,
            &files.output,
        ),
        // By a name that is not its own, gzip reads nothing.
        _ => (
            format!("{program} -t < \"$0\""),
            &files.image,
            &files.output,
        ),
    };
    command.arg("-c").arg(script).args([input, output]);
}

/// The option for an index in the file `path`.
fn index_at(path: &Path) -> OsString {
    let mut option = OsString::from("--index=");
    option.push(path);
    option
}

/// The same, by no more than one core.
fn on_one_core(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned
        .args(["-c", "0"])
        .arg(command.get_program())
        .args(command.get_args());
    pinned
}
