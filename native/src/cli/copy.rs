//! The command line without a command: to copy a volume or restore an image, as
//! with the original.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DirectArgs, ProgressArgs};

/// The original's options, and ours beside them.
#[derive(Debug, Args)]
pub struct Copy {
    /// The NTFS volume to read, or an image of it, which may be compressed or in
    /// pieces; with --restore-image, - is standard input
    #[arg(value_name = "SOURCE", required_unless_present = "generate")]
    pub source: Option<PathBuf>,

    /// Write to FILE, which must not exist; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write to FILE, which may exist; required for a block device
    #[arg(short = 'O', long, value_name = "FILE")]
    pub overwrite: Option<PathBuf>,

    /// With --overwrite: write into the existing file, instead of replacing it
    /// when the new one is complete
    #[arg(long)]
    pub in_place: bool,

    /// Write an image instead of a raw copy
    #[arg(short, long)]
    pub save_image: bool,

    /// Compress the image or raw copy with zstd, at LEVEL 1 to 22, in frames that
    /// can be read and checked separately; zstd -dc decompresses it
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = clap::value_parser!(i32).range(1..=22),
        default_missing_value = "3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub compress: Option<i32>,

    /// With --compress: store TEXT in the file
    #[arg(long, value_name = "TEXT", requires = "compress")]
    pub note: Option<String>,

    /// Write a checksum file beside the output: FILE.b3 for b3sum -c, or
    /// FILE.sha256 for sha256sum -c
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_missing_value = "b3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub checksum: Option<Algorithm>,

    /// Restore the volume from SOURCE: an image, or a volume in a file or pipe
    #[arg(short, long)]
    pub restore_image: bool,

    /// Read partition N of SOURCE, which is a whole disk
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partition: Option<u32>,

    /// Continue after read errors; list the files that lost data
    #[arg(long)]
    pub rescue: bool,

    /// With --rescue: try bad sectors again N times, alternately backwards and
    /// forwards
    #[arg(long, value_name = "N", default_value_t = 0, requires = "rescue")]
    pub retries: u32,

    /// With --rescue: record in FILE what is saved, and continue from FILE if it
    /// exists; the format is that of GNU ddrescue
    #[arg(long, value_name = "FILE", requires = "rescue")]
    pub mapfile: Option<PathBuf>,

    /// With --rescue: write a list of the lost data to FILE, as JSON
    #[arg(long, value_name = "FILE", requires = "rescue")]
    pub report: Option<PathBuf>,

    /// Copy metadata only
    #[arg(short, long)]
    pub metadata: bool,

    /// With --restore-image: check the image and write nothing
    #[arg(short, long)]
    pub no_action: bool,

    /// With --metadata or --rescue: continue if the consistency check of the
    /// clusters fails
    #[arg(long)]
    pub ignore_fs_check: bool,

    /// With --metadata: keep the timestamps
    #[arg(short = 't', long)]
    pub preserve_timestamps: bool,

    /// With --metadata: copy the whole $LogFile
    #[arg(long)]
    pub full_logfile: bool,

    /// Give the copy a new serial number
    #[arg(long)]
    pub new_serial: bool,

    /// Give the copy a new serial number with the same lower half
    #[arg(long)]
    pub new_half_serial: bool,

    /// Whether a raw copy in a file shares its blocks with SOURCE: auto if the
    /// file system can; never for a backup, since damage to a shared block
    /// damages both
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Reflink::Auto)]
    pub reflink: Reflink,

    /// Also leave holes in a raw file for clusters in use that hold only zeros
    #[arg(long)]
    pub sparse: bool,

    /// Discard (TRIM) the free clusters on the target device; their old content
    /// is lost
    #[arg(long)]
    pub discard: bool,

    /// Read the output back from the disk and compare it with what was written
    #[arg(long)]
    pub verify: bool,

    /// Accept a volume that is dirty, or may be in use; write to a whole disk with
    /// a partition table, or raw metadata to a device
    #[arg(short, long)]
    pub force: bool,

    /// Refuse a volume with clusters that only $Bitmap marks as used, instead of
    /// copying them
    #[arg(long)]
    pub strict: bool,

    #[command(flatten)]
    pub direct: DirectArgs,

    /// Threads of the scan, at most 8, and of compression; the default is one for
    /// each processor
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,

    /// Print the manual page, or the completions of a shell, and exit
    #[arg(long, value_name = "WHAT", value_enum, exclusive = true)]
    pub generate: Option<Generated>,
}

/// See `--generate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    Man,
    CompleteBash,
    CompleteFish,
    CompleteZsh,
}

/// See `--checksum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    B3,
    Sha256,
}

/// See `--reflink`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reflink {
    Auto,
    Never,
}
