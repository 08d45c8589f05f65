//! The command line without a command: to copy a volume or restore an image, as
//! with the original.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::numbers::HiddenSectors;
use super::{DirectArgs, NewSize, PRINTED, ProgressArgs, SPEED, numbers};

const MODE: &str = "What is done (without any: a raw copy)";
const READ: &str = "What is read";
const WRITTEN: &str = "What is written";
const RESCUE: &str = "Rescue";
const METADATA: &str = "Metadata";

/// The original's options, and ours beside them.
#[derive(Debug, Args)]
pub struct Copy {
    /// The volume to read, or an image of it
    ///
    /// It may be compressed, in pieces, or a virtual disk. With --restore-image, - is
    /// standard input.
    #[arg(value_name = "SOURCE", required_unless_present = "generate")]
    pub source: Option<PathBuf>,

    /// Write an image instead of a raw copy
    #[arg(short, long, help_heading = MODE)]
    pub save_image: bool,

    /// Restore the volume from SOURCE
    ///
    /// SOURCE is an image, or a volume in a file or pipe.
    #[arg(short, long, help_heading = MODE)]
    pub restore_image: bool,

    /// With --restore-image: check the image, write nothing
    #[arg(short, long, help_heading = MODE)]
    pub no_action: bool,

    /// Write to FILE, which must not exist; - is standard output
    #[arg(short, long, value_name = "FILE", help_heading = WRITTEN)]
    pub output: Option<PathBuf>,

    /// Write to FILE, which may exist; required for a block device
    #[arg(short = 'O', long, value_name = "FILE", help_heading = WRITTEN)]
    pub overwrite: Option<PathBuf>,

    /// With --overwrite: write into the existing file
    ///
    /// Without it, the existing file is replaced when the new one is complete.
    #[arg(long, help_heading = WRITTEN)]
    pub in_place: bool,

