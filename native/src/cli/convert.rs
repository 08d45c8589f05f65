//! The options of `convert`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use ntfsclone_core::write::{METADATA, WRITERS, Writer};

use super::{Algorithm, DirectArgs, NewSize, ProgressArgs, numbers};

/// The options of `convert`.
#[derive(Debug, Args)]
#[command(after_help = CONVERT_HELP)]
pub struct Convert {
    /// The volume or disk to convert, or what holds it: an image, pieces, a virtual disk, a
    /// folder of Clonezilla; - is standard input
    #[arg(value_name = "SOURCE", required_unless_present = "list_formats")]
    pub source: Option<PathBuf>,

    /// The file to write, which must not exist; - is standard output
    #[arg(value_name = "OUTPUT", required_unless_present = "list_formats")]
    pub output: Option<PathBuf>,

    /// The format of OUTPUT, if its name does not end in it
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    pub to: Option<&'static Writer>,

    /// Print the formats that can be written
    #[arg(long, exclusive = true)]
    pub list_formats: bool,

    /// The partition table of a disk: gpt for virtual disks, none for raw
    #[arg(long, value_name = "TABLE", value_enum)]
    pub disk: Option<DiskTable>,

    /// Give the volume another size: a number with a unit, such as 200G, or min, the least
    #[arg(long, value_name = "SIZE", value_parser = numbers::volume_size)]
    pub size: Option<NewSize>,

    /// Make the volume one for a disk with sectors of BYTES: 512 or 4096
    #[arg(long, value_name = "BYTES", value_parser = numbers::sector_size)]
    pub sector_size: Option<u32>,

    /// With --size: keep the marks of bad clusters
    #[arg(long)]
    pub keep_bad: bool,

    /// Replace an existing OUTPUT when the new file is complete
    #[arg(short = 'O', long)]
    pub overwrite: bool,

    /// Compress with zstd, at LEVEL 1 to 22 (3)
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = numbers::level,
        default_missing_value = "3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub compress: Option<i32>,

    /// Write a checksum file beside OUTPUT
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_missing_value = "b3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub checksum: Option<Algorithm>,

    /// Read OUTPUT back from the disk and compare it
    #[arg(long)]
    pub verify: bool,

    /// Convert only partition N of SOURCE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    /// Accept a volume that is dirty or may be in use
    #[arg(short, long)]
    pub force: bool,

    #[command(flatten)]
    pub direct: DirectArgs,

    /// Threads of the scan and of compression; the default is one for each processor
    #[arg(long, value_name = "N", value_parser = numbers::count)]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

/// See `--disk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiskTable {
    Gpt,
    Mbr,
    None,
}

/// The formats to convert to: metadata is not what was in the source.
pub fn convertible() -> impl Iterator<Item = &'static Writer> {
    WRITERS
        .iter()
        .copied()
        .filter(|writer| *writer != &METADATA)
}

fn formats() -> impl TypedValueParser<Value = &'static Writer> {
    let names = PossibleValuesParser::new(convertible().map(|writer| writer.id));
    names.try_map(|name| {
        let found = convertible().find(|writer| writer.id == name);
        found.ok_or("is not a format")
    })
}

const CONVERT_HELP: &str = "\
Copies the clusters in use into another format. All formats are written from start to end, so that
OUTPUT can be a pipe. In a virtual disk the volume is a partition, which starts at 1 MiB; neither
table makes it bootable. Serial number and content stay the same.

A whole disk, or a folder with a disk that Clonezilla saved, becomes a disk of the same size, with its
tables, boot code and all partitions: NTFS by its clusters in use, others as they are.

Exit status: 0 done; 1 failed; 2 wrong usage.

Examples:
  ntfsclone convert backup.img disk.vhdx
  ntfsclone convert sda1.ntfs-ptcl-img.zst.aa disk.qcow2
  ntfsclone convert /dev/sda disk.vhdx
  ntfsclone convert /home/partimag/pc7 disk.vhdx
  ntfsclone convert --to raw --disk=mbr /dev/sda1 disk.img
  ntfsclone convert --to vmdk backup.img - | ssh host 'cat > disk.vmdk'";
