//! The options of `verify` and `info`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{DirectArgs, IndexArgs, ProgressArgs, numbers};

/// The options of `verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct Verify {
    /// The image, volume or device to check; - is standard input
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    /// Compare all clusters in use with those of OTHER: a restored volume, the
    /// source, or another image
    #[arg(long, value_name = "OTHER")]
    pub against: Option<PathBuf>,

    /// Check partition N of IMAGE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    #[command(flatten)]
    pub index: IndexArgs,

    /// Read the content of all files as well: compressed files must decompress, and
    /// sectors that a rescue marked are found. Takes as long as to read all clusters
    /// in use
    #[arg(long)]
    pub deep: bool,

    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub direct: DirectArgs,

    /// Threads of the scan, at most 8; the default is one for each processor
    #[arg(long, value_name = "N", value_parser = numbers::count)]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

const VERIFY_HELP: &str = "\
Reads all of an image and checks its structure, its checksums (FILE.b3 or FILE.sha256 beside it, and
those in it) and the NTFS volume in it, like a check of the restored volume. Compressed streams that
were not made by --compress are read twice: for their index (docs/side-index.md), which is kept for later
runs, and for the check. Those without an index are read twice or more; their metadata is stored in a
temporary file (TMPDIR). --index also keeps where the clusters are in an uncompressed image that must
otherwise be read completely to find them, such as one of metadata, beside it.

Exit status: 0 sound; 1 not sound, different, or failed; 2 wrong usage. What loses or hides a file, or
keeps Windows or Linux from mounting the volume, is not sound; warnings alone are. docs/findings.md
describes all kinds of findings.

Examples:
  ntfsclone verify backup.img
  ntfsclone verify --json backup.img | jq '.findings[].message'
  ntfsclone verify backup.img --against /dev/sda1";

/// The options of `info`.
#[derive(Debug, Args)]
#[command(after_help = INFO_HELP)]
pub struct Info {
    /// The image, volume or device to show; - is standard input
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,

    /// Show partition N of SOURCE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub index: IndexArgs,
}

const INFO_HELP: &str = "\
Examples:
  ntfsclone info backup.img
  ntfsclone info --json /dev/sda1 | jq .volume.label";