    /// Compress with zstd, at LEVEL 1 to 22 (3)
    ///
    /// The image or raw copy is written in frames that can be read and checked
    /// separately. zstd -dc decompresses it.
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = numbers::level,
        default_missing_value = "3",
        num_args = 0..=1,
        require_equals = true,
        help_heading = WRITTEN
    )]
    pub compress: Option<i32>,

    /// With --compress: store TEXT in the file
    #[arg(long, value_name = "TEXT", help_heading = WRITTEN)]
    pub note: Option<String>,

    /// Give the volume another size
    ///
    /// SIZE is a number with a unit, such as 200G; min: the least that its files need; or fill:
    /// as large as the device. SOURCE is not changed. ntfsclone info prints the least size.
    #[arg(
        long,
        value_name = "SIZE",
        value_parser = numbers::volume_size,
        help_heading = WRITTEN
    )]
    pub size: Option<NewSize>,

    /// Make the volume one for a disk with sectors of BYTES: 512 or 4096
    ///
    /// 4096 is for a disk that presents such sectors (4Kn), 512 for any other, those with 512e
    /// among them. Windows mounts a volume only from a disk with sectors of the same size.
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = numbers::sector_size,
        help_heading = WRITTEN
    )]
    pub sector_size: Option<u32>,

    /// With --size: keep the marks of bad clusters
    ///
    /// For the disk that the volume is on: no file is placed there. Without it, they are left
    /// out, as the bad places of another disk.
    #[arg(long, help_heading = WRITTEN)]
    pub keep_bad: bool,

    /// Write pieces of SIZE: FILE.aa, FILE.ab, ...
    ///
    /// As split -b makes them. SIZE is a number with a unit: 4G, 700M, 650MB. Name FILE
    /// or the first piece to read them. With --checksum, each piece has its own.
    #[arg(long, value_name = "SIZE", value_parser = numbers::size, help_heading = WRITTEN)]
    pub split: Option<u64>,

    /// Write a checksum file beside the output
    ///
    /// FILE.b3 for b3sum -c, or FILE.sha256 for sha256sum -c.
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_missing_value = "b3",
        num_args = 0..=1,
        require_equals = true,
        help_heading = WRITTEN
    )]
    pub checksum: Option<Algorithm>,

    /// Read the output back from the disk and compare it
    #[arg(long, help_heading = WRITTEN)]
    pub verify: bool,

    /// Give the copy a new serial number
    #[arg(long, help_heading = WRITTEN)]
    pub new_serial: bool,

    /// The same, and keep its lower half
    #[arg(long, help_heading = WRITTEN)]
    pub new_half_serial: bool,

    /// Tell the copy how many sectors its disk has before it
    ///
    /// auto for the place of the partition that is written to; Windows boots from a volume
    /// only if its boot sector knows it.
    #[arg(
        long,
        value_name = "N",
        value_parser = numbers::hidden_sectors,
        help_heading = WRITTEN
    )]
    pub hidden_sectors: Option<HiddenSectors>,

    /// Whether a raw copy shares its blocks with SOURCE
    ///
    /// auto if the file system can; never for a backup, since damage to a shared block
    /// damages both.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = Reflink::Auto,
        help_heading = WRITTEN
    )]
    pub reflink: Reflink,

    /// Make holes of clusters that hold only zeros
    ///
    /// Free clusters are holes of a raw file anyway.
    #[arg(long, help_heading = WRITTEN)]
    pub sparse: bool,

    /// Discard (TRIM) the free clusters of the target device
    ///
    /// Their old content is lost.
    #[arg(long, help_heading = WRITTEN)]
    pub discard: bool,

    /// Read partition N of SOURCE, a whole disk
    #[arg(long, value_name = "N", value_parser = numbers::partition, help_heading = READ)]
    pub partition: Option<u32>,

    /// Accept what is refused otherwise
    ///
    /// A volume that is dirty or may be in use; a whole disk with a partition table as
    /// the target, or a device for raw metadata.
    #[arg(short, long, help_heading = READ)]
    pub force: bool,

    /// Refuse clusters that only $Bitmap marks as used
    ///
    /// Without it, they are copied.
    #[arg(long, help_heading = READ)]
    pub strict: bool,

    /// Check all files and directories first, and list what is damaged
    ///
    /// Like ntfsclone verify. The copy is made all the same, and the exit status is that
    /// of the copy. Without it, only the file system's own files are checked.
    #[arg(long, help_heading = READ)]
    pub check: bool,

    /// With --metadata or --rescue: accept damaged $Bitmap or files
    ///
    /// It continues if the consistency check of the clusters fails.
    #[arg(long, help_heading = READ)]
    pub ignore_fs_check: bool,

    /// Continue after read errors; list the files that lost data
    #[arg(long, help_heading = RESCUE)]
    pub rescue: bool,

    /// With --rescue: record in FILE what is saved
    ///
    /// A later run continues from FILE, and so does GNU ddrescue, whose format it has.
    #[arg(long, value_name = "FILE", help_heading = RESCUE)]
    pub mapfile: Option<PathBuf>,

    /// With --rescue: try bad sectors again N times
    ///
    /// Alternately backwards and forwards.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = numbers::times,
        help_heading = RESCUE
    )]
    pub retries: u32,

    /// With --rescue: list the lost data in FILE, as JSON
    #[arg(long, value_name = "FILE", help_heading = RESCUE)]
    pub report: Option<PathBuf>,

    /// Copy metadata only
    #[arg(short, long, help_heading = METADATA)]
    pub metadata: bool,

    /// With --metadata: keep the timestamps
    #[arg(short = 't', long, help_heading = METADATA)]
    pub preserve_timestamps: bool,

    /// With --metadata: copy the whole $LogFile
    #[arg(long, help_heading = METADATA)]
    pub full_logfile: bool,

    #[command(flatten)]
    pub direct: DirectArgs,

    /// Threads of the scan and of compression
    ///
    /// The default is one for each processor; the scan takes 8 at most.
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = SPEED)]
    pub threads: Option<NonZeroUsize>,

    #[command(flatten)]
    pub progress: ProgressArgs,

    /// Print the manual page, or completions of a shell
    #[arg(long, value_name = "WHAT", value_enum, exclusive = true, help_heading = PRINTED)]
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
