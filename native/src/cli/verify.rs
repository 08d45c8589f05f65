//! The options of `verify` and `info`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{Direct, ProgressArgs};

/// The options of `verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct Verify {
    /// The image, volume or device to check; - for standard input
    #[arg(value_name = "IMAGE")]
    pub image: PathBuf,

    /// Compare what is in use with OTHER: a volume that was restored, the
    /// source, or another image
    #[arg(long, value_name = "OTHER")]
    pub against: Option<PathBuf>,

    /// IMAGE is a whole disk; check the partition with this number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partition: Option<u32>,

    /// Write to IMAGE.index where the clusters are, for images that cannot be
    /// looked into without reading all of them, as those of metadata
    #[arg(long)]
    pub index: bool,

    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,

    /// Read past the kernel's cache: auto does where that is faster, always
    /// wherever it can be done
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = Direct::Auto,
        default_missing_value = "always",
        num_args = 0..=1,
        require_equals = true
    )]
    pub direct: Direct,

    /// Scan with N threads, at most 8; as many as there are processors, if left
    /// out
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

const VERIFY_HELP: &str = "\
Reads all of an image and checks its structure, its checksums (FILE.b3 or FILE.sha256 beside it, or
those in it) and the NTFS volume in it, as a check of the restored volume would. What is compressed,
but not by --compress, is read twice or more, and its metadata kept in a temporary file (TMPDIR).

Exit status: 0 sound; 1 not sound, or the two differ, or failed; 2 wrong usage.

Examples:
  ntfsclone verify backup.img
  ntfsclone verify --json backup.img | jq '.findings[].message'
  ntfsclone verify backup.img --against /dev/sda1";

/// The options of `info`.
#[derive(Debug, Args)]
#[command(after_help = INFO_HELP)]
pub struct Info {
    /// The image, volume or device to look at; - for standard input
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,

    /// SOURCE is a whole disk; look at the partition with this number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partition: Option<u32>,

    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
}

const INFO_HELP: &str = "\
Examples:
  ntfsclone info backup.img
  ntfsclone info --json /dev/sda1 | jq .volume.label";
