//! The command line without a command: to copy a volume or restore an image, as
//! with the original.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ProgressArgs;

/// The original's options, and ours beside them.
#[derive(Debug, Args)]
pub struct Copy {
    /// The NTFS volume to read; with --restore-image the image, compressed or in
    /// pieces as it may be, or volume; - for standard input
    #[arg(value_name = "SOURCE", required_unless_present = "generate")]
    pub source: Option<PathBuf>,

    /// Write to FILE, which must not exist; - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write to FILE, existing or not; needed for a block device
    #[arg(short = 'O', long, value_name = "FILE")]
    pub overwrite: Option<PathBuf>,

    /// With --overwrite: overwrite an existing file where it is, instead of
    /// replacing it when the new one is complete
    #[arg(long)]
    pub in_place: bool,

    /// Write an image instead of a raw copy
    #[arg(short, long)]
    pub save_image: bool,

    /// Compress the image or raw copy with zstd, at LEVEL 1 to 22, so that any
    /// part of it can be read, and is checked; zstd -dc gives it back
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = clap::value_parser!(i32).range(1..=22),
        default_missing_value = "3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub compress: Option<i32>,

    /// With --compress: keep TEXT in the image
    #[arg(long, value_name = "TEXT", requires = "compress")]
    pub note: Option<String>,

    /// Write a checksum beside the file, for b3sum -c or sha256sum -c:
    /// FILE.b3 or FILE.sha256
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_missing_value = "b3",
        num_args = 0..=1,
        require_equals = true
    )]
    pub checksum: Option<Algorithm>,

    /// SOURCE is an image, or a volume in a file or pipe; restore the volume
    #[arg(short, long)]
    pub restore_image: bool,

    /// SOURCE is a whole disk; read the partition with this number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub partition: Option<u32>,

    /// Go on after read errors, and tell which files lost data
    #[arg(long)]
    pub rescue: bool,

    /// With --rescue: try bad sectors again so many times, in turns backwards
    /// and forwards
    #[arg(long, value_name = "N", default_value_t = 0, requires = "rescue")]
    pub retries: u32,

    /// With --rescue: note in FILE what is saved, and go on from there if it
    /// exists; the format is that of GNU ddrescue
    #[arg(long, value_name = "FILE", requires = "rescue")]
    pub mapfile: Option<PathBuf>,

    /// With --rescue: write what was lost to FILE, as JSON
    #[arg(long, value_name = "FILE", requires = "rescue")]
    pub report: Option<PathBuf>,

    /// Copy metadata only
    #[arg(short, long)]
    pub metadata: bool,

    /// With --restore-image: check the image, write nothing
    #[arg(short, long)]
    pub no_action: bool,

    /// With --metadata or --rescue: go on after a failed check of clusters
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

    /// Give the copy a new serial number, its lower half kept
    #[arg(long)]
    pub new_half_serial: bool,

    /// Whether a raw copy in a file shares its room on the disk with SOURCE:
    /// auto where the file system can do that; never for a backup, since what
    /// damages a shared block damages both
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Reflink::Auto)]
    pub reflink: Reflink,

    /// Leave holes in a raw file for clusters in use that hold only zeros, too
    #[arg(long)]
    pub sparse: bool,

    /// Tell the block device which parts the volume does not use (TRIM); what
    /// they held is lost
    #[arg(long)]
    pub discard: bool,

    /// Read back from the disk what was written, and compare it with what was
    /// meant to be
    #[arg(long)]
    pub verify: bool,

    /// Accept a volume that is marked dirty, or of which it is not known who uses
    /// it; write over a whole disk that has a partition table
    #[arg(short, long)]
    pub force: bool,

    /// Refuse a volume with clusters that only $Bitmap marks, instead of
    /// copying them too
    #[arg(long)]
    pub strict: bool,

    /// Read and write past the kernel's cache: auto does where that is faster,
    /// always wherever it can be done
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

    /// Scan with N threads, at most 8, and compress with N; as many as there
    /// are processors, if left out
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,

    /// Print the manual page, or a shell's completions, and exit
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

/// See `--direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direct {
    Auto,
    Always,
    Never,
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
