//! The command line of `map`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ProgressArgs, numbers};

/// The options of `map`.
#[derive(Debug, Args)]
#[command(after_help = MAP_HELP)]
pub struct Map {
    /// The NTFS volume to read, or what holds it: an image, a compressed file; or a
    /// whole disk, with all its partitions
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,

    /// Write to FILE, which must not exist; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// Map partition N of SOURCE, which is a whole disk; positions are those on the
    /// disk
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    /// Format of the map: for ddrescue (--domain-mapfile), for bmaptool (--bmap),
    /// or JSON for scripts
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = MapFormat::Ddrescue)]
    pub format: MapFormat,

    /// Continue after read errors
    #[arg(long)]
    pub rescue: bool,

    /// Continue if the consistency check of the clusters fails
    #[arg(long)]
    pub ignore_fs_check: bool,

    /// Accept a volume that is mounted read-write
    #[arg(short, long)]
    pub force: bool,

    /// Threads of the scan, at most 8; the default is one for each processor
    #[arg(long, value_name = "N", value_parser = numbers::count)]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

const MAP_HELP: &str = "\
Examples:
  ntfsclone map -o used.map /dev/sda1
  ddrescue -m used.map /dev/sda1 sda1.raw rescue.map

  ntfsclone map -o disk.map /dev/sda
  ddrescue -m disk.map /dev/sda sda.raw rescue.map

  ntfsclone map --format bmap -o sda1.bmap sda1.raw
  bmaptool copy --bmap sda1.bmap sda1.raw /dev/sdb1";

/// See `map --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    Ddrescue,
    Bmap,
    Json,
}
