//! The command line of `ls`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{IndexArgs, numbers};

/// The options of `ls`.
#[derive(Debug, Args)]
#[command(after_help = LS_HELP)]
pub struct Ls {
    /// The image, volume or device to look into; - is standard input
    #[arg(value_name = "IMAGE")]
    pub source: PathBuf,

    /// Files and directories to list; the root directory if there is none. Separated by / or \, in any
    /// case; * and ? within a name, ** for any directories
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,

    /// Print attributes, size and local time of the last change (TZ sets the zone) too, and where links lead
    #[arg(short)]
    pub long: bool,

    /// List all that is in directories, with whole paths
    #[arg(short = 'R', long)]
    pub recursive: bool,

    /// List the file system's own files too, such as $MFT
    #[arg(short, long)]
    pub all: bool,

    /// List named streams too, as PATH:STREAM
    #[arg(long)]
    pub streams: bool,

    /// List deleted files instead, as far as their MFT records are not in use again
    ///
    /// Each with the number of its record, for cat --record, and with what is left of it: recoverable, partly,
    /// overwritten, or not-in-image (an image of used clusters does not have those of deleted files). Clusters
    /// that are free now may have been in use between. A PATH is a directory or a pattern.
    #[arg(long, conflicts_with_all = ["recursive", "streams", "all", "by"])]
    pub deleted: bool,

    /// Print one JSON object a line, for each file
    #[arg(long, conflicts_with_all = ["csv", "long"])]
    pub json: bool,

    /// Print a table in CSV
    #[arg(long, conflicts_with = "long")]
    pub csv: bool,

    /// Take names from the indexes of directories, or from all MFT records
    ///
    /// Where an index is damaged, the MFT is used anyway, with a warning.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = NamesBy::Index)]
    pub by: NamesBy,

    #[command(flatten)]
    pub index: IndexArgs,

    /// Look into partition N of IMAGE, which is a whole disk [default: the only one with NTFS]
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,
}

/// See `--by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NamesBy {
    Index,
    Mft,
}

const LS_HELP: &str = "\
Exit status: 0 done; 1 there is no such file, or failed; 2 wrong usage; 3 a directory or file could not
be read, the rest is listed.

Examples:
  ntfsclone ls backup.img Users
  ntfsclone ls -lR backup.img.zst 'Users/Anna/Documents'
  ntfsclone ls backup.img '**/*.docx'
  ntfsclone ls --deleted /dev/sda1 '**/*.docx'
  ntfsclone ls --json -R backup.img | jq -r 'select(.size > 1e9).path'";
