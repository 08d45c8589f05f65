//! The command line of `extract`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{IndexArgs, NamesBy, ProgressArgs, numbers};

/// The options of `extract`.
#[derive(Debug, Args)]
#[command(after_help = EXTRACT_HELP)]
pub struct Extract {
    /// The image, volume or device to look into; - is standard input
    #[arg(value_name = "IMAGE")]
    pub source: PathBuf,

    /// Files and directories to write, with all below them; all if there is none. Separated by / or \, in
    /// any case; * and ? within a name, ** for any directories
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,

    /// Write below the folder DIR, which is made if it does not exist
    ///
    /// Files keep their whole paths: Users/Anna is written to DIR/Users/Anna.
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    pub folder: PathBuf,

    /// Replace files that exist
    #[arg(short = 'O', long)]
    pub overwrite: bool,

    /// What becomes of symbolic links and junctions
    ///
    /// keep makes symbolic links of those that stay in the volume; others are named.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Links::Keep)]
    pub links: Links,

    /// Write named streams too, as extended attributes user.STREAM
    #[arg(long)]
    pub streams: bool,

    /// Take names from the indexes of directories, or from all MFT records
    ///
    /// Where an index is damaged, the MFT is used anyway, with a warning.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = NamesBy::Index)]
    pub by: NamesBy,

    #[command(flatten)]
    pub index: IndexArgs,

    /// Look into partition N of IMAGE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

/// See `--links`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Links {
    Keep,
    Skip,
}

const EXTRACT_HELP: &str = "\
Times, holes and hard links are kept; a read-only file is one that nobody may write to. A file gets its
name when it is complete. Nothing outside of DIR is written to, and no link in it is followed.

Exit status: 0 done; 1 there is no such file, or failed; 2 wrong usage; 3 a file could not be read or
written and is named, the rest is written.

Examples:
  ntfsclone extract backup.img Users/Anna -C /mnt/rescued
  ntfsclone extract backup.img.zst '**/*.docx' '**/*.xlsx' -C papers";
