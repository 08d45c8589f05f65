//! The command line of `damage`.

use std::path::PathBuf;

use clap::Args;

use super::{ProgressArgs, numbers};

/// The options of `damage`.
#[derive(Debug, Args)]
#[command(after_help = DAMAGE_HELP)]
pub struct Damage {
    /// The copy that a rescue made: a volume, an image, a device, or a whole disk
    /// with --partition
    #[arg(value_name = "COPY")]
    pub source: PathBuf,

    /// The map file of the rescue, of ddrescue or --mapfile; what it does not list
    /// as read is lost. Without it, COPY is searched for the marks of --rescue
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,

    /// Look at partition N of COPY, which is a whole disk; the map is one of the disk
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

const DAMAGE_HELP: &str = "\
Exit status: 0 nothing is lost, or only free space; 3 files or metadata lost data; 1 failed; 2 wrong
usage.

Examples:
  ntfsclone damage --map sda1.map sda1.raw
  ntfsclone damage --map sda.map --partition 2 sda.raw
  ntfsclone damage --json sda1.raw | jq -r '.files[].path'";
