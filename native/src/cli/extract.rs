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
    pub folder: Option<PathBuf>,

    /// Write an archive of tar instead, to standard output or the file of --output
    #[arg(long)]
    pub tar: bool,

    /// Write an archive of zip instead, to standard output or the file of --output
    #[arg(long)]
    pub zip: bool,

    /// Write the archive to FILE, which must not exist; it gets its name when it is complete
    ///
    /// A name that ends in .tar or .zip says the format. - is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace files that exist
    #[arg(short = 'O', long)]
    pub overwrite: bool,

    /// What becomes of symbolic links and junctions
    ///
    /// keep makes symbolic links of those that stay in the volume; others are named.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Links::Keep)]
    pub links: Links,

    /// Write extended attributes too: named streams, security descriptors, DOS attributes, times of creation
    ///
    /// They have the names of ntfs-3g: user.STREAM, system.ntfs_acl, system.ntfs_attrib_be and system.ntfs_crtime_be. In
    /// archives, and where the file system has no place for these, system is user.
    #[arg(long)]
    pub xattrs: bool,

    /// Write encrypted files (EFS) as Windows backs them up: FILE.efsraw has the encrypted file and its encrypted keys
    ///
    /// It is in the EFSRPC raw data format, with all streams of the file. WriteEncryptedFileRaw of Windows makes the
    /// encrypted file of it again, which opens for those who have one of its keys (an EFS certificate).
    #[arg(long)]
    pub efs_raw: bool,

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
Times, holes and hard links are kept (zip has no hard links); a read-only file is one that nobody may
write to. A file gets its name when it is complete, and success is reported when all is on the disk.
Nothing outside of DIR is written to, and no link in it is followed.

Archives are written from start to end. If a file turns out to be damaged after its first MiB, the
archive says so: in tar a notice takes its place, in zip its checksum is wrong.

Exit status: 0 done; 1 there is no such file, or failed; 2 wrong usage; 3 a file could not be read or
written and is named, the rest is written.

Examples:
  ntfsclone extract backup.img Users/Anna -C /mnt/rescued
  ntfsclone extract backup.img.zst '**/*.docx' '**/*.xlsx' -C papers
  ntfsclone extract backup.img Users/Anna --tar | ssh host 'tar -x -C /srv/anna'
  ntfsclone extract backup.img Users/Anna -o anna.zip";
